"""Shapley shares of the gap between two arms: how much of it each factor accounts for.

With v(S) the value of the arm in which the factors of S have their level of the end and the others that of the start,

    phi_f = sum over S without f of |S|! (k - |S| - 1)! / k!  (v(S + f) - v(S)),        sum_f phi_f = v(all) - v(none),

the mean of what f adds over all orders in which the k factors can be changed (Shapley, A Value for n-Person Games,
1953). It is computed seed by seed, so that what a seed does to all arms cancels, and each v(S) is that of an arm at its
own tuned level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bpexp.study.comparison import Comparison, compare
from bpexp.study.design import Study
from bpexp.study.gap import Gap
from bpexp.study.measures import parse
from bpexp.study.samples import select
from bpexp.study.statistics import Interval, mean_interval

HIGHER = parse("final accuracy/test")
"""A measure of which more is more: larger shares stand first, whatever is shared out."""


@dataclass(frozen=True, slots=True)
class Shares:
    """The gap and the share of each part in the measure's unit, largest first, with Student's intervals over the seeds.

    `apart` compares the largest share with each other one. `reason` says why there are none.
    """

    gap: Gap
    whole: Interval | None
    parts: Sequence[tuple[str, Interval]]
    apart: Sequence[Comparison]
    reason: str = ""

    def percent(self, interval: Interval) -> float:
        """A share in percent of the mean gap."""
        return 100 * interval.mean / self.whole.mean if self.whole and self.whole.mean else math.nan


def gap_shares(study: Study, chosen: pd.DataFrame) -> Shares | None:
    """The shares of `study.gap`, from the runs at the best levels of their arms; None if it declares none."""
    if (gap := study.gap) is None:
        return None
    corners = range(1 << len(gap.parts))
    table = pd.DataFrame({corner: _corner(gap, corner, chosen) for corner in corners}).replace(
        [np.inf, -np.inf], np.nan
    )
    lost = [_spelt(gap, corner) for corner in corners if not table[corner].notna().any()]
    if lost:
        return Shares(gap, None, (), (), f"no run that counts has {lost[0]}" + (" and others" if lost[1:] else ""))
    table = table.dropna()
    if len(table) < 2:
        return Shares(gap, None, (), (), "fewer than two seeds have all the arms between the two")
    values = pd.DataFrame({part: _shapley(table, part, len(gap.parts)) for part in range(len(gap.parts))})
    signed = values * np.sign(values.to_numpy().sum(axis=1).mean() or 1.0)
    order = signed.mean().sort_values(ascending=False, kind="stable").index
    parts = [(" + ".join(gap.parts[part]), mean_interval(values[part])) for part in order]
    ranked = signed[order].set_axis(range(len(order)), axis=1)
    return Shares(gap, mean_interval(values.sum(axis=1)), parts, compare(ranked, HIGHER))


def _levels(gap: Gap, corner: int) -> dict[str, object]:
    """The arm in which the parts whose bit is set in `corner` have the level of the end, and the others the start's."""
    moved = {factor for place, part in enumerate(gap.parts) if corner >> place & 1 for factor in part}
    return {factor: (gap.end if factor in moved else gap.start)[factor] for factor in gap.start}


def _corner(gap: Gap, corner: int, chosen: pd.DataFrame) -> pd.Series[float]:
    """The value of an arm by seed; the mean over the factors that the gap leaves open, NaN if one has no value."""
    runs = select(chosen, _levels(gap, corner))
    return runs.groupby("seed")[gap.measure.text].agg(lambda x: np.mean(x.to_numpy()))


def _spelt(gap: Gap, corner: int) -> str:
    return ", ".join(f"{factor}={level}" for factor, level in _levels(gap, corner).items())


def _shapley(table: pd.DataFrame, part: int, k: int) -> pd.Series[float]:
    """The share of one part by seed."""
    total = pd.Series(0.0, index=table.index)
    for corner in range(1 << k):
        if not corner >> part & 1:
            size = corner.bit_count()
            weight = math.factorial(size) * math.factorial(k - size - 1) / math.factorial(k)
            total += weight * (table[corner | 1 << part] - table[corner])
    return total
