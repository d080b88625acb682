"""The IDX reader: one complete array, or one line that says what is wrong."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from bpexp.data import idx
from bpexp.data.idx import read_idx, read_labels, read_pair
from bpexp.errors import DataError

CODES = {"u1": 0x08, "i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}


def header(code: int, *shape: int) -> bytes:
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


GOOD = header(0x08, 3, 2, 2) + bytes(range(12))


@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_type_comes_back_in_native_order(tmp_path, dtype, pack):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    path = tmp_path / "a"
    path.write_bytes(pack(header(CODES[dtype], 2, 3) + array.tobytes()))
    read = read_idx(path)
    np.testing.assert_array_equal(read, array)
    assert read.dtype.isnative


BROKEN = {
    "empty": (b"", "4 bytes or more, found 0"),
    "short header": (GOOD[:7], "truncated header; expected 16 bytes, found 7"),
    "truncated": (GOOD[:-1], "expected 28 bytes for the shape (3, 2, 2), found 27 (truncated)"),
    "trailing": (GOOD + b"x", "found 29 (trailing bytes)"),
    "not IDX": (b"PK\x03\x04" + GOOD, "wrong magic number 0x504b0304; expected 0x000008"),
    "type": (header(0x0A, 3) + b"123", "wrong magic number 0x00000a01"),
    "no dimension": (b"\0\0\x08\0", "wrong magic number"),
    "many dimensions": (b"\0\0\x08\xff" + b"\0\0\0\1" * 255 + b"x", "wrong magic number"),
    "empty shape": (header(0x08, 0, 28, 28), "shape (0, 28, 28), which is empty"),
    "huge": (header(0x08, 10**6, 10**6) + b"x", "expected 1000000000012 bytes"),
    "huge gzip": (gzip.compress(header(0x08, 10**6, 10**6) + b"x"), "more than a gzip file of"),
    "cut gzip": (gzip.compress(GOOD)[:-9], "gzip file is truncated"),
    "short gzip": (gzip.compress(GOOD[:-2]), "found only 10 (truncated)"),
    "long gzip": (gzip.compress(GOOD + b"x"), "found more (trailing bytes)"),
    "bad checksum": (gzip.compress(GOOD)[:-8] + b"\0" * 8, "incorrect data check"),
    "more after gzip": (gzip.compress(GOOD) + b"x", "other bytes follow the gzip file"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_one_line(tmp_path, case):
    content, message = BROKEN[case]
    path = tmp_path / "broken.idx"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_idx(path)
    text = str(caught.value)
    assert message in text
    assert repr(str(path)) in text
    assert "\n" not in text


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("room", [1, 5, 11, 12, 13])
def test_room_is_made_as_it_is_filled(tmp_path, monkeypatch, pack, room):
    """The same array, and the same refusals, where the room for it grows while it is read."""
    monkeypatch.setattr(idx, "_ROOM", room)
    monkeypatch.setattr(idx, "_CHUNK", 3)
    path = tmp_path / "a"
    path.write_bytes(pack(GOOD))
    assert read_idx(path).tobytes() == GOOD[16:]
    for content, message in ((GOOD[:-2], "found only 10"), (GOOD + b"x", "found more"), (GOOD[:16], "found only 0")):
        path.write_bytes(gzip.compress(content))
        with pytest.raises(DataError, match=message):
            read_idx(path)


def test_a_lie_in_a_header_takes_little_memory(tmp_path):
    """A file of a megabyte can announce a gigabyte."""
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(header(0x08, 1000, 1 << 20) + np.random.default_rng(0).bytes(1 << 21)))
    tracemalloc.start()
    with pytest.raises(DataError, match="found only 2097152"):
        read_idx(path)
    assert tracemalloc.get_traced_memory()[1] < 1.1 * idx._ROOM
    tracemalloc.stop()


def test_expected_dimensions_and_missing_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(GOOD)
    with pytest.raises(DataError, match="wrong magic number 0x00000803; expected 0x00000801"):
        read_idx(path, ndim=1)
    with pytest.raises(DataError, match="No such file"):
        read_idx(tmp_path / "nothing")
    with pytest.raises(DataError, match="is a folder; expected a regular file"):
        read_idx(tmp_path)


def test_hash_of_the_unpacked_content(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(GOOD))
    with pytest.raises(DataError, match=r"SHA-256 .* expected 00; remove the file"):
        read_idx(path, sha256="00")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_bomb_is_held_to_the_limit(tmp_path, pack):
    path = tmp_path / "a.gz"
    path.write_bytes(pack(header(0x08, 1 << 12, 1 << 10) + bytes(1 << 22)))
    tracemalloc.start()
    with pytest.raises(DataError, match=r"4194316 bytes .*, more than 4000000; data\.most_bytes takes a larger file"):
        read_idx(path, most=4_000_000)
    assert tracemalloc.get_traced_memory()[1] < 2e6
    tracemalloc.stop()


def test_parts_of_a_gzip_file_are_one(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(GOOD[:9]) + gzip.compress(b"") + bytes(3) + gzip.compress(GOOD[9:]) + bytes(100_000))
    assert read_idx(path).shape == (3, 2, 2)


def test_labels_and_pairs(tmp_path):
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.write_bytes(GOOD)
    labels.write_bytes(header(0x08, 3) + b"\0\1\x0a")
    with pytest.raises(DataError, match=r"expected labels 0\.\.9, found 10 at position 2"):
        read_labels(labels, 10)
    assert read_pair(images, labels)[1].tolist() == [0, 1, 10]
    labels.write_bytes(header(0x08, 2) + b"\0\1")
    with pytest.raises(DataError, match=r"expected 3 labels .* found 2"):
        read_pair(images, labels)
    with pytest.raises(DataError, match="2 or more dimensions, found 1"):
        read_pair(labels, labels)
    labels.write_bytes(header(0x0D, 1) + b"\0\0\0\0")
    with pytest.raises(DataError, match="whole-number labels, found float32"):
        read_labels(labels)


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """Change, cut or lengthen a file at random, mostly in its header."""
    changed = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        changed[rng.integers(0, min(16, len(changed)))] = rng.choice([0, 1, 8, 127, 255, rng.integers(256)])
    kind = rng.integers(4)
    if kind == 0:
        del changed[rng.integers(1, len(changed)) :]
    elif kind == 1:
        changed += rng.bytes(3)
    return bytes(changed)


def attempt(path: Path) -> str:
    """The shape that was read, or the error's message."""
    try:
        return str(read_idx(path).shape)
    except DataError as error:
        return str(error)


@pytest.mark.parametrize("packed", ["plain", "outside", "inside"])
def test_no_mutation_does_harm(tmp_path: Path, packed: str):
    """A few hundred mutations each: a DataError or an array, and never much memory."""
    rng = np.random.default_rng(7)
    path = tmp_path / "mutant"
    tracemalloc.start()
    for _ in range(300):
        content = mutate(gzip.compress(GOOD) if packed == "outside" else GOOD, rng)
        path.write_bytes(gzip.compress(content) if packed == "inside" else content)
        outcome = attempt(path)
        assert "\n" not in outcome
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6
