"""Regular files, read at most their size: a device, a FIFO or a socket has no end, and is refused at once."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from bpexp.errors import DataError

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}
"""What a path can name in place of a regular file."""

FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Without O_NONBLOCK, opening a FIFO waits for whoever writes to it."""


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file for reading; whoever reads it takes at most `size_of` it.

    Raises DataError for a path that is missing, that may not be read, or that names anything but a regular file. What
    is looked at is what was opened, so that nothing can take its place in between.
    """
    try:
        descriptor = os.open(path, FLAGS)
    except (OSError, ValueError) as error:  # a ValueError is a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{str(path)!r}: cannot be read: {reason}; name a file") from None
    kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
    if kind != stat.S_IFREG:
        os.close(descriptor)
        raise DataError(f"{str(path)!r} is {KINDS.get(kind, 'no regular file')}, which is not read; name a file")
    return os.fdopen(descriptor, "rb")


def size_of(file: BinaryIO) -> int:
    """The size of an open file in bytes."""
    return os.fstat(file.fileno()).st_size


def read_regular(path: str | os.PathLike[str], most: int | None = None) -> bytes:
    """The content of a regular file: at most its size when it was opened.

    Args:
        path: the file.
        most: bytes that it may hold; None for no bound.

    Raises DataError as `open_regular` does, and for a file of more than `most` bytes.
    """
    with open_regular(path) as file:
        size = size_of(file)
        if most is not None and size > most:
            raise DataError(
                f"{str(path)!r} holds {size} bytes, more than the {most} that are read; name a smaller file"
            )
        return file.read(size)


def is_regular(path: str | os.PathLike[str]) -> bool:
    """Whether a path names a regular file; False, and no error, for a path that cannot be one."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False
