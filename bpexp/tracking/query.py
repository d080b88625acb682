"""Reading recorded runs from a store, as plain values."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpexp.errors import RecordError, TrackingError
from bpexp.files.plain_json import MOST_BYTES
from bpexp.files.regular import read_text
from bpexp.tracking.credentials import scrubbed
from bpexp.tracking.store import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run as stored by MLflow: `metrics` are the last values, `status` is MLflow's in lower case.

    `started` is in UTC as ISO 8601; `seconds` passed from then to the end, None of a run that has not ended.
    """

    run_id: str
    name: str
    status: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    started: str = ""
    seconds: float | None = None


def newest_run(store: Store, tags: Mapping[str, str], *, ended: bool = False) -> RecordedRun | None:
    """The run with these tags that started last; None if there is none.

    `ended` leaves out those that are running or were broken off.
    """
    conditions = [f"tags.`{key}` = '{_quoted(value)}'" for key, value in tags.items()]
    conditions += [f"attributes.status != '{status}'" for status in ("RUNNING", "KILLED") if ended]
    found = store.client.search_runs(
        [store.experiment_id],
        filter_string=" and ".join(conditions),
        order_by=["attributes.start_time DESC"],
        max_results=1,
    )
    return _plain(found[0]) if found else None


def runs_with(store: Store, tag: str, most: int, *, everywhere: bool = True) -> list[RecordedRun]:
    """The newest runs that have a tag, of all experiments, also those that were deleted but are still stored.

    Unless `everywhere`, only those of the store's experiment that were not deleted.
    """
    from mlflow.entities import ViewType

    found = store.client.search_runs(
        experiment_ids(store.client, view_type=ViewType.ALL) if everywhere else [store.experiment_id],
        filter_string=f"tags.`{tag}` LIKE '%'",
        run_view_type=ViewType.ALL if everywhere else ViewType.ACTIVE_ONLY,
        order_by=["attributes.start_time DESC"],
        max_results=most,
    )
    return [_plain(run) for run in found]


def left_running(client: MlflowClient) -> Iterator[RecordedRun]:
    """The runs and sweeps of bpexp that are RUNNING in a store, of all experiments that are not deleted."""
    wanted = "attributes.status = 'RUNNING' and tags.`bpexp.directory` LIKE '%'"
    yield from _all_pages(client, experiment_ids(client), wanted)


def experiment_ids(client: MlflowClient, view_type: int = 1) -> list[str]:
    """The ids of the experiments: those that are not deleted, unless another type of view is asked for."""
    found: list[str] = []
    token = None
    while True:
        page = client.search_experiments(view_type=view_type, page_token=token)
        found += [str(experiment.experiment_id) for experiment in page]
        token = page.token
        if not token:
            return found


def children(store: Store, parent_id: str) -> Iterator[RecordedRun]:
    """The runs of a sweep in the order of their start."""
    yield from _all_pages(store.client, [store.experiment_id], f"tags.`mlflow.parentRunId` = '{_quoted(parent_id)}'")


def _all_pages(client: MlflowClient, experiments: list[str], wanted: str) -> Iterator[RecordedRun]:
    """Every run that meets a condition, in the order of their start."""
    token = None
    while True:
        page = client.search_runs(experiments, wanted, order_by=["attributes.start_time ASC"], page_token=token)
        yield from map(_plain, page)
        token = page.token
        if not token:
            return


def first_start(store: Store, parent_id: str) -> str | None:
    """The start of the first run of a sweep, in UTC as ISO 8601 in seconds; None if none has started."""
    found = store.client.search_runs(
        [store.experiment_id],
        filter_string=f"tags.`mlflow.parentRunId` = '{_quoted(parent_id)}'",
        order_by=["attributes.start_time ASC"],
        max_results=1,
    )
    return _utc(found[0].info.start_time) if found else None


def run_params(store: Store, run_id: str) -> Mapping[str, str]:
    """The parameters of a run; raises TrackingError if there is none."""
    from mlflow.exceptions import MlflowException

    try:
        return dict(store.client.get_run(run_id).data.params)
    except MlflowException as error:
        raise TrackingError(
            f"the run {run_id!r} cannot be read: {scrubbed(' '.join(str(error).split()))[:200]}"
        ) from error


def metric_history(store: Store, run_id: str, name: str) -> list[tuple[int, float]]:
    """(step, value) of every point of a metric."""
    return [(point.step, point.value) for point in store.client.get_metric_history(run_id, name)]


def artifact_text(store: Store, run_id: str, path: str) -> str:
    """The text of an artifact; raises TrackingError if it cannot be read."""
    from mlflow.exceptions import MlflowException

    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
            found = Path(store.client.download_artifacts(run_id, path, scratch))
            return read_text(found, MOST_BYTES, error=RecordError)
    except (MlflowException, OSError, ValueError) as error:
        reason = scrubbed(" ".join(str(error).split()))[:200]
        raise TrackingError(f"the run {run_id!r} has no readable {path}: {reason}") from error


def _plain(run: Any) -> RecordedRun:
    info, data = run.info, run.data
    began, ended = info.start_time or 0, info.end_time
    seconds = (ended - began) / 1000 if began and ended else None
    name, status = str(info.run_name), info.status.lower()
    return RecordedRun(info.run_id, name, status, data.params, data.tags, data.metrics, _utc(began), seconds)


def _utc(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).isoformat()


def _quoted(value: str) -> str:
    """A value for a quoted string of MLflow's filter language: without quotes, which cannot be escaped."""
    return value.replace("'", "")
