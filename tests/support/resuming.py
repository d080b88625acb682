"""Trainings that are broken off at every point, in memory or by SIGKILL, and the comparison with one that was not."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bpexp.config.schema import Config
from bpexp.insight.histograms import Histograms
from bpexp.records.archive import packed, unpacked
from bpexp.records.checkpoint import checkpoints, read_checkpoint
from bpexp.records.checkpointing import Checkpointing
from bpexp.records.journal import JOURNAL, points, read
from bpexp.running.build import build
from bpexp.running.directories import claim
from bpexp.running.observers import observers
from bpexp.running.perform import perform
from bpexp.running.plan import Plan
from bpexp.training.events import Callback, EpochEnded, Position, Step
from bpexp.training.trainer import Trainer, train

Training = tuple[Trainer, list[Callback]]
Row = tuple[str, float, int]


class Seen(Callback):
    """Keeps what a training told, and its state after each step and each epoch, as a checkpoint holds it."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self.states: list[bytes] = []
        self.told: list[Any] = []

    def on_step(self, event: Step) -> None:
        self.told.append((event.number, event.epoch, event.loss, event.lr))

    def on_epoch(self, event: EpochEnded) -> None:
        self.told.append((event.step, repr(sorted(event.metrics.items()))))

    def after_step(self, at: Position) -> None:
        self.states.append(state_of(*self._training))

    after_epoch = after_step


def state_of(trainer: Trainer, callbacks: list[Callback]) -> bytes:
    """The state of a training as bytes, without its clock."""
    state = trainer.state(callbacks)
    return packed({**state, "at": {**state["at"], "seconds": 0.0}})


def resumes_everywhere(make: Callable[[], Training], *, every: int = 1, train: Callable[..., Any] = train) -> int:
    """Assert that a training resumed from any of its states is the same from there on; returns the number of states.

    `train` is called as the one of `bpexp.training.trainer`.
    """
    training = make()
    whole = Seen(training)
    train(training[0], [*training[1], whole])
    for number, state in list(enumerate(whole.states))[:-1:every]:
        again = make()
        rest = Seen(again)
        train(again[0], [*again[1], rest], unpacked(state))
        assert rest.states == whole.states[number + 1 :], f"after state {number}"
        assert rest.told == whole.told[len(whole.told) - len(rest.told) :]
    return len(whole.states)


def training_of(config: Config, keep: Callable[[int, Any], None]) -> Training:
    """The objects of a config, with its probes and its check, which tell `keep`, and no files."""
    experiment = build(config)

    class Kept:
        """In place of a journal."""

        metrics = staticmethod(keep)

    histograms = Histograms() if experiment.probe.histograms else None
    watching = observers(experiment, Kept(), histograms)  # type: ignore[arg-type]
    return experiment.trainer, [*watching, *experiment.callbacks]


def killed(plan: Plan, directory: Path, when: Callable[[Position], bool]) -> None:
    """Execute the run of a plan in a process of its own, which dies of SIGKILL within the step where `when` holds."""
    claim(directory, "run", named=True)
    child = os.fork()
    if child == 0:
        die_within(when)
        perform(plan.jobs[0].below(directory))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it came to its end"
    assert os.WTERMSIG(status) == signal.SIGKILL


def die_within(when: Callable[[Position], bool]) -> None:
    """Have this process kill itself within a step."""
    step = Trainer.step

    def deadly(self: Trainer, *args: Any) -> Step:
        done = step(self, *args)
        if when(self.at):
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    Trainer.step = deadly  # type: ignore[method-assign]


def rows(directory: Path) -> list[Row]:
    """The rows of a journal, those of the clock left out, sorted; a value that is not finite as text."""
    found = [row for _, line in read(directory / JOURNAL) for row in points(line)]
    return sorted(((n, repr(v), s) for n, v, s in found if n != "time/seconds"))  # type: ignore[misc]


def last_state(directory: Path) -> bytes:
    """The state in the newest checkpoint, without what depends on the clock or on the blocks of the journal."""
    state = read_checkpoint(checkpoints(directory)[-1]).state
    return packed({**state, "at": {**state["at"], "seconds": 0.0}})


def write_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after each step, without waiting for the disk."""

    def at_once(self: Checkpointing, cost: float) -> None:
        self._due = self._paid = 0.0

    monkeypatch.setattr(Checkpointing, "_plan", at_once)
    monkeypatch.setattr(os, "fsync", lambda number: None)
