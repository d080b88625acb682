"""The statistics of a study: intervals, tests, corrections, shares of variance, all from scipy and statsmodels."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

LEVEL = 0.95
"""The confidence level of every interval."""

RESAMPLES = 9_999
"""Resamples of a bootstrap."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean of n values and its 95 % interval; the bounds are NaN of fewer than two values."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if math.isnan(self.mean):
            return "no runs"
        if math.isnan(self.low):
            return f"{self.mean:.4g}"
        return f"{self.mean:.4g} [{self.low:.4g}, {self.high:.4g}]"


def mean_interval(values: ArrayLike) -> Interval:
    """Mean and Student's interval: mean +- t * s / sqrt(n), over the finite values."""
    x = _finite(values)
    if len(x) < 2:
        return Interval(float(x.mean()) if len(x) else math.nan, math.nan, math.nan, len(x))
    if np.ptp(x) == 0:
        return Interval(float(x[0]), float(x[0]), float(x[0]), len(x))
    low, high = stats.t.interval(LEVEL, len(x) - 1, loc=x.mean(), scale=stats.sem(x))
    return Interval(float(x.mean()), float(low), float(high), len(x))


def bootstrap_interval(values: ArrayLike) -> Interval:
    """Mean and bootstrap interval (bias-corrected and accelerated, BCa), with a fixed seed so that it is repeatable."""
    x = _finite(values)
    if len(x) < 2 or np.ptp(x) == 0:
        return mean_interval(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            (x,), np.mean, confidence_level=LEVEL, n_resamples=RESAMPLES, rng=np.random.default_rng(0)
        )
    low, high = result.confidence_interval
    if math.isnan(low) or math.isnan(high):
        return mean_interval(x)
    return Interval(float(x.mean()), float(low), float(high), len(x))


def p_value(differences: ArrayLike) -> float:
    """Two-sided p of a paired t-test; NaN of fewer than two pairs."""
    x = _finite(differences)
    if len(x) < 2:
        return math.nan
    if np.ptp(x) <= 1e-12 * np.abs(x).max():  # equal but for rounding
        return 1.0 if x[0] == 0 else 0.0
    return float(stats.ttest_1samp(x, 0.0).pvalue)


def adjusted(p_values: Sequence[float]) -> list[float]:
    """p-values corrected by Holm's method; NaN stays NaN and does not count as a test."""
    from statsmodels.stats.multitest import multipletests

    known = [p for p in p_values if not math.isnan(p)]
    corrected = iter(multipletests(known, method="holm")[1]) if known else iter(())
    return [p if math.isnan(p) else float(next(corrected)) for p in p_values]


def variance_shares(frame: pd.DataFrame, measure: str, factors: Sequence[str]) -> dict[str, float]:
    """Share of the variance of a measure that each factor, each pair of factors and the seeds explain (eta squared).

    An analysis of variance with sums of squares of type II. Empty where nothing varies, or where the factors' effects
    cannot be told apart.
    """
    import statsmodels.api as sm
    from statsmodels.formula.api import ols

    known = frame[np.isfinite(frame[measure].astype(float))]
    varied = [f for f in factors if known[f].nunique() > 1]
    data = known[[*varied, measure]]
    if not varied or len(data) < 3 or data[measure].nunique() < 2:
        return {}
    data = data.rename(columns={measure: "y", **{f: f"f{i}" for i, f in enumerate(varied)}})
    formula = "y ~ (" + " + ".join(f"C(f{i})" for i in range(len(varied))) + ")**2"
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # missing runs are reported as problems
            if not _crossed(data, len(varied)):
                return {}
            table = sm.stats.anova_lm(ols(formula, data).fit(), typ=2)
    except (ValueError, np.linalg.LinAlgError):
        return {}
    shares = table["sum_sq"] / table["sum_sq"].sum()
    return {_spell(str(term), varied): max(float(share), 0.0) for term, share in shares.items() if np.isfinite(share)}


def _crossed(data: pd.DataFrame, n: int) -> bool:
    """Whether the main effects can be told apart: the design matrix has full rank."""
    columns = pd.get_dummies(data[[f"f{i}" for i in range(n)]].astype(str), drop_first=True, dtype=float)
    design = np.column_stack([np.ones(len(columns)), columns.to_numpy()])
    return bool(np.linalg.matrix_rank(design) == design.shape[1])


def _spell(term: str, factors: Sequence[str]) -> str:
    if term == "Residual":
        return "seeds and the rest"
    numbers = [int(part[3:-1]) for part in term.split(":")]
    return " x ".join(factors[i] for i in numbers)


def _finite(values: ArrayLike) -> np.ndarray[Any, np.dtype[np.float64]]:
    x = np.asarray(values, dtype=np.float64)
    return x[np.isfinite(x)]
