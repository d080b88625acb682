"""A run between its first file and its outcome: journal, checkpoints and the record in MLflow are open."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata

from bpexp.data import DataSet
from bpexp.insight.histograms import Histograms
from bpexp.records.checkpointing import Checkpointing
from bpexp.records.journal import Journal
from bpexp.records.outcome import Outcome, RunInfo
from bpexp.records.snapshots import Snapshots
from bpexp.records.split_file import save_split
from bpexp.running.build import Experiment
from bpexp.running.ending.conclusion import Conclusion
from bpexp.running.ending.interruption import word
from bpexp.running.ending.record import Record, TrainingEnd
from bpexp.running.ending.signals import Signals
from bpexp.running.observers import leave_out, observers
from bpexp.running.resuming.keeping import Resumed, checkpointing, open_journal
from bpexp.tracking.feed import ENGINE, FUSED, DataCard
from bpexp.tracking.labels import labels
from bpexp.tracking.run import TrackedRun
from bpexp.training.events import Callback


@dataclass(frozen=True, slots=True, eq=False)
class OpenRun:
    """A run between its first file and its outcome: who watches its training, and what records it.

    Args:
        experiment: what is trained.
        info: of the run.
        record: its end, and the only one.
        tracked: the run in MLflow.
        observers: probes and journal.
        writers: of checkpoints, at most one.
        histograms: that it gathers, if it does.
    """

    experiment: Experiment
    info: RunInfo
    record: Record
    tracked: TrackedRun
    observers: list[Callback]
    writers: list[Checkpointing]
    histograms: Histograms | None

    def callbacks(self, bars: Sequence[Callback]) -> list[Callback]:
        """Everybody. Checkpoints come after all who remember something, and MLflow after them."""
        callbacks = [*self.observers, *bars, *self.experiment.callbacks, *self.writers]
        for writer in self.writers:
            writer.watch(self.experiment.trainer, callbacks)
        return [*callbacks, *self.tracked.callbacks]

    def interrupted(self) -> None:
        """Write the last checkpoint, if the training was interrupted between two steps."""
        for writer in self.writers:
            writer.last()

    def conclude(self, end: TrainingEnd, signals: Signals) -> Outcome:
        """Write what there is, and hand it over."""
        try:
            conclusion = Conclusion(self.experiment, self.info, end, self.record, self.tracked, self.histograms)
            return conclusion.conclude(signals)
        except BaseException as error:  # a second signal: nobody waits for the rest
            self.record.last_words(word(error), here=True)
            raise


def open_run(
    experiment: Experiment,
    info: RunInfo,
    last_words: Callable[[Callable[[str], None]], object],
    resumed: Resumed | None = None,
    fused: int = 0,
) -> OpenRun:
    """Begin the files and the record of a run, or go on with those of one that is resumed.

    Args:
        experiment: what is trained.
        info: of the run.
        last_words: is given what makes the record true, should the process be left.
        resumed: where the run goes on.
        fused: the number of runs that are trained together with this one, itself included; 0 where it is alone.
    """
    save_split(info.directory, experiment.data)
    journal = open_journal(experiment, info, resumed)
    record = Record(info, journal, resumed.seconds if resumed else 0.0)
    last_words(record.last_words)
    tags = leave_out(experiment, journal if resumed is None else None)
    if experiment.compiled is not None:
        version = metadata.version("numba")
        if resumed is None:
            made = experiment.compiled.compilation
            told = {"new": made.new, "kept": not made.unkept, "seconds": round(made.seconds, 3)}
            journal.write({"event": "engine", "engine": "numba", "version": version, "compiled": told})
        tags[ENGINE] = f"numba {version}"
    if fused:
        journal.write({"event": "fused", "runs": fused})
        tags[FUSED] = str(fused)
    record.tracked = tracked = open_tracked(experiment, info, journal, tags, resumed.run_id if resumed else None)
    histograms = Histograms() if experiment.probe.histograms else None
    count = experiment.config.checkpoint.snapshots
    snapshots = [Snapshots(info.directory, count)] if count is not None else []
    watching = [*observers(experiment, journal, histograms), journal, *snapshots]
    writers = checkpointing(experiment, info, journal, tracked.run_id, resumed)
    return OpenRun(experiment, info, record, tracked, watching, writers, histograms)


def open_tracked(
    experiment: Experiment,
    info: RunInfo,
    journal: Journal,
    tags: Mapping[str, str] | None = None,
    run_id: str | None = None,
    card: DataCard | None = None,
) -> TrackedRun:
    """The run in MLflow, with the number of threads and the given tags; with `run_id` that of an earlier process.

    `card` describes what takes the place of the data set of the experiment.
    """
    declared = labels(experiment.config.tags, experiment.config.note)
    tags = {"bpexp.threads": str(experiment.config.threads), **declared, **(tags or {})}
    card, settings = card or data_card(experiment.data), experiment.tracking
    if experiment.config.study is not None:  # whose report may be made of the rows in MLflow
        settings = replace(settings, points=settings.rows(one_of_many=False))
    return TrackedRun(*(settings, info, journal.path, card, tags, run_id), committed=lambda: journal.committed)


def data_card(data: DataSet) -> DataCard:
    """What MLflow keeps of a data set: its name, digest and source, and the sizes of its parts."""
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    sizes = {f"num_{name}": len(part) for name, part in parts.items() if part is not None}
    return DataCard(data.name, data.digest, data.source, json.dumps(sizes))
