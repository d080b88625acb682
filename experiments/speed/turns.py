"""The turns of a round: the samples of each, and how many steps make one of about the wanted length."""

from __future__ import annotations

import numpy as np

from experiments.speed.ours import Bpexp
from experiments.speed.work import Case, Samples, Turn


def turn_of(case: Case, data: Samples, steps: int, seed: int) -> Turn:
    if case.B is None:
        return Turn(np.arange(len(data)), seed, len(data))
    rows = np.random.default_rng([3, seed]).choice(len(data), steps * case.B, replace=False)
    return Turn(rows, seed, case.B)


def steps_for(case: Case, data: Samples, seconds: float) -> int:
    """Steps that take bpexp about so long; no more than one epoch."""
    if case.B is None:
        return 1
    most = len(data) // case.B
    ours, few = Bpexp(case, data), min(60, most)
    for _ in range(3):
        ours.prepare(turn_of(case, data, few, 0))
        each = ours.go() / few
    return max(1, min(most, round(seconds / each)))
