"""One declared run, from its built experiment to its files and its record."""

from __future__ import annotations

import time
import traceback
from contextlib import suppress
from functools import partial

from bpexp.config.plugins import culprit
from bpexp.errors import disk_full
from bpexp.records.outcome import Outcome, RunInfo
from bpexp.running.blas import blas_threads
from bpexp.running.build import Experiment
from bpexp.running.directories import going_on, kept_in
from bpexp.running.ending.interruption import word
from bpexp.running.ending.record import TrainingEnd
from bpexp.running.ending.signals import Signals
from bpexp.running.observers import header, notes
from bpexp.running.open_run import OpenRun, open_run
from bpexp.running.progress import progress, tell, waiting
from bpexp.running.resuming.keeping import Resumed, set_end_aside
from bpexp.running.step_engine import compiling
from bpexp.tracking.credentials import scrubbed
from bpexp.tracking.session import recording
from bpexp.training.events import Callback, Position, RunEnded, State
from bpexp.training.trainer import train


def execute(experiment: Experiment, info: RunInfo, resumed: Resumed | None = None) -> Outcome:
    """Train, keep the journal, record; the outcome is on disk whatever happens. `resumed` says where a run goes on.

    An exception of the run is its outcome. A signal ends the training after the step at hand, is recorded, and is
    raised when the record is written.
    """
    with blas_threads(experiment.config.threads), Signals() as signals, recording(signals.arrived):
        if not info.one_of_many:
            signals.keep(kept_in(info.directory))
        shown = _shown(experiment, info)
        said = [*notes(experiment.config, experiment.data), *compiling(experiment.compiled)]
        tell([header(experiment, info.name), *said], shown)
        with waiting("beginning the record of the run", shown):
            run = open_run(experiment, info, partial(setattr, signals, "last_words"), resumed)
        if resumed is not None:
            set_end_aside(info.directory)
        end = _train(run, resumed.checkpoint.state if resumed else None, signals)
        with waiting("writing the record and the figures", shown):
            outcome = run.conclude(end, signals)
        if end.interruption is not None:
            raise end.interruption
    return outcome


def _shown(experiment: Experiment, info: RunInfo) -> bool:
    """Whether a run shows how it gets on; those of a sweep do not, which shows its own progress."""
    return experiment.config.progress and not info.one_of_many


LOOK = 0.1
"""Seconds between two looks for a signal where steps are made several at a time."""


class EndAtSignal(Callback):
    """Ends the training at a signal, after the step or epoch at hand; the last callback, so that all saw that.

    `kept` tells what is left, from the first checkpoint on; None where somebody else tells it.
    """

    def __init__(self, signals: Signals, kept: str | None) -> None:
        self._signals, self._kept = signals, kept

    def after_step(self, at: Position) -> None:
        self._signals.check()

    def next_time(self) -> float:
        return time.monotonic() + LOOK

    def after_epoch(self, at: Position) -> None:
        if self._kept is not None:
            self._signals.keep(self._kept)
        self._signals.check()


def _train(run: OpenRun, state: State | None, signals: Signals) -> TrainingEnd:
    """Train with everybody watching; whatever ends it is returned, and signals are held back from then on."""
    try:
        return ended(_watched(run, state, signals))
    except BaseException as error:
        return broken_off(error, run.info)


def ended(event: RunEnded) -> TrainingEnd:
    """The end of a training that was told."""
    return TrainingEnd(event.status, event.reason, restored=event.restored is not None, seconds=event.seconds)


def broken_off(error: BaseException, info: RunInfo) -> TrainingEnd:
    """The end of a training by an exception, of which the traceback is written down, or by a signal."""
    if not isinstance(error, Exception):
        if culprit(error) is None:  # a signal
            return TrainingEnd("killed", word(error), interruption=error)
        return TrainingEnd("failed", _told(error))
    if disk_full(error):
        return TrainingEnd("failed", f"the disk is full: nothing more can be written to {info.directory}")
    with suppress(OSError):
        text = "".join(traceback.format_exception(error))
        (info.directory / "traceback.txt").write_text(scrubbed(text), encoding="utf-8")
    return TrainingEnd("failed", _told(error))


def _told(error: BaseException) -> str:
    """The reason of a failure, with the plug-in in whose code it was raised."""
    place = culprit(error)
    return scrubbed(f"{type(error).__name__}: {error}{f', in {place}' if place else ''}")


def _watched(run: OpenRun, state: State | None, signals: Signals) -> RunEnded:
    """Train; a signal ends it last of all."""
    experiment, info = run.experiment, run.info
    bars = progress(_shown(experiment, info), info.name)
    kept = going_on(info.directory) if run.writers and not info.one_of_many else None
    everybody = [*run.callbacks(bars), EndAtSignal(signals, kept)]
    try:
        with signals.raised(patience=True):
            return _begun(experiment, everybody, state)
    except BaseException:  # between two steps, say
        run.interrupted()
        raise
    finally:
        for bar in bars:
            bar.close()


def _begun(experiment: Experiment, everybody: list[Callback], state: State | None) -> RunEnded:
    """Train with the engine of the run."""
    if experiment.compiled is None:
        return train(experiment.trainer, everybody, state)
    from bpexp.training.compiled.loop import Loop  # which imports Numba

    return Loop(experiment.compiled, everybody).train(state)
