"""The training loop: gradient descent on mini-batches, with callbacks that receive its events."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bpexp.data.batches import Batches
from bpexp.data.dataset import Part
from bpexp.errors import CheckpointError
from bpexp.gradients.method import GradientMethod
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network
from bpexp.nn.optimizers import Optimizer
from bpexp.nn.penalties import Clip, Penalty
from bpexp.nn.schedules import Schedule
from bpexp.training.best import Best
from bpexp.training.evaluation import evaluate_parts
from bpexp.training.events import (
    Callback,
    EpochEnded,
    Position,
    RunEnded,
    RunStarted,
    State,
    Status,
    Step,
    StopTraining,
)
from bpexp.training.state import load_callbacks, state_of


@dataclass(frozen=True, slots=True, eq=False)
class Trainer:
    """Everything that the training loop needs to minimise the cost of `network` under `head`.

    `parts` are evaluated before the first epoch, after every `evaluate_every`-th and after the last; their keys are the
    second part of the metrics' names. `best` keeps the weights of the best evaluated epoch, and `at` how far the
    training is; both are those of the latest training, also of one that was interrupted. `method_rng` is the generator
    that `method` was prepared with, whose position a checkpoint holds.
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
    best: Best = field(default_factory=Best)
    at: Position = field(default_factory=Position)
    method_rng: np.random.Generator | None = None

    def step(self, epoch: int, number: int, x: Array, y: Array) -> Step:
        """Compute cost, gradient and update for x (n_0, B), y (n_L, B); theta is unchanged. Raises Diverged."""
        gradient = self.method(self.network, self.head, x, y)
        B = x.shape[1]
        loss = gradient.cost / (B * self.head.weight(B))
        self.require_finite(loss, "of the batch")
        lr = self.lr * self.schedule(number, self.epochs * len(self.batches))
        update = self.optimizer.step(self.network.theta, self.direction(gradient.vector), lr)
        return Step(number, epoch, loss, lr, x, y, gradient, update)

    def direction(self, gradient: Array) -> Array:
        """The gradient (P,) for the optimizer: of the cost with penalty, clipped; a copy if they change it."""
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
        return evaluate_parts(self.network, self.head, self.parts, self.penalty)

    def is_evaluated(self, epoch: int) -> bool:
        """Whether the parts are evaluated after an epoch."""
        return epoch % self.evaluate_every == 0 or epoch == self.epochs

    def require_finite(self, loss: float, what: str) -> None:
        """Raise Diverged, with the first layer that is not finite, for a loss that is not finite."""
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

    def restore(self) -> int | None:
        """Put the best epoch's weights into theta; the epoch, None where there is none or theta holds them already."""
        best, theta = self.best, self.network.theta
        if best.theta is None or best.step == self.at.step:
            return None
        best.replaced = theta.copy()
        theta[...] = best.theta
        return best.epoch

    def state(self, callbacks: Sequence[Callback] = ()) -> State:
        """What, together with config and data, determines every later step bit for bit; arrays are not copied.

        `steps` is the number of all steps, from which a schedule computes its factor.
        """
        at, batches, rng = self.at, self.batches, self.method_rng
        return {
            "at": at.state(),
            "theta": self.network.theta,
            "optimizer": self.optimizer.saved_state(),
            "batches": batches.state(at.step - max(at.epoch - 1, 0) * len(batches)),
            "method": self.method.state(),
            "method_rng": None if rng is None else rng.bit_generator.state,
            "best": self.best.state(),
            "steps": self.epochs * len(batches),
            "callbacks": state_of(callbacks),
        }

    def load_state(self, state: State) -> None:
        """Take back everything but the callbacks; raises CheckpointError for weights of another shape or type."""
        theta, found = self.network.theta, state["theta"]
        if (found.shape, found.dtype) != (theta.shape, theta.dtype):
            raise CheckpointError(
                f"the checkpoint holds {found.size} parameters of {found.dtype}, but the network has {theta.size} of "
                f"{theta.dtype}; it is of another network"
            )
        theta[...] = found
        self.optimizer.load_state(state["optimizer"])
        self.batches.load_state(state["batches"])
        self.method.load_state(state["method"])
        if self.method_rng is not None:
            self.method_rng.bit_generator.state = state["method_rng"]
        self.best.load_state(state["best"])
        self.at.load_state(state["at"])


