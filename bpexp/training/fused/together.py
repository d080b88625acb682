"""The loop of trainings that are done together, with the steps, events and ends of `bpexp.training.trainer.train`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from bpexp.gradients.backprop import Backprop
from bpexp.gradients.method import Gradient
from bpexp.nn.arrays import Array
from bpexp.nn.network import Workspace
from bpexp.nn.stack import Stack, one_head
from bpexp.training.events import Step
from bpexp.training.fused.evaluation import evaluate_all
from bpexp.training.fused.feed import OneOrder, OwnOrders
from bpexp.training.fused.member import Member
from bpexp.training.fused.updates import Rates, Updates
from bpexp.training.watched import NEVER

BLOCK = 256
"""Steps whose losses are passed on at once."""


class Pass(NamedTuple):
    """One step of a stack before the update: costs, losses and learning rates (K,), gradients (K, P), and the pass."""

    costs: Array
    gradient: Array
    work: Workspace
    losses: Array
    rates: Array


class Together:
    """Trainings of one shape, batch size, dtype and reduction of the batch, in lockstep.

    `members` are those that are being trained, `left` those that have ended and that nobody has taken away yet. A
    member that ends within an epoch keeps its row until the end of it, where nobody looks at it any more; the rows of
    the others do not depend on it.

    Args:
        members: trainings that have not begun.
        one_order: whether their batches hold the same samples in the same order.
    """

    def __init__(self, members: Sequence[Member], *, one_order: bool) -> None:
        self.members, self.left = list(members), list[Member]()
        self._one_order = one_order
        self._epoch = self._step = 0
        self._losses = np.empty((BLOCK, len(members)))
        self._rates = np.empty((BLOCK, len(members)))
        self._kept = 0
        self._between = False
        self._next_step = self._next_time = 0.0
        self._gone: list[int] = []
        self._make()

    def begin(self, check: Callable[[], None]) -> None:
        """Tell everybody, and evaluate the untrained networks."""
        for member in self.members:
            member.begin()
            check()
        with np.errstate(over="ignore", invalid="ignore"):
            self._end_epoch()

    def epoch(self, check: Callable[[], None]) -> None:
        """Train for one epoch; `check` is called between two steps, and may raise what ends all of them."""
        self._epoch += 1
        with np.errstate(over="ignore", invalid="ignore"):
            for x, y in self._feed.epoch():
                self._between = True
                check()
                self._between = False
                self._train(x, y)
                if self._gone and len(self._gone) == len(self.members):
                    break
            self._end_epoch()

    def settle(self) -> None:
        """Give every trainer the state after the last step, if all are between two steps."""
        if not self._between:
            return
        self._pass_on_losses()
        self._settle()
        for member in self._alive():
            at = member.trainer.at
            at.epoch, at.step, at.over, at.settled = self._epoch, self._step, False, True

    def _make(self) -> None:
        """The stack of the members, and what works on it."""
        trainers = [member.trainer for member in self.members]
        kinds = [member.kinds for member in self.members]
        self._stack = Stack([trainer.network for trainer in trainers], [kind.hidden for kind in kinds])
        self._head = one_head([kind.head for kind in kinds], [trainer.head for trainer in trainers])
        method = trainers[0].method
        assert isinstance(method, Backprop)
        self._method = Backprop(method.piece, method.blocks)
        samplers = [trainer.batches for trainer in trainers]
        self._feed = OneOrder(samplers) if self._one_order else OwnOrders(samplers)
        self._rhythms = list({(trainer.evaluate_every, trainer.epochs): trainer for trainer in trainers}.values())
        self._rating, self._updates = Rates(self.members), Updates(self.members)

    def _train(self, x: Array, y: Array) -> None:
        """One step of all."""
        B, number, members = x.shape[-1], self._step, self.members
        costs, gradient, work = self._method.stacked(self._stack, self._head, x, y)
        losses = costs / (B * self._head.weight(B))
        if self._gone:
            losses[self._gone] = 0.0
        if not math.isfinite(np.add.reduce(losses)):
            self._diverge(losses)
        rates = self._rating.at(number)
        self._updates.compute(self._stack.theta, gradient, rates)
        self._losses[self._kept, : len(members)], self._rates[self._kept, : len(members)] = losses, rates
        self._kept += 1
        if number >= self._next_step:
            self._tell(x, y, Pass(costs, gradient, work, losses, rates))
        self._updates.apply(self._stack.theta)
        self._step += 1
        if self._kept == BLOCK:
            self._pass_on_losses()
            self._look_ahead()
        if time.monotonic() >= self._next_time:
            self._after_step()

    def _tell(self, x: Array, y: Array, done: Pass) -> None:
        """Show the step to those who need it."""
        for k, member in enumerate(self.members):
            if member.ended is None and member.next_step <= self._step:
                own = x if x.ndim == 2 else x[k]
                work = _of(done.work, own, k)
                gradient = Gradient(float(done.costs[k]), done.gradient[k], work)
                numbers = self._step, self._epoch, float(done.losses[k]), float(done.rates[k])
                member.on_step(Step(*numbers, own, y[k].T, gradient, self._updates.of(k)))
        self._look_ahead()

    def _diverge(self, losses: Array) -> None:
        """End the trainings whose loss is not finite."""
        self._pass_on_losses()
        for member, loss in zip(self.members, losses.tolist(), strict=True):
            if member.ended is None:
                member.diverge(self._epoch, self._step, loss)
        self._look_ahead()

    def _pass_on_losses(self) -> None:
        for k, member in enumerate(self.members if self._kept else ()):
            member.on_losses(self._losses[: self._kept, k], self._rates[: self._kept, k])
        self._kept = 0

    def _after_step(self) -> None:
        """Call those who wait for a time."""
        self._pass_on_losses()
        self._settle()
        now = time.monotonic()
        for member in self._alive():
            if member.next_time <= now:
                member.after_step(self._epoch, self._step)
        self._look_ahead()

    def _end_epoch(self) -> None:
        """Evaluate where that is due, tell everybody, and go on without those that have ended."""
        due = any(trainer.is_evaluated(self._epoch) for trainer in self._rhythms)
        if due or time.monotonic() >= self._next_time or self._gone:
            self._pass_on_losses()
            self._settle()
            metrics = evaluate_all(self._stack, self.members) if due else [{} for _ in self.members]
            for member, found in zip(self.members, metrics, strict=True):
                if member.ended is None:
                    member.end_epoch(self._epoch, self._step, found)
            self._part()
            self._look_ahead()

    def _part(self) -> None:
        """Go on without the members that have ended."""
        if len(alive := self._alive()) < len(self.members):
            self.left += [member for member in self.members if member.ended is not None]
            self.members = alive
            if self.members:
                self._make()

    def _settle(self) -> None:
        """Hand what is computed for all to the trainers, whose state is then that of a training alone."""
        self._updates.settle()
        self._feed.settle(self._step - max(self._epoch - 1, 0) * len(self.members[0].trainer.batches))

    def _alive(self) -> list[Member]:
        return [member for member in self.members if member.ended is None]

    def _look_ahead(self) -> None:
        alive = self._alive()
        self._gone = [k for k, member in enumerate(self.members) if member.ended is not None]
        self._next_step = min((member.next_step for member in alive), default=NEVER)
        self._next_time = min((member.next_time for member in alive), default=NEVER)


def _of(work: Workspace, x: Array, k: int) -> Workspace:
    """The pass of network k; x (n_0, B) is its batch."""
    z, a, slope, delta = ([array[k] for array in arrays] for arrays in (work.z, work.a, work.slope, work.delta))
    return Workspace(x, z, a, slope, delta, work.products, work.weight)
