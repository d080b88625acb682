"""The tuned factor: which of its levels an arm chooses, and whether that level is the last that was tried."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bpexp.study.design import Study, spelt

Chosen = Mapping[tuple[str, ...], str]
"""The chosen level of each arm, by the levels of its other factors."""


def tuned_levels(study: Study, runs: pd.DataFrame) -> dict[tuple[str, ...], str]:
    """For each arm the level of the tuned factor with the best mean of `tuned_by` over the seeds.

    A run that diverged counts with its score. A level at which more seeds have no value than at another cannot win.
    """
    if study.tuned is None or runs.empty:
        return {}
    key = study.tuned_by.text
    known = runs.assign(**{key: runs[key].where(np.isfinite(runs[key].astype(float)))})
    means = known.groupby([*study.arm_factors, study.tuned])[key].agg(["mean", "count"]).reset_index()
    most = means.groupby(study.arm_factors)["count"].transform("max")
    means = means[means["count"] == most].dropna(subset="mean")
    means = means.sort_values("mean", ascending=study.tuned_by.lower_is_better, kind="stable")
    first = means.drop_duplicates(study.arm_factors)
    return {tuple(row[f] for f in study.arm_factors): row[study.tuned] for _, row in first.iterrows()}


def at_best(study: Study, runs: pd.DataFrame, levels: Chosen) -> pd.DataFrame:
    """The runs at the level of the tuned factor that their arm chose; all runs where no factor is tuned."""
    if study.tuned is None:
        return runs
    keys = zip(*(runs[factor] for factor in study.arm_factors), strict=True)
    return runs.loc[[levels.get(key) == value for key, value in zip(keys, runs[study.tuned], strict=True)]]


def edge(study: Study, level: str | None) -> str:
    """`largest` or `smallest` if a chosen level is the last of the numbers that were tried on that side, else empty."""
    if study.tuned is None or level is None or len(study.factors[study.tuned]) < 2:
        return ""
    try:
        tried = sorted(float(spelt(value)) for value in study.factors[study.tuned])
        return {tried[-1]: "largest", tried[0]: "smallest"}.get(float(level), "")
    except ValueError:
        return ""  # levels that are no numbers have no order
