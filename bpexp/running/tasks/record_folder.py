"""The folder of a recorded run that a task looks at; of one that only MLflow has, a temporary folder with its files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bpexp.errors import BpexpError, TrackingError
from bpexp.tracking.environment import mlflow_environment
from bpexp.tracking.fetch import directory_of, fetch_run
from bpexp.tracking.store import recorded_store


@contextmanager
def record_folder(run: str, uri: str | None) -> Iterator[tuple[Path, bool]]:
    """The folder of a record, and whether it was fetched, because the run's own folder is gone.

    Args:
        run: a folder, or MLflow's id of a run.
        uri: the address of the store; None for the usual one.

    Raises TrackingError for an id that is not in the store, and for a run that neither a folder nor MLflow has.
    """
    folder = Path(run).expanduser()
    if folder.exists() or not re.fullmatch("[0-9a-f]{32}", run):
        yield folder, False
        return
    with mlflow_environment():
        directory = directory_of(uri, run)
    if directory.is_dir():
        yield directory, False
        return
    with TemporaryDirectory(prefix="bpexp-") as scratch:
        yield _fetched(run, uri, directory, Path(scratch)), True


def _fetched(run: str, uri: str | None, directory: Path, scratch: Path) -> Path:
    """What MLflow has of a run whose folder is gone; raises TrackingError for one that it cannot give."""
    try:
        with mlflow_environment():
            return fetch_run(recorded_store(uri, "bpexp", required=False), run, scratch)
    except BpexpError as error:
        raise TrackingError(
            f"the folder {str(directory)!r} of the run {run!r} is gone, and MLflow lacks its files: {error}"
        ) from error
