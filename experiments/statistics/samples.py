"""Tests and intervals of one sample whose truth is known, and shares of variance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from bpexp.study.statistics import LEVEL, Values, mean_interval, p_value, student_p
from bpexp.study.variance import variance_shares
from experiments.statistics.arms import crossed

Draw = Callable[[np.random.Generator, int], Values]


def _gap(draw: Callable[[np.random.Generator, int], Any]) -> Draw:
    return lambda rng, n: np.asarray(draw(rng, n) - draw(rng, n), dtype=np.float64)


def _rounded(spread: float) -> Draw:
    return _gap(lambda rng, n: np.round(rng.normal(0.5, spread, n)))


DIFFERENCES: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "Laplace": lambda rng, n: rng.laplace(size=n),
    "whole numbers, spread 0.3": _rounded(0.3),
    "whole numbers, spread 0.5": _rounded(0.5),
    "whole numbers, spread 1": _rounded(1.0),
    "whole numbers, spread 2": _rounded(2.0),
    "epochs until (geometric)": _gap(lambda rng, n: rng.geometric(0.5, n)),
    "each arm diverges in 20 %": _gap(lambda rng, n: 0.96 - 0.86 * (rng.random(n) < 0.2) + rng.normal(0, 0.004, n)),
    "each arm learns in 50 %": _gap(lambda rng, n: 0.96 - 0.86 * (rng.random(n) < 0.5) + rng.normal(0, 0.004, n)),
    "a coin: -1 or 1, and little noise": lambda rng, n: rng.choice([-1.0, 1.0], n) + rng.normal(0, 0.01, n),
}
"""Paired differences under the null: symmetric about 0."""


def decided(draw: Draw, n: int, studies: int, rng_seed: int, alpha: float = 1 - LEVEL) -> dict[str, int]:
    """How often a claim at its bound is decided: by Student's test alone, and by the larger p where values repeat."""
    rng, counts = np.random.default_rng(rng_seed), {"before": 0, "now": 0}
    for _ in range(studies):
        x = draw(rng, n)
        counts["before"] += student_p(x) <= alpha
        counts["now"] += p_value(x) <= alpha
    return counts


def _outliers(rng: np.random.Generator, n: int) -> Values:
    return np.asarray(rng.normal(size=n) + 20 * (rng.random(n) < 0.1))


VALUES: dict[str, tuple[Draw, float]] = {
    "normal": (lambda rng, n: rng.normal(size=n), 0.0),
    "lognormal": (lambda rng, n: rng.lognormal(size=n), float(np.exp(0.5))),
    "a run in ten lies 20 standard deviations off": (_outliers, 2.0),
}
"""Values of one arm, and their true mean."""


def covered(draw: Draw, mean: float, n: int, studies: int, rng_seed: int, *, bca: bool = False) -> int:
    """How many 95 % intervals contain the true mean: Student's, or the bootstrap's (bias-corrected and accelerated)."""
    rng, hits = np.random.default_rng(rng_seed), 0
    for _ in range(studies):
        x = draw(rng, n)
        if bca:
            found = stats.bootstrap((x,), np.mean, n_resamples=999, rng=rng).confidence_interval
            low, high = found.low, found.high
        else:
            interval = mean_interval(x)
            low, high = interval.low, interval.high
        hits += bool(low <= mean <= high)
    return hits


LEVELS = (["sigmoid", "tanh", "relu"], ["mse", "cross_entropy"], ["xavier", "he"])
"""The twelve arms of the headline study."""


SEED_EFFECTS = np.array([-1, -0.5, 0, 0.5, 1])
"""What each seed adds to every run: a variance of 0.5."""


def shares(effect: float, studies: int) -> dict[str, Any]:
    """eta squared and omega squared of the first factor, with `effect` as the variance that it adds to noise of 1."""
    frame, rng = crossed(*LEVELS), np.random.default_rng(8)
    names = [name for name in frame if name != "seed"]
    steps = frame["factor_0"].map({"sigmoid": -1.0, "tanh": 0.0, "relu": 1.0}).to_numpy() * np.sqrt(1.5 * effect)
    truth = effect / (effect + 0.5 + 1)
    eta, omega, away, inside = [], [], 0, 0
    for _ in range(studies):
        frame["y"] = steps + SEED_EFFECTS[frame["seed"]] + rng.normal(size=len(frame))
        one = next(share for share in variance_shares(frame, "y", names) if share.term == "factor_0")
        omega.append(one.share)
        away += one.low > 0
        inside += one.low <= truth <= one.high
        centred = frame["y"] - frame["y"].mean()
        between = frame.groupby("factor_0")["y"].transform("mean") - frame["y"].mean()
        eta.append(float((between**2).sum() / (centred**2).sum()))
    return {
        "truth": truth,
        **{f"{name}_mean": float(np.mean(x)) for name, x in (("eta", eta), ("omega", omega))},
        **{f"{name}_95": float(np.quantile(x, 0.95)) for name, x in (("eta", eta), ("omega", omega))},
        "away_from_0": away,
        "covered": inside,
    }
