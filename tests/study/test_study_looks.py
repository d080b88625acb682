"""Studies in stages: seeds are added until every claim is decided, with verdicts false in at most 5 % of studies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from synthetic import claim, runs

from bpexp.errors import ConfigError
from bpexp.study.analysis import analyse
from bpexp.study.claims import Claim
from bpexp.study.design import Study, declared, narrowed
from bpexp.study.looks import begun, complete, final_verdicts, looks_line, over_looks, undecided
from bpexp.study.samples import Sample
from bpexp.study.scoring import RunRecord, frame_of
from bpexp.study.stages import DEFAULT, FEWEST
from bpexp.study.statistics import MINIMUM, student_p
from bpexp.study.verdicts import Verdict, judged, verdicts

HIGHER = claim(text="higher", of={"activation": "relu"}, against={"activation": "sigmoid"}, above=0)
NODE: dict[str, Any] = {
    "factors": {"activation": ["sigmoid", "relu"]},
    "repeats": "auto",
    "stages": [5, 8, 12],
    "claims": [HIGHER],
}


def study(**changes: Any) -> Study:
    return declared("staged", {**NODE, **changes})


def ran(design: Study, gap: Callable[[int], float], seeds: int) -> list[RunRecord]:
    """The runs of the first seeds; ReLU is better by `gap` of the seed."""

    def result(point: dict[str, Any]) -> float:
        return 0.5 + (gap(point["seed"]) if point["activation"] == "relu" else 0.0)

    return [run for run in runs(design, result) if run.params["seed"] < seeds]


def clear(seed: int) -> float:
    return 0.1 + 0.01 * (seed % 3)


def late(seed: int) -> float:
    """Nothing to see in five seeds, and plenty in eight."""
    return 0.1 * (-1) ** seed if seed < 5 else 0.3 + 0.001 * seed


# What is declared


def test_what_a_study_in_stages_declares() -> None:
    assert (study().stages, study().repeats, study().seeds) == ((5, 8, 12), 12, tuple(range(12)))
    assert study(stages=None).stages == DEFAULT
    fixed = study(repeats=7)
    assert (fixed.stages, fixed.repeats, fixed.seeds) == ((), 7, tuple(range(7)))
    assert FEWEST == MINIMUM


REFUSED = {
    "no list": ({"stages": 5}, r"a list of growing numbers of seeds, from 5 on, such as \[5, 10, 20\], not 5"),
    "few": ({"stages": [3, 5]}, r"from 5 on, such as \[5, 10, 20\], not \[3, 5\]"),
    "falling": ({"stages": [8, 5]}, r"growing .* not \[8, 5\]"),
    "twice": ({"stages": [5, 5]}, r"growing .* not \[5, 5\]"),
    "words": ({"stages": ["five"]}, r"not \['five'\]"),
    "no claims": ({"claims": []}, "adds seeds until the claims are decided, and there is none"),
    "theorems": ({"claims": [{**HIGHER, "theorem": "because"}]}, "there is none to decide"),
    "no number": ({"repeats": "often"}, "a number of seeds of at least 1, or auto, not 'often'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    changes, told = REFUSED[case]
    with pytest.raises(ConfigError, match=told):
        study(**changes)


def test_the_seeds_of_the_command_line_must_fill_the_stages() -> None:
    seeds = [str(n) for n in range(100, 112)]
    assert narrowed(study(), {"seed": seeds}).seeds == tuple(range(100, 112))
    with pytest.raises(ConfigError, match=r"takes 12 seeds, not 2; give so many, as in seed=range\(100,112\)"):
        narrowed(study(), {"seed": ["5", "6"]})


# Looks


def test_a_clear_claim_is_decided_at_the_first_look_and_stays_decided() -> None:
    design = study()
    for seeds in (5, 8, 12):
        mine = ran(design, lambda seed: clear(seed) if seed < 5 else -5.0, seeds)
        (verdict,) = final_verdicts(design, frame_of(design, mine))
        assert (verdict.answer, verdict.look, verdict.looks, verdict.interval.n) == ("supported", 1, 3, 5)
    assert verdict.interval.level == pytest.approx(1 - 0.05 / 3)
    assert "look 1 of 3" in verdict.note
    assert "over the 3 looks" in verdict.note


def test_a_later_look_decides_what_an_earlier_one_did_not() -> None:
    design = study()
    assert undecided(design, ran(design, late, 5)) == 1
    assert undecided(design, ran(design, late, 12)) == 0
    (verdict,) = final_verdicts(design, frame_of(design, ran(design, late, 12)))
    assert (verdict.answer, verdict.look) == ("supported", 3)


def test_a_stage_is_looked_at_when_it_is_complete() -> None:
    design = study()
    for seeds, done in ((0, 0), (4, 0), (5, 1), (7, 1), (8, 2), (12, 3)):
        frame = frame_of(design, ran(design, late, seeds))
        assert complete(design, frame) == done
    broken = ran(design, clear, 8)[:-1]
    assert undecided(design, broken) is None
    assert final_verdicts(design, frame_of(design, broken))[0].look == 1
    assert "the next stage is not complete" in looks_line(design, frame_of(design, broken), [])
    assert undecided(design, ran(design, clear, 5)[:-1]) is None
    (nothing,) = final_verdicts(design, frame_of(design, ran(design, clear, 4)))
    assert (nothing.answer, nothing.look) == ("inconclusive", 0)


def test_seeds_of_later_stages_are_not_missing() -> None:
    design = study()
    assert analyse(design, ran(design, clear, 5)).problems == []
    assert analyse(design, ran(design, clear, 7)).problems == ["2 of 16 runs are missing"]
    assert [len(begun(design, frame_of(design, ran(design, clear, n))).seeds) for n in (0, 5, 6, 12)] == [5, 5, 8, 12]


def test_what_a_report_says_of_its_looks() -> None:
    design = study()
    for seeds, gap, told in (
        (5, clear, "Looked at after 5 seeds, when every claim was decided."),
        (5, late, "Looked at after 5 seeds; ended before the next stage."),
        (
            12,
            lambda seed: (-1) ** seed,
            "Looked at after 5 and 8 and 12 seeds, the last stage, with 1 claim undecided.",
        ),
    ):
        frame = frame_of(design, ran(design, gap, seeds))
        assert looks_line(design, frame, final_verdicts(design, frame)) == f"Declared stages: 5, 8, 12 seeds. {told}"


def test_theorems_are_checked_in_all_runs() -> None:
    law = {**HIGHER, "text": "law", "theorem": "because", "above": -1}
    design = study(claims=[HIGHER, law])
    _, verdict = final_verdicts(design, frame_of(design, ran(design, clear, 7)))
    assert verdict.checked is not None
    assert (verdict.answer, verdict.checked.holds) == ("holds", 7)


def test_settled_claims_leave_the_family() -> None:
    """Holm's method counts those that are still open: the second of two claims is tested at the whole share."""
    other = claim(text="other", of={"activation": "relu"}, above=0.5)
    design = study(claims=[HIGHER, other], repeats=5)
    frame = frame_of(design, ran(design, clear, 5))
    alone = verdicts(design, frame, 0.05, design.claims[1:])[0]
    assert alone.p_family == alone.p
    assert verdicts(design, frame, 0.05)[0].p_family >= alone.p_family


