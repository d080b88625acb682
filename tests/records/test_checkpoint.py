"""Checkpoint files: whole or not there, read only if nothing was changed, and never by pickle."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from bpexp.errors import CheckpointError
from bpexp.records.archive import packed, unpacked
from bpexp.records.checkpoint import FOLDER, checkpoints, read_checkpoint, write_checkpoint
from experiments.reliability.checkpoint_writes import at_every_line, at_random, example

NESTED = {
    "plain": [None, True, 3, -(2**127), 0.1, "text", [], {}],
    "odd": [float("inf"), float("-inf")],
    "arrays": {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "empty": np.zeros(0), "bits": np.array([True])},
    "scalar": np.float32(0.1),
}


def test_an_archive_gives_back_what_it_was_given() -> None:
    back = unpacked(packed(NESTED))
    assert back["plain"] == NESTED["plain"]
    assert [type(value) for value in back["plain"]] == [type(value) for value in NESTED["plain"]]
    assert back["odd"] == NESTED["odd"]
    assert type(back["scalar"]) is np.float32
    assert back["scalar"] == np.float32(0.1)
    for name, array in NESTED["arrays"].items():
        assert back["arrays"][name].dtype == array.dtype
        assert back["arrays"][name].tobytes() == array.tobytes()
        assert back["arrays"][name].flags.writeable
    assert np.isnan(unpacked(packed({"x": float("nan")}))["x"])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"a": {"b": [1, object()]}}, r"a.b\[1\] is object"),
        ({"a": {1: 2}}, "a is dict"),
        ({"a": np.array([object()])}, "a is ndarray"),
        ({"a": {"array of the archive": "a0"}}, "a is dict"),
        ({"a": {1, 2}}, "a is set"),
    ],
)
def test_what_an_archive_cannot_hold_is_named(content: dict, told: str) -> None:
    with pytest.raises(TypeError, match=told):
        packed(content)


def test_a_checkpoint_gives_back_what_it_was_given(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path, example(12))
    assert path == tmp_path / FOLDER / "step-000012.ckpt"
    back = read_checkpoint(path)
    assert back.step == 12
    assert (back.state["theta"] == 12.0).all()


def test_checkpoints_are_ordered_by_their_steps(tmp_path: Path) -> None:
    for step in (5, 1_000_000, 30):
        write_checkpoint(tmp_path, example(step))
    (tmp_path / FOLDER / "notes.txt").touch()
    assert [path.stem for path in checkpoints(tmp_path)] == ["step-000005", "step-000030", "step-1000000"]


def test_every_cut_and_every_flipped_bit_is_refused(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path, example(3, 10))
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    damaged = [whole[: int(n)] for n in np.linspace(0, len(whole) - 1, 50)]
    for place in rng.integers(0, len(whole), 200):
        changed = bytearray(whole)
        changed[place] ^= 1 << int(rng.integers(8))
        damaged.append(bytes(changed))
    damaged.append(whole + b"\0")
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"checkpoint|no checkpoint") as error:
            read_checkpoint(path)
        assert "\n" not in str(error.value)
        assert path.name in str(error.value)


def sealed(payload: bytes) -> bytes:
    """A file whose hash is right, as somebody would make it who wants to be read."""
    return f"bpexp checkpoint 1 {hashlib.sha256(payload).hexdigest()} {len(payload)}\n".encode() + payload


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def npy(array: np.ndarray, *, allow_pickle: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def text(content: bytes) -> bytes:
    return npy(np.frombuffer(content, np.uint8))


HEADER = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
HUGE = (b"\x93NUMPY\x01\x00\x76\x00" + HEADER).ljust(127) + b"\n"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"no archive",
        zipped({}),
        zipped({"json.npy": text(b"{}")}),
        zipped({"json.npy": text(b"[]")}),
        zipped({"json.npy": text(b"{")}),
        zipped({"json.npy": text(b'{"state": {"array of the archive": "a7"}}')}),
        zipped({"json.npy": text(b"[" * 100_000)}),
        zipped({"json.npy": text(b"{}"), "a0.npy": HUGE}),
        zipped({"json.npy": npy(np.array([{}]), allow_pickle=True)}),
        zipped({"json.npy": text(b" " * 10_000_000)}, zipfile.ZIP_DEFLATED),
    ],
    ids=["empty", "text", "no member", "no field", "list", "no json", "no array", "deep", "huge", "pickle", "bomb"],
)
def test_content_that_nobody_wrote_is_refused_though_its_hash_is_right(payload: bytes, tmp_path: Path) -> None:
    path = tmp_path / "step-000001.ckpt"
    path.write_bytes(sealed(payload))
    with pytest.raises(CheckpointError) as error:
        read_checkpoint(path)
    assert "\n" not in str(error.value)


def test_a_field_of_another_type_is_named(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path, example(1))
    content = unpacked(path.read_bytes().split(b"\n", 1)[1])
    for changes, told in (
        ({"journal": "0"}, "journal: found '0'; expected a whole number"),
        ({"journal": -1}, "journal: found -1"),
        ({"more": 1}, "unknown field 'more'"),
        ({"state": {"at": {"step": 1}}}, "found no position of a training"),
    ):
        path.write_bytes(sealed(packed({**content, **changes})))
        with pytest.raises(CheckpointError, match=told):
            read_checkpoint(path)


def test_another_format_and_what_is_no_file_are_refused(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path, example(1))
    path.write_bytes(path.read_bytes().replace(b"checkpoint 1 ", b"checkpoint 2 ", 1))
    with pytest.raises(CheckpointError, match="is of format 2, but this bpexp reads 1"):
        read_checkpoint(path)
    pipe = tmp_path / "step-000002.ckpt"
    os.mkfifo(pipe)
    with pytest.raises(CheckpointError, match="named pipe"):
        read_checkpoint(pipe)
    with pytest.raises(CheckpointError, match="cannot be opened"):
        read_checkpoint(tmp_path / "none")


def test_a_full_disk_leaves_the_earlier_ones_and_no_temporary_file(tmp_path: Path, monkeypatch) -> None:
    write_checkpoint(tmp_path, example(1))

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_checkpoint(tmp_path, example(2))
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["step-000001.ckpt"]


def test_a_kill_at_a_line_of_a_write_leaves_a_checkpoint(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda number: None)
    kills, found = at_every_line(tmp_path, 7)
    assert kills > 5
    assert not found


def test_a_kill_at_any_moment_leaves_a_checkpoint(tmp_path: Path) -> None:
    _, _, found = at_random(tmp_path, 3)
    assert not found
