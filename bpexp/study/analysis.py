"""The analysis of a study: arms with intervals, paired differences, shares of variance, verdicts on the claims."""

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
    """The parameters, the status and the recorded series of one run."""

    params: Mapping[str, Any]
    status: str
    series: Series
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Arm:
    """One combination of levels: the number of seeds that came to a result, and each measure's interval over them."""

    levels: dict[str, str]
    tuned_to: str | None
    runs: int
    missing: int
    intervals: dict[str, Interval]


@dataclass(frozen=True, slots=True)
class Difference:
    """The paired difference of two arms in the first measure, over the seeds that both have."""

    first: dict[str, str]
    second: dict[str, str]
    interval: Interval
    p: float
    p_adjusted: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on a claim, supported, refuted or inconclusive, and the interval that it rests on."""

    claim: Claim
    answer: str
    interval: Interval
    note: str


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """Everything that a report shows. `frame` has one row a run: factors, seed, status and measures."""

    study: Study
    frame: pd.DataFrame
    best: list[Arm]
    equal: list[Arm]
    differences: list[Difference]
    shares: dict[str, float]
    verdicts: list[Verdict]
    problems: list[str]


def analyse(study: Study, runs: Sequence[RunRecord]) -> Analysis:
    """The whole analysis. Runs that failed or diverged are listed as problems and left out of every mean."""
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
    """One row a run: the levels as text, the seed, the status, and every measure that anything asks for."""
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
    means = means[means["count"] == most].dropna(
        subset="mean"
    )  # a level that lost more seeds than another does not win
    means = means.sort_values("mean", ascending=study.tuned_by.lower_is_better, kind="stable")
    first = means.drop_duplicates(study.arm_factors)
    return {tuple(row[f] for f in study.arm_factors): row[study.tuned] for _, row in first.iterrows()}


def at_best(study: Study, good: pd.DataFrame, levels: Mapping[tuple[str, ...], str]) -> pd.DataFrame:
    """The runs in which each arm stands at its own level of the tuned factor."""
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
    """Every combination of levels that was run, with the intervals of its good runs."""
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
    """The best arm against each other one, paired by seed; p-values adjusted together by Holm's method."""
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
    """Paired per-seed difference of a measure, `of` minus `against`; factors that neither names are averaged over."""
    rest = [factor for factor in study.factors if factor not in of and factor not in against]
    if study.tuned in rest and not _crossed(study, runs):
        rest.remove(str(study.tuned))
    keys = ["seed", *rest]
    first, second = (select(runs, arm).set_index(keys)[name] for arm in (of, against))
    gap = first.groupby(level=keys).mean().sub(second.groupby(level=keys).mean()).dropna()
    return np.asarray(gap.groupby(level="seed").mean(), dtype=np.float64)


def _crossed(study: Study, runs: pd.DataFrame) -> bool:
    """Whether arms stand at several levels of the tuned factor, and not each at its own."""
    return bool((runs.groupby([*study.arm_factors, "seed"])[str(study.tuned)].nunique() > 1).any())


def select(runs: pd.DataFrame, arm: Mapping[str, Any]) -> pd.DataFrame:
    """The runs of an arm, which may leave factors open."""
    for factor, level in arm.items():
        runs = runs[runs[factor] == spelt(level)]
    return runs


def judge(study: Study, claim: Claim, good: pd.DataFrame, chosen: pd.DataFrame) -> Verdict:
    """Hold a claim to Student's 95 % interval of its statistic; with few seeds a bootstrap would be too sure."""
    runs = chosen if claim.at == "best" else good
    if claim.against is None:
        values = np.asarray(select(runs, claim.of).groupby("seed")[claim.measure.text].mean(), dtype=np.float64)
    else:
        values = paired(study, runs, claim.of, claim.against, claim.measure.text)
    interval = mean_interval(values)
    if interval.n < 2 or math.isnan(interval.low):
        told = "1 seed gives no interval" if interval.n == 1 else "no seed has a value"
        return Verdict(claim, "inconclusive", interval, told)
    bound = claim.above if claim.above is not None else claim.below
    assert bound is not None
    above = claim.above is not None
    holds, fails = (interval.low > bound, interval.high < bound)
    if not above:
        holds, fails = interval.high < bound, interval.low > bound
    answer = "supported" if holds else "refuted" if fails else "inconclusive"
    return Verdict(claim, answer, interval, f"{interval.n} seeds, {'above' if above else 'below'} {bound:g}")


def problems(study: Study, frame: pd.DataFrame, repeated: int = 0) -> list[str]:
    """What a reader must know before trusting the table."""
    told = []
    if len(study.seeds) < 2:
        told.append("one seed a run: there are no intervals, and no claim can be decided")
    for status in sorted(set(frame["status"]) - {"finished", "stopped"}):
        some = frame[frame["status"] == status]
        where = "; ".join(", ".join(f"{f}={row[f]}" for f in study.factors) for _, row in some.head(8).iterrows())
        told.append(f"{len(some)} runs {status}, left out of every mean: {where}" + (" ..." if len(some) > 8 else ""))
    expected = math.prod(len(levels) for levels in study.factors.values()) * len(study.seeds)
    if len(frame) < expected:
        told.append(f"{expected - len(frame)} of {expected} runs are missing")
    if repeated:
        told.append(f"{repeated} runs have the levels and the seed of a later one, which alone counts")
    good = frame[frame["status"].isin(["finished", "stopped"])]
    for name in dict.fromkeys(m.text for m in [*study.measures, *([study.tuned_by] if study.tuned else [])]):
        if lost := int((~np.isfinite(good[name].astype(float))).sum()):
            told.append(
                f"{name} has no finite value in {lost} of the {len(good)} runs that ended well, which it leaves out"
            )
    return told
