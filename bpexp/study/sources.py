"""Where a study's runs are read from: the folder of its sweep, or MLflow alone."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bpexp.errors import RecordError, TrackingError, warn
from bpexp.records.journal import JOURNAL, history, is_fused
from bpexp.records.outcome import RESULT, read_outcome
from bpexp.study.analysis import RunRecord
from bpexp.study.declaration import STUDY_FILE, STUDY_TAG
from bpexp.study.design import Study
from bpexp.study.measures import layer_stems
from bpexp.tracking.feed import FUSED
from bpexp.tracking.query import RecordedRun, artifact_text, children, metric_history, newest_run, runs_with
from bpexp.tracking.store import Store

MOST = 200
"""Largest number of recorded sweeps that are listed, the newest."""


def from_folder(directory: Path) -> list[RunRecord]:
    """The jobs below a sweep's directory whose folders are numbers; see `from_folders`."""
    folders = [p.parent for p in directory.glob(f"[0-9]*/{RESULT}") if p.parent.name.isdigit()]
    return from_folders(sorted(folders, key=lambda folder: int(folder.name)))


def from_folders(folders: Sequence[Path]) -> list[RunRecord]:
    """The runs in some folders, in their order.

    A run without a readable result is left out, with a warning where there is one; one without a readable journal has
    no series, and a status with the reason.
    """
    records = []
    for folder in folders:
        if not (folder / RESULT).exists():
            continue
        try:
            outcome = read_outcome(folder)
        except RecordError as error:
            warn(f"a run is left out: {error}")
            continue
        status, series, fused = outcome.status, {}, False
        try:
            series, fused = history(folder / JOURNAL), is_fused(folder / JOURNAL)
        except RecordError as error:
            warn(f"the series of a run are left out: {error}")
            status = "without a readable journal" if status in ("finished", "stopped", "pruned") else status
        restored = _restored(outcome.weights, outcome.metrics)
        took = math.nan if fused else outcome.seconds
        run = RunRecord(outcome.params, status, series, outcome.run_id, restored, outcome.metrics, fused, took)
        records.append(run)
    return records


def series_needed(study: Study) -> list[str]:
    """The recorded series that a study's measures and curves read; `layer_last` and the like are left as they are."""
    named = [name for measure in study.every_measure for name in measure.series]
    return list(dict.fromkeys([*named, *study.curves, "time/epoch"]))


def recorded_sweep(store: Store, name: str) -> tuple[RecordedRun, str | None, RecordedRun | None]:
    """The parent run of the newest recorded sweep of a study; its study.json, None where that cannot be read; and the
    parent of a newer sweep that has not come to its end, None where there is no newer one.

    A sweep that was broken off counts only where none came to its end. Raises TrackingError where none is recorded.
    """
    newest = newest_run(store, {STUDY_TAG: name})
    parent = newest_run(store, {STUDY_TAG: name}, ended=True) or newest
    if parent is None or newest is None:
        others = sorted({run.tags[STUDY_TAG] for run in runs_with(store, STUDY_TAG, MOST, everywhere=False)})
        known = f"; recorded are: {', '.join(others)}" if others else ""
        raise TrackingError(
            f"no sweep of the study {name!r} is recorded in the experiment {store.experiment_name!r}; "
            f"run it with: python -m bpexp experiment={name}{known}"
        )
    try:
        text = artifact_text(store, parent.run_id, STUDY_FILE)
    except TrackingError:
        text = None
    return parent, text, None if newest.run_id == parent.run_id else newest


def from_mlflow(store: Store, parent_id: str, study: Study) -> list[RunRecord]:
    """The children of a parent run, with the series that the study reads; what is missing in a run is missing here."""
    needed = series_needed(study)
    records = []
    for run in children(store, parent_id):
        if not _belongs(run.params, study):
            continue
        names = set(_expand(needed, run.metrics, study.by_depth))
        series = {name: _history(store, run.run_id, name) for name in names}
        status = run.tags.get("bpexp.status", run.status)
        restored = _restored(run.tags.get("bpexp.weights"), run.metrics)
        fused = FUSED in run.tags
        took = math.nan if fused else run.metrics.get("final/seconds", math.nan)
        records.append(RunRecord(run.params, status, series, run.run_id, restored, run.metrics, fused, took))
    return records


def _restored(weights: str | None, metrics: Mapping[str, float]) -> float | None:
    """The epoch whose weights were restored, by what the run recorded of its saved weights; None for the last ones."""
    return metrics.get("final/epoch") if weights == "best" else None


def _belongs(params: Mapping[str, str], study: Study) -> bool:
    """Whether a child is a job of the study; False for one that ended before its parameters were recorded."""
    return params.get("seed", "").isdigit() and any(factor in params for factor in study.swept)


def _expand(needed: Iterable[str], recorded: Iterable[str], by_depth: Iterable[str]) -> Iterator[str]:
    """The recorded names among those needed; all layers where a measure or a chart speaks of the last or of each."""
    stems = [name.removesuffix("last") for name in needed if name.endswith("_last")]
    stems += [stem for name in by_depth for stem in layer_stems(name)]
    stems += [stem.removesuffix("_") for stem in stems if stem.endswith(("W_", "b_"))]
    wanted = set(needed)
    for name in recorded:
        if name in wanted or any(name.startswith(stem) and name[len(stem) :].isdigit() for stem in stems):
            yield name


def _history(store: Store, run_id: str, name: str) -> list[tuple[int, float]]:
    return sorted({(step, _infinite(value)) for step, value in metric_history(store, run_id, name)})


def _infinite(value: float) -> float:
    """The value, or infinity for the largest float, which MLflow stores in its place because SQLite has no infinity."""
    return math.copysign(math.inf, value) if abs(value) >= sys.float_info.max else value
