"""The events of a training run, in the order in which they happen, and the hooks that callbacks get them by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from bpexp.gradients.method import Gradient, GradientMethod
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network

Status = Literal["finished", "stopped", "diverged"]


@dataclass(frozen=True, slots=True, eq=False)
class RunStarted:
    """Training begins: what is trained, and how long it will take at most."""

    network: Network
    head: Head
    method: GradientMethod
    epochs: int
    steps_per_epoch: int


class Step(NamedTuple):
    """One mini-batch, emitted between gradient and update: theta is still the one that the gradient belongs to.

    number counts updates from 0; loss is the mean C_k over the batch; x (n_0, B), y (n_L, B), the gradient and the
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

    metrics are those after `step` updates, seconds count from the start.
    """

    epoch: int
    step: int
    metrics: dict[str, float]
    seconds: float


@dataclass(frozen=True, slots=True)
class RunEnded:
    """Training is over: in full, stopped by a callback, or diverged; `reason` says it in a sentence."""

    status: Status
    reason: str
    epoch: int
    step: int
    seconds: float


class StopTraining(Exception):
    """Raised by a callback to end the run early; the message is the reason."""


class Callback:
    """Watches a run. Every hook is a no-op here; a callback overrides what it needs and only reads what it gets."""

    def on_start(self, event: RunStarted) -> None:
        """Before the first evaluation."""

    def on_step(self, event: Step) -> None:
        """Between the gradient and the update of each step."""

    def on_epoch(self, event: EpochEnded) -> None:
        """After each evaluation, the first of which is of the untrained network."""

    def on_end(self, event: RunEnded) -> None:
        """After the last step, whatever ended the run."""


def stride(every: int | str, total: int, points: int) -> int:
    """The number of steps between two measurements: `every`, or for "auto" what gives about `points` of `total`."""
    return max(1, round(total / points)) if every == "auto" else int(every)
