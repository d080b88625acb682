"""One array in the format npy: its header, by NumPy's own functions, and its values.

The format: a magic number and a version, a header (type, order, shape) in Python's notation, the values.
"""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.lib.format as npy

Array = np.ndarray[Any, np.dtype[Any]]

LONGEST_HEADER = 1 << 14
"""Bytes that hold every header; numpy.lib.format refuses those above 10 000 characters."""

_CHUNK = 1 << 18
_ODD = re.compile(rb"[0-9]\s*L|\\")  # as Python 2 wrote numbers; NumPy warns on the screen


@dataclass(frozen=True, slots=True)
class Header:
    """What an array announces: its type in the file's byte order, its shape, and whether columns come first."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran_order: bool
    start: int
    """Bytes before the values."""

    @property
    def nbytes(self) -> int:
        """The bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize


def parse_header(head: bytes) -> Header:
    """The header of an array from the first bytes of its member, by NumPy's own functions."""
    stream = io.BytesIO(head)
    version = npy.read_magic(stream)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"version {version} of the array format; expected (1, 0) or (2, 0)")
    if _ODD.search(head.partition(b"\n")[0]):
        raise ValueError("a header of Python 2; expected one that NumPy writes today")
    shape, fortran_order, dtype = read(stream)
    return Header(dtype, tuple(int(n) for n in shape), bool(fortran_order), stream.tell())


def read_values(stream: IO[bytes], n: int) -> bytearray:
    """The n bytes up to the end of a member, whose checksum is compared there."""
    body = bytearray(n)
    view, filled = memoryview(body), 0
    while filled < n:
        chunk = stream.read(min(_CHUNK, n - filled))
        if not chunk:
            raise EOFError(f"only {filled} of {n} bytes are there")
        view[filled : filled + len(chunk)] = chunk
        filled += len(chunk)
    if stream.read(1):
        raise ValueError(f"more than {n} bytes are there")
    return body


def refuse_values(array: Array) -> None:
    """Raise ValueError for bytes that are no truth value, and for numbers that are no character."""
    if array.dtype.kind == "b" and array.size and array.view(np.uint8).max() > 1:
        raise ValueError("a byte that is no truth value")
    if array.dtype.kind == "U" and array.size:
        codes = array.view(np.dtype(np.uint32).newbyteorder(array.dtype.byteorder))
        if codes.max() > 0x10FFFF or ((codes >= 0xD800) & (codes < 0xE000)).any():
            raise ValueError("a text with a number that is no character")
