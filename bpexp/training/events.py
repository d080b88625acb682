"""The events of a training run, in the order in which they are emitted, and the hooks that receive them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from bpexp.gradients.method import Gradient, GradientMethod
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network

Status = Literal["finished", "stopped", "pruned", "diverged"]

State = dict[str, Any]
"""What an object has to know to go on in another process: plain values and NumPy arrays, by name, nested."""


@dataclass(frozen=True, slots=True, eq=False)
class RunStarted:
    """Training begins: the objects that are trained, and the largest number of epochs and steps.

    A training that was resumed begins with `epoch` and `step` of its checkpoint, and `resumed` is true.
    """

    network: Network
    head: Head
    method: GradientMethod
    epochs: int
    steps_per_epoch: int
    epoch: int = 0
    step: int = 0
    resumed: bool = False


class Step(NamedTuple):
    """One mini-batch, emitted after the gradient and before theta is updated.

    number counts updates from 0; loss is the mean C_k over the batch. x (n_0, B), y (n_L, B), the gradient and the
    update (P,), which will be subtracted from theta, are buffers that the next step overwrites.
    """

    number: int
    epoch: int
    loss: float
    lr: float
    x: Array
    y: Array
    gradient: Gradient
    update: Array


@dataclass(frozen=True, slots=True, eq=False)
class EpochEnded:
    """An epoch was evaluated; epoch 0 is the untrained network.

    metrics are those after `step` updates; seconds are counted from the start of training.
    """

    epoch: int
    step: int
    metrics: dict[str, float]
    seconds: float


@dataclass(frozen=True, slots=True)
class RunEnded:
    """Training is over: finished, stopped by a callback, pruned by a search, or diverged; `reason` is a sentence.

    `restored` is the epoch whose weights were put back over the last ones; None where theta holds the last ones.
    """

    status: Status
    reason: str
    epoch: int
    step: int
    seconds: float
    restored: int | None = None


@dataclass(slots=True)
class Position:
    """The progress of a training: its current epoch, the number of updates, and whether the epoch is over.

    An epoch is over when it was evaluated, if it was to be. `settled` is true while network, optimizer, batches and
    callbacks are in one consistent state: in the hooks `after_step` and `after_epoch`, and when all epochs are done.
    `started` is the reading of `time.monotonic` from which the seconds are counted.
    """

    epoch: int = 0
    step: int = 0
    over: bool = False
    settled: bool = False
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Seconds of training so far, those before a resume included."""
        return time.monotonic() - self.started

    def state(self) -> State:
        """For a checkpoint."""
        return {"epoch": self.epoch, "step": self.step, "over": self.over, "seconds": self.seconds}

    def load_state(self, state: State) -> None:
        """Go on from there; the seconds go on now."""
        self.epoch, self.step, self.over = state["epoch"], state["step"], state["over"]
        self.settled, self.started = False, time.monotonic() - state["seconds"]


class StopTraining(Exception):
    """Raised by a callback to end the run early; the message is the reason.

    With `restore_best` the run ends with the weights of its best epoch, which the trainer puts back. `status` is pruned
    where a search ended a trial that will not be its best.
    """

    def __init__(
        self, reason: str, *, restore_best: bool = False, status: Literal["stopped", "pruned"] = "stopped"
    ) -> None:
        super().__init__(reason)
        self.restore_best, self.status = restore_best, status


class Callback:
    """Observes a run. Every hook is a no-op here; a subclass overrides those it needs and must not change an event.

    A callback that remembers anything from one hook to the next says so in `state`, and takes it back in `load_state`.
    """

    def on_start(self, event: RunStarted) -> None:
        """Before the first evaluation."""

    def on_step(self, event: Step) -> None:
        """Between the gradient and the update of each step."""

    def next_step(self, number: int) -> int:
        """The first step from `number` on whose `on_step` it needs: runs that are trained together leave others out."""
        return number

    def after_step(self, at: Position) -> None:
        """After the update of each step, where network, optimizer and batches are in one consistent state."""

    def next_time(self) -> float:
        """The reading of `time.monotonic` before which it needs no `after_step`, as `next_step` is for `on_step`.

        Before it, it also needs no `after_epoch` of an epoch that is not evaluated.
        """
        return 0.0

    def after_epoch(self, at: Position) -> None:
        """After each epoch and its evaluation, if there was one, when everybody has seen it; epoch 0 included."""

    def on_epoch(self, event: EpochEnded) -> None:
        """After each evaluation, the first of which is of the untrained network."""

    def on_end(self, event: RunEnded) -> None:
        """After the last step, also if the run was stopped or diverged."""

    def state(self) -> State:
        """What it remembers, for a checkpoint; called in `after_step` or `after_epoch`. It may hand out its arrays."""
        return {}

    def load_state(self, state: State) -> None:
        """Take back what `state` gave; called after `on_start`, in a training that is resumed."""


class Losses(Callback):
    """A callback that needs loss and learning rate of every step, and nothing else of a step."""

    def on_losses(self, losses: Sequence[float], rates: Sequence[float]) -> None:
        """In place of `on_step`, for several steps in order, before any other hook of a later moment."""
        raise NotImplementedError


def stride(every: int | str, total: int, points: int) -> int:
    """Steps between two measurements: `every`, or for "auto" total / points, rounded, at least 1."""
    return max(1, round(total / points)) if every == "auto" else int(every)
