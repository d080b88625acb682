"""Shares of the variance of a measure by factor: omega squared with intervals, the seeds as a block; by statsmodels."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import brentq

from bpexp.study.statistics import LEVEL

SEEDS, REST = "seeds", "the rest"
"""The rows of the block and of the residual."""


@dataclass(frozen=True, slots=True)
class Share:
    """The share of the variance that a term explains, and its 95 % interval; the bounds of the residual are NaN."""

    term: str
    share: float
    low: float = math.nan
    high: float = math.nan

    def __str__(self) -> str:
        told = f"{self.share:.1%}"
        return told if math.isnan(self.low) else f"{told} [{self.low:.1%}, {self.high:.1%}]"


def variance_shares(frame: pd.DataFrame, measure: str, factors: Sequence[str]) -> list[Share]:
    """omega^2 = (SS - df MS_rest) / (SS_total + MS_rest) of each factor, each pair of factors, and the seeds.

    An analysis of variance with sums of squares of type II, in which the seeds are a block. Unlike eta^2 = SS /
    SS_total, omega^2 has no upward bias: where a factor does nothing, its mean is 0 (Hays, Statistics, 1963). Empty
    where nothing varies, or where the factors' effects cannot be told apart.
    """
    known = frame[np.isfinite(frame[measure].astype(float))]
    varied = [f for f in factors if known[f].nunique() > 1]
    blocks = ["seed"] if "seed" in known and known["seed"].nunique() > 1 else []
    names = [*varied, *blocks]
    data = known[[*names, measure]].rename(columns={measure: "y", **{f: f"f{i}" for i, f in enumerate(names)}})
    if not varied or len(data) < 3 or data["y"].nunique() < 2:
        return []
    table = _anova(data, len(varied), len(names))
    if table is None:
        return []
    return _shares(table, [_spell(str(term), varied) for term in table.index[:-1]])


def _anova(data: pd.DataFrame, varied: int, terms: int) -> pd.DataFrame | None:
    """The table of the analysis of variance; None where effects cannot be told apart or nothing is left to judge by."""
    import statsmodels.api as sm
    from statsmodels.formula.api import ols

    formula = "y ~ (" + " + ".join(f"C(f{i})" for i in range(varied)) + ")**2"
    formula += "".join(f" + C(f{i})" for i in range(varied, terms))
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # missing runs are reported as problems
            fit = ols(formula, data).fit() if _crossed(data, terms) else None
            if fit is None or fit.df_resid < 1:
                return None
            table = sm.stats.anova_lm(fit, typ=2)
    except (ValueError, np.linalg.LinAlgError):
        return None
    table = table[np.isfinite(table["sum_sq"])]  # a pair of factors of which too few levels meet has none
    return table if table.index[-1] == "Residual" else None


def _shares(table: pd.DataFrame, terms: Sequence[str]) -> list[Share]:
    squares, df = (table[column].to_numpy(dtype=float) for column in ("sum_sq", "df"))
    total, noise = squares.sum(), squares[-1] / df[-1]
    omega = np.maximum((squares - df * noise)[:-1] / (total + noise), 0)
    runs = df.sum() + 1
    signal = np.maximum(squares[:-1] / noise - df[:-1], 0) if noise > 1e-12 * total else None
    shares = []
    for i, term in enumerate(terms):
        low, high = (omega[i], omega[i])
        if signal is not None:
            others = signal.sum() - signal[i] + runs
            low, high = (x / (x + others) for x in noncentral(squares[i] / df[i] / noise, df[i], df[-1]))
        shares.append(Share(term, float(omega[i]), float(low), float(high)))
    return [*shares, Share(REST, float(max(1 - omega.sum(), 0)))]


def noncentral(f: float, df: float, df_rest: float, level: float = LEVEL) -> tuple[float, float]:
    """The interval of the noncentrality of F: those values under which f is neither too large nor too small."""

    def bound(tail: float) -> float:
        if stats.f.cdf(f, df, df_rest) <= tail:
            return 0.0
        high = max(f * df, 1.0)
        while stats.ncf.cdf(f, df, df_rest, high) > tail:
            high *= 2
        return float(brentq(lambda x: stats.ncf.cdf(f, df, df_rest, x) - tail, 0, high))

    return bound((1 + level) / 2), bound((1 - level) / 2)


def _crossed(data: pd.DataFrame, n: int) -> bool:
    """Whether the main effects can be told apart: the design matrix has full rank."""
    columns = pd.get_dummies(data[[f"f{i}" for i in range(n)]].astype(str), drop_first=True, dtype=float)
    design = np.column_stack([np.ones(len(columns)), columns.to_numpy()])
    return bool(np.linalg.matrix_rank(design) == design.shape[1])


def _spell(term: str, factors: Sequence[str]) -> str:
    numbers = [int(part[3:-1]) for part in term.split(":")]
    return " x ".join(factors[i] if i < len(factors) else SEEDS for i in numbers)
