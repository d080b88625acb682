"""From runs with known effects to arms, differences and verdicts: the answer must be the one that was put in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from synthetic import Point, claim, points, record, runs, study

from bpexp.study.analysis import Analysis, Arm, RunRecord, analyse, frame_of, judge
from bpexp.study.design import Study, narrowed

JITTER = [0.0, 0.01, -0.01, 0.005, -0.005]
"""What a seed adds to one arm and not to another; it sums to nought."""


def effects(point: Point) -> float:
    """ReLU 0.2 above sigmoid, He 0.04 above Xavier; lr = 0.1 suits ReLU, 1.0 sigmoid; seeds share 0.1 each."""
    relu = point["activation"] == "relu"
    value = 0.5 + 0.2 * relu + 0.04 * (point["init"] == "he")
    value += 0.05 * (relu == (point["lr"] == 0.1))
    return value + 0.1 * point["seed"] + JITTER[(point["seed"] + 2 * relu) % 5]


def arm(analysis: Analysis, *levels: str) -> Arm:
    """The arm of these levels, at its best or at every level."""
    return next(arm for arm in [*analysis.best, *analysis.equal] if tuple(arm.levels.values()) == levels)


def verdict(made: Callable[[Study], list[RunRecord]], **said: Any) -> tuple[str, float, str]:
    """Answer, mean and note of one claim."""
    design = study(claims=[claim(**said)])
    (found,) = analyse(design, made(design)).verdicts
    return found.answer, found.interval.mean, found.note


def whole(design: Study) -> list[RunRecord]:
    return runs(design, effects)


# Arms


def test_arms() -> None:
    analysis = analyse(study(), whole(study()))
    assert [tuple(arm.levels.values()) for arm in analysis.best] == [
        ("relu", "he"),
        ("relu", "xavier"),
        ("sigmoid", "he"),
        ("sigmoid", "xavier"),
    ]
    assert [arm.tuned_to for arm in analysis.best] == ["0.1", "0.1", "1", "1"]
    assert [arm.intervals["final accuracy/test"].mean for arm in analysis.best] == pytest.approx(
        [0.99, 0.95, 0.79, 0.75]
    )
    assert {(arm.runs, arm.missing) for arm in [*analysis.best, *analysis.equal]} == {(5, 0)}
    assert len(analysis.equal) == 8
    assert analysis.problems == []
    assert len(analysis.frame) == 40


def test_without_a_tuned_factor_every_level_is_an_arm() -> None:
    analysis = analyse(study(tuned=None), whole(study()))
    assert len(analysis.best) == 8
    assert analysis.equal == []
    assert {arm.tuned_to for arm in analysis.best} == {None}


def test_of_losses_the_lowest_is_first() -> None:
    design = study(measures=["final loss/test"], tuned=None)
    made = [record(point, loss=effects(point)) for point in points(design)]
    analysis = analyse(design, made)
    means = [arm.intervals["final loss/test"].mean for arm in analysis.best]
    assert means == sorted(means)


def test_epochs_are_fewest_first() -> None:
    design = study(measures=["epochs until accuracy/test >= 0.87"])
    first = analyse(design, whole(design)).best[0]
    assert tuple(first.levels.values()) == ("relu", "he")


def test_the_shares_are_those_of_the_arms() -> None:
    """Squares 0.01 of the activation, 0.0004 of the initializer and 0.02 + 0.00005 of the seeds, and no interaction."""
    shares = analyse(study(), whole(study())).shares
    total = 0.01 + 0.0004 + 0.02
    assert shares["activation"] == pytest.approx(0.01 / total, rel=0.05)
    assert shares["init"] == pytest.approx(0.0004 / total, rel=0.05)
    assert shares["activation x init"] == pytest.approx(0, abs=1e-9)
    assert sum(shares.values()) == pytest.approx(1)


# Tuning


def test_the_level_is_chosen_on_the_validation_part() -> None:
    """The test part prefers 1.0 by far and is not asked."""

    def made(point: Point) -> dict[str, float]:
        high = point["lr"] == 1.0
        return {"accuracy": 0.9 if high else 0.5, "validation": 0.7 if high else 0.8}

    analysis = analyse(study(), runs(study(), made))
    assert {arm.tuned_to for arm in analysis.best} == {"0.1"}
    assert {arm.intervals["final accuracy/test"].mean for arm in analysis.best} == {0.5}


def test_what_chooses_can_be_a_loss() -> None:
    design = study(tuned_by="best loss/validation")

    def made(point: Point) -> dict[str, float]:
        return {"accuracy": 0.5, "validation": 0.5, "loss/validation": 1.0 if point["lr"] == 1.0 else 2.0}

    assert {arm.tuned_to for arm in analyse(design, runs(design, made)).best} == {"1"}


def test_of_equal_levels_the_first_is_chosen() -> None:
    assert {arm.tuned_to for arm in analyse(study(), runs(study(), lambda point: 0.5)).best} == {"0.1"}
    turned = study(factors={"activation": ["relu"], "lr": [1.0, 0.1]})
    assert {arm.tuned_to for arm in analyse(turned, runs(turned, lambda point: 0.5)).best} == {"0.1"}


@pytest.mark.parametrize("status", ["diverged", "failed", "killed"])
def test_a_level_that_lost_a_seed_does_not_win(status: str) -> None:
    """1.0 is far better where it lives, and one of its five seeds did not."""

    def made(design: Study) -> list[RunRecord]:
        some = runs(design, lambda point: 0.9 if point["lr"] == 1.0 else 0.5)
        return [replace(r, status=status) if r.params["lr"] == 1.0 and r.params["seed"] == 3 else r for r in some]

    analysis = analyse(study(), made(study()))
    assert {arm.tuned_to for arm in analysis.best} == {"0.1"}
    assert {(arm.runs, arm.missing) for arm in analysis.best} == {(5, 1)}
    assert arm(analysis, "relu", "he", "1").runs == 4
    assert analysis.problems[0].startswith(f"4 runs {status}, left out of every mean: activation=sigmoid, init=xavier")


def test_an_arm_that_lost_a_seed_at_every_level_is_still_tuned() -> None:
    """Its levels are held to one another, not to those of arms that lost none."""

    def lost(point: Point) -> bool:
        return point["activation"] == "sigmoid" and point["seed"] == 4

    made = [r for r in whole(study()) if not lost(dict(r.params))]
    analysis = analyse(study(), made)
    assert arm(analysis, "sigmoid", "he").tuned_to == "1"
    assert arm(analysis, "sigmoid", "he").runs == 4
    assert analysis.problems == ["4 of 40 runs are missing"]


def test_nothing_to_choose_by_is_told() -> None:
    made = [record(point, accuracy=effects(point)) for point in points(study())]
    analysis = analyse(study(), made)
    assert {arm.runs for arm in analysis.best} == {0}
    assert analysis.problems == [
        "final accuracy/validation has no finite value in 40 of the 40 runs that ended well; its means omit them"
    ]


# What went wrong


@pytest.mark.parametrize("status", ["failed", "diverged", "killed", "running", "lost"])
def test_what_came_to_no_end_is_never_averaged(status: str) -> None:
    """Though it left a value."""
    wild = [record(p, status, accuracy=99.0, validation=99.0) for p in points(study()) if p["seed"] == 0]
    kept = [r for r in whole(study()) if r.params["seed"] > 0]
    analysis, clean = analyse(study(), [*wild, *kept]), analyse(study(), kept)
    assert [a.intervals for a in analysis.best] == [a.intervals for a in clean.best]
    assert [str(d.interval) for d in analysis.differences] == [str(d.interval) for d in clean.differences]
    assert analysis.shares == clean.shares
    assert {a.missing for a in analysis.equal} == {1}
    (told,) = analysis.problems
    assert told.startswith(f"8 runs {status}, left out of every mean: ")


def test_a_run_that_was_stopped_early_is_a_result() -> None:
    made = [replace(r, status="stopped") for r in whole(study())]
    assert [a.runs for a in analyse(study(), made).best] == [5] * 4


def test_many_lost_runs_are_told_shortly() -> None:
    analysis = analyse(study(), [replace(r, status="failed") for r in whole(study())])
    assert analysis.problems[0].endswith(" ...")
    assert analysis.problems[0].count("; ") == 7


def test_missing_runs_are_counted() -> None:
    assert analyse(study(), whole(study())[:-7]).problems == ["7 of 40 runs are missing"]
    assert analyse(study(), []).problems == ["40 of 40 runs are missing"]


def test_of_runs_with_the_same_levels_and_seed_the_last_counts() -> None:
    """As where one was run anew; but where a factor was swept that the study does not know, the reader must hear."""
    old = [record(dict(r.params), accuracy=0.0, validation=0.0) for r in whole(study())[:3]]
    analysis = analyse(study(), [*old, *whole(study())])
    assert analysis.problems == ["3 runs with the levels and the seed of a later run, which replaces it"]
    assert [a.intervals for a in analysis.best] == [a.intervals for a in analyse(study(), whole(study())).best]


def test_a_finished_run_without_a_value_is_told() -> None:
    made = whole(study())
    made[0] = replace(made[0], series={"accuracy/validation": [(1, 0.1)]})
    analysis = analyse(study(), made)
    assert analysis.problems == [
        "final accuracy/test has no finite value in 1 of the 40 runs that ended well; its means omit them"
    ]


BARE: dict[str, list[RunRecord]] = {
    "nothing": [],
    "all failed": [replace(r, status="failed") for r in whole(study())],
    "all diverged": [replace(r, status="diverged") for r in whole(study())],
    "no series": [RunRecord(p, "finished", {}) for p in points(study())],
    "no numbers": [record(p, accuracy=math.nan, validation=math.nan) for p in points(study())],
    "infinite": [record(p, accuracy=math.inf, validation=-math.inf) for p in points(study())],
    "one run": whole(study())[:1],
    "all equal": [record(p, accuracy=0.5, validation=0.5) for p in points(study())],
}


@pytest.mark.parametrize("tuned", ["lr", None])
@pytest.mark.parametrize("case", BARE)
def test_bare_studies_are_analysed(case: str, tuned: str | None) -> None:
    claims = [
        claim(of={"activation": "relu"}, above=0.6),
        claim(of={"activation": "relu"}, against={"activation": "sigmoid"}, above=0, at="equal"),
        claim(of={"activation": "relu"}, against={"activation": "sigmoid"}, below=0),
    ]
    analysis = analyse(study(tuned=tuned, claims=claims), BARE[case])
    if case != "all equal":
        assert analysis.problems
        assert {v.answer for v in analysis.verdicts} == {"inconclusive"}
        assert analysis.shares == {}


# Differences


def test_what_a_seed_does_to_both_arms_cancels() -> None:
    """Seeds differ by 0.1, the arms by 0.04 exactly: overlapping means, and a difference without doubt."""
    analysis = analyse(study(), whole(study()))
    gap = analysis.differences[0]
    assert (gap.first, gap.second) == (analysis.best[0].levels, analysis.best[1].levels)
    assert (gap.interval.low, gap.interval.high) == pytest.approx((0.04, 0.04))
    assert gap.p == 0
    student = analysis.best[0].intervals["final accuracy/test"]
    assert student.low < analysis.best[1].intervals["final accuracy/test"].mean


def test_only_shared_seeds_are_paired() -> None:
    """Sigmoid lost its seeds 3 and 4, which were its best; unpaired it would look worse."""
    made = [r for r in whole(study()) if not (r.params["activation"] == "sigmoid" and r.params["seed"] > 2)]
    analysis = analyse(study(), made)
    gap = next(d for d in analysis.differences if d.second == {"activation": "sigmoid", "init": "he"})
    kept = [JITTER[(s + 2) % 5] - JITTER[s] for s in range(3)]
    assert gap.interval.n == 3
    assert gap.interval.mean == pytest.approx(0.2 + float(np.mean(kept)))


def test_p_is_corrected_for_the_number_of_arms() -> None:
    rng = np.random.default_rng(8)
    analysis = analyse(study(), runs(study(), lambda point: float(rng.normal(0.5, 0.1))))
    assert len(analysis.differences) == 3
    assert all(d.p_adjusted >= d.p for d in analysis.differences)
    assert min(d.p_adjusted for d in analysis.differences) == pytest.approx(
        min(1, 3 * min(d.p for d in analysis.differences))
    )


# Claims

RELU, SIGMOID = {"activation": "relu"}, {"activation": "sigmoid"}
RELU_HE, SIGMOID_HE = {**RELU, "init": "he"}, {**SIGMOID, "init": "he"}

CLAIMS: dict[str, tuple[dict[str, Any], str, float]] = {
    "true, above": ({"of": RELU_HE, "against": SIGMOID_HE, "above": 0}, "supported", 0.2),
    "false, below": ({"of": RELU_HE, "against": SIGMOID_HE, "below": 0}, "refuted", 0.2),
    "true, turned": ({"of": SIGMOID_HE, "against": RELU_HE, "below": 0}, "supported", -0.2),
    "false, turned": ({"of": SIGMOID_HE, "against": RELU_HE, "above": 0}, "refuted", -0.2),
    "too much": ({"of": RELU_HE, "against": SIGMOID_HE, "above": 0.3}, "refuted", 0.2),
    "too close to tell": ({"of": RELU_HE, "against": SIGMOID_HE, "above": 0.2}, "inconclusive", 0.2),
    "too close, below": ({"of": RELU_HE, "against": SIGMOID_HE, "below": 0.2}, "inconclusive", 0.2),
    "init left open": ({"of": RELU, "against": SIGMOID, "above": 0.15}, "supported", 0.2),
    "init left open on one side": ({"of": RELU_HE, "against": SIGMOID, "above": 0.15}, "supported", 0.22),
    "init alone": ({"of": {"init": "he"}, "against": {"init": "xavier"}, "above": 0.03}, "supported", 0.04),
    "init alone, false": ({"of": {"init": "he"}, "against": {"init": "xavier"}, "above": 0.05}, "refuted", 0.04),
    "one arm": ({"of": RELU_HE, "above": 0.5}, "supported", 0.99),
    "one arm, false": ({"of": RELU_HE, "above": 2}, "refuted", 0.99),
    "one arm, below": ({"of": RELU_HE, "below": 2}, "supported", 0.99),
    "one arm, seeds differ": ({"of": RELU_HE, "above": 0.98}, "inconclusive", 0.99),
    "everything": ({"of": {}, "above": 0.5}, "supported", 0.87),
    "equal": ({"of": RELU, "against": SIGMOID, "above": 0, "at": "equal"}, "supported", 0.2),
    "equal, one rate": (
        {"of": {**RELU, "lr": 1.0}, "against": {**SIGMOID, "lr": 1.0}, "below": 0.18, "at": "equal"},
        "supported",
        0.15,
    ),
    "equal, one arm": ({"of": RELU_HE, "above": 0.5, "at": "equal"}, "supported", 0.965),
    "equal, of rates": (
        {"of": {**SIGMOID, "lr": 1.0}, "against": {**SIGMOID, "lr": 0.1}, "above": 0.04, "at": "equal"},
        "supported",
        0.05,
    ),
    "itself": ({"of": RELU, "against": RELU, "above": 0}, "inconclusive", 0.0),
}


@pytest.mark.parametrize("case", CLAIMS)
def test_claims(case: str) -> None:
    said, answer, mean = CLAIMS[case]
    found = verdict(whole, **said)
    assert found[:2] == (answer, pytest.approx(mean))
    assert found[2].startswith("5 seeds, ")


def test_at_best_and_at_equal_may_disagree() -> None:
    """Each at its own rate ReLU is ahead; at either rate it is sigmoid on the mean, for ReLU fails at 1.0."""

    def made(design: Study) -> list[RunRecord]:
        def value(point: Point) -> float:
            if point["activation"] == "sigmoid":
                return 0.7 + JITTER[point["seed"]]
            return (0.9 if point["lr"] == 0.1 else 0.1) + 0.5 * JITTER[point["seed"]]

        return runs(design, value)

    assert verdict(made, of=RELU, against=SIGMOID, above=0)[:2] == ("supported", pytest.approx(0.2))
    assert verdict(made, of=RELU, against=SIGMOID, above=0, at="equal")[:2] == ("refuted", pytest.approx(-0.2))


def test_a_claim_about_a_level_however_it_is_written() -> None:
    """YAML says 1, the run's parameters 1.0, MLflow '1.0'."""
    factors = {"activation": ["relu"], "lr": [0.1, 1]}
    design = study(factors=factors, tuned=None, claims=[claim(of={"lr": 1}, above=0.5)])
    for spell in (float, str, lambda lr: f"{lr:.1f}"):
        made = [record({**p, "lr": spell(p["lr"])}, accuracy=0.8 + JITTER[p["seed"]]) for p in points(design)]
        analysis = analyse(design, made)
        assert analysis.verdicts[0].answer == "supported"
        assert analysis.problems == []


