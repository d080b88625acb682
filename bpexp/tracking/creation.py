"""Making the SQLite store: whole or not at all, however many processes start together or die on the way."""

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
    """Whether a database is still to be made at `path`; refuses a file that is something else."""
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
    """Whether the database has tables, but not MLflow's: MLflow would mix its own into them."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as database:
            tables = {row[0] for row in database.execute("select name from sqlite_master where type = 'table'")}
    except sqlite3.Error as error:
        if "locked" in str(error):  # somebody's long write; MLflow waits longer than this
            return False
        raise TrackingError(
            f"the store {str(path)!r} cannot be opened: {error}; move it away to start afresh"
        ) from error
    return bool(tables) and "experiments" not in tables


def create_database(path: Path) -> None:
    """Build the database aside and move it into place, one process at a time: seen whole or not at all."""
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
    """Let MLflow make its tables in a temporary file, copy the finished database beside `path` and rename it.

    MLflow keeps the connection to a database open and reuses it for the same address. It must not be one to `path`,
    nor to a name that is used again, so each temporary file is in a folder of its own.
    """
    from mlflow import MlflowClient

    with tempfile.TemporaryDirectory(prefix="bpexp-store-", ignore_cleanup_errors=True) as scratch:
        made, unfinished = Path(scratch, path.name), path.with_name(f"{path.name}.new")
        MlflowClient(f"sqlite:///{made}")  # the first client of a database makes the tables, and commits them
        shutil.copyfile(made, unfinished)
    os.replace(unfinished, path)
