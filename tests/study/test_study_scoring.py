"""What runs that diverged count as, and what the tuning makes of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from synthetic import Point, claim, record, runs, study

from bpexp.study.analysis import Analysis, RunRecord, analyse, frame_of
from bpexp.study.design import Study
from bpexp.study.words import shown

A = {"activation": "relu"}
B = {"activation": "sigmoid"}
FACTORS: dict[str, list[Any]] = {"activation": ["sigmoid", "relu"]}
ACCURACY = "final accuracy/test"


def lucky(design: Study, lost: tuple[int, ...] = (0, 3)) -> list[RunRecord]:
    """ReLU is better where it lives, and diverges in some seeds after it has seen the untrained network."""
    rng = np.random.default_rng(3)

    def made(point: Point) -> float:
        return 0.96 + 0.007 * (point["activation"] == "relu") + float(rng.normal(0, 0.0005))

    some = runs(design, made)
    for place, run in enumerate(some):
        start = {name: [(0, 0.1), *points] for name, points in run.series.items() if name != "time/epoch"}
        series = {**start, "time/epoch": [(0, 0.0), *run.series["time/epoch"]]}
        gone = run.params["activation"] == "relu" and run.params["seed"] in lost
        if gone:
            series = {name: points[:2] for name, points in series.items()}
        some[place] = RunRecord({**run.params, "epochs": 2}, "diverged" if gone else "finished", series)
    return some


def plain(**changes: Any) -> Study:
    said = [claim(of=A, against=B, above=0)]
    return study(**{"factors": FACTORS, "tuned": None, "repeats": 10, "claims": said, **changes})


def test_the_lucky_seeds_do_not_decide() -> None:
    """S23: the seven seeds in which the arm lived made it `supported`."""
    design = plain()
    (found,) = analyse(design, lucky(design, (0, 3, 7))).verdicts
    assert found.answer == "inconclusive"
    assert found.alone.mean == pytest.approx(0.007 - 0.3 * 0.867, abs=1e-3)
    assert "3 of 20 runs diverged and count as chance" in found.note


def test_survivors_are_a_choice_that_is_told() -> None:
    design = plain(diverged="survivors")
    analysis = analyse(design, lucky(design, (0, 3, 7)))
    (found,) = analysis.verdicts
    assert (found.answer, found.interval.n) == ("supported", 7)
    assert "of the runs that survived: 3 of 20 diverged" in found.note
    assert (analysis.best[0].runs, analysis.best[0].diverged, analysis.best[0].missing) == (7, 3, 3)


def test_what_a_divergence_counts_as() -> None:
    """The untrained network's value, or the declared one; never, of epochs; what was measured first, as it is."""
    measures = [ACCURACY, "mean accuracy/test", "best accuracy/test", "first accuracy/test"]
    measures += ["epochs until accuracy/test >= 0.1", "log10 final accuracy/test", "final grad_norm/W1"]
    run = record({"activation": "relu", "seed": 0, "epochs": 7}, "diverged", accuracy=0.9, **{"grad_norm/W1": 3.0})
    start = {name: [(0, 0.1), *points] for name, points in run.series.items()}
    run = replace(run, series={**start, "time/epoch": [(0, 0.0), *run.series["time/epoch"]]})
    row = frame_of(plain(measures=measures, claims=[]), [run]).iloc[0]
    assert row[measures[:4]].tolist() == [0.1, 0.1, 0.1, 0.1]
    assert row[measures[4]] == 8
    assert row[measures[5]] == pytest.approx(-1)
    assert math.isnan(row[measures[6]])
    declared = frame_of(plain(measures=measures, claims=[], chance={"accuracy": 0.2, "grad_norm": 5}), [run]).iloc[0]
    assert declared[[*measures[:3], measures[6]]].tolist() == [0.2, 0.2, 0.2, 5]
    alive = frame_of(plain(measures=measures, claims=[]), [replace(run, status="finished")]).iloc[0]
    assert alive[measures[:5]].tolist() == pytest.approx([0.9, (0.1 + 0.45 + 0.9) / 3, 0.9, 0.1, 0.0])


