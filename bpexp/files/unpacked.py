"""Files that are plain or packed by gzip, as one stream of the unpacked bytes up to a limit."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from bpexp.errors import BpexpError, DataError
from bpexp.files.regular import open_regular

GZIP = b"\x1f\x8b"
"""How a file packed by gzip begins."""

_BLOCK = 1 << 16
_GZIP_ONLY = 31  # zlib's code for a stream with the header and the checksum of gzip


@contextmanager
def open_unpacked(
    path: Path | str, most: int, *, error: type[BpexpError] = DataError, raise_by: str = ""
) -> Iterator[BinaryIO]:
    """The bytes of a regular file, unpacked where it is packed by gzip, in one or several parts.

    The header of a packed file is read by zlib: a name of any length in it takes no time. Whoever reads up to the end
    has the checksum compared.

    Args:
        path: of the file.
        most: the largest number of unpacked bytes.
        error: the type of the error to raise.
        raise_by: the key that raises `most`, for the message.

    Raises `error` where the file cannot be opened; reading raises it for a file that is cut, followed by something
    else, wrong in its checksum, or larger than `most`.
    """
    where = repr(str(path))
    too_large = f"{where}: holds more than {most} bytes" + f"; {raise_by} takes a larger file" * bool(raise_by)
    with open_regular(path, error=error) as file:
        try:
            packed = file.read(2) == GZIP
            file.seek(0)
            raw = _Unpacked(file, where, error) if packed else cast(io.RawIOBase, file)
            yield cast(BinaryIO, io.BufferedReader(_Limited(raw, most, too_large, error), _BLOCK))
        except OSError as problem:
            raise error(f"{where}: cannot be read: {problem.strerror or problem}") from problem


class _Limited(io.RawIOBase):
    """A stream that raises an error where it is longer than a limit."""

    def __init__(self, raw: io.RawIOBase, most: int, too_large: str, error: type[BpexpError]) -> None:
        self._raw, self._left, self._too_large, self._error = raw, most, too_large, error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        n = self._raw.readinto(buffer) or 0
        self._left -= n
        if self._left < 0:
            raise self._error(self._too_large)
        return n


class _Unpacked(io.RawIOBase):
    """The unpacked content of a gzip file."""

    def __init__(self, file: BinaryIO, where: str, error: type[BpexpError]) -> None:
        self._file, self._where, self._error = file, where, error
        self._rest, self._part = b"", zlib.decompressobj(_GZIP_ONLY)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._part.eof or self._next_part():
            self._rest = self._rest or self._file.read(_BLOCK)
            if not self._rest:
                raise self._error(f"{self._where}: the gzip file is truncated; copy or download it again")
            try:
                found = self._part.decompress(self._rest, len(buffer))
            except zlib.error as problem:
                raise self._error(f"{self._where}: cannot be read: {problem}; expected a whole gzip file") from None
            self._rest = self._part.unused_data if self._part.eof else self._part.unconsumed_tail
            if found:
                buffer[: len(found)] = found
                return len(found)
        return 0

    def _next_part(self) -> bool:
        """Begin the next part of the file, if there is one; zeros may follow the last part."""
        while not self._rest.lstrip(b"\0"):
            self._rest = self._file.read(_BLOCK)
            if not self._rest:
                return False
        self._rest = self._rest.lstrip(b"\0")
        if len(self._rest) < len(GZIP):
            self._rest += self._file.read(_BLOCK)
        if not self._rest.startswith(GZIP):
            raise self._error(f"{self._where}: other bytes follow the gzip file; expected its end")
        self._part = zlib.decompressobj(_GZIP_ONLY)
        return True
