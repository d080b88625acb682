"""Verdicts: equivalence, the family of a study's claims, what forbids a verdict, theorems."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from synthetic import Point, claim, points, record, runs, study

from bpexp.study.analysis import RunRecord, analyse
from bpexp.study.claims import Claim
from bpexp.study.design import Study
from bpexp.study.measures import parse
from bpexp.study.samples import Sample
from bpexp.study.scoring import frame_of
from bpexp.study.statistics import mean_interval, p_value
from bpexp.study.verdicts import Verdict, verdicts
from bpexp.study.verdicts import judged as judged_together

RELU, SIGMOID = {"activation": "relu"}, {"activation": "sigmoid"}


def noisy(difference: float, spread: float = 0.01) -> Callable[[Point], float]:
    """ReLU above sigmoid by about this difference, and all seeds alike but for noise."""
    rng = np.random.default_rng(7)
    return lambda point: 0.5 + difference * (point["activation"] == "relu") + float(rng.normal(0, spread))


def judged(made: Callable[[Point], float], *said: dict[str, object], seeds: int = 5) -> list[Verdict]:
    design = study(tuned=None, repeats=seeds, claims=[claim(**{"of": RELU, "against": SIGMOID, **one}) for one in said])
    return verdicts(design, frame_of(design, runs(design, made)))


# Equivalence


@pytest.mark.parametrize(
    ("difference", "within", "answer"),
    [
        (0.0, 0.05, "supported"),
        (0.02, 0.05, "supported"),
        (-0.02, 0.05, "supported"),
        (0.1, 0.05, "refuted"),
        (-0.1, 0.05, "refuted"),
        (0.05, 0.05, "inconclusive"),
        (0.0, 0.001, "inconclusive"),
    ],
)
def test_equivalence(difference: float, within: float, answer: str) -> None:
    """S17: `below: 0.01` was all that could be said of "within a point"; a difference of -0.5 supported it."""
    (found,) = judged(noisy(difference), {"within": within})
    assert found.answer == answer
    assert f"within {within:g} of 0" in found.note


def test_equivalence_is_two_one_sided_tests() -> None:
    (found,) = judged(noisy(0.02), {"within": 0.05})
    n, mean, error = 5, found.alone.mean, found.deviation / math.sqrt(5)
    upper, lower = (mean - 0.05) / error, (mean + 0.05) / error
    assert found.p == pytest.approx(2 * max(stats.t.cdf(upper, n - 1), stats.t.sf(lower, n - 1)))


# The family


def bound_at(p: float) -> float:
    """The number that the difference of `noisy(0.2, 0.02)` exceeds with this p."""
    (found,) = judged(noisy(0.2, 0.02), {"above": 0})
    return float(found.alone.mean - stats.t.isf(p / 2, 4) * found.deviation / math.sqrt(5))


def test_a_claim_that_is_decided_alone_may_not_be_in_its_family() -> None:
    """S16: three claims with p of 0.017 to 0.026 were supported among seven."""
    said = [{"above": bound} for bound in (bound_at(0.02), 1.0, 1.1, 1.2, 0.2, 0.201, 0.199)]
    many = judged(noisy(0.2, 0.02), *said)
    alone = judged(noisy(0.2, 0.02), said[0])[0]
    assert alone.p == pytest.approx(0.02)
    assert (alone.answer, alone.family) == ("supported", 1)
    assert many[0].p == alone.p
    assert (many[0].answer, many[0].answer_alone, many[0].family) == ("inconclusive", "supported", 7)
    assert many[0].p_family > 0.05
    assert "supported if it were the only claim" in many[0].note
    assert "over the 7 claims" in many[0].note
    assert [v.answer for v in many[1:4]] == ["refuted"] * 3


def test_the_interval_decides_as_the_corrected_p() -> None:
    rng = np.random.default_rng(11)
    measure = parse("final accuracy/test")
    answers = []
    for _ in range(60):
        samples = [
            Sample(Claim("so it is", measure, {}, above=float(bound)), rng.normal(0.2, 0.02, 5), range(5))
            for bound in rng.normal(0.2, 0.04, 4)
        ]
        for found in judged_together(samples):
            bound = found.claim.limits[0]
            outside = not found.interval.low <= bound <= found.interval.high
            assert (found.answer != "inconclusive") == outside == (found.p_family <= 0.05)
            answers.append(found.answer)
    assert set(answers) == {"supported", "refuted", "inconclusive"}


def test_a_smaller_alpha_decides_less() -> None:
    """One look of several has a share of 5 %."""
    design = study(tuned=None, claims=[claim(of=RELU, against=SIGMOID, above=bound_at(0.02))])
    frame = frame_of(design, runs(design, noisy(0.2, 0.02)))
    answers = [verdicts(design, frame, alpha)[0].answer for alpha in (0.05, 0.001)]
    assert answers == ["supported", "inconclusive"]
    assert verdicts(design, frame, 0.01)[0].interval.level == pytest.approx(0.99)


def test_a_verdict_carries_its_numbers() -> None:
    """What a plan of further seeds is computed from."""
    (found,) = judged(noisy(0.2), {"above": 0.1})
    design = study(tuned=None)
    frame = analyse(design, runs(design, noisy(0.2))).frame
    by_seed = frame.groupby(["activation", "seed"])["final accuracy/test"].mean()
    gap = (by_seed["relu"] - by_seed["sigmoid"]).to_numpy()
    assert found.p == pytest.approx(p_value(gap, 0.1))
    assert found.deviation == pytest.approx(gap.std(ddof=1))
    assert found.alone.mean == pytest.approx(mean_interval(gap).mean)
    assert found.alone.n == 5


# What forbids a verdict


def test_a_verdict_by_signs_says_so() -> None:
    """The interval beside it is Student's, which may lie clear of a bound that signs cannot exclude."""
    whole = judged(lambda p: 0.9 + 0.1 * (p["activation"] == "relu"), {"above": 0.05}, seeds=8)
    assert whole[0].answer == "supported"
    assert "(of signs, since values repeat)" in whole[0].note
    assert "of signs" not in judged(noisy(0.1), {"above": 0.05}, seeds=8)[0].note


