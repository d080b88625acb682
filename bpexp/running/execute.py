"""One declared run, from its built experiment to its files and its record."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from bpexp.data import DataSet
from bpexp.insight.histograms import Histograms
from bpexp.records.checkpointing import Checkpointing
from bpexp.records.journal import Journal
from bpexp.records.outcome import Outcome, RunInfo
from bpexp.records.split_file import save_split
from bpexp.running.blas import blas_threads
from bpexp.running.build import Experiment
from bpexp.running.conclusion import TrainingEnd, attempt, conclude
from bpexp.running.keeping import Resumed, checkpointing, open_journal
from bpexp.running.observers import leave_out, notes, observers
from bpexp.running.progress import progress, tell
from bpexp.running.signals import Signals
from bpexp.tracking.environment import mlflow_environment
from bpexp.tracking.feed import DataCard
from bpexp.tracking.run import TrackedRun
from bpexp.training.events import Callback, State
from bpexp.training.trainer import train


@dataclass(frozen=True, slots=True, eq=False)
class Recorders:
    """Who records a run: its journal, the writer of its checkpoints, if any, and MLflow; and where it goes on."""

    journal: Journal
    checkpoints: list[Checkpointing]
    tracking: list[Callback]
    resumed: Resumed | None = None

    @property
    def state(self) -> State | None:
        """The state from which the training goes on; None for a run that begins."""
        return self.resumed.checkpoint.state if self.resumed else None


def execute(experiment: Experiment, info: RunInfo, resumed: Resumed | None = None) -> Outcome:
    """Train, keep the journal, record; the outcome is on disk whatever happens. `resumed` says where a run goes on.

    An exception of the run is its outcome. KeyboardInterrupt and SIGTERM end the training, are recorded, and are raised
    when the record is written.
    """
    with blas_threads(experiment.config.threads), mlflow_environment(), Signals() as signals:
        save_split(info.directory, experiment.data)
        journal = open_journal(experiment, info, resumed)
        tags = leave_out(experiment, journal if resumed is None else None)
        tracked = open_tracked(experiment, info, journal, tags, resumed.run_id if resumed else None)
        writers = checkpointing(experiment, info, journal, tracked.run_id, resumed)
        end = _train(experiment, info, Recorders(journal, writers, tracked.callbacks, resumed), signals)
        with suppress(OSError):  # a full disk: what the journal holds is there
            journal.close(end.status, end.reason)
        try:
            outcome = conclude(experiment, info, end, experiment.trainer.at.seconds, tracked, signals)
        except BaseException:  # a second signal: nobody waits for the rest, but the run in MLflow has ended
            tracked.end(end.status)
            raise
        if end.interruption is not None:
            raise end.interruption
    return outcome


def open_tracked(
    experiment: Experiment,
    info: RunInfo,
    journal: Journal,
    tags: Mapping[str, str] | None = None,
    run_id: str | None = None,
) -> TrackedRun:
    """The run in MLflow, with the number of threads and the given tags; with `run_id` that of an earlier process."""
    tags = {"bpexp.threads": str(experiment.config.threads), **(tags or {})}
    return TrackedRun(experiment.tracking, info, journal.path, data_card(experiment.data), tags, run_id)


def data_card(data: DataSet) -> DataCard:
    """What MLflow keeps of a data set: its name, digest and source, and the sizes of its parts."""
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    sizes = {f"num_{name}": len(part) for name, part in parts.items() if part is not None}
    return DataCard(data.name, data.digest, data.source, json.dumps(sizes))


def _train(experiment: Experiment, info: RunInfo, recorders: Recorders, signals: Signals) -> TrainingEnd:
    """Train with everybody watching; whatever ends it is returned, and signals are held back from then on."""
    try:
        return _watched(experiment, info, recorders, signals)
    except Exception as error:
        with suppress(OSError):
            (info.directory / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8")
        return TrainingEnd("failed", f"{type(error).__name__}: {error}")
    except BaseException as error:  # a signal, or SystemExit of a plug-in
        reason = "interrupted" if isinstance(error, KeyboardInterrupt) else "terminated"
        return TrainingEnd("killed", reason, interruption=error)


def _watched(experiment: Experiment, info: RunInfo, recorders: Recorders, signals: Signals) -> TrainingEnd:
    """Train. Checkpoints come after all who remember something, and MLflow after them."""
    tell(notes(experiment.config, experiment.data), experiment.config.progress and not info.one_of_many)
    bars = progress(experiment.config.progress, info.name)
    histograms = Histograms() if experiment.probe.histograms else None
    journal, writers, state = recorders.journal, recorders.checkpoints, recorders.state
    callbacks = [*observers(experiment, journal, histograms), journal, *bars, *experiment.callbacks, *writers]
    for writer in writers:
        writer.watch(experiment.trainer, callbacks)
    try:
        with signals.raised():
            ended = train(experiment.trainer, [*callbacks, *recorders.tracking], state)
    except BaseException:  # interrupted between two steps, say
        for writer in writers:
            writer.last()
        raise
    finally:
        for bar in bars:
            bar.close()
        if histograms is not None:
            attempt("no histograms in", info, lambda: histograms.save(info.directory))
    return TrainingEnd(ended.status, ended.reason, ended.step, restored=ended.restored is not None)
