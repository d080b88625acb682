"""One declared run, from its built experiment to its files and its record."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress

from bpexp.data import DataSet
from bpexp.insight.histograms import Histograms
from bpexp.records.journal import Journal
from bpexp.records.outcome import Outcome, RunInfo
from bpexp.records.split_file import save_split
from bpexp.running.blas import blas_threads
from bpexp.running.build import Experiment
from bpexp.running.conclusion import TrainingEnd, attempt, conclude
from bpexp.running.observers import leave_out, notes, observers
from bpexp.running.progress import progress, tell
from bpexp.running.signals import Signals
from bpexp.tracking.feed import DataCard
from bpexp.tracking.run import TrackedRun
from bpexp.tracking.session import recording
from bpexp.training.events import Callback
from bpexp.training.trainer import train


def execute(experiment: Experiment, info: RunInfo) -> Outcome:
    """Train, keep the journal, record; the outcome is on disk whatever happens.

    An exception of the run is its outcome. KeyboardInterrupt and SIGTERM end the training, are recorded, and are raised
    when the record is written.
    """
    with blas_threads(experiment.config.threads), recording(), Signals() as signals:
        save_split(info.directory, experiment.data)
        journal = Journal(info.directory)
        tracked = open_tracked(experiment, info, journal, leave_out(experiment, journal))
        started = time.monotonic()
        end = _train(experiment, info, [journal, *tracked.callbacks], journal, signals)
        with suppress(OSError):  # a full disk: what the journal holds is there
            journal.close(end.status, end.reason)
        try:
            outcome = conclude(experiment, info, end, time.monotonic() - started, tracked, signals)
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
    tell(notes(experiment.config, experiment.data), experiment.config.progress and not info.one_of_many)
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
            attempt("no histograms in", info, lambda: histograms.save(info.directory))
    return TrainingEnd(ended.status, ended.reason, ended.step, restored=ended.restored is not None)
