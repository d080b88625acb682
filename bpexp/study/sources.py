"""Where a study's runs are read from: the folder of its sweep, or MLflow alone."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bpexp.errors import TrackingError
from bpexp.records.journal import JOURNAL, history
from bpexp.records.outcome import RESULT, read_outcome
from bpexp.study.analysis import RunRecord
from bpexp.study.design import Study, declared, narrowed
from bpexp.tracking.store import Store

BROKEN = (ValueError, TypeError, KeyError, AttributeError)
"""What a file of ours raises that was cut short, or was never ours."""

STUDY_TAG, STUDY_FILE = "bpexp.study", "study.json"


def from_folder(directory: Path) -> list[RunRecord]:
    """The jobs below a sweep's directory, whose folders are numbers.

    A job without a readable result is missing; one without a readable journal has no series, and its status says why.
    """
    records = []
    for folder in sorted(
        (p.parent for p in directory.glob(f"[0-9]*/{RESULT}") if p.parent.name.isdigit()), key=_number
    ):
        try:
            outcome = read_outcome(folder)
        except BROKEN:
            continue
        status, series = outcome.status, {}
        try:
            series = history(folder / JOURNAL)
        except (*BROKEN, OSError):
            status = "without a readable journal" if status in ("finished", "stopped") else status
        records.append(RunRecord(outcome.params, status, series, outcome.run_id))
    return records


def _number(folder: Path) -> int:
    return int(folder.name)


def series_needed(study: Study) -> list[str]:
    """The recorded series that a study's measures and curves read; `layer_last` and the like are left as they are."""
    measures = [*study.measures, study.tuned_by, *(claim.measure for claim in study.claims)]
    named = [name for measure in measures for name in measure.series]
    return list(dict.fromkeys([*named, *study.curves, "time/epoch"]))


def find_parent(store: Store, name: str) -> Any:
    """The newest recorded sweep of a study."""
    safe = name.replace("'", "")
    found = store.client.search_runs(
        [store.experiment_id],
        filter_string=f"tags.`{STUDY_TAG}` = '{safe}'",
        order_by=["attributes.start_time DESC"],
        max_results=1,
    )
    if not found:
        raise TrackingError(
            f"no sweep of the study {name!r} is recorded in the experiment {store.experiment_name!r}; "
            f"run it with: python -m bpexp experiment={name}"
        )
    return found[0]


def study_of(store: Store, parent: Any) -> tuple[Study, dict[str, Any]]:
    """The study as it was declared when it ran, from the parent's artifact, and the declaration itself."""
    import mlflow.artifacts

    uri = f"{parent.info.artifact_uri}/{STUDY_FILE}"
    try:
        text = mlflow.artifacts.load_text(uri)
        content = json.loads(text)
        study = narrowed(declared(content["name"], content["study"]), content.get("said", {}))
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise TrackingError(f"the parent run {parent.info.run_id!r} has no readable {STUDY_FILE}: {reason}") from error
    return study, content["study"]


def from_mlflow(store: Store, parent: Any, study: Study) -> list[RunRecord]:
    """The children of a parent run, with the series that the study reads; what is missing in a run is missing here."""
    needed = series_needed(study)
    records = []
    for run in _children(store, parent.info.run_id):
        if not _belongs(run.data.params, study):
            continue
        names = set(_expand(needed, run.data.metrics, study.by_depth))
        series = {name: _history(store, run.info.run_id, name) for name in names}
        status = run.data.tags.get("bpexp.status", run.info.status.lower())
        records.append(RunRecord(run.data.params, status, series, run.info.run_id))
    return records


def _belongs(params: Mapping[str, str], study: Study) -> bool:
    """Whether a child is a job of the study; one that died before its parameters were recorded cannot be told."""
    return params.get("seed", "").isdigit() and any(factor in params for factor in study.factors)


def _children(store: Store, parent_id: str) -> Iterator[Any]:
    token = None
    while True:
        page = store.client.search_runs(
            [store.experiment_id],
            filter_string=f"tags.`mlflow.parentRunId` = '{parent_id}'",
            order_by=["attributes.start_time ASC"],
            page_token=token,
        )
        yield from page
        token = page.token
        if not token:
            return


def _expand(needed: Iterable[str], recorded: Iterable[str], by_depth: Iterable[str]) -> Iterator[str]:
    """The recorded names among those needed; all layers where a measure or a chart speaks of the last or of each."""
    stems = [name.removesuffix("last") for name in needed if name.endswith("_last")]
    stems += [f"{name}/layer_" for name in by_depth]
    stems += [stem.removesuffix("_") for stem in stems if stem.endswith(("W_", "b_"))]
    wanted = set(needed)
    for name in recorded:
        if name in wanted or any(name.startswith(stem) and name[len(stem) :].isdigit() for stem in stems):
            yield name


def _history(store: Store, run_id: str, name: str) -> list[tuple[int, float]]:
    points = store.client.get_metric_history(run_id, name)
    return sorted({(point.step, _infinite(point.value)) for point in points})


def _infinite(value: float) -> float:
    """SQLite has no infinity; MLflow stores the largest number in its place."""
    return math.copysign(math.inf, value) if abs(value) >= sys.float_info.max else value
