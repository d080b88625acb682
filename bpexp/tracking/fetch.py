"""Download of a recorded run from MLflow: its files, laid out as in the directory of the run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bpexp.errors import BpexpError, TrackingError
from bpexp.records.network_file import WEIGHTS
from bpexp.records.network_spec import SPEC
from bpexp.records.outcome import RESULT
from bpexp.tracking.content import FILES
from bpexp.tracking.credentials import scrubbed, whole
from bpexp.tracking.environment import quiet_loggers
from bpexp.tracking.location import resolve, sqlite_path
from bpexp.tracking.model import DATA
from bpexp.tracking.store import Store


def refuse_id(run_id: object) -> None:
    """Raise TrackingError for an id of a run that is no text."""
    if not isinstance(run_id, str):
        raise TrackingError(f"load takes MLflow's id of a run, a text, not {run_id!r}")


def fetch_run(store: Store, run_id: str, into: Path | None) -> Path:
    """Download artifacts and network of a run to the folder `into`, or to a temporary one, and return it.

    Only the files that bpexp records are taken, each under its own name, whatever else the server lists.

    Raises TrackingError for a run that is missing, unfinished, the parent of a sweep, or not recorded by bpexp, for an
    id that is no text, and for whatever a server does in place of sending the files.
    """
    refuse_id(run_id)
    folder = into
    try:
        listed = _refuse_foreign(store, run_id)
        folder = into or Path(tempfile.mkdtemp(prefix="bpexp-"))
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            if name in listed:
                _fetch(partial(store.client.download_artifacts, run_id, name), folder, name)
        _fetch_network(store, run_id, folder)
    except Exception as error:  # MLflow's own, those of requests, and what a wrong answer causes in its code
        if into is None and folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, BpexpError):
            raise
        reason = scrubbed(" ".join(str(error).split()))[:200] or type(error).__name__
        raise TrackingError(f"the run {run_id!r} cannot be read from {store.experiment_name!r}: {reason}") from error
    return folder


def _fetch(download: Callable[[str], str], folder: Path, name: str) -> None:
    """Download one file to a folder of its own, and move it to its name; a link in its place is replaced."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".bpexp-") as scratch:
        found = Path(download(scratch))
        inside = found.resolve().is_relative_to(Path(scratch).resolve())
        if found.is_symlink() or not found.is_file() or not inside:
            raise TrackingError(f"the artifact {name!r} was put at {str(found)!r}; expected a file in {scratch!r}")
        os.replace(found, folder / name)


def directory_of(uri: str | None, run_id: str) -> Path:
    """The directory of a recorded run, by its tag; raises TrackingError where there is none. Nothing is created."""
    resolved = resolve(uri, Path.cwd())
    path = sqlite_path(resolved)
    if path is not None and not path.is_file():
        raise TrackingError(
            f"there is no store {str(path)!r} in which to look for the run {run_id!r}; set tracking.uri"
        )
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        quiet_loggers()
        tags = MlflowClient(whole(resolved)).get_run(run_id).data.tags
    except MlflowException as error:
        reason = scrubbed(" ".join(str(error).split()))[:200]
        raise TrackingError(f"the run {run_id!r} is not in {resolved!r}: {reason}") from None
    if "bpexp.directory" not in tags:
        raise TrackingError(f"the run {run_id!r} was not recorded by bpexp")
    return Path(tags["bpexp.directory"])


def _refuse_foreign(store: Store, run_id: str) -> set[str]:
    """The names of the run's files; raises TrackingError where bpexp did not record it, or has not finished that."""
    tags = store.client.get_run(run_id).data.tags
    if "bpexp.sweep" in tags:
        raise TrackingError(f"the run {run_id!r} is the parent of a sweep; load one of its children")
    files = {file.path for file in store.client.list_artifacts(run_id) if not file.is_dir}
    if "bpexp.directory" not in tags or RESULT not in files:
        raise TrackingError(f"the run {run_id!r} holds no {RESULT}; it was not recorded by bpexp, or has not ended")
    return files


def _fetch_network(store: Store, run_id: str, folder: Path) -> None:
    """Download the two files of the network from the logged model, if there is one."""
    outputs = store.client.get_run(run_id).outputs
    for output in outputs.model_outputs if outputs else []:
        where = store.client.get_logged_model(output.model_id).artifact_location
        for name in (WEIGHTS, SPEC):
            uri = f"{where.rstrip('/')}/{DATA}/{name}"
            _fetch(partial(_download, uri, whole(store.uri)), folder, name)


def _download(uri: str, store: str, to: str) -> str:
    from mlflow.artifacts import download_artifacts

    return str(download_artifacts(artifact_uri=uri, dst_path=to, tracking_uri=store))
