"""The updates of a stack: one optimizer for neighbours with equal constants, else each member's own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bpexp.nn.arrays import Array
from bpexp.nn.stack import runs
from bpexp.training.fused.member import Member

TOGETHER = 2**18
"""Bytes of parameters that one optimizer steps at most: beyond, its vectors leave the processor's cache."""


class Rates:
    """The learning rates (K,) of a step, each as its own schedule has it; the same array while none changes."""

    def __init__(self, members: Sequence[Member]) -> None:
        trainers = [member.trainer for member in members]
        self._lr = np.array([trainer.lr for trainer in trainers])
        lengths = [trainer.epochs * len(trainer.batches) for trainer in trainers]
        names = list(zip((member.kinds.schedule for member in members), lengths, strict=True))
        distinct = list(dict.fromkeys(names))
        self._which = [distinct.index(name) for name in names]
        self._schedules = [(trainers[names.index(name)].schedule, name[1]) for name in distinct]
        self._factors: list[float] = []
        self._rates: Array = self._lr

    def at(self, number: int) -> Array:
        """The rates of step `number`."""
        factors = [schedule(number, steps) for schedule, steps in self._schedules]
        if factors != self._factors:
            self._factors = factors
            self._rates = self._lr * np.array(factors)[self._which]
        return self._rates


class Updates:
    """What is subtracted from theta (K, P), and the state of the optimizers."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._parts: list[Joint | Alone] = [
            Joint(members[rows], rows) if rows.stop - rows.start > 1 else Alone(members[rows.start], rows.start)
            for rows in _parts(members)
        ]

    def compute(self, theta: Array, gradient: Array, rates: Array) -> None:
        """Make one step of every optimizer, from theta and gradients (K, P) and the learning rates (K,)."""
        for part in self._parts:
            part.compute(theta, gradient, rates)

    def apply(self, theta: Array) -> None:
        """Subtract the updates from theta (K, P)."""
        for part in self._parts:
            theta[part.rows] -= part.update

    def of(self, k: int) -> Array:
        """The update (P,) of member k."""
        return next(p.update.reshape(-1, p.update.shape[-1])[k - p.first] for p in self._parts if k < p.stop)

    def settle(self) -> None:
        """Hand the state of the optimizers to the trainers; the arrays are views."""
        for part in self._parts:
            part.settle()


class Joint:
    """One optimizer for several rows."""

    def __init__(self, members: Sequence[Member], rows: slice) -> None:
        self.rows, self.first, self.stop = rows, rows.start, rows.stop
        self._optimizers = [member.trainer.optimizer for member in members]
        self._optimizer = self._optimizers[0].for_all([optimizer.saved_state() for optimizer in self._optimizers])
        self._seen: Array | None = None
        self.update = np.empty(0)

    def compute(self, theta: Array, gradient: Array, rates: Array) -> None:
        if rates is not self._seen:
            self._seen, own = rates, rates[self.rows]
            self._lr = float(own[0]) if (own == own[0]).all() else own[:, None]
        self.update = self._optimizer.step(theta[self.rows], gradient[self.rows], self._lr)

    def settle(self) -> None:
        for k, optimizer in enumerate(self._optimizers):
            optimizer.load_state(self._optimizer.state_of(k))


class Alone:
    """The optimizer of one member, whose penalty and clipping come first."""

    def __init__(self, member: Member, k: int) -> None:
        self.rows, self.first, self.stop = k, k, k + 1
        self._member, self._trainer = member, member.trainer
        self.update = np.zeros_like(member.trainer.network.theta)

    def compute(self, theta: Array, gradient: Array, rates: Array) -> None:
        trainer = self._trainer
        if self._member.ended is None:
            direction = trainer.direction(gradient[self.rows])
            self.update = trainer.optimizer.step(theta[self.rows], direction, float(rates[self.rows]))

    def settle(self) -> None:
        """No-op: the state is where it belongs."""


def _parts(members: Sequence[Member]) -> list[slice]:
    """Neighbours with equal constants, as many as fit; a member whose gradient is changed is alone."""
    trainers = [member.trainer for member in members]
    changed = [bool(trainer.penalty or trainer.clip) for trainer in trainers]
    names = [f"{k}" if changed[k] else member.kinds.optimizer for k, member in enumerate(members)]
    most = max(1, TOGETHER // trainers[0].network.theta.nbytes)
    starts = [(start, rows.stop) for rows, _ in runs(names) for start in range(rows.start, rows.stop, most)]
    return [slice(start, min(start + most, stop)) for start, stop in starts]
