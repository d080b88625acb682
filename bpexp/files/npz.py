"""NPZ files of NumPy, read without pickle: every size is compared with that of the file before memory is allocated.

The format: a zip archive with one file NAME.npy for each array.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast

import numpy as np

from bpexp.errors import BpexpError, DataError, nearest
from bpexp.files.npy import LONGEST_HEADER, Array, Header, parse_header, read_values, refuse_values
from bpexp.files.regular import open_regular, size_of

MOST_DIRECTORY = 1 << 20
"""Largest size in bytes of a zip archive's directory, room for some 20 000 arrays."""

MOST_UNPACKED = 4 << 30
"""Largest size in bytes of an array that is read, unless it is said otherwise."""

RATIO = 1032
"""The largest ratio that deflate reaches: a member that announces more than that is wrong."""

NUMBERS, TEXTS = "biuf", "US"
"""Kinds of types that are read: numbers and truth values; texts. Objects, times and records never are."""

_LOCAL = 30  # the size of the header of a member without its name
_ENCRYPTED = 0x1


class Npz:
    """The arrays of an open archive; made by `open_npz`."""

    def __init__(self, archive: zipfile.ZipFile, size: int, where: str, error: type[BpexpError]) -> None:
        self._archive, self._size, self._where, self._error = archive, size, where, error
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if name in self._members:
                raise error(f"{where}: holds two arrays {name!r}; expected each once")
            self._members[name] = member
        self._refuse_overlap()

    @property
    def names(self) -> list[str]:
        """The names of the arrays."""
        return list(self._members)

    def _refuse_overlap(self) -> None:
        """Raise the error for members that share bytes, by which a small archive can announce any amount of data."""
        end = 0
        for member in sorted(self._members.values(), key=lambda member: member.header_offset):
            if member.header_offset < end:
                raise self._error(
                    f"{self._where}: {member.filename!r} overlaps another array; expected each in its place"
                )
            end = member.header_offset + _LOCAL + len(member.filename) + member.compress_size
        if end > self._size:
            raise self._error(
                f"{self._where}: the arrays end at byte {end}; expected at most {self._size}, the file's size"
            )

    def header(self, name: str, kinds: str = NUMBERS + TEXTS) -> Header:
        """Type and shape of an array, compared with the size of its member; raises the error for one that is not there.

        Args:
            name: of the array.
            kinds: the kinds of types (`numpy.dtype.kind`) that are expected.
        """
        member = self._member(name)
        with self._reading(name), self._archive.open(member) as stream:
            head = stream.read(LONGEST_HEADER)
        with self._reading(name):
            found = parse_header(head)
        where = f"{self._where}: {name}"
        if found.dtype.kind not in kinds or not found.dtype.itemsize:
            raise self._error(f"{where}: found values of type {found.dtype}; expected {_spelt(kinds)}")
        if not all(0 <= n < 1 << 62 for n in found.shape) or len(found.shape) > 32:
            raise self._error(f"{where}: found {len(found.shape)} dimensions {str(found.shape)[:60]}; expected sizes")
        if found.start + found.nbytes != member.file_size:
            raise self._error(
                f"{where}: the shape {found.shape} of {found.dtype} takes {found.start + found.nbytes} bytes; "
                f"expected {member.file_size}, the size of the member"
            )
        return found

    def _member(self, name: str) -> zipfile.ZipInfo:
        member = self._members.get(name)
        where = f"{self._where}: {name}"
        if member is None:
            told = f"{nearest(name, self.names)}it has: {', '.join(self.names[:20])[:200] or 'none'}"
            raise self._error(f"{self._where}: has no array {name!r}; {told}")
        if member.flag_bits & _ENCRYPTED:
            raise self._error(f"{where}: is encrypted; expected an array without a password")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise self._error(f"{where}: found compression {member.compress_type}; expected none or deflate")
        if member.file_size > RATIO * (member.compress_size + 1):
            raise self._error(
                f"{where}: announces {member.file_size} bytes in {member.compress_size}; expected at most {RATIO} times"
            )
        return member

    def read(self, name: str, kinds: str = NUMBERS + TEXTS, *, most: int = MOST_UNPACKED, raise_by: str = "") -> Array:
        """The array in native byte order.

        Args:
            name: of the array.
            kinds: as in `header`.
            most: the largest size of the values in bytes.
            raise_by: the key that raises `most`, for the message.
        """
        found = self.header(name, kinds)
        if found.nbytes > most:
            way = f"; {raise_by} takes a larger one" * bool(raise_by)
            raise self._error(f"{self._where}: {name}: announces {found.nbytes} bytes; expected at most {most}{way}")
        with self._reading(name), self._archive.open(self._member(name)) as stream:
            stream.read(found.start)
            body = read_values(stream, found.nbytes)
            array = np.frombuffer(body, dtype=found.dtype)
            refuse_values(array)
            if not array.dtype.isnative:
                array = array.byteswap(inplace=True).view(array.dtype.newbyteorder("="))
            return array.reshape(found.shape[::-1]).T if found.fortran_order else array.reshape(found.shape)

    @contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        """Turns whatever a damaged archive raises, a dozen types in zipfile, zlib and NumPy, into the error."""
        try:
            yield
        except BpexpError:
            raise
        except (Exception, RecursionError) as problem:
            raise self._error(f"{self._where}: {name}: cannot be read: {_brief(problem)}") from None


