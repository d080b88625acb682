"""Comparisons of arms whose truth is known: the best against the rest, arms that diverge, shares of a gap."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from bpexp.study.comparison import compare
from bpexp.study.design import Study, declared
from bpexp.study.measures import parse
from bpexp.study.samples import paired
from bpexp.study.scoring import DIVERGED, ENDED
from bpexp.study.shapley import gap_shares
from bpexp.study.statistics import Values, holm, mean_interval
from bpexp.study.verdicts import verdicts
from experiments.statistics.families import MEASURE, blank

ACCURACY = parse(MEASURE)


def spreads(arms: int) -> dict[str, Values]:
    """Standard deviations of the arms."""
    return {
        "equal": np.ones(arms),
        "1 to 10": np.geomspace(1, 10, arms),
        "one of 10": np.where(np.arange(arms) == 0, 10.0, 1.0),
        "half of 10": np.where(np.arange(arms) < arms // 2, 10.0, 1.0),
    }


def ranked(values: Values) -> pd.DataFrame:
    """The table (seeds, arms) with the best arm first, as an analysis orders it."""
    return pd.DataFrame(values[:, np.argsort(-values.mean(axis=0), kind="stable")])


def by_holm(table: pd.DataFrame) -> bool:
    """Whether the method before called any arm worse: paired t-tests against the best, corrected by Holm's method."""
    gaps = table[[0]].to_numpy() - table.to_numpy()[:, 1:]
    return min(holm(list(stats.ttest_1samp(gaps, 0, axis=0).pvalue))) <= 0.05


def false_worse(
    arms: int, seeds: int, spread: Values, studies: int, rng_seed: int, *, tails: str = "normal"
) -> dict[str, int]:
    """In how many studies of equal arms any is called worse than the best, before and now."""
    rng = np.random.default_rng(rng_seed)
    counts = {"now": 0, "before": 0}
    for _ in range(studies):
        noise = rng.normal(size=(seeds, arms)) if tails == "normal" else rng.laplace(size=(seeds, arms))
        table = ranked(noise * spread + 3 * rng.normal(size=(seeds, 1)))
        counts["now"] += any(one.worse for one in compare(table, ACCURACY))
        counts["before"] += by_holm(table)
    return counts


def uncovered(means: Values, seeds: int, studies: int, rng_seed: int) -> int:
    """In how many studies a simultaneous interval of a difference from the best misses the true difference."""
    rng, missed = np.random.default_rng(rng_seed), 0
    for _ in range(studies):
        values = means + rng.normal(size=(seeds, len(means)))
        order = np.argsort(-values.mean(axis=0), kind="stable")
        for one in compare(ranked(values), ACCURACY):
            truth = means[order[0]] - means[order[one.second]]
            if not one.interval.low <= truth <= one.interval.high:
                missed += 1
                break
    return missed


DIVERGES, SURVIVES, OTHER, CHANCE, SPREAD = 0.4, 0.967, 0.96, 0.1, 0.004
"""Of the review: an arm that diverges in 40 % of its runs, so that its true mean is 0.62, against 0.96."""


def duel(seeds: int, diverged: str) -> Study:
    claim = {"text": "A is better", "measure": MEASURE, "of": {"arm": "a"}, "against": {"arm": "b"}, "above": 0}
    node = {"factors": {"arm": ["a", "b"]}, "repeats": seeds, "claims": [claim], "diverged": diverged}
    return declared("duel", node)


def divergence(seeds: int, studies: int, chance: float = DIVERGES) -> dict[str, dict[str, int]]:
    """The verdicts on 'the arm that diverges is better': before, of the survivors, and with divergences counted."""
    rng = np.random.default_rng([seeds, round(100 * chance)])
    ways = {way: duel(seeds, way) for way in ("survivors", "chance")}
    counts = {way: {"supported": 0, "refuted": 0} for way in ("before", *ways)}
    for _ in range(studies):
        frame = blank(ways["chance"])
        lost = (frame["arm"] == "a").to_numpy() & (rng.random(len(frame)) < chance)
        frame[MEASURE] = np.where(frame["arm"] == "a", SURVIVES, OTHER) + SPREAD * rng.normal(size=len(frame))
        frame.loc[lost, "status"] = DIVERGED
        frame.loc[lost, MEASURE] = CHANCE
        alive = frame[frame["status"].isin(ENDED)]
        old = mean_interval(paired(ways["chance"], alive, {"arm": "a"}, {"arm": "b"}, MEASURE))
        counts["before"]["supported"] += old.low > 0
        counts["before"]["refuted"] += old.high < 0
        for way, study in ways.items():
            answer = verdicts(study, frame)[0].answer
            if answer != "inconclusive":
                counts[way][answer] += 1
    return counts


def gap_study(seeds: int) -> Study:
    """Three factors of two levels, and the gap between their corners."""
    factors = {name: ["low", "high"] for name in ("activation", "loss", "init")}
    ends = {"from": dict.fromkeys(factors, "low"), "to": dict.fromkeys(factors, "high")}
    return declared("gap", {"factors": factors, "repeats": seeds, "gap": ends})


def shapley_misses(seeds: int, studies: int) -> dict[str, int]:
    """In how many studies a share's interval misses the true share; effects 3, 1 and 0, and an interaction of 1.

    By symmetry half of the interaction of the first two factors belongs to each: true shares 3.5, 1.5 and 0.
    """
    study, rng, counts = gap_study(seeds), np.random.default_rng(seeds), dict.fromkeys(("each", "largest wrong"), 0)
    frame = blank(study)
    a, b, _ = ((frame[name] == "high").to_numpy(dtype=float) for name in study.factors)
    truth = {"activation": 3.5, "loss": 1.5, "init": 0.0}
    for _ in range(studies):
        shared = 3 * rng.normal(size=seeds)[frame["seed"]]
        frame[MEASURE] = 3 * a + b + a * b + shared + rng.normal(size=len(frame))
        found = gap_shares(study, frame)
        assert found is not None
        for name, interval in found.parts:
            counts["each"] += not interval.low <= truth[name] <= interval.high
        counts["largest wrong"] += found.parts[0][0] != "activation" and any(one.worse for one in found.apart)
    return counts


def crossed(*factors: list[str]) -> pd.DataFrame:
    """A balanced design of some factors and the seeds 0 to 4."""
    names = [*(f"factor_{i}" for i in range(len(factors))), "seed"]
    return pd.DataFrame(list(product(*factors, range(5))), columns=names)
