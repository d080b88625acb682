"""The comparison with the best arm, and the shares of a gap."""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from synthetic import Point, in_time, record, runs, study

from bpexp.study.analysis import analyse
from bpexp.study.comparison import compare, largest_t
from bpexp.study.design import Study, declared
from bpexp.study.measures import parse
from bpexp.study.report import note

ACCURACY, LOSS = parse("final accuracy/test"), parse("final loss/test")
EPOCHS = parse("epochs until accuracy/test >= 0.9")


def table(*means: float, seeds: int = 5, spread: float = 1.0) -> pd.DataFrame:
    """Arms in their order, with noise and an effect of the seeds that is far larger."""
    rng = np.random.default_rng(13)
    noise = rng.normal(0, spread, (seeds, len(means))) + rng.normal(0, 50, (seeds, 1))
    return pd.DataFrame(np.array(means) + noise)


def test_two_arms_are_a_paired_t_test() -> None:
    frame = table(3.0, 0.0)
    (found,) = compare(frame, ACCURACY)
    test = stats.ttest_rel(frame[0], frame[1])
    wanted = test.confidence_interval(0.95)
    assert found.p == pytest.approx(float(test.pvalue), rel=0.1)
    assert (found.interval.low, found.interval.high) == pytest.approx((wanted.low, wanted.high), rel=0.02)


def test_the_critical_value_of_two_arms_is_students() -> None:
    for n in (5, 10):
        assert np.quantile(largest_t(2, n), 0.95) == pytest.approx(stats.t.isf(0.025, n - 1), rel=0.02)


def test_more_arms_ask_for_more() -> None:
    critical = [float(np.quantile(largest_t(k, 5), 0.95)) for k in (2, 3, 6, 12, 24)]
    assert critical == sorted(critical)
    pairs = 24 * 23 / 2
    assert stats.t.isf(0.025 / 23, 4) < critical[-1] < stats.t.isf(0.025 / pairs, 4)


def test_of_a_loss_the_lowest_is_the_best() -> None:
    frame = table(0.0, 30.0, 0.1)
    far, near = compare(frame, LOSS)
    assert far.worse
    assert far.interval.high < 0
    assert not near.worse


def test_large_differences_are_found_and_none_is_not() -> None:
    far, near = compare(table(30.0, 0.0, 29.9), ACCURACY)
    assert far.worse
    assert far.p < 0.01
    assert not near.worse


def test_equal_differences_are_no_certainty() -> None:
    """Student's t of a constant difference is infinite; of three pairs of arms, signs need seven seeds."""
    for seeds, worse in ((5, False), (6, False), (7, True), (8, True)):
        frame = pd.DataFrame({0: np.arange(seeds) + 2.0, 1: np.arange(seeds) + 1.0, 2: np.arange(seeds) + 0.0})
        found = compare(frame, ACCURACY)
        assert [one.worse for one in found] == [worse, worse]
        assert all(("from 7 seeds on" in one.note) == (seeds < 7) for one in found)


def test_epochs_are_compared_by_signs() -> None:
    few = pd.DataFrame({0: [1, 2, 1, 2, 1.0], 1: [4, 7, 5, 8, 6.0]})
    (found,) = compare(few, EPOCHS)
    assert not found.worse
    assert "can decide from 6 seeds on" in found.note
    (found,) = compare(pd.concat([few, few + 0.0], ignore_index=True), EPOCHS)
    assert found.worse


def test_too_few_seeds_and_missing_values() -> None:
    frame = table(9.0, 0.0, 0.0, seeds=6)
    frame.loc[0:1, 2] = math.nan
    first, second = compare(frame, ACCURACY)
    assert (first.interval.n, second.interval.n) == (6, 4)
    assert math.isnan(second.p)
    assert second.note == "a comparison needs at least 5 seeds"
    assert math.isnan(second.interval.low)
    assert compare(frame[[0]], ACCURACY) == []
    assert compare(frame.iloc[:0], ACCURACY) == []


# Shares of a gap

FACTORS: dict[str, list[Any]] = {"activation": ["low", "high"], "loss": ["low", "high"], "init": ["low", "high"]}


def gap_study(**changes: Any) -> Study:
    ends = {"from": dict.fromkeys(FACTORS, "low"), "to": dict.fromkeys(FACTORS, "high")}
    return study(**{"factors": {**FACTORS, "lr": [0.1, 1.0, 3.0]}, "gap": {**ends, **changes}})