def test_whole_numbers_need_enough_seeds_for_signs() -> None:
    """S24: five seeds that all take one epoch less gave p = 0."""
    text = "epochs until accuracy/test >= 0.5"

    def made(design: Study) -> list[RunRecord]:
        steps = [(10, 0.6), (20, 0.7)], [(10, 0.4), (20, 0.7)]
        epochs = [(10, 1.0), (20, 2.0)]
        fast = [r.params["activation"] == "relu" for r in runs(design, lambda point: 0.5)]
        plain = runs(design, lambda point: 0.5)
        return [
            replace(r, series={"accuracy/test": steps[0 if quick else 1], "time/epoch": epochs})
            for r, quick in zip(plain, fast, strict=True)
        ]

    answers = {}
    for seeds in (5, 6):
        said = claim(measure=text, of=RELU, against=SIGMOID, below=0)
        design = study(tuned=None, repeats=seeds, claims=[said])
        (found,) = analyse(design, made(design)).verdicts
        answers[seeds] = found.answer
        assert found.p == 2 / 2**seeds
        assert ("can decide from 6 seeds on" in found.note) == (seeds == 5)
    assert answers == {5: "inconclusive", 6: "supported"}


def test_signs_of_many_claims_need_more_seeds() -> None:
    verdicts = judged(lambda point: 0.5 + 0.2 * (point["activation"] == "relu"), *({"above": 0.1},) * 7, seeds=8)
    assert {v.answer for v in verdicts} == {"inconclusive"}
    assert {v.p for v in verdicts} == {2 / 2**8}
    assert "can decide from 9 seeds on" in verdicts[0].note
    more = judged(lambda point: 0.5 + 0.2 * (point["activation"] == "relu"), *({"above": 0.1},) * 7, seeds=9)
    assert {v.answer for v in more} == {"supported"}


def test_a_seed_far_from_the_others_is_told() -> None:
    def made(point: Point) -> float:
        off = point["seed"] == 3 and point["activation"] == "relu"
        return 0.5 + 0.2 * (point["activation"] == "relu") - 0.4 * off + 0.002 * math.sin(9 * point["seed"])

    (found,) = judged(made, {"above": 0, "against": None})
    assert "seed 3 lies far from the others" in found.note


# Theorems


def test_a_theorem_is_checked_in_every_run() -> None:
    design = study(claims=[claim(of={}, above=0, theorem="it is a share"), claim(of=RELU, above=0.1)])
    found, other = analyse(design, runs(design, noisy(0.1))).verdicts
    assert (found.answer, other.family) == ("holds", 1)
    assert found.note.startswith("above 0 in 40 of 40 runs, from 0.4")
    assert found.note.endswith("it must hold, because it is a share")


def test_one_violation_is_enough() -> None:
    """No interval and no 5 %: what must hold must hold."""
    design = study(claims=[claim(of={}, below=1, theorem="it is a share")])
    made = runs(design, noisy(0.1))
    made[17] = record(dict(made[17].params), accuracy=1.01, validation=0.5)
    (found,) = analyse(design, made).verdicts
    assert found.answer == "violated"
    assert "below 1 in 39 of 40 runs" in found.note
    loose = study(claims=[claim(of={}, below=1, theorem="it is a share", tolerance=0.02)])
    assert analyse(loose, made).verdicts[0].answer == "holds"


def test_a_theorem_about_pairs_of_runs() -> None:
    """Seed by seed and level by level, where a claim would average."""
    said = claim(of=RELU, against=SIGMOID, within=0, theorem="they are the same", tolerance=1e-9)
    design = study(claims=[said])
    same = runs(design, lambda point: 0.5 + 0.1 * point["seed"] + 0.01 * point["lr"])
    (found,) = analyse(design, same).verdicts
    assert found.answer == "holds"
    assert "in 20 of 20 pairs of runs" in found.note
    offset = [0.1, -0.1]

    def balanced(point: Point) -> float:
        return 0.5 + offset[int(point["lr"] == 1.0)] * (point["activation"] == "relu")

    (found,) = analyse(design, runs(design, balanced)).verdicts
    assert found.answer == "violated"


def test_a_theorem_without_runs_is_unchecked() -> None:
    design = study(claims=[claim(of=RELU, above=0, theorem="it is a share")])
    for made in ([], [record(p, "failed") for p in points(design)]):
        (found,) = analyse(design, made).verdicts
        assert found.answer == "unchecked"
        assert "no run has a value" in found.note


def test_runs_without_a_value_are_not_counted_as_checked() -> None:
    design = study(claims=[claim(of={}, above=0, theorem="it is a share")])
    made = runs(design, noisy(0.1))
    made[0] = RunRecord(made[0].params, "finished", {})
    assert "in 39 of 39 runs" in analyse(design, made).verdicts[0].note
    assert "1 runs have no value" in analyse(design, made).verdicts[0].note
