"""Files that are written whole or not at all: what was there before stays until the new content is complete."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

UNFINISHED = ".new"
"""The end of the name of a file that is not complete yet."""


@contextmanager
def writing_whole(path: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """A temporary file beside `path`, which takes its place at the end of the block, and is removed after a failure.

    With `durable` its content has reached the disk before, so that it survives a loss of power. Raises OSError.
    """
    unfinished = path.with_name(path.name + UNFINISHED)
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes, *, durable: bool = False) -> None:
    """Write a file by way of a temporary one, a text in UTF-8; see `writing_whole`."""
    with writing_whole(path, durable=durable) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can; raises OSError for a disk that fails."""
    try:
        number = os.open(folder, os.O_RDONLY)
    except PermissionError:  # Windows opens no folder
        return
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(number)
