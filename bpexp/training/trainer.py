"""The training loop: gradient descent on mini-batches, told as a stream of events."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from bpexp.data.batches import Batches
from bpexp.data.dataset import Part
from bpexp.gradients.method import GradientMethod
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network
from bpexp.nn.optimizers import Optimizer
from bpexp.nn.penalties import Clip, Penalty
from bpexp.nn.schedules import Schedule
from bpexp.training.events import Callback, EpochEnded, Event, RunEnded, RunStarted, Status, Step, StopTraining
from bpexp.training.metrics import evaluate


@dataclass(frozen=True, slots=True, eq=False)
class Trainer:
    """Minimises the cost of `network` under `head` over the mini-batches; the only one that changes theta.

    `parts` are evaluated before the first epoch, after every `evaluate_every`-th and after the last, under their names.
    """

    network: Network
    head: Head
    method: GradientMethod
    optimizer: Optimizer
    schedule: Schedule
    batches: Batches
    parts: dict[str, Part]
    lr: float
    epochs: int
    evaluate_every: int = 1
    penalty: Penalty = field(default_factory=Penalty)
    clip: Clip = field(default_factory=Clip)

    def events(self) -> Generator[Event, None, None]:
        """Train, and tell it. A `StopTraining` thrown in at any event ends the run after it."""
        start = time.monotonic()
        epoch = index = 0
        status: Status = "finished"
        reason = "all epochs are done"
        try:
            yield RunStarted(self.network, self.head, self.method, self.epochs, len(self.batches))
            yield EpochEnded(0, 0, self.evaluate(), time.monotonic() - start)
            for epoch in range(1, self.epochs + 1):
                for step in self._epoch(epoch, index):
                    yield step
                    self.network.theta -= step.update
                    index = step.number + 1
                if epoch % self.evaluate_every and epoch < self.epochs:
                    continue
                metrics = self.evaluate()
                yield EpochEnded(epoch, index, metrics, time.monotonic() - start)
                self._require_finite(metrics["loss/train"], "after the epoch")
        except Diverged as diverged:
            status, reason = "diverged", f"{diverged} in epoch {epoch}, step {index}"
        except StopTraining as stop:
            status, reason = "stopped", str(stop)
        yield RunEnded(status, reason, epoch, index, time.monotonic() - start)

    def _epoch(self, epoch: int, index: int) -> Iterator[Step]:
        total = self.epochs * len(self.batches)
        theta = self.network.theta
        for t, (x, y) in enumerate(self.batches.epoch(), start=index):
            gradient = self.method(self.network, self.head, x, y)
            B = x.shape[1]
            loss = gradient.cost / (B * self.head.weight(B))
            self._require_finite(loss, "of the batch")
            lr = self.lr * self.schedule(t, total)
            update = self.optimizer.step(theta, self._direction(gradient.vector), lr)
            yield Step(t, epoch, loss, lr, x, y, gradient, update)

    def _direction(self, gradient: Array) -> Array:
        """The gradient as the optimizer gets it: of the penalised cost, clipped; the step's own stays as it is."""
        if not (self.penalty or self.clip):
            return gradient
        direction = gradient.copy()
        if self.penalty:
            self.penalty.add_slope(self.network, direction)
        if self.clip:
            self.clip.apply(direction)
        return direction

    def evaluate(self) -> dict[str, float]:
        """The metrics of every part, as `loss/train`, `accuracy/test`, ..., and the penalty where there is one."""
        metrics = {
            f"{metric}/{name}": value
            for name, part in self.parts.items()
            for metric, value in evaluate(self.network, self.head, part).items()
        }
        return metrics | {"penalty/weights": self.penalty.cost(self.network)} if self.penalty else metrics

    def _require_finite(self, loss: float, what: str) -> None:
        if not math.isfinite(loss):
            raise Diverged(f"the loss {what} is {loss}: {self._first_broken()}")

    def _first_broken(self) -> str:
        """The first layer, from the input, whose parameters or whose z on a few samples are not finite."""
        train = self.parts["train"]
        a, _ = train.batch(train.rows[:32])
        for l, layer in enumerate(self.network.layers, start=1):
            if not (np.isfinite(layer.W).all() and np.isfinite(layer.b).all()):
                return f"the parameters of layer {l} are not finite"
            z = layer.W @ a + layer.b
            if not np.isfinite(z).all():
                return f"z of layer {l} is not finite"
            a = layer.f.f(z)
        return f"the cost of layer {len(self.network.layers)}'s output is not finite"


class Diverged(ArithmeticError):
    """A cost that is not finite: a result of the experiment, which ends the run."""


def run(trainer: Trainer, callbacks: Sequence[Callback]) -> RunEnded:
    """Train to the end and tell each callback every event; answers with the last."""
    steppers = [callback.on_step for callback in callbacks if type(callback).on_step is not Callback.on_step]
    events = trainer.events()
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows shows up as a cost that is not finite
        event = next(events)
        while not isinstance(event, RunEnded):
            try:
                _tell(event, callbacks, steppers)
                event = next(events)
            except StopTraining as stop:
                event = events.throw(stop)
    for callback in callbacks:
        callback.on_end(event)
    return event


def _tell(event: Event, callbacks: Sequence[Callback], steppers: Iterable[Callable[[Step], None]]) -> None:
    if isinstance(event, Step):
        for on_step in steppers:
            on_step(event)
    elif isinstance(event, EpochEnded):
        for callback in callbacks:
            callback.on_epoch(event)
    elif isinstance(event, RunStarted):
        for callback in callbacks:
            callback.on_start(event)
