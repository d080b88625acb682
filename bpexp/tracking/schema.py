"""The version of a database of MLflow, beside that of the installed MLflow, before MLflow opens it.

MLflow upgrades a database in which it misses a table without a question, and an upgrade cannot be undone.
"""

from __future__ import annotations

import functools
import sqlite3
from importlib.metadata import version as version_of
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bpexp.errors import TrackingError
from bpexp.tracking.location import redact
from bpexp.tracking.sqlite_file import connected, damaged, is_busy

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

Age = Literal["current", "older", "newer", "unfinished"]

BUSY = "busy"


def age(found: str | None) -> Age:
    """How a version of the schema relates to that of the installed MLflow; None is that of no finished database."""
    from alembic.util import CommandError

    if found is None:
        return "unfinished"
    if found in _scripts().get_heads():
        return "current"
    try:
        _scripts().get_revision(found)
    except CommandError:
        return "newer"
    return "older"


@functools.cache
def _scripts() -> ScriptDirectory:
    """The upgrades that the installed MLflow knows, one a file; reading them takes longer than opening a store."""
    from alembic.script import ScriptDirectory

    spec = find_spec("mlflow")
    assert spec is not None
    assert spec.origin is not None
    return ScriptDirectory(str(Path(spec.origin).parent / "store" / "db_migrations"))


def sqlite_version(path: Path) -> str | None:
    """The version of the schema in a database file; None where its creation was broken off, BUSY while it is locked."""
    try:
        with connected(path) as database:
            found = database.execute("select version_num from alembic_version").fetchone()
    except sqlite3.Error as error:
        if "no such table" in str(error):
            return None
        if is_busy(error):
            return BUSY
        raise damaged(path, error) from error
    return None if found is None else str(found[0])


def refuse_other_version(uri: str, found: str | None) -> None:
    """Raise TrackingError, with what to do, for a database that is not of the installed version of MLflow."""
    how = age(found)
    if how == "current":
        return
    told, installed = redact(uri), version_of("mlflow")
    if how == "older":
        raise TrackingError(
            f"the store {told!r} is of an older MLflow than {installed}; back it up, then run "
            f"`mlflow db upgrade {told}`"
        )
    if how == "newer":
        raise TrackingError(
            f"the store {told!r} is of a newer MLflow than {installed} (its schema {found} is unknown there); "
            "install that MLflow, or name another store in tracking.uri"
        )
    raise TrackingError(
        f"the creation of the store {told!r} was broken off; `python -m bpexp task=doctor` says what can be done"
    )