def test_a_measure_without_a_chance_level_decides_nothing() -> None:
    """A norm is no score: nobody knows what a diverged run's is worth."""
    said = claim(measure="final grad_norm/W1", of=A, against=B, above=0)
    design = plain(claims=[said])
    made = [
        replace(r, series={**r.series, "grad_norm/W1": [(20, r.series["accuracy/test"][-1][1])]}) for r in lucky(design)
    ]
    (found,) = analyse(design, made).verdicts
    assert (found.answer, found.interval.n) == ("inconclusive", 8)
    assert (
        "2 of 20 runs diverged, and final grad_norm/W1 has no chance level; declare one in study.chance" in found.note
    )
    design = plain(claims=[said], chance={"grad_norm": 0.1})
    assert "diverged and count as chance" in analyse(design, made).verdicts[0].note


def test_a_ratio_before_the_first_step_is_as_measured() -> None:
    """It was measured before the run diverged."""
    said = claim(measure="first grad_norm/W1", of=A, above=0.5)
    design = plain(claims=[said])
    rng = np.random.default_rng(4)
    made = [replace(r, series={**r.series, "grad_norm/W1": [(0, rng.normal(1, 0.1))]}) for r in lucky(design)]
    (found,) = analyse(design, made).verdicts
    assert (found.answer, found.interval.n) == ("supported", 10)


def test_never_is_beyond_the_declared_epochs_also_of_a_run_that_stopped_early() -> None:
    """A run that gave up after 2 of 10 epochs counted as 3, better than one that got there in 4."""
    text = "epochs until accuracy/test >= 0.9"
    design = plain(claims=[claim(measure=text, of=A, above=0)])
    run = record({"activation": "relu", "seed": 0, "epochs": "10"}, "stopped", accuracy=0.5)
    assert frame_of(design, [run])[text].tolist() == [11]
    assert frame_of(design, [replace(run, params={"activation": "relu", "seed": 0})])[text].tolist() == [3]


# Tuning


def tuned(design: Study, at_one: float, lost: int) -> Analysis:
    """The rate 1.0 is better where it lives; in `lost` of ten seeds it does not. 0.1 is 0.8 always."""

    def made(point: Point) -> float:
        return at_one if point["lr"] == 1.0 else 0.8

    some = [replace(r, params={**r.params, "epochs": 2}) for r in runs(design, made)]
    diverged = [r.params["lr"] == 1.0 and r.params["seed"] < lost for r in some]
    return analyse(design, [replace(r, status="diverged") if d else r for r, d in zip(some, diverged, strict=True)])


@pytest.mark.parametrize(("lost", "rate"), [(0, "1"), (1, "1"), (2, "0.1"), (9, "0.1")])
def test_a_rate_is_chosen_by_all_its_seeds(lost: int, rate: str) -> None:
    """0.95 in nine seeds and chance in one is 0.865 on average, above 0.8; in eight and two it is 0.78."""
    design = study(repeats=10, chance={"accuracy": 0.1})
    analysis = tuned(design, 0.95, lost)
    assert {arm.tuned_to for arm in analysis.best} == {rate}
    assert {arm.diverged for arm in analysis.best} == {lost if rate == "1" else 0}
    if rate == "1":
        mean = 0.95 - lost * 0.085
        assert analysis.best[0].intervals[ACCURACY].mean == pytest.approx(mean)


@pytest.mark.parametrize("changes", [{"diverged": "survivors"}, {"tuned_by": "final loss/validation"}])
def test_without_a_score_a_rate_that_loses_a_seed_does_not_win(changes: dict[str, Any]) -> None:
    design = study(repeats=10, chance={"accuracy": 0.1}, **changes)
    made = [
        replace(
            r,
            status="diverged" if r.params["lr"] == 1.0 and r.params["seed"] == 0 else "finished",
            series={**r.series, "loss/validation": [(20, 0.1 if r.params["lr"] == 1.0 else 0.5)]},
        )
        for r in runs(design, lambda point: 0.95 if point["lr"] == 1.0 else 0.8)
    ]
    assert {arm.tuned_to for arm in analyse(design, made).best} == {"0.1"}