def test_one_seed_decides_nothing_and_says_so() -> None:
    design = study(repeats=1, claims=[claim(of=RELU, above=0), claim(of=RELU, against=SIGMOID, above=0)])
    analysis = analyse(design, whole(design))
    assert [v.answer for v in analysis.verdicts] == ["inconclusive"] * 2
    assert {v.note for v in analysis.verdicts} == {"1 seed gives no interval"}
    assert analysis.problems == ["each arm ran with one seed: there are no intervals, and no claim can be decided"]
    assert all(math.isnan(i.low) for a in analysis.best for i in a.intervals.values())
    assert all(math.isnan(d.p) and math.isnan(d.p_adjusted) for d in analysis.differences)


def test_two_seeds_are_an_interval() -> None:
    design = study(repeats=2, claims=[claim(of=RELU, above=-9)])
    assert analyse(design, whole(design)).verdicts[0].note == "2 seeds, above -9"


@pytest.mark.parametrize("said", [{"of": RELU}, {"of": RELU, "against": SIGMOID}, {"of": SIGMOID, "against": RELU}])
@pytest.mark.parametrize("at", ["best", "equal"])
def test_claims_about_arms_that_were_not_run(said: dict[str, Any], at: str) -> None:
    """As after `activation=sigmoid` on the command line."""
    design = narrowed(study(claims=[claim(**said, above=-99, at=at)]), {"activation": ["sigmoid"]})
    (found,) = analyse(design, whole(design)).verdicts
    assert (found.answer, found.note) == ("inconclusive", "no seed has a value")
    assert str(found.interval) == "no runs"


def test_a_claim_counts_the_seeds_that_have_a_value() -> None:
    """Three of the five ended without the measure."""

    def made(design: Study) -> list[RunRecord]:
        some = whole(design)
        return [replace(r, series={"accuracy/validation": [(1, 0.5)]}) if r.params["seed"] > 1 else r for r in some]

    answer, _, note = verdict(made, of=RELU_HE, against=SIGMOID_HE, above=-9)
    assert (answer, note) == ("supported", "2 seeds, above -9")


def test_false_claims_are_rarely_supported() -> None:
    """Of 150 claims of an effect that is not there, about 2.5 % are supported, and as many refuted."""
    rng = np.random.default_rng(9)
    design = study(
        factors={"activation": ["relu", "sigmoid"]}, tuned=None, claims=[claim(of=RELU, against=SIGMOID, above=0)]
    )
    answers = []
    for _ in range(150):
        frame = frame_of(design, runs(design, lambda point: float(rng.normal())))
        answers.append(judge(design, design.claims[0], frame, frame).answer)
    assert answers.count("supported") <= 10
    assert answers.count("refuted") <= 10
    assert answers.count("inconclusive") >= 130
