"""The comparison of every arm with the best one, which accounts for having chosen the best from the same runs.

The arms are paired by seed: t_j = mean(d_j) / (s_j / sqrt(n)) with d_j = best - arm j, seed by seed, and a variance of
its own for each pair. Which arm is the best is not known before, so that even of equal arms the largest t_j is large.
Its distribution is simulated: k arms with equal means and equal variances, which of the variances that were tried gives
the largest values (`experiments/statistics`), the best chosen in each simulated study anew. For two arms this is the
paired t-test. The idea is that of multiple comparisons with the best: Hsu, Annals of Statistics 9 (1981).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from bpexp.study.measures import Measure
from bpexp.study.statistics import (
    EQUAL,
    LEVEL,
    MINIMUM,
    Interval,
    Values,
    coarse,
    finite,
    seeds_for_signs,
    sign_flip_p,
)

SIMULATED = 20_000
"""Simulated studies behind a critical value; its error is about 0.3 % of the level 5 %."""

AT_ONCE = 1_000_000
"""Simulated numbers that are held in memory at once."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Best arm minus another one: the simultaneous 95 % interval and the p-value, both over all arms.

    `first` and `second` are the places of the arms in the table that was compared. `worse` is true if the other arm is
    worse with p <= 5 %; `note` says why it cannot be judged.
    """

    first: int
    second: int
    interval: Interval
    p: float
    worse: bool
    note: str = ""


def compare(table: pd.DataFrame, measure: Measure) -> list[Comparison]:
    """Compare the first column with each other one; one row for each seed, the columns ordered from the best on."""
    if table.shape[1] < 2 or table.empty:
        return []
    best, *others = table.columns
    gaps = {arm: finite(table[best] - table[arm]) for arm in others}
    counts = [len(gap) for gap in gaps.values() if len(gap) >= MINIMUM]
    null = largest_t(table.shape[1], min(counts)) if counts else np.full(1, math.nan)
    critical = float(np.quantile(null, LEVEL))
    found = []
    for arm, gap in gaps.items():
        interval = _interval(gap, critical)
        p, note = _p(gap, null, table.shape[1], measure)
        found.append(Comparison(int(best), int(arm), interval, p, p <= 1 - LEVEL, note))
    return found


def _interval(gap: Values, critical: float) -> Interval:
    """mean +- critical * s / sqrt(n), without bounds where too few seeds have both arms."""
    mean, n = (float(gap.mean()) if len(gap) else math.nan), len(gap)
    half = critical * float(gap.std(ddof=1)) / math.sqrt(n) if n >= MINIMUM else math.nan
    return Interval(mean, mean - half, mean + half, n)


def _p(gap: Values, null: Values, arms: int, measure: Measure) -> tuple[float, str]:
    """The p of a difference that is better for the best arm, and what hinders a decision."""
    n, ahead = len(gap), -gap if measure.lower_is_better else gap
    if n < MINIMUM:
        return math.nan, f"a comparison needs at least {MINIMUM} seeds"
    mean, error = float(ahead.mean()), float(ahead.std(ddof=1)) / math.sqrt(n)
    constant = error <= EQUAL * abs(mean)
    p = float(mean <= 0) if constant else float(1 + np.sum(null >= mean / error)) / (1 + len(null))
    if not (measure.discrete or coarse(gap)):
        return p, ""
    pairs = arms * (arms - 1) // 2  # Student's t takes repeated values for precision
    least = seeds_for_signs((1 - LEVEL) / pairs)
    note = f"values repeat, so signs are tested, which can decide from {least} seeds on" if n < least else ""
    return max(p, min(1.0, pairs * sign_flip_p(gap))), note


@lru_cache(maxsize=64)
def largest_t(arms: int, seeds: int) -> Values:
    """Simulated values of the largest paired t of the best of equal arms against the others."""
    rng = np.random.default_rng([arms, seeds])
    piece = max(1, min(SIMULATED, AT_ONCE // (arms * seeds)))
    sizes = [min(piece, SIMULATED - start) for start in range(0, SIMULATED, piece)]
    return np.concatenate([_largest(rng.standard_normal((size, seeds, arms))) for size in sizes])


def _largest(x: Values) -> Values:
    """The largest paired t in each study; x (studies, seeds, arms)."""
    studies, n, _ = x.shape
    best = x.mean(axis=1).argmax(axis=1)
    gap = np.take_along_axis(x, best[:, None, None], axis=2) - x
    gap[np.arange(studies), :, best] = np.arange(n) - n  # the best against itself: replaced by what is never largest
    t = gap.mean(axis=1) / (gap.std(axis=1, ddof=1) / math.sqrt(n))
    return np.asarray(t.max(axis=1), dtype=np.float64)
