"""How many seeds would probably decide a claim, and what the seeds that there are can find.

Both are for the test that decides: Student's, on both sides, at the level that Holm's method and the looks of a staged
study leave to the claim; where signs are tested, with as many seeds as they need. Power is from the noncentral t
distribution (statsmodels).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bpexp.study.claims import Claim
from bpexp.study.statistics import MINIMUM, Values, coarse, finite, seeds_for_signs

POWER = 0.8
"""The share of studies in which a claim is to be decided."""

MOST = 1000
"""Largest number of seeds that is searched."""

LARGE = 1e6
"""Distance from a bound, in standard deviations, from which on its size does not matter."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What it would take to decide a claim.

    `seeds` decide it with a probability of POWER, if the mean and the scatter of the values are the true ones; None if
    more than MOST are needed. `distance` from its bound is found with that probability by `n` seeds; infinite where `n`
    seeds decide nothing.
    """

    n: int
    seeds: int | None
    distance: float

    @property
    def told(self) -> str:
        """The outlook in words."""
        seeds = f"{self.seeds} seeds" if self.seeds else f"more than {MOST} seeds"
        told = f"{seeds} would decide it in 4 of 5 studies if the mean and the scatter seen here were the true ones"
        if not math.isfinite(self.distance):
            return told
        return f"{told}; the {self.n} seeds find a distance of {self.distance:.2g} from the bound as often"


def outlook(values: Values, claim: Claim, alpha: float) -> Outlook | None:
    """The outlook of an undecided claim, tested on both sides at `alpha`; None of fewer than two values."""
    values = finite(values)
    n = len(values)
    if n < 2:
        return None
    mean, deviation = float(values.mean()), float(np.std(values, ddof=1))
    signs = seeds_for_signs(alpha) if claim.measure.discrete or coarse(values) else 0
    fewest = max(MINIMUM, n + 1, signs)
    distance = math.inf if n < max(MINIMUM, signs) else detectable(n, alpha) * deviation
    return Outlook(n, _fewest(fewest, lambda seeds: power(seeds, mean, deviation, claim, alpha)), distance)


def power(n: int, mean: float, deviation: float, claim: Claim, alpha: float) -> float:
    """The probability that n seeds decide a claim, if these are the true mean and standard deviation.

    Of two bounds, a lower bound of it: 1 less than the sum of the probabilities of passing each.
    """
    low, high = claim.limits
    if low < mean < high:
        return _passes(n, mean - low, deviation, alpha) + _passes(n, high - mean, deviation, alpha) - 1
    return _passes(n, max(low - mean, mean - high), deviation, alpha)


def detectable(n: int, alpha: float) -> float:
    """The distance of the mean from a bound, in standard deviations, that n seeds find with a probability of POWER."""
    from statsmodels.stats.power import TTestPower

    test = TTestPower()
    return float(test.solve_power(nobs=n, alpha=alpha / 2, power=POWER, alternative="larger"))


def _passes(n: int, distance: float, deviation: float, alpha: float) -> float:
    """The probability that Student's test places the mean on its side of a bound at this distance."""
    from statsmodels.stats.power import ttest_power

    if math.isinf(distance):
        return 1.0
    effect = min(distance / deviation, LARGE) if deviation > 0 else LARGE * (distance > 0)
    return float(ttest_power(effect, n, alpha / 2, alternative="larger"))


def _fewest(start: int, at: Callable[[int], float]) -> int | None:
    """The smallest number of seeds from `start` on with enough power, which grows with the seeds."""
    found = bisect_left(range(start, MOST + 1), POWER, key=at)
    return start + found if start + found <= MOST else None
