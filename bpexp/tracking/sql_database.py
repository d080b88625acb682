"""A database server as the store, without a server of MLflow: asked before MLflow opens it, and created by one process.

MLflow creates its tables unguarded, so that most of several processes that start together would fail, and tries to
reach a database that does not answer for 100 seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bpexp.errors import TrackingError
from bpexp.tracking.creation import LOCK_SECONDS
from bpexp.tracking.credentials import scrubbed, whole
from bpexp.tracking.location import redact
from bpexp.tracking.schema import age, refuse_other_version
from bpexp.tracking.sqlite_file import is_foreign

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

CONNECT_SECONDS = 2
"""Time for a database to answer; the smallest that PostgreSQL's library knows."""

KEY = 0x6270_6578_70
"""The lock of PostgreSQL that is held while the tables are created: "bpexp" in ASCII. It ends with its session."""


def is_database(uri: str) -> bool:
    """Whether an address is that of a database server, in the form that SQLAlchemy reads."""
    return uri.startswith(("postgresql", "mysql", "mssql"))


def prepare_database(uri: str, *, create: bool = True) -> bool:
    """Create MLflow's tables in an empty database, unless that is not wanted; whether they are there.

    Raises TrackingError for a database of another version or another program, and within seconds where none answers.
    """
    from sqlalchemy.exc import SQLAlchemyError

    engine = engine_of(whole(uri))
    try:
        with engine.connect() as connection:
            ready = _is_ready(uri, connection)
            if not ready and create:
                with _alone(engine, uri):
                    _create(uri, connection)
            return ready or create
    except SQLAlchemyError as error:
        reason = scrubbed(" ".join(str(error).split("\n")[0].split()))[:200]
        raise TrackingError(
            f"no database answers at {redact(uri)!r} ({reason}); start it, or use tracking.uri=sqlite:///mlflow.db"
        ) from error
    finally:
        engine.dispose()


def database_version(connection: Connection) -> tuple[frozenset[str], str | None]:
    """The tables of a database, and the version of MLflow's schema; None where it has none."""
    from sqlalchemy import inspect, text

    found = frozenset(inspect(connection).get_table_names())
    if "alembic_version" not in found:
        return found, None
    row = connection.execute(text("select version_num from alembic_version")).fetchone()
    return found, None if row is None else str(row[0])


def engine_of(uri: str) -> Engine:
    """SQLAlchemy's engine for a database, with a short time to answer; each statement is committed at once."""
    from sqlalchemy import NullPool, create_engine
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    short = {"connect_timeout": CONNECT_SECONDS} if uri.startswith("postgresql") else {}
    try:
        return create_engine(uri, poolclass=NullPool, connect_args=short, isolation_level="AUTOCOMMIT")
    except ModuleNotFoundError as error:
        raise TrackingError(
            f"the store {redact(uri)!r} needs the package {error.name}; install it, or name another driver, as in "
            "postgresql+psycopg2://"
        ) from error
    except (NoSuchModuleError, ArgumentError) as error:
        raise TrackingError(f"the address {redact(uri)!r} is not one of a database: {type(error).__name__}") from error


def _is_ready(uri: str, connection: Connection) -> bool:
    """Whether the tables are there, of the installed version; False where they are still to be created."""
    found, version = database_version(connection)
    if not found:
        return False
    if is_foreign(found):
        raise TrackingError(f"the database {redact(uri)!r} is another program's; name another one in tracking.uri")
    if age(version) == "unfinished":  # its creator was killed: PostgreSQL took back what was not complete
        return False
    refuse_other_version(uri, version)
    return True


def _create(uri: str, connection: Connection) -> None:
    from mlflow import MlflowClient

    if not _is_ready(uri, connection):
        MlflowClient(whole(uri))  # the first client of a database makes the tables


@contextmanager
def _alone(engine: Engine, uri: str) -> Iterator[None]:
    """While no other process creates the tables; other databases than PostgreSQL are left to MLflow."""
    from sqlalchemy import text

    if engine.dialect.name != "postgresql":
        yield
        return
    with engine.connect() as connection:
        until = time.monotonic() + LOCK_SECONDS
        while not connection.execute(text("select pg_try_advisory_lock(:key)"), {"key": KEY}).scalar():
            if time.monotonic() > until:
                raise TrackingError(
                    f"another process has been creating tables in {redact(uri)!r} for {LOCK_SECONDS:.0f} s; "
                    "is it stuck?"
                )
            time.sleep(0.1)
        yield
