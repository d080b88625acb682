"""A server as the store: one of MLflow, or a database server; that it answers, its version, the tables."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version as version_of

from bpexp.errors import TrackingError
from bpexp.tracking.credentials import scrubbed, whole
from bpexp.tracking.doctor.database_file import tables_of_others
from bpexp.tracking.doctor.finding import Finding, barrier, note, person, refusal, well
from bpexp.tracking.location import redact
from bpexp.tracking.schema import refuse_other_version
from bpexp.tracking.sql_database import database_version, engine_of
from bpexp.tracking.sqlite_file import is_foreign

SECONDS = 4.0


def examine_server(uri: str) -> Iterator[Finding]:
    """Findings about a server of MLflow, which looks after its own database."""
    theirs, ours = _version(uri), version_of("mlflow")
    if theirs is not None and theirs != ours:
        yield note(f"the server is of MLflow {theirs}, and {ours} is installed here")
    elif theirs is not None:
        yield well(f"the server answers, and is of MLflow {theirs}, as is installed here")


def _version(uri: str) -> str | None:
    """The version that the server tells; None of one that tells nothing, or wants a password first."""
    with (
        suppress(OSError, ValueError),
        urllib.request.urlopen(f"{redact(uri).rstrip('/')}/version", timeout=SECONDS) as a,
    ):
        text = a.read(100).decode(errors="replace").strip()
        return text if text[:1].isdigit() else None
    return None


def examine_database(uri: str) -> Iterator[Finding]:
    """Findings about a database server."""
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    try:
        engine = engine_of(whole(uri))
        with engine.connect() as connection:
            found, version = database_version(connection)
            if not found:
                yield well(f"the database {redact(uri)!r} is empty yet; the first run makes its tables", bars=True)
                return
            if is_foreign(found):
                yield barrier(f"the database {redact(uri)!r} is another program's", "name another one in tracking.uri")
                return
            refuse_other_version(uri, version)
            yield from tables_of_others(found, f"schema {version}")
            if engine.dialect.name == "postgresql":
                query = "select indexrelid::regclass::text from pg_index where not indisvalid"
                for (index,) in connection.execute(text(query)):
                    yield person(
                        f"the index {index} is not valid", f"have the database rebuild it: REINDEX INDEX {index}"
                    )
    except TrackingError as error:
        yield refusal(error)
    except SQLAlchemyError as error:
        reason = scrubbed(" ".join(str(error).split("\n")[0].split()))[:200]
        yield barrier(f"the database {redact(uri)!r} does not answer ({reason})", "start it, or mend its address")
