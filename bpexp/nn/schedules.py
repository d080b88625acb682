"""Schedules: the factor of the learning rate at step t = 0, ..., T - 1.

Each has a parameter `warmup`: over that many first steps the factor rises linearly; t and T of the schedule itself are
counted from there.
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


def one(t: int, T: int) -> float:
    """Factor 1 at every step."""
    return 1.0


@schedules.register("constant")
def constant(warmup: Steps = 0) -> Schedule:
    """Factor 1: a constant learning rate.

    Args:
        warmup: first steps, over which the factor rises linearly from 1/warmup to 1.
    """
    return _after(warmup, one)


@schedules.register("warm_up")
def warm_up(warmup: Steps = 100) -> Schedule:
    """(t + 1) / warmup, then 1.

    Args:
        warmup: first steps, over which the factor rises linearly from 1/warmup to 1.
    """
    return constant(warmup)


@schedules.register("step")
def step(every: Count = 1000, factor: Share = 0.5, warmup: Steps = 0) -> Schedule:
    """factor^floor(t / every).

    Args:
        every: steps between two reductions.
        factor: of each reduction.
        warmup: first steps, over which the factor rises linearly from 1/warmup to 1.
    """
    return _after(warmup, lambda t, T: float(factor ** (t // every)))


@schedules.register("exponential")
def exponential(final: Share = 0.01, warmup: Steps = 0) -> Schedule:
    """final^(t / T): exponential decay from 1 towards `final`.

    Args:
        final: factor at t = T, one step after the last.
        warmup: first steps, over which the factor rises linearly from 1/warmup to 1.
    """
    return _after(warmup, lambda t, T: float(final ** (t / T)))


@schedules.register("cosine")
def cosine(final: Annotated[float, Range(least=0, most=1)] = 0.0, warmup: Steps = 0) -> Schedule:
    """final + (1 - final) (1 + cos(pi t / T)) / 2. Source: Loshchilov, Hutter (2017).

    Args:
        final: factor at t = T, one step after the last.
        warmup: first steps, over which the factor rises linearly from 1/warmup to 1.
    """
    return _after(warmup, lambda t, T: final + (1 - final) * 0.5 * (1 + math.cos(math.pi * t / T)))