# Levels at an edge


@pytest.mark.parametrize(("best", "told"), [(0.01, "0.01 (smallest tried)"), (0.1, "0.1"), (1.0, "1 (largest tried)")])
def test_a_best_level_at_the_edge_is_flagged(best: float, told: str) -> None:
    """S11: in the table, among the problems and at the verdict; wherever it stands in the list."""
    rng = np.random.default_rng(5)

    def made(point: Point) -> float:
        return 0.9 - 0.1 * (point["lr"] != best) + float(rng.normal(0, 0.001))

    factors = {"activation": ["relu", "sigmoid"], "lr": [0.1, 1.0, 0.01]}
    design = study(factors=factors, claims=[claim(of=A, above=0.5), claim(of=A, above=0.5, at="equal")])
    analysis = analyse(design, runs(design, made))
    assert {arm.chosen for arm in analysis.best} == {told}
    side = told.partition("(")[2].removesuffix(" tried)")
    problem = f"the best lr of 2 of 2 arms is the {side} that was tried; a better one may lie beyond"
    assert analysis.problems == ([problem] if side else [])
    best_claim, equal_claim = (v.note for v in analysis.verdicts)
    assert (f"the best lr of relu is the {side} that was tried" in best_claim) == bool(side)
    assert "that was tried" not in equal_claim


def test_levels_without_an_order_have_no_edge() -> None:
    design = study(factors={"activation": ["relu"], "schedule": ["constant", "cosine"]}, tuned="schedule")
    assert [arm.edge for arm in analyse(design, runs(design, lambda point: 0.5)).best] == [""]


# A log scale


def ratios(design: Study, ratio: Callable[[Point], float]) -> list[RunRecord]:
    """Runs whose first layer's delta is this share of the second's."""
    made = [dict(run.params) for run in runs(design, lambda point: 0.5)]
    return [record(p, accuracy=0.5, **{"delta_norm/layer_1": ratio(p), "delta_norm/layer_2": 1.0}) for p in made]


def test_a_log_scale_is_averaged_tested_and_shown_as_such() -> None:
    """S28: shares and intervals of a ratio that spans decades are of its logarithm."""
    text = "log10 first delta_norm/layer_1 / delta_norm/layer_2"
    rng = np.random.default_rng(6)
    powers = {"relu": -1.0, "sigmoid": -6.0}
    said = [claim(measure=text, of=A, against=B, above=4), claim(measure=text, of=B, below=-5)]
    design = study(tuned=None, measures=[text], claims=said)
    made = ratios(design, lambda point: 10 ** (powers[point["activation"]] + rng.normal(0, 0.1)))
    analysis = analyse(design, made)
    assert [v.answer for v in analysis.verdicts] == ["supported", "supported"]
    assert analysis.verdicts[0].alone.mean == pytest.approx(5, abs=0.1)
    assert next(one for one in analysis.shares if one.term == "activation").share > 0.99
    told = shown(analysis.best[-1].intervals[text], design.measures[0])
    assert told.startswith("-6.0")
    assert told.endswith("e-07)")


def test_the_logarithm_of_nothing_is_no_value_and_no_silence() -> None:
    """A delta that vanished to exactly 0 has no logarithm; the runs that have one are no fair sample."""
    text = "log10 first delta_norm/layer_1 / delta_norm/layer_2"
    design = study(tuned=None, claims=[claim(measure=text, of=A, below=-1)])
    made = ratios(design, lambda point: 0.0 if point["seed"] == 0 else 1e-3 * (1 + point["seed"]))
    (found,) = analyse(design, made).verdicts
    assert found.answer == "inconclusive"
    assert "has no finite value in 4 of 20 runs, and the others are no fair sample" in found.note
