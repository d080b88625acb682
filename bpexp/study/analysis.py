"""The analysis of a study: arms with intervals, paired differences, shares of variance, verdicts on claims."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bpexp.study.design import Claim, Study, spelt
from bpexp.study.measures import Measure, Series
from bpexp.study.statistics import Interval, adjusted, bootstrap_interval, mean_interval, p_value, variance_shares


@dataclass(frozen=True, slots=True, eq=False)
class RunRecord:
    """One run of a study, read from a folder or from the tracking store. `series` maps metrics to (step, value)."""

    params: Mapping[str, Any]
    status: str
    series: Series
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Arm:
    """One combination of levels, and the interval of each measure over the seeds.

    `runs` counts the runs behind the intervals, `missing` those that failed or diverged. `tuned_to` is the level of the
    tuned factor that the arm chose.
    """

    levels: dict[str, str]
    tuned_to: str | None
    runs: int
    missing: int
    intervals: dict[str, Interval]


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of two arms in the first measure, paired by seed; `p` is also adjusted by Holm's method."""

    first: dict[str, str]
    second: dict[str, str]
    interval: Interval
    p: float
    p_adjusted: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a claim, `supported`, `refuted` or `inconclusive`, and the interval that decides it."""

    claim: Claim
    answer: str
    interval: Interval
    note: str


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """Everything that a report shows. `frame` has one row for each run: factors, seed, status and measures."""

    study: Study
    frame: pd.DataFrame
    best: list[Arm]
    equal: list[Arm]
    differences: list[Difference]
    shares: dict[str, float]
    verdicts: list[Verdict]
    problems: list[str]


def analyse(study: Study, runs: Sequence[RunRecord]) -> Analysis:
    """The whole analysis. Runs that failed or diverged are listed under `problems` and excluded from every mean."""
    everything = frame_of(study, runs)
    frame = everything.drop_duplicates([*study.factors, "seed"], keep="last")
    good = frame[frame["status"].isin(["finished", "stopped"])]
    best_levels = tuned_levels(study, good)
    chosen = at_best(study, good, best_levels)
    names = [measure.text for measure in study.measures]
    best = arms(study.arm_factors, frame, chosen, names, best_levels)
    equal = arms(list(study.factors), frame, good, names, {}) if study.tuned else []
    sign = 1 if study.measures[0].lower_is_better else -1
    best.sort(key=lambda arm: _order(arm, names[0], sign))
    equal.sort(key=lambda arm: _order(arm, names[0], sign))
    return Analysis(
        study=study,
        frame=frame,
        best=best,
        equal=equal,
        differences=differences(study, chosen, best),
        shares=variance_shares(chosen, names[0], study.arm_factors),
        verdicts=[judge(study, claim, good, chosen) for claim in study.claims],
        problems=problems(study, frame, len(everything) - len(frame)),
    )


def frame_of(study: Study, runs: Sequence[RunRecord]) -> pd.DataFrame:
    """One row for each run: levels as text, seed, status, and every measure that the study or a claim names."""
    wanted: dict[str, Measure] = {m.text: m for m in [*study.measures, study.tuned_by]}
    wanted |= {claim.measure.text: claim.measure for claim in study.claims}
    rows = []
    for run in runs:
        row: dict[str, Any] = {key: spelt(run.params.get(key)) for key in study.factors}
        row |= {"seed": int(run.params.get("seed", 0)), "status": run.status, "run_id": run.run_id}
        rows.append(row | {text: float(measure.read(run.series)) for text, measure in wanted.items()})
    columns = [*study.factors, "seed", "status", "run_id", *wanted]
    return pd.DataFrame(rows, columns=columns)


def tuned_levels(study: Study, good: pd.DataFrame) -> dict[tuple[str, ...], str]:
    """For each arm the level of the tuned factor with the best mean of `tuned_by` over the seeds."""
    if study.tuned is None or good.empty:
        return {}
    key = study.tuned_by.text
    means = good.groupby([*study.arm_factors, study.tuned])[key].agg(["mean", "count"]).reset_index()
    most = means.groupby(study.arm_factors)["count"].transform("max")
    means = means[means["count"] == most].dropna(subset="mean")  # a level at which more seeds failed cannot win
    means = means.sort_values("mean", ascending=study.tuned_by.lower_is_better, kind="stable")
    first = means.drop_duplicates(study.arm_factors)
    return {tuple(row[f] for f in study.arm_factors): row[study.tuned] for _, row in first.iterrows()}


def at_best(study: Study, good: pd.DataFrame, levels: Mapping[tuple[str, ...], str]) -> pd.DataFrame:
    """The runs at the level of the tuned factor that their arm chose; all runs where no factor is tuned."""
    if study.tuned is None:
        return good
    keys = zip(*(good[factor] for factor in study.arm_factors), strict=True)
    return good.loc[[levels.get(key) == value for key, value in zip(keys, good[study.tuned], strict=True)]]


def arms(
    factors: list[str],
    frame: pd.DataFrame,
    good: pd.DataFrame,
    names: Sequence[str],
    levels: Mapping[tuple[str, ...], str],
) -> list[Arm]:
    """Every combination of levels that was run, with the intervals over its good runs."""
    found = []
    for found_key, everything in frame.groupby(factors, sort=False):
        key = tuple(str(k) for k in (found_key if isinstance(found_key, tuple) else (found_key,)))
        mine = good[(good[factors] == list(key)).all(axis=1)]
        intervals = {name: mean_interval(mine[name]) for name in names}
        lost = int((~everything["status"].isin(["finished", "stopped"])).sum())
        found.append(Arm(dict(zip(factors, key, strict=True)), levels.get(key), len(mine), lost, intervals))
    return found


def _order(arm: Arm, name: str, sign: int) -> tuple[bool, float]:
    mean = arm.intervals[name].mean
    return math.isnan(mean), sign * mean


def differences(study: Study, chosen: pd.DataFrame, ranked: Sequence[Arm]) -> list[Difference]:
    """The paired difference of the best arm and each other arm; p-values adjusted by Holm's method."""
    name = study.measures[0].text
    pairs = []
    for other in ranked[1:]:
        gap = paired(study, chosen, ranked[0].levels, other.levels, name)
        pairs.append((other, bootstrap_interval(gap), p_value(gap)))
    corrected = adjusted([p for _, _, p in pairs])
    return [
        Difference(ranked[0].levels, other.levels, interval, p, q)
        for (other, interval, p), q in zip(pairs, corrected, strict=True)
    ]


