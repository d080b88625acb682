"""What travels between a sweep and its workers: it comes back as it was sent, and nothing else is let in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpexp.errors import RecordError
from bpexp.running.away.agent import Agent
from bpexp.running.away.introduction import Introduction
from bpexp.running.away.parcel import KNOWN, MOST, NAMES, files_in, opened, packed, write
from bpexp.running.away.shared import mark_of, same_folder

RUN = {
    "config.yaml": b"lr: 0.1\n",
    "metrics.jsonl": b"{}\n" * 1000,
    "network.npz": bytes(range(256)) * 40,
    "checkpoints/step-000004.ckpt": b"\0\xff",
    "attempt-1/result.json": b"{}",
    "attempt-1/checkpoints/step-000002.ckpt": b"",
    "result.json": b"{}",
}


def test_the_files_of_a_run_come_back_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "here").mkdir()
    write(RUN, tmp_path / "there")
    for name in ("secret.txt", "run.lock", "config.yaml.new", ".hydra"):
        (tmp_path / "there" / name).write_text("stays")
    parcel = opened(packed({"outcome": None}, files_in(tmp_path / "there")))
    assert parcel.told == {"outcome": None}
    write(parcel.files, tmp_path / "here")
    assert files_in(tmp_path / "here") == RUN


def test_links_are_neither_read_nor_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/step-000001.ckpt").write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/checkpoints").symlink_to(tmp_path / "outside")
    (tmp_path / "run/config.yaml").symlink_to(tmp_path / "outside/step-000001.ckpt")
    assert files_in(tmp_path / "run") == {}
    with pytest.raises(RecordError, match="symbolic link"):
        write({"checkpoints/step-000001.ckpt": b"yours"}, tmp_path / "run")
    write({"config.yaml": b"yours"}, tmp_path / "run")
    assert (tmp_path / "outside/step-000001.ckpt").read_text() == "mine"
    assert (tmp_path / "run/config.yaml").read_text() == "yours"


HOSTILE_NAMES = [
    *(
        "../config.yaml",
        "/etc/config.yaml",
        "a/config.yaml",
        "checkpoints/../config.yaml",
        "config.yaml/",
        "config.yaml\n",
    ),
    *(
        "attempt-1/attempt-2/config.yaml",
        "checkpoints/step-1.ckpt",
        "run.lock",
        ".bashrc",
        "",
        "config.yaml\0",
        "con fig",
    ),
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_that_no_file_of_a_run_has_is_refused(name: str) -> None:
    with pytest.raises(RecordError, match="expected a file that a run writes"):
        opened(packed({}, {name: b"x"}))


def listing(text: str, payload: bytes = b"") -> bytes:
    return f"bpexp parcel 1 {len(text.encode())}\n".encode() + text.encode() + payload


HOSTILE = {
    "another format": b"bpexp parcel 2 2\n{}",
    "a pickle": b"\x80\x04\x95\x10\x00",
    "nothing": b"",
    "cut": packed({"outcome": "x"}, {})[:-3],
    "no listing": listing("[]"),
    "another key": listing('{"told": {}, "files": [], "more": 1}'),
    "a number for told": listing('{"told": 3, "files": []}'),
    "a text for files": listing('{"told": {}, "files": "config.yaml"}'),
    "twice": listing('{"told": {}, "files": [["config.yaml", 1], ["config.yaml", 1]]}', b"xx"),
    "negative": listing('{"told": {}, "files": [["config.yaml", -1], ["result.json", 2]]}', b"x"),
    "true": listing('{"told": {}, "files": [["config.yaml", true]]}', b"x"),
    "too large": listing(f'{{"told": {{}}, "files": [["config.yaml", {MOST + 1}]]}}'),
    "too large together": listing(f'{{"told": {{}}, "files": [["config.yaml", {MOST}], ["result.json", 1]]}}'),
    "too few bytes": listing('{"told": {}, "files": [["config.yaml", 2]]}', b"x"),
    "too many bytes": listing('{"told": {}, "files": [["config.yaml", 1]]}', b"xx"),
    "NaN": listing('{"told": {"x": NaN}, "files": []}'),
    "deep": listing('{"told": {"x": ' + "[" * 5000 + "]" * 5000 + '}, "files": []}'),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_parcel_that_is_none_is_refused_in_one_line(kind: str) -> None:
    with pytest.raises(RecordError) as refused:
        opened(HOSTILE[kind])
    assert "\n" not in str(refused.value)


@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_change_of_a_parcel_is_refused_or_harmless(noise: bytes, at: int) -> None:
    whole = packed({"outcome": None}, {"config.yaml": b"lr: 0.1\n"})
    changed = whole[:at] + noise + whole[at + len(noise) :]
    try:
        found = opened(changed)
    except RecordError:
        return
    assert all(KNOWN.fullmatch(name) for name in found.files)
    assert sum(len(content) for content in found.files.values()) < len(changed)


def test_every_file_of_a_run_travels(tmp_path: Path) -> None:
    """A new file of a run that nobody lists would be lost on its way."""
    import bpexp

    bpexp.run(
        data="xor", epochs=2, progress=False, **{"data.n": 60, "probe": "full", "model.hidden": [3]},
        **{"hydra.run.dir": str(tmp_path / "run"), "tracking.uri": f"sqlite:///{tmp_path}/mlflow.db"},
    )  # fmt: skip
    left = {path.name for path in (tmp_path / "run").iterdir()}
    stays = {"run.lock", "delivery.lock", ".hydra", "checkpoints"}
    assert left - stays <= set(NAMES)
    assert {"histograms.npz", "figures.png", "network.npz", "tracked.json"} <= left


def test_two_machines_see_one_folder_by_its_mark(tmp_path: Path) -> None:
    assert mark_of(tmp_path) == ""
    assert not same_folder(str(tmp_path), "")
    (tmp_path / "run.lock").write_bytes(b'{"pid": 1}\n' + bytes(1000))
    mark = mark_of(tmp_path)
    assert mark == '{"pid": 1}\n'
    assert same_folder(str(tmp_path), mark)
    (tmp_path / "run.lock").write_bytes(b'{"pid": 2}\n')
    assert not same_folder(str(tmp_path), mark)


HERE = Introduction("1.0", "abcdef0123456789", ["deaths 1.0"], {"numpy": "2.4.0", "python": "3.11.7"})

OTHERS = {
    ("0.9", "abcdef0123456789", "deaths 1.0"): "it has bpexp 0.9, and the sweep 1.0; install the same version there",
    ("1.0", "0123456789abcdef", "deaths 1.0"): "the sources of its bpexp 1.0 are others than those of the sweep",
    (
        "1.0",
        "abcdef0123456789",
        "deaths 2.0",
    ): "its plug-ins are others than those of the sweep (deaths 2.0; here deaths",
}


@pytest.mark.parametrize(("version", "code", "plug_in"), OTHERS)
def test_a_worker_that_is_not_the_same_is_refused(version: str, code: str, plug_in: str) -> None:
    other = Introduction(version, code, [plug_in], HERE.digits)
    assert other.refusal(HERE).startswith(OTHERS[version, code, plug_in])
    assert HERE.refusal(HERE) == ""


def test_what_only_rounds_otherwise_is_told() -> None:
    other = Introduction("1.0", HERE.code, HERE.plug_ins, {"numpy": "2.3.0", "python": "3.11.7"})
    assert other.refusal(HERE) == ""
    assert other.rounding(HERE) == "numpy 2.3.0 (here 2.4.0)"


def test_an_agent_answers_what_is_no_parcel() -> None:
    """It raises nothing: engines write what was called, with its arguments, into their logs."""
    told = opened(Agent("").perform(b"\x80\x04")).told
    assert told["outcome"] is None
    assert "could not take it" in told["reason"]
