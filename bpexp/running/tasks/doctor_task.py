"""`task=doctor`: the examinations of the store that a command line names, one after the other."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

from bpexp.errors import BpexpError, ConfigError
from bpexp.running.plan import Plan
from bpexp.running.tasks.doctor_runs import examine_runs
from bpexp.tracking.doctor.database_file import examine_file
from bpexp.tracking.doctor.finding import Finding, refusal
from bpexp.tracking.doctor.server import examine_database, examine_server
from bpexp.tracking.environment import mlflow_environment
from bpexp.tracking.location import resolve, sqlite_path
from bpexp.tracking.sql_database import is_database
from bpexp.tracking.store import existing_client


def examine(plan: Plan, cwd: Path) -> Iterator[Finding]:
    """What is wrong with the store of a plan and the folders of its runs; mended where `doctor.mend` says so.

    Raises ConfigError with tracking=none.
    """
    if not plan.tracking.mlflow:
        raise ConfigError("task=doctor looks at the store of MLflow; leave tracking=mlflow")
    with warnings.catch_warnings(), mlflow_environment():
        warnings.simplefilter("ignore")  # deprecations between MLflow and SQLAlchemy, at their first import
        try:
            yield from _store(plan, resolve(plan.tracking.uri, cwd), cwd)
        except BpexpError as error:
            yield refusal(error)


def _store(plan: Plan, uri: str, cwd: Path) -> Iterator[Finding]:
    path, doctor = sqlite_path(uri), plan.config.doctor
    if path is not None:
        about = examine_file(path, doctor)
    else:
        about = examine_database(uri) if is_database(uri) else examine_server(uri)
    usable = True
    for finding in about:
        usable = usable and not finding.bars
        yield finding
    if usable and (client := existing_client(uri)) is not None:
        yield from examine_runs(client, uri, doctor, cwd)
