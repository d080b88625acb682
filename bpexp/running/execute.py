"""One declared run, from its built experiment to its files and its record."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from bpexp.config.plugins import culprit
from bpexp.data import DataSet
from bpexp.errors import disk_full
from bpexp.insight.histograms import Histograms
from bpexp.records.checkpointing import Checkpointing
from bpexp.records.journal import Journal
from bpexp.records.outcome import Outcome, RunInfo
from bpexp.records.split_file import save_split
from bpexp.running.blas import blas_threads
from bpexp.running.build import Experiment
from bpexp.running.directories import going_on, kept_in
from bpexp.running.ending.conclusion import Conclusion
from bpexp.running.ending.interruption import word
from bpexp.running.ending.record import Record, TrainingEnd
from bpexp.running.ending.signals import Signals
from bpexp.running.observers import leave_out, notes, observers
from bpexp.running.progress import progress, tell
from bpexp.running.resuming.keeping import Resumed, checkpointing, open_journal, set_end_aside
from bpexp.tracking.credentials import scrubbed
from bpexp.tracking.feed import DataCard
from bpexp.tracking.run import TrackedRun
from bpexp.tracking.session import recording
from bpexp.training.events import Callback, Position, State
from bpexp.training.trainer import train


def execute(experiment: Experiment, info: RunInfo, resumed: Resumed | None = None) -> Outcome:
    """Train, keep the journal, record; the outcome is on disk whatever happens. `resumed` says where a run goes on.

    An exception of the run is its outcome. A signal ends the training after the step at hand, is recorded, and is
    raised when the record is written.
    """
    with blas_threads(experiment.config.threads), Signals() as signals, recording(signals.arrived):
        if not info.one_of_many:
            signals.keep(kept_in(info.directory))
        save_split(info.directory, experiment.data)
        journal = open_journal(experiment, info, resumed)
        record = Record(info, journal, resumed.seconds if resumed else 0.0)
        signals.last_words = record.last_words
        tags = leave_out(experiment, journal if resumed is None else None)
        record.tracked = tracked = open_tracked(experiment, info, journal, tags, resumed.run_id if resumed else None)
        histograms = Histograms() if experiment.probe.histograms else None
        watching = [*observers(experiment, journal, histograms), journal]
        writers = checkpointing(experiment, info, journal, tracked.run_id, resumed)
        state = resumed.checkpoint.state if resumed else None
        if resumed is not None:
            set_end_aside(info.directory)
        end = _train(experiment, info, Watching(watching, writers, tracked.callbacks, state), signals)
        try:
            outcome = Conclusion(experiment, info, end, record, tracked, histograms).conclude(signals)
        except BaseException as error:  # a second signal: nobody waits for the rest
            record.last_words(word(error), here=True)
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
    card = data_card(experiment.data)
    return TrackedRun(
        *(experiment.tracking, info, journal.path, card, tags, run_id), committed=lambda: journal.committed
    )


def data_card(data: DataSet) -> DataCard:
    """What MLflow keeps of a data set: its name, digest and source, and the sizes of its parts."""
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    sizes = {f"num_{name}": len(part) for name, part in parts.items() if part is not None}
    return DataCard(data.name, data.digest, data.source, json.dumps(sizes))


@dataclass(frozen=True, slots=True, eq=False)
class Watching:
    """Who watches a training: probes and journal, the writer of checkpoints, if any, and MLflow.

    `state` is that from which the training goes on; None for one that begins.
    """

    observers: list[Callback]
    checkpoints: list[Checkpointing]
    tracking: list[Callback]
    state: State | None = None


class EndAtSignal(Callback):
    """Ends the training at a signal, after the step or epoch at hand; the last callback, so that all saw that.

    `kept` tells what is left, from the first checkpoint on; None where somebody else tells it.
    """

    def __init__(self, signals: Signals, kept: str | None) -> None:
        self._signals, self._kept = signals, kept

    def after_step(self, at: Position) -> None:
        self._signals.check()

    def after_epoch(self, at: Position) -> None:
        if self._kept is not None:
            self._signals.keep(self._kept)
        self._signals.check()


def _train(experiment: Experiment, info: RunInfo, watching: Watching, signals: Signals) -> TrainingEnd:
    """Train with everybody watching; whatever ends it is returned, and signals are held back from then on."""
    try:
        return _watched(experiment, info, watching, signals)
    except Exception as error:
        if disk_full(error):
            return TrainingEnd("failed", f"the disk is full: nothing more can be written to {info.directory}")
        with suppress(OSError):
            (info.directory / "traceback.txt").write_text(scrubbed(traceback.format_exc()), encoding="utf-8")
        return TrainingEnd("failed", _told(error))
    except BaseException as error:
        if culprit(error) is None:  # a signal
            return TrainingEnd("killed", word(error), interruption=error)
        return TrainingEnd("failed", _told(error))


def _told(error: BaseException) -> str:
    """The reason of a failure, with the plug-in in whose code it was raised."""
    place = culprit(error)
    return scrubbed(f"{type(error).__name__}: {error}{f', in {place}' if place else ''}")


def _watched(experiment: Experiment, info: RunInfo, watching: Watching, signals: Signals) -> TrainingEnd:
    """Train. Checkpoints come after all who remember something, MLflow after them, and a signal ends it last of all."""
    tell(notes(experiment.config, experiment.data), experiment.config.progress and not info.one_of_many)
    bars = progress(experiment.config.progress and not info.one_of_many, info.name)  # a sweep shows its own
    callbacks = [*watching.observers, *bars, *experiment.callbacks, *watching.checkpoints]
    for writer in watching.checkpoints:
        writer.watch(experiment.trainer, callbacks)
    kept = going_on(info.directory) if watching.checkpoints and not info.one_of_many else None
    try:
        with signals.raised(patience=True):
            everybody = [*callbacks, *watching.tracking, EndAtSignal(signals, kept)]
            ended = train(experiment.trainer, everybody, watching.state)
    except BaseException:  # between two steps, say
        for writer in watching.checkpoints:
            writer.last()
        raise
    finally:
        for bar in bars:
            bar.close()
    return TrainingEnd(ended.status, ended.reason, restored=ended.restored is not None)
