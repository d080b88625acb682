"""From runs with known effects to arms, differences and verdicts: the answer must be the one that was put in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from synthetic import Point, claim, in_time, points, record, runs, study

from bpexp.study.analysis import Analysis, Arm, RunRecord, analyse
from bpexp.study.claim_list import claims_html
from bpexp.study.design import Study, narrowed
from bpexp.study.variance import REST

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


def told(analysis: Analysis) -> list[str]:
    """The problems but for levels at an edge: of two levels, each is one."""
    return [problem for problem in analysis.problems if not problem.startswith("the best lr of ")]


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
    assert told(analysis) == []
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
    """Squares 0.01 of the activation, 0.0004 of the initializer, 0.02 of the seeds, 0.0001 of the rest."""
    shares = {one.term: one.share for one in analyse(study(), whole(study())).shares}
    total = 0.01 + 0.0004 + 0.02 + 0.0001
    assert shares["activation"] == pytest.approx(0.01 / total, rel=0.05)
    assert shares["init"] == pytest.approx(0.0004 / total, rel=0.05)
    assert shares["seeds"] == pytest.approx(0.02 / total, rel=0.05)
    assert shares["activation x init"] == 0
    assert 0 < shares[REST] < 0.01
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

    design = study(diverged="survivors")
    analysis = analyse(design, made(design))
    assert {arm.tuned_to for arm in analysis.best} == {"0.1"}
    assert {(arm.runs, arm.missing) for arm in analysis.best} == {(5, 0)}
    assert (arm(analysis, "relu", "he", "1").runs, arm(analysis, "relu", "he", "1").missing) == (4, 1)
    assert analysis.problems[0].startswith(f"4 runs {status}, left out of every mean: activation=sigmoid, init=xavier")


def test_an_arm_that_lost_a_seed_at_every_level_is_still_tuned() -> None:
    """Its levels are held to one another, not to those of arms that lost none."""

    def lost(point: Point) -> bool:
        return point["activation"] == "sigmoid" and point["seed"] == 4

    made = [r for r in whole(study()) if not lost(dict(r.params))]
    analysis = analyse(study(), made)
    assert arm(analysis, "sigmoid", "he").tuned_to == "1"
    assert arm(analysis, "sigmoid", "he").runs == 4
    assert told(analysis) == ["4 of 40 runs are missing"]


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
    design = study(diverged="survivors")
    wild = [record(p, status, accuracy=99.0, validation=99.0) for p in points(design) if p["seed"] == 0]
    kept = [r for r in whole(design) if r.params["seed"] > 0]
    analysis, clean = analyse(design, [*wild, *kept]), analyse(design, kept)
    assert [a.intervals for a in analysis.best] == [a.intervals for a in clean.best]
    assert [str(d.interval) for d in analysis.comparison] == [str(d.interval) for d in clean.comparison]
    assert str(analysis.shares) == str(clean.shares)
    assert {a.missing for a in analysis.equal} == {1}
    (said,) = told(analysis)
    assert said.startswith(f"8 runs {status}, left out of every mean: ")


def test_a_run_that_was_stopped_early_is_a_result() -> None:
    made = [replace(r, status="stopped") for r in whole(study())]
    assert [a.runs for a in analyse(study(), made).best] == [5] * 4


def test_many_lost_runs_are_told_shortly() -> None:
    analysis = analyse(study(), [replace(r, status="failed") for r in whole(study())])
    assert analysis.problems[0].endswith(" ...")
    assert analysis.problems[0].count("; ") == 7


def test_missing_runs_are_counted() -> None:
    assert told(analyse(study(), whole(study())[:-7])) == ["7 of 40 runs are missing"]
    assert analyse(study(), []).problems == ["40 of 40 runs are missing"]


def test_of_runs_with_the_same_levels_and_seed_the_last_counts() -> None:
    """As where one was run anew; but where a factor was swept that the study does not know, the reader must hear."""
    old = [record(dict(r.params), accuracy=0.0, validation=0.0) for r in whole(study())[:3]]
    analysis = analyse(study(), [*old, *whole(study())])
    assert told(analysis) == ["3 runs with the levels and the seed of a later run, which replaces it"]
    assert [a.intervals for a in analysis.best] == [a.intervals for a in analyse(study(), whole(study())).best]


def test_a_finished_run_without_a_value_is_told() -> None:
    made = whole(study())
    made[0] = replace(made[0], series={"accuracy/validation": [(1, 0.1)]})
    analysis = analyse(study(), made)
    assert told(analysis) == [
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
        assert analysis.shares == []


# Differences


def test_what_a_seed_does_to_both_arms_cancels() -> None:
    """Seeds differ by 0.1, the arms by 0.04 exactly: overlapping means, and a difference without doubt."""
    analysis = analyse(study(), whole(study()))
    gap = analysis.comparison[0]
    assert (gap.first, gap.second) == (0, 1)
    assert (gap.interval.low, gap.interval.high) == pytest.approx((0.04, 0.04))
    student = analysis.best[0].intervals["final accuracy/test"]
    assert student.low < analysis.best[1].intervals["final accuracy/test"].mean


def test_only_shared_seeds_are_paired() -> None:
    """Sigmoid lost its seeds 3 and 4, which were its best; unpaired it would look worse."""
    made = [r for r in whole(study()) if not (r.params["activation"] == "sigmoid" and r.params["seed"] > 2)]
    analysis = analyse(study(), made)
    gap = next(d for d in analysis.comparison if tuple(analysis.best[d.second].levels.values()) == ("sigmoid", "he"))
    kept = [JITTER[(s + 2) % 5] - JITTER[s] for s in range(3)]
    assert gap.interval.n == 3
    assert gap.interval.mean == pytest.approx(0.2 + float(np.mean(kept)))


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
    "equal gaps": ({"of": {"init": "he"}, "against": {"init": "xavier"}, "above": 0.03}, "inconclusive", 0.04),
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
        "inconclusive",  # the gap is the same for all five seeds
        0.05,
    ),
}


@pytest.mark.parametrize("case", CLAIMS)
def test_claims(case: str) -> None:
    said, answer, mean = CLAIMS[case]
    found = verdict(whole, **said)
    assert found[:2] == (answer, pytest.approx(mean))
    assert found[2].startswith("5 seeds, ")
    assert ("can decide from 6 seeds on" in found[2]) == (case in ("equal gaps", "equal, of rates"))


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
        assert told(analysis) == []


@pytest.mark.parametrize("seeds", [1, 2, 4])
def test_few_seeds_decide_nothing_and_say_so(seeds: int) -> None:
    design = study(repeats=seeds, claims=[claim(of=RELU, above=-99), claim(of=RELU, against=SIGMOID, above=0)])
    analysis = analyse(design, whole(design))
    assert [v.answer for v in analysis.verdicts] == ["inconclusive"] * 2
    assert all("a verdict needs at least 5 seeds" in v.note for v in analysis.verdicts)
    assert all(math.isnan(d.p) and d.note == "a comparison needs at least 5 seeds" for d in analysis.comparison)
    if seeds == 1:
        assert "each arm ran with one seed: there are no intervals, and no claim can be decided" in analysis.problems
        assert all(math.isnan(i.low) for a in analysis.best for i in a.intervals.values())


def test_one_seed_checks_a_theorem_and_decides_no_other_claim() -> None:
    """The warning does not deny what stands above it."""
    design = study(repeats=1, claims=[claim(of=RELU, above=None, within=9, theorem="so"), claim(of=RELU, above=0)])
    analysis = analyse(design, whole(design))
    assert [v.answer for v in analysis.verdicts] == ["holds", "inconclusive"]
    assert "each arm ran with one seed: there are no intervals, and no claim but a theorem can be decided" in told(
        analysis
    )
    page = claims_html(analysis, in_time(design))
    assert "1 seed, above 0" in page
    assert "% interval, 1 seed" not in page


@pytest.mark.parametrize("said", [{"of": RELU}, {"of": RELU, "against": SIGMOID}, {"of": SIGMOID, "against": RELU}])
@pytest.mark.parametrize("at", ["best", "equal"])
def test_claims_about_arms_that_were_not_run(said: dict[str, Any], at: str) -> None:
    """As after `activation=sigmoid` on the command line."""
    design = narrowed(study(claims=[claim(**said, above=-99, at=at)]), {"activation": ["sigmoid"]})
    (found,) = analyse(design, whole(design)).verdicts
    assert found.answer == "inconclusive"
    assert found.note == "not tested, because these runs have no activation=relu"
    assert str(found.interval) == "no runs"


def test_a_claim_is_not_decided_by_the_runs_that_have_a_value() -> None:
    """Three of ten ended without the measure; the seven that have it were above the bound."""
    design = study(repeats=10, claims=[claim(of=RELU_HE, against=SIGMOID_HE, above=-9)])
    made = whole(design)
    blank = [replace(r, series={"accuracy/validation": [(1, 0.5)]}) if r.params["seed"] > 6 else r for r in made]
    (found,) = analyse(design, blank).verdicts
    assert (found.answer, found.interval.n) == ("inconclusive", 7)
    assert "final accuracy/test has no finite value in 6 of 20 runs, and the others are no fair sample" in found.note


def test_a_run_that_failed_is_left_out_and_told() -> None:
    design = study(repeats=6, claims=[claim(of=RELU_HE, against=SIGMOID_HE, above=-9)])
    made = [replace(r, status="failed") if r.params["seed"] == 2 else r for r in whole(design)]
    (found,) = analyse(design, made).verdicts
    assert (found.answer, found.interval.n) == ("supported", 5)
    assert "2 of 12 runs failed or were killed and are left out" in found.note