def paired(
    study: Study, runs: pd.DataFrame, of: Mapping[str, Any], against: Mapping[str, Any], name: str
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Paired per-seed differences of the measure `name`: arm `of` - arm `against`, one value for each seed.

    Both arms may leave factors open. The difference is then taken level by level, and averaged.
    """
    rest = [factor for factor in study.factors if factor not in of and factor not in against]
    if study.tuned in rest and not _crossed(study, runs):
        rest.remove(str(study.tuned))
    keys = ["seed", *rest]
    first, second = (select(runs, arm).set_index(keys)[name] for arm in (of, against))
    gap = first.groupby(level=keys).mean().sub(second.groupby(level=keys).mean()).dropna()
    return np.asarray(gap.groupby(level="seed").mean(), dtype=np.float64)


def _crossed(study: Study, runs: pd.DataFrame) -> bool:
    """Whether an arm has runs at several levels of the tuned factor."""
    return bool((runs.groupby([*study.arm_factors, "seed"])[str(study.tuned)].nunique() > 1).any())


def select(runs: pd.DataFrame, arm: Mapping[str, Any]) -> pd.DataFrame:
    """The runs of an arm; a factor that `arm` does not name may have any level."""
    for factor, level in arm.items():
        runs = runs[runs[factor] == spelt(level)]
    return runs


def judge(study: Study, claim: Claim, good: pd.DataFrame, chosen: pd.DataFrame) -> Verdict:
    """Decide a claim by Student's 95 % interval of its statistic; with few seeds a bootstrap interval is too narrow."""
    runs = chosen if claim.at == "best" else good
    if claim.against is None:
        values = np.asarray(select(runs, claim.of).groupby("seed")[claim.measure.text].mean(), dtype=np.float64)
    else:
        values = paired(study, runs, claim.of, claim.against, claim.measure.text)
    interval = mean_interval(values)
    if interval.n < 2 or math.isnan(interval.low):
        why = "1 seed gives no interval" if interval.n == 1 else "no seed has a value"
        return Verdict(claim, "inconclusive", interval, why)
    bound = claim.above if claim.above is not None else claim.below
    assert bound is not None
    above = claim.above is not None
    holds, fails = (interval.low > bound, interval.high < bound)
    if not above:
        holds, fails = interval.high < bound, interval.low > bound
    answer = "supported" if holds else "refuted" if fails else "inconclusive"
    return Verdict(claim, answer, interval, f"{interval.n} seeds, {'above' if above else 'below'} {bound:g}")


def problems(study: Study, frame: pd.DataFrame, repeated: int = 0) -> list[str]:
    """Warnings for the reader: failed, missing and repeated runs, measures without a value."""
    found = []
    if len(study.seeds) < 2:
        found.append("each arm ran with one seed: there are no intervals, and no claim can be decided")
    for status in sorted(set(frame["status"]) - {"finished", "stopped"}):
        some = frame[frame["status"] == status]
        where = "; ".join(", ".join(f"{f}={row[f]}" for f in study.factors) for _, row in some.head(8).iterrows())
        found.append(
            f"{_runs(len(some))} {status}, left out of every mean: {where}" + (" ..." if len(some) > 8 else "")
        )
    expected = math.prod(len(levels) for levels in study.factors.values()) * len(study.seeds)
    if len(frame) < expected:
        found.append(f"{expected - len(frame)} of {expected} runs are missing")
    if repeated:
        found.append(f"{_runs(repeated)} with the levels and the seed of a later run, which replaces it")
    good = frame[frame["status"].isin(["finished", "stopped"])]
    for name in dict.fromkeys(m.text for m in [*study.measures, *([study.tuned_by] if study.tuned else [])]):
        if lost := int((~np.isfinite(good[name].astype(float))).sum()):
            found.append(
                f"{name} has no finite value in {lost} of the {len(good)} runs that ended well; its means omit them"
            )
    return found


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
