"""Schedules: what the learning rate is multiplied by at step t of T, counted from 0.

Each takes `warmup`, a number of first steps over which the factor rises in a straight line; the schedule proper starts
after them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from bpexp.errors import ConfigError
from bpexp.registry import Registry

Schedule = Callable[[int, int], float]

schedules: Registry[Schedule] = Registry("schedule")


def _after(warmup: int, schedule: Schedule) -> Schedule:
    """(t + 1) / warmup over the first steps, then `schedule`."""
    if warmup < 0:
        raise ConfigError(f"warmup must be at least 0 steps, not {warmup!r}")
    if warmup == 0:
        return schedule
    return lambda t, T: (t + 1) / warmup if t < warmup else schedule(t - warmup, max(1, T - warmup))


@schedules.register("constant")
def constant(warmup: int = 0) -> Schedule:
    """1."""
    return _after(warmup, lambda t, T: 1.0)


@schedules.register("warm_up")
def warm_up(warmup: int = 100) -> Schedule:
    """(t + 1) / warmup, then 1."""
    return constant(warmup)


@schedules.register("step")
def step(every: int = 1000, factor: float = 0.5, warmup: int = 0) -> Schedule:
    """factor^floor(t / every)."""
    if every < 1:
        raise ConfigError(f"every must be at least 1 step, not {every!r}")
    if not 0 < factor <= 1:
        raise ConfigError(f"factor must be in (0, 1], not {factor!r}")
    return _after(warmup, lambda t, T: float(factor ** (t // every)))


@schedules.register("exponential")
def exponential(final: float = 0.01, warmup: int = 0) -> Schedule:
    """final^(t / T): a straight line on a logarithmic axis, from 1 down to `final`."""
    if not 0 < final <= 1:
        raise ConfigError(f"final must be in (0, 1], not {final!r}")
    return _after(warmup, lambda t, T: float(final ** (t / T)))


@schedules.register("cosine")
def cosine(final: float = 0.0, warmup: int = 0) -> Schedule:
    """final + (1 - final) (1 + cos(pi t / T)) / 2. Source: Loshchilov, Hutter (2017)."""
    if not 0 <= final <= 1:
        raise ConfigError(f"final must be in [0, 1], not {final!r}")
    return _after(warmup, lambda t, T: final + (1 - final) * 0.5 * (1 + math.cos(math.pi * t / T)))