class Diverged(ArithmeticError):
    """A cost is not finite: the run ends with the status `diverged`."""


def train(trainer: Trainer, callbacks: Sequence[Callback], resumed: State | None = None) -> RunEnded:
    """Train to the end, calling the hooks of every callback; returns the final event.

    A callback stops the run by raising StopTraining; no event but RunEnded follows. A cost that is not finite ends the
    run with the status `diverged` and raises nothing. `resumed` is what `Trainer.state` gave in an earlier
    process: the training goes on from there.
    """
    why: Diverged | StopTraining | None = None
    with np.errstate(over="ignore", invalid="ignore"):  # an overflow makes the cost not finite, which is detected
        try:
            begin(trainer, callbacks, resumed)
            if resumed is None:
                end_epoch(trainer, callbacks, trainer.evaluate())
            _loop(trainer, callbacks)
        except (Diverged, StopTraining) as found:
            why = found
    return end(trainer, callbacks, why)


def end(trainer: Trainer, callbacks: Sequence[Callback], why: Diverged | StopTraining | None = None) -> RunEnded:
    """The final event of a training that is over, after every callback has seen it; `why` is None for a whole one."""
    at = trainer.at
    status: Status = "finished"
    reason, restored = "all epochs are done", None
    if isinstance(why, Diverged):
        status, reason = "diverged", f"{why} in epoch {at.epoch}, step {at.step}"
    elif why is not None:
        status, reason = why.status, str(why)
        restored = trainer.restore() if why.restore_best else None
    ended = RunEnded(status, reason, at.epoch, at.step, at.seconds, restored)
    for callback in callbacks:
        callback.on_end(ended)
    return ended


def begin(trainer: Trainer, callbacks: Sequence[Callback], resumed: State | None = None) -> None:
    """Forget an earlier training, or take back the state of the one that is resumed, and tell everybody."""
    at = trainer.at
    at.load_state({"epoch": 0, "step": 0, "over": False, "seconds": 0.0})
    trainer.best.clear()
    if resumed is not None:
        trainer.load_state(resumed)
    steps = len(trainer.batches)
    network, head, method = trainer.network, trainer.head, trainer.method
    first = RunStarted(network, head, method, trainer.epochs, steps, at.epoch, at.step, resumed is not None)
    for callback in callbacks:
        callback.on_start(first)
    if resumed is not None:
        load_callbacks(callbacks, resumed["callbacks"])


def _loop(trainer: Trainer, callbacks: Sequence[Callback]) -> None:
    """Gradient descent on mini-batches; `trainer.at` is kept up to date."""
    at, network, batches = trainer.at, trainer.network, trainer.batches
    watching = [c.on_step for c in callbacks if type(c).on_step is not Callback.on_step]
    updated = [c.after_step for c in callbacks if type(c).after_step is not Callback.after_step]
    for epoch in range(at.epoch + at.over, trainer.epochs + 1):
        at.epoch, at.over = epoch, False
        for x, y in batches.epoch() if at.step < at.epoch * len(batches) else ():
            step = trainer.step(at.epoch, at.step, x, y)
            for on_step in watching:
                on_step(step)
            network.theta -= step.update
            at.step += 1
            at.settled = True
            for after_step in updated:
                after_step(at)
            at.settled = False
        end_epoch(trainer, callbacks, trainer.evaluate() if trainer.is_evaluated(epoch) else None)
    at.settled = True


def end_epoch(trainer: Trainer, callbacks: Sequence[Callback], metrics: dict[str, float] | None) -> None:
    """Tell everybody that an epoch is over, and its metrics if it was evaluated; raises Diverged."""
    at = trainer.at
    if metrics is not None:
        trainer.best.consider(metrics, trainer.network.theta, epoch=at.epoch, step=at.step)
        event = EpochEnded(at.epoch, at.step, metrics, at.seconds)
        for callback in callbacks:
            callback.on_epoch(event)
        if at.epoch:  # an untrained network may have an infinite cost and still be trainable
            trainer.require_finite(metrics["loss/train"], "after the epoch")
    at.over = at.settled = True
    for callback in callbacks:
        callback.after_epoch(at)
    at.settled = False