# Error rates, in short; in full: experiments/statistics/stages.py

STUDIES = 200


def any_false(values: Any, stages: list[int], claims: list[Any]) -> bool:
    """Whether any claim at its bound is decided, from values (claims, seeds)."""

    def look(place: int, settled: Sequence[Claim]) -> list[Verdict]:
        seeds = range(stages[place])
        samples = [Sample(c, row[: len(seeds)], seeds) for c, row in zip(claims, values, strict=True)]
        return judged(samples, 0.05 / len(stages), settled)

    return any(v.answer != "inconclusive" for v in over_looks(look, len(stages), len(stages)))


@pytest.mark.parametrize("stages", [[5, 10, 20], [5, 6, 8, 10]])
def test_any_false_verdict_in_at_most_five_percent_of_studies(stages: list[int]) -> None:
    """Three claims with nothing to find; 19 of 200 studies or more have a probability below 0.01 at 5 %."""
    claims = declared("null", {**NODE, "claims": [{**HIGHER, "text": str(n)} for n in range(3)]}).claims
    rng = np.random.default_rng(0)
    false = sum(any_false(rng.normal(size=(3, stages[-1])), stages, list(claims)) for _ in range(STUDIES))
    assert false <= 18


def test_looking_without_a_share_would_not_hold() -> None:
    """The simulation can see it: a look at 5 % after every seed from 5 to 20 decides far more."""
    (claim_,) = study().claims
    rng = np.random.default_rng(0)
    draws = [rng.normal(size=20) for _ in range(STUDIES)]
    peeks = sum(any(student_p(x[:n]) <= 0.05 for n in range(5, 21)) for x in draws)
    assert peeks > 0.1 * STUDIES
    assert sum(any_false([x], [5, 8, 12, 16, 20], [claim_]) for x in draws) <= 18
