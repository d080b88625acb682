"""Download of a recorded run from MLflow: its files, laid out as in the directory of the run."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from bpexp.errors import TrackingError
from bpexp.records.network_file import WEIGHTS
from bpexp.records.network_spec import SPEC
from bpexp.records.outcome import RESULT
from bpexp.tracking.credentials import scrubbed, whole
from bpexp.tracking.store import Store


def fetch_run(store: Store, run_id: str, into: Path | None) -> Path:
    """Download artifacts and network of a run to the folder `into`, or to a temporary one, and return it.

    Raises TrackingError for a run that is missing, unfinished, the parent of a sweep, or not recorded by bpexp, and for
    an id that is no text.
    """
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    if not isinstance(run_id, str):
        raise TrackingError(f"load takes MLflow's id of a run, a text, not {run_id!r}")
    try:
        _refuse_foreign(store, run_id)
        folder = into or Path(tempfile.mkdtemp(prefix="bpexp-"))
        folder.mkdir(parents=True, exist_ok=True)
        download_artifacts(run_id=run_id, artifact_path="", dst_path=str(folder), tracking_uri=whole(store.uri))
        _fetch_network(store, run_id, folder)
    except MlflowException as error:
        reason = scrubbed(" ".join(str(error).split()))[:200]
        raise TrackingError(f"the run {run_id!r} cannot be read from {store.experiment_name!r}: {reason}") from error
    return folder


def _refuse_foreign(store: Store, run_id: str) -> None:
    """Raise TrackingError for a run that bpexp did not record, or has not finished recording."""
    tags = store.client.get_run(run_id).data.tags
    if "bpexp.sweep" in tags:
        raise TrackingError(f"the run {run_id!r} is the parent of a sweep; load one of its children")
    files = [file.path for file in store.client.list_artifacts(run_id)]
    if "bpexp.directory" not in tags or RESULT not in files:
        raise TrackingError(f"the run {run_id!r} holds no {RESULT}; it was not recorded by bpexp, or has not ended")


def _fetch_network(store: Store, run_id: str, folder: Path) -> None:
    """Copy the two files of the network from the logged model, if there is one."""
    from mlflow.artifacts import download_artifacts

    outputs = store.client.get_run(run_id).outputs
    for output in outputs.model_outputs if outputs else []:
        where = store.client.get_logged_model(output.model_id).artifact_location
        with tempfile.TemporaryDirectory() as scratch:
            place = Path(download_artifacts(artifact_uri=where, dst_path=scratch, tracking_uri=whole(store.uri)))
            for name in (WEIGHTS, SPEC):
                found = next(place.rglob(name), None)
                if found is not None:
                    shutil.copyfile(found, folder / name)
