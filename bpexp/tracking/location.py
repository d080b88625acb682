"""The address of the store of results: one absolute URI without credentials."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import urlsplit

from bpexp.errors import TrackingError
from bpexp.tracking.credentials import forget, keep, parse, whole

SCHEMES = ("sqlite", "http", "https", "postgresql", "mysql", "mssql", "databricks", "databricks-uc", "uc", "file")
"""What the address of a store can begin with, unless a plug-in of MLflow adds to it."""

_SQLITE = re.compile(r"sqlite(?:\+\w+)?://(?:/(?P<path>[^?]*))?(?P<query>\?.*)?")


def resolve(uri: str | None, cwd: Path) -> str:
    """The URI of the store: `uri`, else MLFLOW_TRACKING_URI, else mlflow.db in `cwd`, with an absolute path.

    It is the public form of the address, without credentials; `credentials.whole` has the one for MLflow.

    Raises TrackingError for a database in memory, a path that SQLAlchemy would misread, a folder of files, or an
    address that can be read in two ways.
    """
    address = whole(uri or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db")
    chosen = keep(address)
    match = _SQLITE.fullmatch(address)
    _refuse_odd(chosen, (match and match["query"]) or "")
    if match:
        path = match["path"] or ""
        if path in ("", ":memory:"):
            raise TrackingError(
                f"tracking.uri {chosen!r} is in memory and is lost when the run ends; use sqlite:///mlflow.db"
            )
        absolute = cwd.absolute() / Path(path).expanduser()
        odd = re.search(r"\?|%[0-9A-Fa-f]{2}", str(absolute))
        if odd:
            raise TrackingError(
                f"tracking.uri cannot name {str(absolute)!r}: {odd[0]!r} has a meaning in it; move elsewhere"
            )
        return keep(f"sqlite:///{os.path.normpath(absolute)}{match['query'] or ''}")
    if chosen.startswith("file:") or not ("://" in chosen or chosen in ("databricks", "databricks-uc", "uc")):
        folder = cwd.absolute() / re.sub(r"^file:(//)?", "", chosen)
        raise TrackingError(
            f"tracking.uri {chosen!r} is a folder of files, which MLflow no longer supports; "
            f"use sqlite:///{folder}/mlflow.db"
        )
    return chosen


def _refuse_odd(public: str, query: str) -> None:
    """Raise TrackingError for a scheme that MLflow does not know, an address of nothing, or one that keeps nothing."""
    scheme, found, place = public.partition("://")
    base = scheme.partition("+")[0].lower()
    if found and base not in SCHEMES and base not in _schemes_of_plugins():
        raise TrackingError(f"tracking.uri {public!r} is of no kind that MLflow knows; use one of {', '.join(SCHEMES)}")
    nowhere = base in ("http", "https") and not urlsplit(public).hostname
    if nowhere or (found and base not in ("sqlite", "file") and not place.strip("/")):
        raise TrackingError(f"tracking.uri {public!r} names no place; write {scheme}://HOST, or sqlite:///mlflow.db")
    if odd := re.search(r"(?i)\b(mode=(?!rwc?\b)\w*|immutable=[1-9]\w*)", query):
        forget(public)
        raise TrackingError(f"tracking.uri {public!r} with {odd[0]!r} keeps nothing; leave that out")


@lru_cache(maxsize=1)
def _schemes_of_plugins() -> frozenset[str]:
    """Looked for once per process: it reads the metadata of every installed package, which takes 10 ms."""
    return frozenset(entry.name for entry in entry_points(group="mlflow.tracking_store"))


def refuse_unmakeable(cwd: Path) -> None:
    """Raise TrackingError for a working directory in which MLflow cannot make a database.

    It writes the name of the directory into a statement of SQL as Python's `repr` has it, where a colon before a word
    names a parameter.
    """
    odd = re.search(r"(?<![:\w\\]):\w|'.*\"|\".*'", str(cwd), re.DOTALL)
    if odd:
        raise TrackingError(
            f"MLflow cannot make a store while the working directory is {str(cwd)!r}: {odd[0]!r} has a meaning in SQL; "
            "move elsewhere, or use tracking=none"
        )


def redact(uri: str) -> str:
    """The public form of an address, so that it may be printed; of one that can be read in two ways, the scheme."""
    try:
        parts = parse(uri)
    except TrackingError:
        return f"{uri.partition('://')[0]}://***"
    return uri if parts is None else parts.public


def sqlite_path(uri: str) -> Path | None:
    """The database file of a resolved SQLite URI; None for a server."""
    match = _SQLITE.fullmatch(uri)
    return Path(match["path"]) if match else None
