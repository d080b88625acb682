"""Regular files, opened without waiting and read within a limit; anything else is refused at once."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from bpexp.errors import BpexpError, DataError

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0)
"""A named pipe that nobody writes to is opened at once, so that it can be refused."""


def open_regular(path: Path | str, most: int | None = None, *, error: type[BpexpError] = DataError) -> BinaryIO:
    """A regular file, open for reading; a symbolic link is followed.

    Args:
        path: of the file.
        most: the largest size in bytes; None for any.
        error: the type of the error to raise.

    Raises `error`, which names the file, what was found and what was expected, at once: for a file that is missing,
    unreadable or too large, and for folders, pipes, sockets and devices, which are not opened or read.
    """
    name = repr(str(path))
    if "\0" in str(path):
        raise error(f"{name}: is no path of a file; expected a regular file")
    try:
        _refuse_special(os.stat(path), name, error)  # to open a device may have an effect
        descriptor = os.open(path, _FLAGS)
    except OSError as problem:
        raise error(f"{name}: cannot be opened: {problem.strerror or problem}; expected a regular file") from problem
    except UnicodeEncodeError:
        raise error(f"{name}: is no path of a file; expected a regular file") from None
    file = os.fdopen(descriptor, "rb")
    try:
        status = os.fstat(descriptor)  # the path may have been given to another file since
        _refuse_special(status, name, error)
        if most is not None and status.st_size > most:
            raise error(f"{name}: holds {status.st_size} bytes; expected at most {most}")
    except BaseException:
        file.close()
        raise
    return file


def size_of(file: BinaryIO) -> int:
    """The size of an open file in bytes."""
    return os.fstat(file.fileno()).st_size


def is_regular(path: Path | str) -> bool:
    """Whether a path names a regular file, also through links; False, and no error, for a path that cannot be one."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def read_bytes(path: Path | str, most: int | None = None, *, error: type[BpexpError] = DataError) -> bytes:
    """The content of a regular file of at most `most` bytes, None for any; arguments and errors as in `open_regular`.

    No more is read than the size that the file has when it is opened.
    """
    with open_regular(path, most, error=error) as file:
        try:
            return file.read(size_of(file))
        except OSError as problem:
            raise error(f"{str(path)!r}: cannot be read: {problem.strerror or problem}") from problem


def read_text(path: Path | str, most: int, *, error: type[BpexpError] = DataError) -> str:
    """The content of a regular file of at most `most` bytes in UTF-8 without a byte order mark."""
    return decoded(read_bytes(path, most, error=error), repr(str(path)), error=error)


def decoded(content: bytes, where: str, *, error: type[BpexpError] = DataError) -> str:
    """Text from UTF-8 without a byte order mark; raises `error`, which begins with `where`, for other bytes."""
    for mark, encoding in ((b"\xef\xbb\xbf", "UTF-8"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16")):
        if content.startswith(mark):
            raise error(f"{where}: begins with a byte order mark of {encoding}; expected UTF-8 without one")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as problem:
        found = f"byte 0x{content[problem.start]:02x} at position {problem.start}"
        raise error(f"{where}: {found}; expected text in UTF-8") from None


def _refuse_special(status: os.stat_result, name: str, error: type[BpexpError]) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    found = next((what for is_such, what in _KINDS if is_such(status.st_mode)), "a special file")
    raise error(f"{name}: is {found}; expected a regular file")
