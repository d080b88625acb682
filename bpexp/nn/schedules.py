"""Schedules: what the learning rate is multiplied by at step t of T, counted from 0.

Each takes `warmup`, a number of first steps over which the factor rises in a straight line; the schedule proper starts
after them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

from bpexp.registry import Count, Range, Registry

Schedule = Callable[[int, int], float]
Steps = Annotated[int, Range(least=0)]
Share = Annotated[float, Range(above=0, most=1)]

schedules: Registry[Schedule] = Registry("schedule")


def _after(warmup: int, schedule: Schedule) -> Schedule:
    """(t + 1) / warmup over the first steps, then `schedule`."""
    if warmup == 0:
        return schedule
    return lambda t, T: (t + 1) / warmup if t < warmup else schedule(t - warmup, max(1, T - warmup))


@schedules.register("constant")
def constant(warmup: Steps = 0) -> Schedule:
    """The learning rate stays as it is: the factor is 1.

    Args:
        warmup: first steps, over which the factor rises from 0 to 1 in a straight line.
    """
    return _after(warmup, lambda t, T: 1.0)


@schedules.register("warm_up")
def warm_up(warmup: Steps = 100) -> Schedule:
    """(t + 1) / warmup, then 1.

    Args:
        warmup: first steps, over which the factor rises from 0 to 1 in a straight line.
    """
    return constant(warmup)


@schedules.register("step")
def step(every: Count = 1000, factor: Share = 0.5, warmup: Steps = 0) -> Schedule:
    """factor^floor(t / every).

    Args:
        every: steps between two reductions.
        factor: what the learning rate is multiplied by at each reduction.
        warmup: first steps, over which the factor rises from 0 to 1 in a straight line.
    """
    return _after(warmup, lambda t, T: float(factor ** (t // every)))


@schedules.register("exponential")
def exponential(final: Share = 0.01, warmup: Steps = 0) -> Schedule:
    """final^(t / T): a straight line on a logarithmic axis, from 1 down to `final`.

    Args:
        final: factor at the last step.
        warmup: first steps, over which the factor rises from 0 to 1 in a straight line.
    """
    return _after(warmup, lambda t, T: float(final ** (t / T)))


@schedules.register("cosine")
def cosine(final: Annotated[float, Range(least=0, most=1)] = 0.0, warmup: Steps = 0) -> Schedule:
    """final + (1 - final) (1 + cos(pi t / T)) / 2. Source: Loshchilov, Hutter (2017).

    Args:
        final: factor at the last step.
        warmup: first steps, over which the factor rises from 0 to 1 in a straight line.
    """
    return _after(warmup, lambda t, T: final + (1 - final) * 0.5 * (1 + math.cos(math.pi * t / T)))
