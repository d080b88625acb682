"""The statistics of one sample, a number for each seed: intervals, tests, and what makes them doubtful; from scipy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

LEVEL = 0.95
"""The confidence level of an interval that stands alone."""

MINIMUM = 5
"""Fewest seeds that decide anything: see `experiments/statistics`."""

RESAMPLES = 9_999
"""Resamples of a sign-flip test with so many values that not all their signs are tried."""

EQUAL = 1e-9
"""Relative distance below which two values are the same."""

Values = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean of n values and its interval, at 95 % unless `level` says otherwise; no bounds for fewer than two."""

    mean: float
    low: float
    high: float
    n: int
    level: float = LEVEL

    def inside(self, bounds: tuple[float, float]) -> Interval:
        """The interval without what lies outside the bounds of its quantity, where the true mean cannot be."""
        low, high = (min(max(end, bounds[0]), bounds[1]) for end in (self.low, self.high))
        return self if math.isnan(self.low) else replace(self, low=low, high=high)

    def __str__(self) -> str:
        if math.isnan(self.mean):
            return "no runs"
        if math.isnan(self.low):
            return f"{self.mean:.4g}"
        return f"{self.mean:.4g} [{self.low:.4g}, {self.high:.4g}]"


def mean_interval(values: ArrayLike, level: float = LEVEL) -> Interval:
    """Mean and Student's interval: mean +- t * s / sqrt(n), over the finite values."""
    x = finite(values)
    if len(x) < 2:
        return Interval(float(x.mean()) if len(x) else math.nan, math.nan, math.nan, len(x), level)
    if np.ptp(x) == 0:
        return Interval(float(x[0]), float(x[0]), float(x[0]), len(x), level)
    mean, error = _mean_and_error(x)
    half = float(special.stdtrit(len(x) - 1, (1 + level) / 2)) * error
    return Interval(mean, mean - half, mean + half, len(x), level)


def _mean_and_error(x: Values) -> tuple[float, float]:
    """The mean and its standard error s / sqrt(n)."""
    return float(x.mean()), float(x.std(ddof=1)) / math.sqrt(len(x))


def student_p(values: ArrayLike, bound: float = 0.0) -> float:
    """Two-sided p of a t-test that the mean is `bound`; NaN of fewer than two values.

    Of equal values it is 1 at the bound and 0 elsewhere, which no test may rely on: see `p_value`.
    """
    x = finite(values)
    if len(x) < 2:
        return math.nan
    if np.ptp(x) <= 1e-12 * np.abs(x).max():  # equal but for rounding
        return 1.0 if math.isclose(x[0], bound, rel_tol=EQUAL, abs_tol=0.0) else 0.0
    mean, error = _mean_and_error(x)
    return float(2 * special.stdtr(len(x) - 1, -abs(mean - bound) / error))


def sign_flip_p(values: ArrayLike, bound: float = 0.0) -> float:
    """Two-sided p of the exact sign-flip test that the values scatter symmetrically about `bound`.

    The share of the 2^n assignments of signs to |x - bound| whose mean is at least as far from 0. It cannot be smaller
    than 2 / 2^n. Fisher, The Design of Experiments (1935), section 21.
    """
    x = finite(values) - bound
    if len(x) < 2:
        return math.nan
    x[np.abs(x) <= EQUAL * np.abs(finite(values)).max(initial=abs(bound))] = 0.0
    return float(
        stats.permutation_test(
            (x,),
            _mean,
            permutation_type="samples",
            vectorized=True,
            n_resamples=RESAMPLES,
            rng=np.random.default_rng(0),
        ).pvalue
    )


def _mean(x: Values, axis: int = -1) -> Values:
    return np.asarray(np.mean(x, axis=axis))


def p_value(values: ArrayLike, bound: float = 0.0, *, discrete: bool = False) -> float:
    """Two-sided p that the mean is `bound`: of a t-test, and where values repeat also of the sign-flip test.

    Student's test takes repeated values for precision, down to p = 0 for equal ones; the larger p counts. Values
    repeat if the measure is `discrete`, or if at most half of them differ from one another.
    """
    p = student_p(values, bound)
    if math.isnan(p) or not (discrete or coarse(values)):
        return p
    return max(p, sign_flip_p(values, bound))


def coarse(values: ArrayLike) -> bool:
    """Whether at most half of the values, or only one, differ from one another."""
    x = np.sort(finite(values))
    if len(x) < 2:
        return False
    different = 1 + int((np.diff(x) > EQUAL * np.abs(x).max()).sum())
    return different <= max(1, len(x) // 2)


def seeds_for_signs(alpha: float) -> int:
    """The fewest seeds with which a sign-flip test can reach p <= alpha: 2 / 2^n <= alpha."""
    return math.ceil(1 - math.log2(alpha) - EQUAL)


def outlier(values: ArrayLike) -> int | None:
    """The place of a value that lies far from all others, if there is one: Grubbs' test at 1 %, from four values on.

    The t of a value against the mean and spread of the others, as a prediction, with Bonferroni's correction for having
    looked at all. Grubbs, Technometrics 11 (1969).
    """
    x = np.asarray(values, dtype=np.float64)
    n = len(x)
    if n < 4 or not np.isfinite(x).all():
        return None
    others = [np.delete(x, i) for i in range(n)]
    spread = np.array([np.std(o, ddof=1) for o in others]) * math.sqrt(1 + 1 / (n - 1))
    distance = np.abs(x - [o.mean() for o in others])
    far = distance > np.maximum(special.stdtrit(n - 2, 1 - 0.01 / (2 * n)) * spread, EQUAL * np.abs(x).max())
    return int(np.argmax(np.where(far, distance, 0))) if far.any() else None


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected by Holm's method; an unknown p counts as 1, since its claim was to be tested too.

    The same as statsmodels' multipletests, which collects garbage at each call and so takes a thousand times as long.
    """
    p = np.array([1.0 if math.isnan(value) else value for value in p_values])
    order = np.argsort(p, kind="stable")
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return [float(value) for value in corrected]


def holm_steps(p_values: Sequence[float], alpha: float) -> list[int]:
    """By how much Holm's method divides alpha for each p: by the number of those that are not rejected before it.

    For those that are not rejected it is where the method stops.
    """
    p = np.array([1.0 if math.isnan(value) else value for value in p_values])
    order = np.argsort(p, kind="stable")
    divisors = np.arange(len(p), 0, -1)
    kept = np.flatnonzero(p[order] > alpha / divisors)
    stop = int(kept[0]) if len(kept) else len(p) - 1
    steps = np.empty(len(p), dtype=int)
    steps[order] = np.where(np.arange(len(p)) <= stop, divisors, divisors[stop] if len(p) else 0)
    return [int(step) for step in steps]


def finite(values: ArrayLike) -> Values:
    """The finite values."""
    x = np.asarray(values, dtype=np.float64)
    return x[np.isfinite(x)]
