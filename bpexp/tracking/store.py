"""Opening the store of results: one MLflow client and one experiment, also if many processes start at once."""

from __future__ import annotations

import errno
import os
import re
import threading
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from bpexp.errors import ConfigError, TrackingError
from bpexp.tracking.charts import VIEW_TAG, how_to_read, view
from bpexp.tracking.creation import create_database
from bpexp.tracking.credentials import scrubbed, whole
from bpexp.tracking.environment import mlflow_environment, quiet_loggers, short_waits
from bpexp.tracking.labels import DESCRIPTION
from bpexp.tracking.location import redact, refuse_unmakeable, resolve, sqlite_path
from bpexp.tracking.sqlite_file import DOCTOR, is_new, wait_until_free
from bpexp.tracking.upkeep import keep_statistics

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """An open store and the experiment to which its runs belong; `uri` is without credentials, which `client` has."""

    uri: str
    experiment_name: str
    experiment_id: str
    client: MlflowClient
    artifact_root: str


_opened: dict[tuple[int, str, str], Store] = {}
_opening = threading.Lock()


def open_store(uri: str | None, experiment: str) -> Store:
    """Open the store once per process; database and experiment are created if they are missing.

    Several processes may do this at the same time. Raises TrackingError, with a message of one line, within seconds.
    """
    uri = resolve(uri, Path.cwd())
    if not experiment.strip():
        raise TrackingError(f"the experiment needs a name, not {experiment!r}")
    key = (os.getpid(), whole(uri), experiment)
    with _opening:
        if key not in _opened:
            _opened[key] = _open(uri, experiment)
        return _opened[key]


def refuse_absent(uri: str | None) -> None:
    """Raise TrackingError where a database file, which is only to be read, is not there."""
    path = sqlite_path(resolve(uri, Path.cwd()))
    if path is not None and not path.exists():
        raise TrackingError(f"nothing is recorded at 'sqlite:///{path}'; name another place in tracking.uri")


def recorded_store(uri: str | None, experiment: str, *, required: bool = True) -> Store:
    """The store, to be read: nothing is created.

    Raises TrackingError where there is none, or, if it is `required`, no such experiment.
    """
    uri = resolve(uri, Path.cwd())
    client = existing_client(uri)
    if client is None:
        raise TrackingError(f"nothing is recorded at {redact(uri)!r}; name another place in tracking.uri")
    with _explained(uri):
        found = client.get_experiment_by_name(experiment)
    if found is not None:
        return Store(uri, experiment, str(found.experiment_id), client, str(found.artifact_location))
    if required:
        raise TrackingError(
            f"there is no experiment {experiment!r} in {redact(uri)!r}; name another one in tracking.experiment"
        )
    return Store(uri, experiment, "", client, "")


def existing_client(uri: str) -> MlflowClient | None:
    """MLflow's client of a store that is there, in which nothing is created; None of a file or tables that are not.

    Raises TrackingError where the store cannot be opened.
    """
    path = sqlite_path(uri)
    with _explained(uri):
        if (path is not None and is_new(path)) or not _prepare(uri, path, create=False):
            return None
        from mlflow import MlflowClient

        quiet_loggers()
        client = MlflowClient(whole(uri))
        client.search_experiments(max_results=1)
        return client


def refuse_store(uri: str | None) -> None:
    """Raise BpexpError for an address that is not a store, or a database that cannot be written; creates nothing.

    A server is not contacted: a run does not depend on it.
    """
    path = sqlite_path(resolve(uri, Path.cwd()))
    if path is None:
        return
    new = is_new(path)
    if new:
        refuse_unmakeable(Path.cwd())
    try:
        if not new and not os.access(path, os.W_OK):  # opening the file would take the locks off it: see sqlite_file
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        TemporaryFile(dir=next(p for p in path.parents if p.exists())).close()
    except OSError as error:
        raise ConfigError(
            f"tracking.uri: the store {str(path)!r} cannot be written ({error.strerror}); name a writable place, "
            "such as sqlite:///mlflow.db, or use tracking=none"
        ) from error