@contextmanager
def open_npz(path: Path | str, most: int | None = None, *, error: type[BpexpError] = DataError) -> Iterator[Npz]:
    """The arrays of an NPZ file, which are read one by one.

    Args:
        path: of the file.
        most: the largest size of the file in bytes; None for any.
        error: the type of the error to raise.

    Raises `error`, in one line with file, array, found and expected, for anything else: no zip archive, members that
    overlap or are encrypted, sizes that do not fit each other, wrong checksums, objects.
    """
    where = repr(str(path))
    with open_regular(path, most, error=error) as file:
        size = size_of(file)
        try:
            _refuse_other_formats(file, where, error)
            archive = zipfile.ZipFile(cast(IO[bytes], _Guarded(file)))
        except BpexpError:
            raise
        except Exception as problem:
            raise error(f"{where}: cannot be read: {_brief(problem)}; expected an npz file") from None
        with archive:
            yield Npz(archive, size, where, error)


class _Guarded:
    """A file of which zipfile cannot read much at once: it reads the directory of an archive as a whole."""

    def __init__(self, file: BinaryIO) -> None:
        self.seek, self.tell, self.seekable, self._file = file.seek, file.tell, file.seekable, file

    def read(self, n: int = -1) -> bytes:
        """At most n bytes; of a negative n the rest."""
        found = self._file.read(min(n, MOST_DIRECTORY + 1) if n >= 0 else MOST_DIRECTORY + 1)
        if len(found) > MOST_DIRECTORY:
            raise zipfile.BadZipFile(f"the directory is too large; expected at most {MOST_DIRECTORY} bytes")
        return found

    def close(self) -> None:
        """Left to whoever opened the file."""


def _refuse_other_formats(file: BinaryIO, where: str, error: type[BpexpError]) -> None:
    begin = file.read(6)
    file.seek(0)
    if begin == b"\x93NUMPY":
        raise error(f"{where}: found a single array (npy); expected an npz file of named arrays")
    if begin[:4] not in (b"PK\x03\x04", b"PK\x05\x06"):
        raise error(f"{where}: cannot be read: is no zip archive; expected an npz file without pickled objects")


def _spelt(kinds: str) -> str:
    return " or ".join(name for part, name in ((NUMBERS, "numbers"), (TEXTS, "texts")) if set(part) & set(kinds))


def _brief(problem: BaseException) -> str:
    return " ".join(str(problem).split())[:200] or type(problem).__name__
