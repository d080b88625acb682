"""A turn of K networks that differ in their learning rate, on the same batches: one by one, and all together.

Equal work is asserted: after the same turn everybody's networks have the same losses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from bpexp.training.fused.member import Kinds, Member
from bpexp.training.fused.together import Together
from experiments.speed.clock import now
from experiments.speed.equality import CHECKED, TOLERANCE, loss_at, require_equal
from experiments.speed.ours import Bpexp
from experiments.speed.peer_jax import Jax, JaxSweep
from experiments.speed.turns import turn_of
from experiments.speed.work import Array, Case, Samples, Turn


class OneByOne:
    """bpexp's training of one network after another."""

    def __init__(self, cases: Sequence[Case], data: Samples) -> None:
        self.those = [Bpexp(case, data) for case in cases]

    def __call__(self, turn: Turn) -> float:
        seconds = 0.0
        for one in self.those:
            one.prepare(turn)
            seconds += one.go()
        return seconds

    def thetas(self) -> list[Array]:
        return [one.theta() for one in self.those]


class JaxOneByOne:
    """JAX's training of one network after another, by one compiled function, to which the learning rate is given."""

    def __init__(self, cases: Sequence[Case], data: Samples) -> None:
        self.cases, self.one = cases, Jax(cases[0], data)

    def __call__(self, turn: Turn) -> float:
        seconds, self.ends = 0.0, list[Array]()
        for case in self.cases:
            self.one.case = case
            self.one.prepare(turn)
            seconds += self.one.go()
            self.ends.append(self.one.theta())
        return seconds

    def thetas(self) -> list[Array]:
        return self.ends


class Fused:
    """bpexp's training of all networks as one batched computation, as `launcher.fuse=auto` does it."""

    def __init__(self, cases: Sequence[Case], data: Samples) -> None:
        self.those = [Bpexp(case, data) for case in cases]

    def __call__(self, turn: Turn) -> float:
        for one in self.those:
            one.prepare(turn)
        case = self.those[0].case
        kinds = Kinds((case.parts.hidden,) * (len(case.sizes) - 2), case.parts.loss, case.optimizer, "constant")
        start = now()
        training = Together([Member(one.trainer, [], kinds=kinds) for one in self.those], one_order=True)
        training.begin(lambda: None)
        while training.members:
            training.epoch(lambda: None)
        return now() - start

    def thetas(self) -> list[Array]:
        return [one.theta() for one in self.those]


class Vmap:
    """JAX's training of all networks as one compiled call."""

    def __init__(self, cases: Sequence[Case], data: Samples) -> None:
        self.sweep = JaxSweep(cases[0], data, [case.lr for case in cases])

    def __call__(self, turn: Turn) -> float:
        self.sweep.prepare(turn)
        return self.sweep.go()

    def thetas(self) -> list[Array]:
        return self.sweep.thetas()


def sweepers(case: Case, data: Samples, K: int, *, jax: bool) -> dict[str, Callable[[Turn], float]]:
    """Who trains the K networks, as calls that take a turn and return its seconds; all have done the same work."""
    cases = [replace(case, rate=case.lr * (1 + k / K)) for k in range(K)]
    found: dict[str, OneByOne | Fused | JaxOneByOne | Vmap] = {
        "bpexp, one by one": OneByOne(cases, data),
        "bpexp, fused": Fused(cases, data),
    }
    if jax:
        found |= {"JAX, one by one": JaxOneByOne(cases, data), "JAX, vmap": Vmap(cases, data)}
    turn = turn_of(case, data, CHECKED, 0)
    losses = {}
    for name, one in found.items():
        one(turn)
        losses[name] = np.array([loss_at(each, data, theta) for each, theta in zip(cases, one.thetas(), strict=True)])
    for name, those in losses.items():
        difference = np.abs(those / losses["bpexp, one by one"] - 1).max()
        require_equal(name, float(difference), TOLERANCE[case.optimizer])
    return {**found}
