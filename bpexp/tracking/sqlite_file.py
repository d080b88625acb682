"""The SQLite file of a store, looked at before MLflow opens it: whether it is a database, whose, and if it is free.

The file is opened by SQLite alone. A process that opens and closes it in another way loses the locks that its threads
hold on it, by the rules of POSIX, and two processes then write at once.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from bpexp.errors import TrackingError

MAGIC = b"SQLite format 3\0"

HEADER = 100
"""The smallest number of bytes of a database."""

PATIENCE = 2.0
"""Seconds after which a database that one process holds counts as locked; MLflow would wait for 20 in every call."""

TURN = 60.0
"""Seconds to wait for a turn where other processes keep writing."""

DOCTOR = "`python -m bpexp task=doctor` says what can be done"


class Damaged(TrackingError):
    """The file was a database of MLflow, and cannot be read any more."""


@contextmanager
def connected(path: Path, patience: float | None = None) -> Iterator[sqlite3.Connection]:
    """A connection to a database that exists, waiting `patience` seconds for a lock, by default PATIENCE.

    It may write: only then can SQLite take back what a killed process had begun to write.
    """
    address = f"{path.absolute().as_uri()}?mode=rw"
    wait = PATIENCE if patience is None else patience
    with closing(sqlite3.connect(address, uri=True, timeout=wait, isolation_level=None)) as database:
        yield database


def is_new(path: Path) -> bool:
    """Whether there is no database at `path` yet; raises TrackingError for any other file, or if it is unreadable."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise TrackingError(f"the store {str(path)!r} is not a file; name another place in tracking.uri")
        if not os.access(path, os.R_OK):
            raise PermissionError(13, "Permission denied")
    except FileNotFoundError:
        return True
    except OSError as error:
        raise TrackingError(f"the store {str(path)!r} cannot be read: {error.strerror}") from error
    if found.st_size == 0:
        return True
    if found.st_size < HEADER:  # SQLite would overwrite a file of one byte
        raise unreadable(path, "it ends within its header", as_one=_begins_as_one(path))
    there = tables(path)
    if there is not None and not there:
        return True
    if is_foreign(there):
        raise TrackingError(f"the database {str(path)!r} is another program's; name another file in tracking.uri")
    return False


def is_foreign(found: frozenset[str] | None) -> bool:
    """Whether a database has tables, but not those of MLflow, which would add its own to them."""
    return bool(found) and found is not None and "experiments" not in found


def tables(path: Path) -> frozenset[str] | None:
    """The names of the tables; None while another process writes. Raises TrackingError for a damaged file."""
    try:
        with connected(path, 0.1) as database:
            return frozenset(row[0] for row in database.execute("select name from sqlite_master where type = 'table'"))
    except sqlite3.Error as error:
        if is_busy(error):
            return None
        raise damaged(path, error) from error


def wait_until_free(path: Path) -> None:
    """Return as soon as the database could be written; TrackingError if one process holds it for PATIENCE seconds.

    Where the file changes meanwhile, others are writing in turn, and the wait goes on for TURN seconds.
    """
    until = time.monotonic() + TURN
    while True:
        before = _written(path)
        try:
            with connected(path) as database:
                database.execute("begin immediate")
                database.rollback()
            return
        except sqlite3.Error as error:
            if error.sqlite_errorname.startswith("SQLITE_READONLY"):  # reading needs no turn
                return
            if not is_busy(error):
                raise damaged(path, error) from error
            if _written(path) == before or time.monotonic() > until:
                raise TrackingError(f"the store {str(path)!r} is locked by {_holder(path)}") from error


def _written(path: Path) -> list[int]:
    """When the database was written last, and its write-ahead log, if the user has set that mode."""
    files = (path, path.with_name(f"{path.name}-wal"))
    return [file.stat().st_mtime_ns for file in files if file.exists()]


def is_busy(error: sqlite3.Error) -> bool:
    """Whether the error says that another connection holds a lock."""
    return error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def damaged(path: Path, error: sqlite3.Error) -> TrackingError:
    """What is wrong with a file that SQLite cannot read."""
    return unreadable(path, str(error), as_one=error.sqlite_errorname != "SQLITE_NOTADB" or _begins_as_one(path))


def unreadable(path: Path, reason: str, *, as_one: bool) -> TrackingError:
    """The refusal of a file that is no whole database; `as_one` tells whether it was a database once."""
    if as_one:
        return Damaged(f"the store {str(path)!r} cannot be opened: {reason}; {DOCTOR}")
    return TrackingError(f"the store {str(path)!r} is not an SQLite database; name another file in tracking.uri")


def _begins_as_one(path: Path) -> bool:
    """Whether a file that is no database begins as one; nobody can hold a lock on it as a database."""
    with path.open("rb") as file:
        head = file.read(len(MAGIC))
    return MAGIC.startswith(head)


def _holder(path: Path) -> str:
    """The process that holds a lock on a file, where the system lists locks."""
    number = str(path.stat().st_ino)
    with suppress(OSError, ValueError):
        for line in Path("/proc/locks").read_text(encoding="ascii", errors="replace").splitlines():
            words = line.split()  # 1: POSIX ADVISORY WRITE 4711 fe:00:1234 ...
            if len(words) > 5 and words[5].rpartition(":")[2] == number and int(words[4]) > 0:
                return f"process {words[4]}"
    return "another process"
