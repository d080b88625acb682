"""Opening the store of results: one MLflow client and one experiment, safe when many processes start at once."""

from __future__ import annotations

import logging
import os
import re
import threading
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bpexp.errors import TrackingError
from bpexp.tracking.creation import create_database, is_new
from bpexp.tracking.location import redact, resolve, sqlite_path

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

# A server that does not answer costs seconds at the start, when a person waits, and a bounded time afterwards;
# MLflow's own defaults block for four minutes.
_OPENING = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "4",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
_RUNNING = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """An open store and the experiment in it that runs are recorded under."""

    uri: str
    experiment_name: str
    experiment_id: str
    client: MlflowClient
    artifact_root: str


_opened: dict[tuple[int, str, str], Store] = {}
_opening = threading.Lock()


def open_store(uri: str | None, experiment: str) -> Store:
    """Open the store, making the database and the experiment where they are missing; the same store is opened once.

    Any number of processes may do this at the same moment. Errors are one line, within seconds.
    """
    uri = resolve(uri, Path.cwd())
    if not experiment.strip():
        raise TrackingError(f"the experiment needs a name, not {experiment!r}")
    key = (os.getpid(), uri, experiment)
    with _opening:
        if key not in _opened:
            _opened[key] = _open(uri, experiment)
        return _opened[key]


def _open(uri: str, name: str) -> Store:
    """Make what is missing, then connect; whatever MLflow raises becomes one line."""
    quiet()
    path = sqlite_path(uri)
    try:
        with warnings.catch_warnings(), _environment(_OPENING):
            warnings.simplefilter("ignore")  # deprecations between MLflow and SQLAlchemy, met at their first import
            if path is not None and is_new(path):
                create_database(path)
            store = _connect(uri, name, path)
    except TrackingError:
        raise
    except Exception as error:
        raise TrackingError(_explain(uri, error)) from error
    return store


def quiet() -> None:
    """Keep MLflow's telemetry off and its progress notes off the terminal; to be called before its import."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    level = os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING").upper()
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(level)


def _connect(uri: str, name: str, path: Path | None) -> Store:
    """The client and the experiment called `name`."""
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    found = client.get_experiment_by_name(name) or _create_experiment(client, name, _artifact_root(uri, name, path))
    if found.lifecycle_stage != "active":
        raise TrackingError(
            f"the experiment {name!r} is deleted; restore it with "
            f"`mlflow experiments restore --experiment-id {found.experiment_id}` or choose another name"
        )
    return Store(uri, name, str(found.experiment_id), client, str(found.artifact_location))


def _create_experiment(client: MlflowClient, name: str, artifact_root: str | None) -> Experiment:
    """Create the experiment, or take the one that another process created in this moment."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_experiment(client.create_experiment(name, artifact_location=artifact_root))
    except MlflowException:
        other = client.get_experiment_by_name(name)
        if other is None:
            raise
        return other


def _artifact_root(uri: str, name: str, path: Path | None) -> str | None:
    """An absolute folder of the experiment's own, because MLflow's default follows the working directory.

    A server decides for itself.
    """
    if uri.startswith(("http:", "https:", "databricks", "uc")):
        return None
    folder = path.parent if path is not None else Path.cwd()
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[:60] or "experiment"
    return (folder / "mlartifacts" / f"{safe}-{uuid.uuid4().hex[:8]}").absolute().as_uri()


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set those that the user has not set to `values`, and to those of a running program afterwards."""
    before = {key: os.environ.get(key) for key in values}
    mine = [key for key, value in before.items() if value in (None, _RUNNING[key])]
    os.environ.update({key: values[key] for key in mine})
    try:
        yield
    finally:
        for key in mine:
            os.environ[key] = _RUNNING[key]


def _explain(uri: str, error: Exception) -> str:
    """One line for whatever went wrong inside MLflow, without a password in it."""
    reason = " ".join(str(error).split("\n")[0].split())[:300].replace(uri, redact(uri)) or type(error).__name__
    if uri.startswith("http"):
        return (
            f"no MLflow server answers at {redact(uri)!r} ({reason}); start it, or use tracking.uri=sqlite:///mlflow.db"
        )
    if "out-of-date database schema" in reason:
        upgrade = f"mlflow db upgrade {redact(uri)}"
        return f"the store {redact(uri)!r} is of another MLflow version; back it up and run `{upgrade}`"
    return f"the store {redact(uri)!r} cannot be opened: {reason}; move it away to start afresh"
