"""What a training run tells those who watch it: frozen events, in the order in which they happen."""

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
    """One mini-batch, told between gradient and update: theta is still the one that the gradient belongs to.

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


Event = RunStarted | Step | EpochEnded | RunEnded


class StopTraining(Exception):
    """Raised by a callback to end the run early; the message is the reason."""


class Callback:
    """Watches a run. The hooks do nothing here; a callback overrides what it needs and changes nothing it sees."""

    def on_start(self, event: RunStarted) -> None:
        """Before the first evaluation."""

    def on_step(self, event: Step) -> None:
        """Between the gradient and the update of each step."""

    def on_epoch(self, event: EpochEnded) -> None:
        """After each evaluation, the first of which is of the untrained network."""

    def on_end(self, event: RunEnded) -> None:
        """After the last step, whatever ended the run."""
