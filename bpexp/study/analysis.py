"""The analysis of a study: arms with intervals, comparison with the best, shares of variance, verdicts on claims."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bpexp.study.comparison import Comparison, compare
from bpexp.study.design import Study
from bpexp.study.looks import begun, final_verdicts
from bpexp.study.measures import Measure
from bpexp.study.samples import paired, select
from bpexp.study.scoring import DECLARED, DIVERGED, ENDED, RunRecord, counted, frame_of
from bpexp.study.shapley import Shares, gap_shares
from bpexp.study.statistics import Interval, mean_interval
from bpexp.study.tuning import Chosen, at_best, edge, tuned_levels
from bpexp.study.variance import Share, variance_shares
from bpexp.study.verdicts import Verdict
from bpexp.training.metrics import Bounds

__all__ = ["Analysis", "Arm", "RunRecord", "analyse", "at_best", "frame_of", "paired", "select", "tuned_levels"]


@dataclass(frozen=True, slots=True)
class Arm:
    """One combination of levels, and the interval of each measure over the seeds.

    `runs` counts the runs behind the intervals, `diverged` those of the arm that diverged, `missing` those that are
    left out. `tuned_to` is the level of the tuned factor that the arm chose, `edge` says whether it is the `largest` or
    the `smallest` that was tried. `never` counts, for a measure `epochs until`, the runs that did not get there.
    """

    levels: dict[str, str]
    tuned_to: str | None
    runs: int
    missing: int
    intervals: dict[str, Interval]
    diverged: int = 0
    edge: str = ""
    never: Mapping[str, int] = field(default_factory=dict)

    @property
    def chosen(self) -> str:
        """The level that was chosen, and whether it is the last that was tried."""
        return f"{self.tuned_to or ''}{f' ({self.edge} tried)' if self.edge else ''}"


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """Everything that a report shows.

    `frame` has one row for each run: factors, seed, status and measures. `levels` are the chosen levels of the tuned
    factor, by arm.
    """

    study: Study
    frame: pd.DataFrame
    levels: Chosen
    best: list[Arm]
    equal: list[Arm]
    comparison: list[Comparison]
    shares: list[Share]
    gap: Shares | None
    verdicts: list[Verdict]
    problems: list[str]


def analyse(study: Study, runs: Sequence[RunRecord]) -> Analysis:
    """The whole analysis. Runs that failed, and runs that diverged, are listed under `problems`."""
    everything = frame_of(study, runs)
    frame = everything.drop_duplicates([*study.factors, "seed"], keep="last")
    counting = counted(study, frame)
    levels = tuned_levels(study, counting)
    chosen = at_best(study, counting, levels)
    first = study.measures[0]
    best = arms(study, study.arm_factors, frame, chosen, levels)
    equal = arms(study, list(study.factors), frame, counting, {}) if study.tuned else []
    return Analysis(
        study=study,
        frame=frame,
        levels=levels,
        best=best,
        equal=equal,
        comparison=compare(by_seed(chosen, study.arm_factors, first.text, best), first),
        shares=variance_shares(chosen, first.text, study.arm_factors),
        gap=gap_shares(study, chosen),
        verdicts=final_verdicts(study, frame),
        problems=problems(begun(study, frame) if study.stages else study, frame, best, len(everything) - len(frame)),
    )


def arms(study: Study, factors: list[str], frame: pd.DataFrame, runs: pd.DataFrame, levels: Chosen) -> list[Arm]:
    """Every combination of levels that was run, best first, with the intervals over the runs that count."""
    found = []
    for found_key, everything in frame.groupby(factors, sort=False):
        key = tuple(str(k) for k in (found_key if isinstance(found_key, tuple) else (found_key,)))
        tuned_to = levels.get(key)
        if tuned_to is not None:
            everything = everything[everything[str(study.tuned)] == tuned_to]
        mine = runs[(runs[factors] == list(key)).all(axis=1)]
        intervals = {m.text: mean_interval(mine[m.text]).inside(_bounds(m, mine)) for m in study.measures}
        never = {m.text: int((mine[m.text] > mine[DECLARED]).sum()) for m in study.measures if m.discrete}
        arm = dict(zip(factors, key, strict=True))
        diverged = int((everything["status"] == DIVERGED).sum())
        left_out = len(everything) - len(mine)
        found.append(Arm(arm, tuned_to, len(mine), left_out, intervals, diverged, edge(study, tuned_to), never))
    return sorted(found, key=lambda arm: _order(arm, study))


def _bounds(measure: Measure, runs: pd.DataFrame) -> Bounds:
    """The bounds of a measure; epochs that are never reached count as one more than were declared."""
    low, high = measure.bounds
    last = runs[DECLARED].max()
    return low, last + 1 if measure.discrete and not math.isnan(last) else high


def _order(arm: Arm, study: Study) -> tuple[bool, float]:
    mean = arm.intervals[study.measures[0].text].mean
    return math.isnan(mean), mean if study.measures[0].lower_is_better else -mean


def by_seed(runs: pd.DataFrame, factors: Sequence[str], name: str, ranked: Sequence[Arm]) -> pd.DataFrame:
    """The values of a measure, one row for each seed and one column for each arm, by its place in `ranked`."""
    columns = {place: select(runs, arm.levels).groupby("seed")[name].mean() for place, arm in enumerate(ranked)}
    return pd.DataFrame(columns)


def problems(study: Study, frame: pd.DataFrame, best: Sequence[Arm], repeated: int = 0) -> list[str]:
    """Warnings for the reader: failed, missing and repeated runs, measures without a value, levels at an edge."""
    found = []
    if len(study.seeds) < 2:
        but = " but a theorem" if any(claim.theorem is not None for claim in study.claims) else ""
        found.append(f"each arm ran with one seed: there are no intervals, and no claim{but} can be decided")
    for status in sorted(set(frame["status"]) - set(ENDED)):
        some = frame[frame["status"] == status]
        where = "; ".join(", ".join(f"{f}={row[f]}" for f in study.factors) for _, row in some.head(8).iterrows())
        scored = status == DIVERGED and study.diverged != "survivors"
        found.append(
            f"{_runs(len(some))} {status}, {'counted as chance' if scored else 'left out of every mean'}: {where}"
            + (" ..." if len(some) > 8 else "")
        )
    expected = math.prod(len(levels) for levels in study.grid().values())
    if len(frame) < expected:
        found.append(f"{expected - len(frame)} of {expected} runs are missing")
    if repeated:
        found.append(f"{_runs(repeated)} with the levels and the seed of a later run, which replaces it")
    return [*found, *_without_value(study, frame), *_at_edges(study, best)]


def _without_value(study: Study, frame: pd.DataFrame) -> list[str]:
    found = []
    for name in dict.fromkeys(m.text for m in [*study.measures, *([study.tuned_by] if study.tuned else [])]):
        blank = ~np.isfinite(frame[name].astype(float))
        ended, diverged = (frame[blank & frame["status"].isin(which)] for which in (ENDED, [DIVERGED]))
        if len(ended):
            good = int(frame["status"].isin(ENDED).sum())
            found.append(
                f"{name} has no finite value in {len(ended)} of the {good} runs that ended well; its means omit them"
            )
        if len(diverged) and study.diverged != "survivors":
            found.append(
                f"{name} has no chance level for {_runs(len(diverged))} that diverged; its means are of the survivors"
            )
    return found


def _at_edges(study: Study, best: Sequence[Arm]) -> list[str]:
    found = []
    for side in ("largest", "smallest"):
        if at_edge := sum(arm.edge == side for arm in best):
            found.append(
                f"the best {study.tuned} of {at_edge} of {len(best)} arms is the {side} that was tried; a better one "
                "may lie beyond"
            )
    return found


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
