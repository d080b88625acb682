"""The IDX format of MNIST, plain or gzip: a header is compared with the size of its file before memory is allocated."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from bpexp.errors import DataError
from bpexp.files.regular import open_regular, size_of
from bpexp.files.unpacked import GZIP, open_unpacked
from bpexp.nn.arrays import Array

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_NDIM = 8
_GZIP_RATIO = 1032  # the largest ratio that deflate reaches, so the size of a gzip file bounds that of its content
_CHUNK, _ROOM = 1 << 20, 1 << 26

MOST_BYTES = 1 << 30
"""Largest size in bytes of a data file when it is unpacked, and of its arrays, unless it is declared otherwise."""


@dataclass(frozen=True, slots=True)
class _Header:
    raw: bytes
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]

    @property
    def body(self) -> int:
        """The bytes that must follow the header."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_idx(path: str | Path, *, ndim: int | None = None, sha256: str | None = None, most: int = MOST_BYTES) -> Array:
    """The array of an IDX file, plain or gzip, in native byte order.

    Args:
        path: of the file.
        ndim: the number of dimensions that the array must have; None for any.
        sha256: the hash (hex) that the unpacked bytes must have; None for any.
        most: the largest number of unpacked bytes.

    Raises DataError for anything but one complete array.
    """
    path = Path(path)
    try:
        with open_regular(path) as file:
            packed, size = file.read(2) == GZIP, size_of(file)
        with open_unpacked(path, most, raise_by="data.most_bytes") as stream:
            header = _header(stream, path, ndim)
            _check_size(header, path, size, packed, most)
            body = _body(stream, header, path)
    except OSError as error:
        raise DataError(f"{str(path)!r}: cannot be read: {error.strerror or error}; expected an IDX file") from None
    if sha256 is not None:
        _check_hash(header.raw, body, path, sha256)
    array = body.view(header.dtype).reshape(header.shape)
    return array.astype(header.dtype.newbyteorder("="), copy=False)


def read_labels(
    path: str | Path, n_classes: int | None = None, *, sha256: str | None = None, most: int = MOST_BYTES
) -> Array:
    """(N,) whole-number labels of an IDX file; in 0..n_classes-1 where that is declared."""
    labels = read_idx(path, ndim=1, sha256=sha256, most=most)
    if labels.dtype.kind not in "iu":
        raise DataError(f"{str(path)!r}: expected whole-number labels, found {labels.dtype}")
    if n_classes is not None:
        wrong = np.flatnonzero((labels < 0) | (labels >= n_classes))
        if wrong.size:
            first = int(wrong[0])
            raise DataError(
                f"{str(path)!r}: expected labels 0..{n_classes - 1}, found {int(labels[first])} at position {first}"
            )
    return labels


def read_pair(
    images: str | Path, labels: str | Path, n_classes: int | None = None, *, most: int = MOST_BYTES
) -> tuple[Array, Array]:
    """Images (N, ...) and labels (N,) of two IDX files with the same number of samples."""
    y = read_labels(labels, n_classes, most=most)
    X = read_idx(images, most=most)
    if X.ndim < 2:
        raise DataError(f"{str(images)!r}: expected images of 2 or more dimensions, found {X.ndim}")
    if len(X) != len(y):
        raise DataError(f"{str(labels)!r}: expected {len(X)} labels for the images in {str(images)!r}, found {len(y)}")
    return X, y


def _header(stream: BinaryIO, path: Path, ndim: int | None) -> _Header:
    magic = stream.read(4)
    wanted = f"0x000008{ndim:02x}" if ndim else "0x000008 and the number of dimensions"
    if len(magic) < 4:
        raise DataError(f"{str(path)!r}: expected an IDX header of 4 bytes or more, found {len(magic)}")
    n = magic[3]
    if magic[:2] != b"\0\0" or magic[2] not in _DTYPES or not 1 <= n <= _MAX_NDIM or ndim not in (None, n):
        raise DataError(f"{str(path)!r}: wrong magic number 0x{magic.hex()}; expected {wanted} (IDX)")
    sizes = stream.read(4 * n)
    if len(sizes) < 4 * n:
        raise DataError(f"{str(path)!r}: truncated header; expected {4 + 4 * n} bytes, found {4 + len(sizes)}")
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, 4 * n, 4))
    if 0 in shape:
        raise DataError(f"{str(path)!r}: the header announces the shape {shape}, which is empty")
    return _Header(magic + sizes, np.dtype(_DTYPES[magic[2]]), shape)


def _check_size(header: _Header, path: Path, size: int, packed: bool, most: int) -> None:
    """Raise DataError if the file is too small or too large for its header, before memory is allocated."""
    expected = len(header.raw) + header.body
    if packed and expected > _GZIP_RATIO * size:
        raise DataError(
            f"{str(path)!r}: the header announces {expected} bytes (shape {header.shape}), "
            f"more than a gzip file of {size} bytes can hold"
        )
    if not packed and expected != size:
        raise DataError(
            f"{str(path)!r}: expected {expected} bytes for the shape {header.shape}, found {size} "
            f"({'truncated' if size < expected else 'trailing bytes'})"
        )
    if expected > most:
        raise DataError(
            f"{str(path)!r}: the header announces {expected} bytes (shape {header.shape}), more than {most}; "
            "data.most_bytes takes a larger file"
        )


def _body(stream: BinaryIO, header: _Header, path: Path) -> Array:
    """The bytes after the header; reads one byte more than the header states, to detect trailing bytes."""
    most, found = header.body + 1, 0
    # What the header states may be wrong, so room for all of it is made only once as much has been read.
    body = np.empty(min(most, _ROOM), np.uint8)
    while found < most and (n := stream.readinto(body.data[found : found + _CHUNK])):  # type: ignore[attr-defined]
        found += n
        if found == len(body) < most:
            body.resize(min(most, 2 * found), refcheck=False)
    if found != header.body:
        told = f"only {found} (truncated)" if found < header.body else "more (trailing bytes)"
        raise DataError(
            f"{str(path)!r}: expected {header.body} bytes of data for the shape {header.shape}, found {told}"
        )
    return body[:found]


def _check_hash(head: bytes, body: Array, path: Path, expected: str) -> None:
    sha = hashlib.sha256(head)
    sha.update(body.data)
    if sha.hexdigest() != expected:
        raise DataError(
            f"{str(path)!r}: SHA-256 of the unpacked content is {sha.hexdigest()}, expected {expected}; "
            "remove the file, or replace it by the original"
        )