def value(point: Point) -> float:
    """Effects 0.3, 0.1 and 0.02, and interactions of 0.06 of the first two and of 0.03 of all; the rate 1 is best."""
    a, b, c = (float(point[name] == "high") for name in FACTORS)
    seed = [0.0, 0.1, -0.2, 0.3, 0.05][point["seed"]]
    jitter = 0.002 * math.sin(7 * point["seed"] + 3 * a + 5 * b + 11 * c)
    return 0.3 * a + 0.1 * b + 0.02 * c + 0.06 * a * b + 0.03 * a * b * c - 0.1 * (point["lr"] != 1.0) + seed + jitter


def test_shapley_shares_by_hand() -> None:
    """An interaction is shared alike among those that take part: 0.3 + 0.03 + 0.01, 0.1 + 0.03 + 0.01, 0.02 + 0.01."""
    found = analyse(gap_study(), runs(gap_study(), value)).gap
    assert found is not None
    shares = {name: interval.mean for name, interval in found.parts}
    assert shares == pytest.approx({"activation": 0.34, "loss": 0.14, "init": 0.03}, abs=2e-3)
    assert found.whole is not None
    assert sum(shares.values()) == pytest.approx(found.whole.mean)
    assert found.whole.mean == pytest.approx(0.51, abs=2e-3)
    assert [name for name, _ in found.parts] == ["activation", "loss", "init"]
    assert [one.worse for one in found.apart] == [True, True]
    assert all(interval.low <= interval.mean <= interval.high for _, interval in found.parts)


def test_shapley_is_the_mean_over_all_orders() -> None:
    """The formula against its definition, seed by seed."""
    design = gap_study()
    analysis = analyse(design, runs(design, value))
    chosen = analysis.frame[analysis.frame["lr"] == "1"]
    names = list(FACTORS)

    def at(changed: set[str]) -> float:
        rows = chosen
        for name in names:
            rows = rows[rows[name] == ("high" if name in changed else "low")]
        return float(rows["final accuracy/test"].mean())

    orders = list(permutations(names))

    def adds(name: str, order: tuple[str, ...]) -> float:
        before = set(order[: order.index(name)])
        return at({*before, name}) - at(before)

    wanted = {name: np.mean([adds(name, order) for order in orders]) for name in names}
    assert analysis.gap is not None
    assert {name: interval.mean for name, interval in analysis.gap.parts} == pytest.approx(wanted)


def test_factors_together_are_one_part() -> None:
    design = gap_study(together=[["loss", "init"]])
    found = analyse(design, runs(design, value)).gap
    assert found is not None
    shares = {name: interval.mean for name, interval in found.parts}
    assert shares == pytest.approx({"activation": 0.345, "loss + init": 0.165}, abs=2e-3)


def test_a_gap_that_falls_is_shared_out_too() -> None:
    """Of a loss, or from the better arm to the worse: the largest fall stands first."""
    design = gap_study(**{"from": dict.fromkeys(FACTORS, "high"), "to": dict.fromkeys(FACTORS, "low")})
    found = analyse(design, runs(design, value)).gap
    assert found is not None
    assert [name for name, _ in found.parts] == ["activation", "loss", "init"]
    assert found.parts[0][1].mean == pytest.approx(-0.34, abs=2e-3)
    assert found.percent(found.parts[0][1]) == pytest.approx(100 * 0.34 / 0.51, abs=1)


def test_a_missing_corner_is_told() -> None:
    design = gap_study()
    made = [r for r in runs(design, value) if dict(r.params)["loss"] == "low" or r.params["init"] == "low"]
    found = analyse(design, made).gap
    assert found is not None
    assert (found.whole, list(found.parts)) == (None, [])
    assert found.reason.startswith("no run that counts has activation=low, loss=high, init=high")


def test_no_gap_without_a_declaration() -> None:
    assert analyse(study(), runs(study(), lambda point: 0.5)).gap is None


def test_the_note_shows_the_shares() -> None:
    told = note(analyse(gap_study(), runs(gap_study(), value)), in_time(gap_study()))
    (head,) = [line for line in told.splitlines() if line.startswith("| from ")]
    assert head.endswith("| share of the gap in final accuracy/test |")
    assert "| activation | 0.34" in told


def test_a_seed_without_a_corner_is_left_out() -> None:
    ends = {"from": dict.fromkeys(FACTORS, "low"), "to": dict.fromkeys(FACTORS, "high")}
    design = declared("x", {"factors": FACTORS, "repeats": 5, "gap": ends})
    made = runs(design, lambda point: value({**point, "lr": 1.0}))
    made[0] = record(dict(made[0].params), accuracy=math.nan)
    found = analyse(design, made).gap
    assert found is not None
    assert found.whole is not None
    assert found.whole.n == 4
