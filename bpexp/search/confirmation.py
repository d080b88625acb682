"""The best trial against the preset, on seeds that the search has not used: paired differences with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from bpexp.search.declared import lower_is_better
from bpexp.study.statistics import LEVEL, MINIMUM, Interval, mean_interval, p_value
from bpexp.training.metrics import metrics

BEST, PRESET = "best", "preset"


@dataclass(frozen=True, slots=True)
class Compared:
    """One measure of both arms: intervals over the seeds, and that of the paired difference best - preset.

    `p` is that of no difference: of a t-test, where values repeat also of the sign-flip test.
    """

    measure: str
    best: Interval
    preset: Interval
    difference: Interval
    p: float


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The comparison of a search's best trial with its preset.

    Args:
        trial: number of the best trial.
        seeds: those of the runs; none is that of the search.
        rows: the objective first, by which it is judged, then the same on the test part.
        missing: runs that have no value, each with its reason.
    """

    trial: int
    seeds: tuple[int, ...]
    rows: list[Compared]
    missing: list[str]

    @property
    def pairs(self) -> int:
        """Seeds on which both arms have a value."""
        return self.rows[0].difference.n

    def verdict(self) -> str:
        """What the comparison says, in a sentence."""
        row = self.rows[0]
        gap, told = row.difference, f"{row.measure}, best - preset: {row.difference}, {self.pairs} pairs of seeds"
        if self.pairs < MINIMUM:
            return f"not decided: fewer than {MINIMUM} pairs of seeds decide nothing ({told})"
        if not row.p <= 1 - LEVEL:
            return f"not decided: the preset may be as good ({told}, p = {row.p:.2g})"
        ahead = (gap.mean < 0) == lower_is_better(row.measure)
        words = "the best trial is better than the preset" if ahead else "the best trial is worse than the preset"
        return f"{words} ({told}, p = {row.p:.2g})"


def measures_of(objective: str, measured: Mapping[str, object]) -> list[str]:
    """The objective, and the same metric on the test part where there is one."""
    test = f"{objective.rpartition('/')[0]}/test"
    return [objective, *([test] if test in measured else [])]


def compared(measure: str, best: Mapping[int, float], preset: Mapping[int, float]) -> Compared:
    """Compare one measure of both arms, by seed; seeds without a finite value of both are left out."""
    both = [seed for seed in best if math.isfinite(best[seed]) and math.isfinite(preset.get(seed, math.nan))]
    gaps = [best[seed] - preset[seed] for seed in both]
    declared = metrics.get(measure.rpartition("/")[0])
    bounds = declared.bounds if declared else (-math.inf, math.inf)
    arms = [mean_interval([arm[seed] for seed in both]).inside(bounds) for arm in (best, preset)]
    return Compared(measure, arms[0], arms[1], mean_interval(gaps), p_value(gaps))
