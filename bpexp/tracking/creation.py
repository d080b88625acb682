"""Creation of the SQLite store: atomic, also if several processes start together or one is killed meanwhile."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from bpexp.errors import TrackingError, warn
from bpexp.files.whole import sync_folder
from bpexp.tracking.sqlite_file import is_new

LOCK_SECONDS = 60.0

COMPANIONS = ("-journal", "-wal", "-shm")
"""What SQLite puts beside a database while it is in use."""


def create_database(path: Path) -> None:
    """Create the database unless it is there: in a folder beside it, then moved into place, one process at a time.

    What a creator that was killed left behind is taken away, also if the database is there. Raises TrackingError if it
    cannot be written, or if another process holds the lock for LOCK_SECONDS.
    """
    from filelock import Timeout

    place = path.resolve() if path.is_symlink() else path  # so that a link stays one
    if not is_new(place):
        if any(left.exists() for left in leftovers(place)):
            with suppress(OSError):  # somebody is at it, or nothing may be written here
                _locked(place, 0)
        return
    try:
        _make_folder(path, place)
        _locked(place, LOCK_SECONDS)
    except Timeout as error:
        raise TrackingError(
            f"another process has been creating {str(path)!r} for {LOCK_SECONDS:.0f} s; is it stuck?"
        ) from error
    except OSError as error:
        raise _impossible(path, error.strerror or str(error)) from error


def leftovers(path: Path) -> tuple[Path, Path]:
    """The lock and the folder that are beside a database while it is created."""
    return path.with_name(f"{path.name}.lock"), path.with_name(f"{path.name}.new")


def _make_folder(path: Path, place: Path) -> None:
    if not path.is_symlink():
        place.parent.mkdir(parents=True, exist_ok=True)
    elif not place.parent.is_dir():
        raise TrackingError(
            f"the store {str(path)!r} is a link to {str(place)!r}, whose folder is not there; mount or make it, or "
            "remove the link"
        )


def _locked(path: Path, patience: float) -> None:
    """Create what is missing and take away what is left over, while no other process does.

    The lock goes with the rest. Whoever still waits for the file that was removed finds a finished database.
    """
    from filelock import FileLock

    lock, folder = leftovers(path)
    lock.touch()  # fails at once where nothing can be written; FileLock would wait
    with FileLock(lock, timeout=patience):
        _remove(folder)
        try:
            if is_new(path):
                _set_aside(path)
                _build(path, folder)
        finally:
            _remove(folder)
        lock.unlink(missing_ok=True)


def _build(path: Path, folder: Path) -> None:
    """Have MLflow create its tables in a folder beside `path`, and move a copy of the finished database into place.

    MLflow keeps the connection to a database open and reuses it for the same address. It must not be one to `path`,
    nor to a name that is used again, so each database is made in a folder of its own.
    """
    from mlflow import MlflowClient

    folder.mkdir()
    made, finished = Path(tempfile.mkdtemp(dir=folder), "made.db"), folder / "finished.db"
    try:
        MlflowClient(f"sqlite:///{made}")  # the first client of a database makes the tables, and commits them
    except Exception as error:
        raise _impossible(path, " ".join(str(error).split("\n")[0].split())[:200]) from error
    with made.open("rb") as source, finished.open("wb") as copy:
        shutil.copyfileobj(source, copy)
        copy.flush()
        os.fsync(copy.fileno())
    os.replace(finished, path)
    sync_folder(path.parent)


def _set_aside(path: Path) -> None:
    """Rename what SQLite left of a database that is gone: it would be taken for a part of the new one."""
    for companion in (path.with_name(path.name + suffix) for suffix in COMPANIONS):
        if companion.exists():
            aside = free_name(companion, "orphan")
            companion.rename(aside)
            warn(f"{companion} lay there without its database; now {aside.name}")


def free_name(path: Path, word: str) -> Path:
    """A name beside `path` that is not in use: with the word behind it, and a number if need be."""
    names = (path.with_name(f"{path.name}.{word}{n or ''}") for n in range(10_000))
    return next(name for name in names if not os.path.lexists(name))


def _remove(folder: Path) -> None:
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    else:
        folder.unlink(missing_ok=True)


def _impossible(path: Path, reason: str) -> TrackingError:
    return TrackingError(
        f"the store {str(path)!r} cannot be created: {reason}; name a place in tracking.uri that has room and can be "
        "written"
    )
