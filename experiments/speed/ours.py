"""What is measured of bpexp."""

from __future__ import annotations

import numpy as np

from bpexp.data.batches import Batches
from bpexp.gradients.backprop import backprop
from bpexp.nn.optimizers import optimizers
from bpexp.nn.schedules import schedules
from bpexp.training.events import Callback, EpochEnded, RunEnded, Step
from bpexp.training.trainer import Trainer, train
from experiments.speed.clock import now
from experiments.speed.work import Array, Case, Samples, Turn, head, network

PIECE = backprop().piece
"""Samples that bpexp walks at once unless told otherwise."""


class Stopwatch(Callback):
    """Seconds from the end of the first evaluation to the end of the last."""

    start = 0.0

    def on_epoch(self, event: EpochEnded) -> None:
        self.seconds = now() - self.start if event.epoch else 0.0
        self.start = now()


class Losses(Callback):
    """The loss of each step; for the comparison, not for the timing."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def on_step(self, event: Step) -> None:
        self.values.append(event.loss)


class Bpexp:
    """`run` of a `Trainer` over one epoch of `Batches`: gather, cost, gradient, the step and its events.

    The evaluation that ends an epoch is of one sample here, and within the time.
    """

    def __init__(self, case: Case, data: Samples, piece: int = PIECE) -> None:
        self.case, self.data = case, data
        self.network, self.head, self.method = network(case), head(case), backprop(piece=piece)
        self.theta0 = self.network.theta.copy()
        self.schedule = schedules.build("constant")

    def prepare(self, turn: Turn) -> None:
        self.network.theta[...] = self.theta0
        self.trainer = Trainer(
            network=self.network,
            head=self.head,
            method=self.method,
            optimizer=optimizers.build(self.case.optimizer),
            schedule=self.schedule,
            batches=Batches(self.data.part(turn.rows), turn.B, np.random.default_rng(turn.seed)),
            parts={"train": self.data.part(turn.rows[:1])},
            lr=self.case.lr,
            epochs=1,
        )

    def go(self) -> float:
        watch = Stopwatch()
        ended = self.train([watch])
        assert ended.status == "finished", ended.reason
        return watch.seconds

    def mean_loss(self, turn: Turn) -> float:
        """The mean of the losses of a turn's steps, weighted alike; trains like `go`, but watched."""
        losses = Losses()
        self.prepare(turn)
        self.train([losses])
        return float(np.mean(losses.values))

    def train(self, callbacks: list[Callback]) -> RunEnded:
        """Train with the engine that is measured."""
        return train(self.trainer, callbacks)

    def theta(self) -> Array:
        return self.network.theta


class Compiled(Bpexp):
    """The same training with engine=numba, compiled before its turn."""

    def prepare(self, turn: Turn) -> None:
        from bpexp.training.compiled.forms import Declared
        from bpexp.training.compiled.steps import CompiledSteps

        super().prepare(turn)
        parts = self.case.parts
        nodes = [{"name": parts.hidden} for _ in self.network.hidden]
        self.steps = CompiledSteps(self.trainer, Declared(nodes, {"name": parts.output}, {"name": parts.loss}))

    def train(self, callbacks: list[Callback]) -> RunEnded:
        from bpexp.training.compiled.loop import Loop

        return Loop(self.steps, callbacks).train()
