"""Creation of the SQLite store: atomic, also if several processes start together or one is killed meanwhile."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from bpexp.errors import TrackingError

LOCK_SECONDS = 120.0


def is_new(path: Path) -> bool:
    """Whether there is no database at `path` yet; raises TrackingError for any other file, or if it is unreadable."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except FileNotFoundError:
        return True
    except OSError as error:
        raise TrackingError(f"the store {str(path)!r} cannot be read: {error.strerror}") from error
    if not head:
        return True
    if head != b"SQLite format 3\0":
        raise TrackingError(f"the store {str(path)!r} is not an SQLite database; name another file in tracking.uri")
    if _is_foreign(path):
        raise TrackingError(f"the database {str(path)!r} is another program's; name another file in tracking.uri")
    return False


def _is_foreign(path: Path) -> bool:
    """Whether the database has tables, but not those of MLflow, which would add its own to them."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as database:
            tables = {row[0] for row in database.execute("select name from sqlite_master where type = 'table'")}
    except sqlite3.Error as error:
        if "locked" in str(error):  # another process is writing; MLflow waits longer than this
            return False
        raise TrackingError(
            f"the store {str(path)!r} cannot be opened: {error}; move it away to start afresh"
        ) from error
    return bool(tables) and "experiments" not in tables


def create_database(path: Path) -> None:
    """Create the database in a temporary file and move it into place, one process at a time.

    Raises TrackingError if it cannot be written, or if another process holds the lock for LOCK_SECONDS.
    """
    from filelock import FileLock, Timeout

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = Path(f"{path}.lock")
        lock.touch()  # fails at once where nothing can be written; FileLock would wait
        with FileLock(lock, timeout=LOCK_SECONDS):
            if is_new(path):
                _build(path)
    except Timeout as error:
        raise TrackingError(
            f"another process has been creating {str(path)!r} for {LOCK_SECONDS:.0f} s; is it stuck?"
        ) from error
    except OSError as error:
        reason = error.strerror or error
        raise TrackingError(
            f"the store {str(path)!r} cannot be created: {reason}; name a writable place in tracking.uri"
        ) from error


def _build(path: Path) -> None:
    """Have MLflow create its tables in a temporary file, copy the finished database beside `path` and rename it.

    MLflow keeps the connection to a database open and reuses it for the same address. It must not be one to `path`,
    nor to a name that is used again, so each temporary file is in a folder of its own.
    """
    from mlflow import MlflowClient

    with tempfile.TemporaryDirectory(prefix="bpexp-store-", ignore_cleanup_errors=True) as scratch:
        made, unfinished = Path(scratch, path.name), path.with_name(f"{path.name}.new")
        MlflowClient(f"sqlite:///{made}")  # the first client of a database makes the tables, and commits them
        shutil.copyfile(made, unfinished)
    os.replace(unfinished, path)
