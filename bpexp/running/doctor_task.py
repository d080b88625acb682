"""`task=doctor`: the examinations of the store that a command line names, one after the other."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

from bpexp.errors import BpexpError, ConfigError
from bpexp.running.plan import Plan
from bpexp.tracking.doctor.database_file import examine_file
from bpexp.tracking.doctor.finding import Finding, refusal
from bpexp.tracking.doctor.server import examine_database, examine_server
from bpexp.tracking.environment import mlflow_environment
from bpexp.tracking.location import resolve, sqlite_path
from bpexp.tracking.sql_database import is_database


def examine(plan: Plan, cwd: Path) -> Iterator[Finding]:
    """What is wrong with the store of a plan and the folders of its runs; mended where `doctor.mend` says so.

    Raises ConfigError with tracking=none.
    """
    if not plan.tracking.mlflow:
        raise ConfigError("task=doctor looks at the store of MLflow; leave tracking=mlflow")
    with warnings.catch_warnings(), mlflow_environment():
        warnings.simplefilter("ignore")  # deprecations between MLflow and SQLAlchemy, at their first import
        try:
            yield from _store(plan, resolve(plan.tracking.uri, cwd))
        except BpexpError as error:
            yield refusal(error)


def _store(plan: Plan, uri: str) -> Iterator[Finding]:
    path = sqlite_path(uri)
    if path is not None:
        yield from examine_file(path, plan.config.doctor)
    elif is_database(uri):
        yield from examine_database(uri)
    else:
        yield from examine_server(uri)
