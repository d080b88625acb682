"""NPZ files: the arrays that NumPy would read, and one line for each archive that lies about them."""

from __future__ import annotations

import io
import struct
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpexp.errors import DataError
from bpexp.files.npz import open_npz

ARRAYS: dict[str, Any] = {
    "rows": np.arange(10).reshape(2, 5),
    "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "texts": np.array(["x", "\N{GREEK SMALL LETTER GAMMA}y"]),
    "bytes": np.array([b"x", b"yz"]),
    "zero_dimensional": np.float64(3),
    "big_endian": np.arange(5, dtype=">f8"),
    "truth": np.array([True, False]),
    "empty": np.empty((0, 3)),
    "half": np.arange(3, dtype=np.float16),
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_reads_is_read(save: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    save(path, **ARRAYS)
    with open_npz(path) as archive:
        assert archive.names == list(ARRAYS)
        for name, array in ARRAYS.items():
            read = archive.read(name)
            np.testing.assert_array_equal(read, array)
            assert read.dtype.isnative
            assert read.shape == np.shape(array)


def member(descr: str = "'<f8'", shape: str = "(2,)", body: bytes = bytes(16), order: str = "False") -> bytes:
    """A file NAME.npy with a header of any content."""
    head = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + body


def archive(content: bytes, compression: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as made:
        made.writestr("a.npy", content)
    return out.getvalue()


def twice() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.writestr("a.npy", member())
        made.writestr("a.npy", member())
    return out.getvalue()


def patched(content: bytes, at: int, new: bytes) -> bytes:
    """The archive with bytes of its directory's entry replaced."""
    start = content.index(b"PK\x01\x02") + at
    return content[:start] + new + content[start + len(new) :]


def overlapping() -> bytes:
    """Two entries of the directory for one member: the trick of a bomb without recursion."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("a.npy", member())
        made.writestr("b.npy", member())
    content = out.getvalue()
    second = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 4)
    return content[: second + 42] + bytes(4) + content[second + 46 :]


GOOD = archive(member())
HUGE = f"({2**40},)"
BROKEN = {
    "empty file": (b"", "is no zip archive"),
    "text": (b"a,b\n1,2\n", "is no zip archive"),
    "pickle": (b"\x80\x04K\x01.", "is no zip archive"),
    "single array": (member(), "found a single array"),
    "cut": (GOOD[:-30], "cannot be read: File is not a zip file"),
    "empty archive": (b"PK\x05\x06" + bytes(18), "has no array 'a'; it has: none"),
    "other name": (GOOD.replace(b"a.npy", b"b.npy"), "has no array 'a'; it has: b"),
    "two of a name": (twice(), "two arrays 'a'; expected each once"),
    "overlap": (overlapping(), "overlaps another array"),
    "beyond the end": (patched(GOOD, 20, struct.pack("<I", 10**9)), "expected at most .* the file's size"),
    "announces more than deflate holds": (patched(GOOD, 24, struct.pack("<I", 10**9)), "announces 1000000000 bytes"),
    "encrypted": (patched(GOOD, 8, b"\x01\x00"), "is encrypted"),
    "bzip2": (archive(member(), zipfile.ZIP_BZIP2), "found compression 12; expected none or deflate"),
    "lzma": (archive(member(), zipfile.ZIP_LZMA), "found compression 14"),
    "checksum": (patched(GOOD, 16, bytes(4)), "Bad CRC-32"),
    "no array": (archive(b"hello"), "a: cannot be read"),
    "version 3": (archive(member().replace(b"Y\x01", b"Y\x03")), r"version \(3, 0\) of the array format"),
    "object": (archive(member("'|O'", "(2,)")), "found values of type object; expected numbers or texts"),
    "time": (archive(member("'<M8[s]'")), "found values of type datetime64"),
    "record": (archive(member("[('x', '<f8')]")), "found values of type .*; expected numbers"),
    "no size": (archive(member("'<U0'", HUGE, b"")), "found values of type <U0"),
    "huge shape": (archive(member(shape=HUGE)), r"takes \d+ bytes; expected 144"),
    "negative shape": (archive(member(shape="(-2,)")), "expected sizes"),
    "empty and beyond": (archive(member(shape=f"(0, {2**70})", body=b"")), "expected sizes"),
    "short": (archive(member(shape="(3,)")), "takes 152 bytes; expected 144"),
    "long": (archive(member(shape="(1,)")), "takes 136 bytes; expected 144"),
    "header is code": (archive(member(shape="__import__('os')")), "cannot be read"),
    "header is deep": (archive(member(shape="(" * 3000 + ")" * 3000)), "cannot be read"),
    "header of Python 2": (archive(member(shape="(2L,)")), "a header of Python 2"),
    "no truth value": (archive(member("'|b1'", "(16,)", b"\2" * 16)), "a byte that is no truth value"),
    "no character": (archive(member("'<U2'", "(2,)", b"\xff" * 16)), "a number that is no character"),
    "surrogate": (archive(member("'>U2'", "(2,)", b"\0\0\xd8\0" * 4)), "a number that is no character"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_lying_archive_is_one_line_and_takes_no_memory(case: str, tmp_path: Path) -> None:
    content, message = BROKEN[case]
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(DataError, match=message) as caught, open_npz(path) as found:
        found.read("a")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(caught.value).startswith(repr(str(path)))
    assert "\n" not in str(caught.value)
    assert peak < 2 * len(content) + 3e6


def test_a_bomb_within_the_format_is_held_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.zeros(1 << 22))
    assert path.stat().st_size < 1 << 16
    tracemalloc.start()
    with pytest.raises(DataError, match="a: announces 33554432 bytes; expected at most 1000"), open_npz(path) as found:
        found.read("a", most=1000)
    assert tracemalloc.get_traced_memory()[1] < 3e6
    tracemalloc.stop()


def test_a_directory_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for i in range(20):
            made.writestr(f"{i}{'x' * 60_000}", b"")
    path = tmp_path / "a.npz"
    path.write_bytes(out.getvalue())
    with pytest.raises(DataError, match="the directory is too large"), open_npz(path) as found:
        found.read("a")


def test_one_array_is_read_beside_others_that_are_wrong(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, good=np.eye(2), wrong=np.array([{}], dtype=object))
    with open_npz(path) as found:
        assert found.read("good", kinds="f").shape == (2, 2)
        with pytest.raises(DataError, match="good: found values of type float64; expected numbers"):
            found.read("good", kinds="iu")
