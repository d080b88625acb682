"""One declared run, from its built experiment to its files and its record."""

from __future__ import annotations

import hashlib
import json
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from bpexp.data import DataSet
from bpexp.insight.histograms import FILE as HISTOGRAMS
from bpexp.insight.histograms import Histograms
from bpexp.insight.probe_sets import averaged
from bpexp.insight.samples import collect_samples
from bpexp.records.journal import JOURNAL, Journal, history
from bpexp.records.network_file import save_network
from bpexp.records.outcome import Outcome, RunInfo, write_outcome
from bpexp.records.summary import Series, chooser, summarize
from bpexp.running.blas import blas_threads
from bpexp.running.build import Experiment
from bpexp.running.observers import leave_out, observers
from bpexp.running.progress import progress, tell
from bpexp.running.signals import Signals
from bpexp.tracking.environment import mlflow_environment
from bpexp.tracking.feed import DataCard
from bpexp.tracking.run import TrackedRun
from bpexp.training.events import Callback
from bpexp.training.trainer import train


@dataclass(frozen=True, slots=True)
class TrainingEnd:
    """How training ended, by itself or not."""

    status: str
    reason: str
    step: int | None = None
    interruption: BaseException | None = None


def execute(experiment: Experiment, info: RunInfo) -> Outcome:
    """Train, keep the journal, record; the outcome is on disk whatever happens.

    An exception of the run is its outcome. KeyboardInterrupt and SIGTERM end the training, are recorded, and are raised
    when the record is written.
    """
    with blas_threads(experiment.config.threads), mlflow_environment(), Signals() as signals:
        journal = Journal(info.directory)
        tracked = open_tracked(experiment, info, journal, leave_out(experiment, info, journal))
        started = time.monotonic()
        end = _train(experiment, info, [journal, *tracked.callbacks], journal, signals)
        with suppress(OSError):  # a full disk: what the journal holds is there
            journal.close(end.status, end.reason)
        try:
            outcome = _conclude(experiment, info, end, time.monotonic() - started, tracked, signals)
        except BaseException:  # a second signal: nobody waits for the rest, but the run in MLflow has ended
            tracked.end(end.status)
            raise
        if end.interruption is not None:
            raise end.interruption
    return outcome


def open_tracked(
    experiment: Experiment, info: RunInfo, journal: Journal, tags: Mapping[str, str] | None = None
) -> TrackedRun:
    """The run in MLflow, with the number of threads and the given tags."""
    tags = {"bpexp.threads": str(experiment.config.threads), **(tags or {})}
    return TrackedRun(experiment.tracking, info, journal.path, data_card(experiment.data), tags)


def data_card(data: DataSet) -> DataCard:
    """What MLflow keeps of a data set: its name, digest and source, and the sizes of its parts."""
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    sizes = {f"num_{name}": len(part) for name, part in parts.items() if part is not None}
    return DataCard(data.name, data.digest, data.source, json.dumps(sizes))


def _train(
    experiment: Experiment, info: RunInfo, recorders: list[Callback], journal: Journal, signals: Signals
) -> TrainingEnd:
    """Train with everybody watching; whatever ends it is returned, and signals are held back from then on."""
    try:
        return _watched(experiment, info, recorders, journal, signals)
    except Exception as error:
        with suppress(OSError):
            (info.directory / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8")
        return TrainingEnd("failed", f"{type(error).__name__}: {error}")
    except BaseException as error:  # a signal, or SystemExit of a plug-in
        reason = "interrupted" if isinstance(error, KeyboardInterrupt) else "terminated"
        return TrainingEnd("killed", reason, interruption=error)


def _watched(
    experiment: Experiment, info: RunInfo, recorders: list[Callback], journal: Journal, signals: Signals
) -> TrainingEnd:
    tell(experiment.data.notes, experiment.config.progress and not info.one_of_many)
    bars = progress(experiment.config.progress, info.name)
    histograms = Histograms() if experiment.probe.histograms else None
    watching = observers(experiment, journal, histograms)
    try:
        with signals.raised():
            ended = train(experiment.trainer, [*watching, *recorders, *bars, *experiment.callbacks])
    finally:
        for bar in bars:
            bar.close()
        if histograms is not None:
            _attempt("no histograms in", info, lambda: histograms.save(info.directory))
    return TrainingEnd(ended.status, ended.reason, ended.step)


def _conclude(
    experiment: Experiment, info: RunInfo, end: TrainingEnd, seconds: float, tracked: TrackedRun, signals: Signals
) -> Outcome:
    """Write the outcome first, then the weights and the figures, and hand everything to MLflow.

    Nothing that goes wrong here loses what was written before. An interrupted run leaves its record and no pictures.
    """
    folder, theta = info.directory, experiment.trainer.network.theta
    series: dict[str, list[tuple[int, float]]] = {}
    _attempt("no metrics of", info, lambda: series.update(history(folder / JOURNAL)))
    outcome = Outcome(
        name=info.name,
        directory=str(folder),
        status=end.status,
        reason=end.reason,
        overrides=info.overrides,
        params=info.params,
        seconds=seconds,
        metrics=summarize(series, averaged()),
        chosen_by=chooser(series),
        theta_sha256=hashlib.sha256(theta.tobytes()).hexdigest(),
        run_id=tracked.run_id,
        experiment_id=tracked.experiment_id,
        store=tracked.store_uri,
    )
    unwritten = _attempt("no result.json in", info, lambda: write_outcome(outcome, folder))
    unsaved = _attempt("no weights in", info, lambda: save_network(folder, theta=theta, spec=experiment.spec))
    problem = unsaved or unwritten
    if problem and outcome.ok:
        what = "the network" if unsaved else "result.json"
        outcome = replace(outcome, status="failed", reason=f"{what} could not be saved: {problem}")
        _attempt("no result.json in", info, lambda: write_outcome(outcome, folder))
    interrupted = end.interruption is not None or signals.pending is not None
    if not interrupted:
        _attempt("no figures of", info, lambda: _draw(experiment, info, series))
    if _attempt(
        "no whole record of",
        info,
        lambda: tracked.finish(outcome, end.step, model=not interrupted and problem is None),
    ):
        tracked.end(outcome.status)
    return outcome


def _attempt(what: str, info: RunInfo, action: Callable[[], object]) -> str | None:
    """Do one thing at the end of a run. Where it fails, warn and return the reason: the rest is yet to be recorded."""
    try:
        action()
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"bpexp: warning: {what} {info.directory} ({reason})", file=sys.stderr)
        return reason
    return None


def _draw(experiment: Experiment, info: RunInfo, series: Series) -> None:
    """The learning curve and, of a run that is not one of many, the page of figures."""
    if not (experiment.tracking.figures and series):
        return
    from bpexp.figures.learning_curve import learning_curve  # matplotlib is not needed without figures
    from bpexp.figures.run_page import figure_page

    folder, trainer, data = info.directory, experiment.trainer, experiment.data
    if info.one_of_many:
        learning_curve(series, folder / "learning_curve.png")
        return
    name, part = next((n, p) for n, p in (("test", data.test), ("training", data.train)) if p is not None)
    samples = collect_samples(trainer.network, trainer.head, part, data.classes, data.image_shape, name=name)
    histograms = folder / HISTOGRAMS
    figure_page(
        series,
        folder / "figures.png",
        network=trainer.network,
        histograms=histograms if histograms.exists() else None,
        samples=samples,
        title=info.name,
    )