def _open(uri: str, name: str) -> Store:
    """Create what is missing, then connect."""
    path = sqlite_path(uri)
    with _explained(uri):
        _prepare(uri, path)
        return _connect(uri, name, path)


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    """The time in which a store is opened: MLflow is quiet, waits are short, an error is a TrackingError of a line."""
    try:
        with warnings.catch_warnings(), mlflow_environment(), short_waits():
            warnings.simplefilter("ignore")  # deprecation warnings of MLflow and SQLAlchemy at their first import
            yield
    except TrackingError:
        raise
    except Exception as error:
        raise TrackingError(_explain(uri, error)) from error


def _prepare(uri: str, path: Path | None, *, create: bool = True) -> bool:
    """Refuse a database that is locked, or of another version, before MLflow opens it.

    Creates one that is missing, unless that is not wanted; whether it is there.
    """
    from bpexp.tracking.schema import BUSY, refuse_other_version, sqlite_version
    from bpexp.tracking.sql_database import is_database, prepare_database

    if is_database(uri):
        return prepare_database(uri, create=create)
    if path is not None:
        if create:
            create_database(path)
        wait_until_free(path)
        found = sqlite_version(path)
        if found != BUSY:
            refuse_other_version(uri, found)
            keep_statistics(path)
    return True


def _connect(uri: str, name: str, path: Path | None) -> Store:
    """The store at `uri`, with the experiment called `name`."""
    from mlflow import MlflowClient

    quiet_loggers()
    client = MlflowClient(whole(uri))
    found = client.get_experiment_by_name(name) or _create_experiment(client, name, _artifact_root(uri, name, path))
    if found.lifecycle_stage != "active":
        raise TrackingError(
            f"the experiment {name!r} is deleted; restore it with "
            f"`mlflow experiments restore --experiment-id {found.experiment_id}` or choose another name"
        )
    _describe(client, found)
    return Store(uri, name, str(found.experiment_id), client, str(found.artifact_location))


def _describe(client: MlflowClient, experiment: Experiment) -> None:
    """Give an experiment its description, unless somebody wrote another, and the view that the description links to."""
    from mlflow.exceptions import MlflowException

    wanted = {VIEW_TAG: view()}
    if DESCRIPTION not in experiment.tags:
        wanted[DESCRIPTION] = how_to_read(str(experiment.experiment_id))
    for key, text in wanted.items():
        if experiment.tags.get(key) != text:
            with suppress(MlflowException):  # who may write runs may perhaps not write to their experiment
                client.set_experiment_tag(experiment.experiment_id, key, text)


def _create_experiment(client: MlflowClient, name: str, artifact_root: str | None) -> Experiment:
    """Create the experiment, or return the one that another process has just created."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_experiment(client.create_experiment(name, artifact_location=artifact_root))
    except MlflowException:
        other = client.get_experiment_by_name(name)
        if other is None:
            raise
        return other


def _artifact_root(uri: str, name: str, path: Path | None) -> str | None:
    """An absolute folder for the experiment, because MLflow's default depends on the working directory.

    None for a server, which has a folder of its own.
    """
    if uri.startswith(("http:", "https:", "databricks", "uc")):
        return None
    folder = path.parent if path is not None else Path.cwd()
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[:60] or "experiment"
    return (folder / "mlartifacts" / f"{safe}-{uuid.uuid4().hex[:8]}").absolute().as_uri()


def _explain(uri: str, error: Exception) -> str:
    """An error of MLflow in one line, without a password."""
    reason = scrubbed(" ".join(str(error).split("\n")[0].split()))[:300] or type(error).__name__
    if uri.startswith("http"):
        return (
            f"no MLflow server answers at {redact(uri)!r} ({reason}); start it, or use tracking.uri=sqlite:///mlflow.db"
        )
    return f"the store {redact(uri)!r} cannot be opened: {reason}; {DOCTOR}"
