"""The address of the store of results: one absolute URI, printed without credentials."""

from __future__ import annotations

import os
import re
from pathlib import Path

from bpexp.errors import TrackingError

_SQLITE = re.compile(r"sqlite(?:\+\w+)?://(?:/(?P<path>[^?]*))?(?P<query>\?.*)?")


def resolve(uri: str | None, cwd: Path) -> str:
    """The URI of the store: `uri`, else MLFLOW_TRACKING_URI, else mlflow.db in `cwd`, with an absolute path.

    Raises TrackingError for a database in memory, a path that SQLAlchemy would misread, or a folder of files.
    """
    chosen = uri or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    match = _SQLITE.fullmatch(chosen)
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
        return f"sqlite:///{os.path.normpath(absolute)}{match['query'] or ''}"
    if chosen.startswith("file:") or not ("://" in chosen or chosen in ("databricks", "databricks-uc", "uc")):
        folder = cwd.absolute() / re.sub(r"^file:(//)?", "", chosen)
        raise TrackingError(
            f"tracking.uri {chosen!r} is a folder of files, which MLflow no longer supports; "
            f"use sqlite:///{folder}/mlflow.db"
        )
    return chosen


def redact(uri: str) -> str:
    """The URI without user name, password and, for a server, query, so that it may be printed and recorded."""
    if uri.startswith("sqlite"):
        return uri
    return re.sub(r"://[^:/@]*(:[^@]*)?@", "://", uri).partition("?")[0]


def sqlite_path(uri: str) -> Path | None:
    """The database file of a resolved SQLite URI; None for a server."""
    match = _SQLITE.fullmatch(uri)
    return Path(match["path"]) if match else None


def plainly(error: BaseException, uri: str) -> str:
    """An error of a store in one line, without credentials."""
    text = " ".join(str(error).split())[:300].replace(uri, redact(uri)) or type(error).__name__
    return re.sub(r"://[^/@\s]*@", "://", text)[:200]
