"""Which claims stood before the results: whatever is edited afterwards is told, claim by claim."""

from __future__ import annotations

import json
from typing import Any

import pytest
from synthetic import claim, runs, study

from bpexp.study.analysis import analyse
from bpexp.study.declaration import Record, declaration, record
from bpexp.study.design import Study, declared
from bpexp.study.evidence import Evidence, weigh
from bpexp.study.report import in_families
from bpexp.study.revision import Today, asked, changes, narrowing
from bpexp.study.standing import Standings, standings

RELU = claim(text="one", of={"activation": "relu"}, above=0)
HE = claim(text="two", of={"init": "he"}, below=0.5)
NODE: dict[str, Any] = {
    "title": "A study",
    "factors": {"activation": ["sigmoid", "relu"], "init": ["xavier", "he"], "lr": [0.1, 1.0]},
    "tuned": "lr",
    "repeats": 5,
    "claims": [RELU, HE],
}
CONFIG = {"epochs": 5, "batch_size": 32}
JOBS = [{**CONFIG, "lr": lr, "seed": seed, "tracking": "none"} for lr in (0.1, 1.0) for seed in range(5)]


def recorded(earlier: list[dict[str, Any]] | None = None, **changed: Any) -> Record:
    node = {**NODE, **changed}
    content = declaration(declared("mine", node), node, JOBS, ["mnist abc"])
    return record({**content, "earlier": earlier or []}, "parent")


def today(**changed: Any) -> Today:
    node = {**NODE, **changed}
    return Today(declared("mine", node), node, CONFIG)


def report(found: Evidence, now: Today | None) -> tuple[Study, Standings]:
    assert found.content is not None
    answered, unanswered = asked(found.content, now)
    told = [*unanswered, *changes(found.content, now)]
    return answered, standings(found, answered, now.study if now else None, told, narrowing(found.content))


def kinds(now: Today | None, made: Record | None = None) -> dict[tuple[str, float | None], str]:
    """The kind of each claim, by its text and bound."""
    answered, told = report(weigh((made or recorded()).text(), None), now)
    return {(c.text, c.above if c.below is None else c.below): told.of(c).kind for c in answered.claims}


def sentences(now: Today) -> list[str]:
    answered, told = report(weigh(recorded().text(), None), now)
    return [told.of(c).told for c in answered.claims]


def test_what_was_declared_stands() -> None:
    assert kinds(None) == kinds(today()) == {("one", 0): "declared", ("two", 0.5): "declared"}
    _, told = report(weigh(recorded().text(), None), today())
    assert (told.changes, told.narrowing, told.evidence.problems) == ([], [], [])


def test_another_spelling_is_no_change() -> None:
    now = today(claims=[{**HE, "below": 0.50, "at": "best"}, {**RELU, "above": 0.0}])
    assert kinds(now) == {("one", 0): "declared", ("two", 0.5): "declared"}


def test_an_added_claim() -> None:
    new = claim(text="three", of={"init": "xavier"}, above=0)
    assert kinds(today(claims=[RELU, new, HE])) == {
        ("one", 0): "declared",
        ("two", 0.5): "declared",
        ("three", 0): "added",
    }


def test_a_bound_that_was_moved_leaves_the_declared_claim_in_place() -> None:
    now = today(claims=[{**RELU, "above": -0.1}, HE])
    assert kinds(now) == {("one", 0): "dropped", ("two", 0.5): "declared", ("one", -0.1): "changed"}
    first, _, changed = sentences(now)
    assert changed == "changed after the results: above was 0, is -0.1"
    assert first.endswith("changed after the results, see below")


CHANGED: dict[str, tuple[dict[str, Any], str]] = {
    "the direction": ({**RELU, "above": None, "below": 0}, "above was 0, is absent; below was absent, is 0"),
    "the words": ({**RELU, "text": "far better"}, "text was 'one', is 'far better'"),
    "the arm": ({**RELU, "of": {"activation": "sigmoid"}}, "of was activation=relu, is activation=sigmoid"),
    "the comparison": ({**RELU, "against": {"init": "he"}}, "against was absent, is init=he"),
    "the measure": (
        {**RELU, "measure": "best accuracy/test"},
        "measure was final accuracy/test, is best accuracy/test",
    ),
    "the level": ({**RELU, "at": "equal"}, "at was best, is equal"),
}


@pytest.mark.parametrize("what", CHANGED)
def test_every_change_of_a_claim_is_told(what: str) -> None:
    new, told = CHANGED[what]
    assert sentences(today(claims=[new, HE]))[-1] == f"changed after the results: {told}"


def test_a_claim_that_was_dropped_is_still_answered() -> None:
    assert kinds(today(claims=[HE])) == {("one", 0): "dropped", ("two", 0.5): "declared"}
    assert sentences(today(claims=[HE]))[0].endswith("no longer asked")
    assert kinds(today(claims=[])) == {("one", 0): "dropped", ("two", 0.5): "dropped"}


def test_a_claim_on_what_did_not_run() -> None:
    factors = {**NODE["factors"], "init": ["xavier", "he", "zeros"]}
    new = claim(text="three", of={"init": "zeros"}, above=0)
    answered, told = report(weigh(recorded().text(), None), today(factors=factors, claims=[RELU, HE, new]))
    assert [c.text for c in answered.claims] == ["one", "two"]
    assert told.changes[0].startswith("not answered, since these runs lack it: claim 'three': 'zeros' is no level of")


def test_nothing_that_decides_a_verdict_can_be_changed_afterwards() -> None:
    now = today(tuned=None, tuned_by="final loss/validation", repeats=3, title="A better title")
    answered, told = report(weigh(recorded().text(), None), now)
    assert (answered.tuned, answered.tuned_by.text, answered.repeats) == ("lr", "final accuracy/validation", 5)
    assert answered.title == "A better title"
    assert told.changes == [
        "study.title was A study before the results, and is A better title now; the report shows what it is now",
        "study.tuned was lr before the results, and is absent now; the verdicts use what it was",
        "study.repeats was 5 before the results, and is 3 now; the verdicts use what it was",
        "study.tuned_by was absent before the results, and is final loss/validation now; the verdicts use what it was",
    ]


def test_another_config_is_told() -> None:
    now = Today(study(), {**NODE}, {"epochs": 9, "batch_size": 32, "dtype": "float64"})
    assert changes(recorded().content, now) == ["epochs is 5 in these runs, and 9 in the declaration now"]


def test_levels_that_the_command_line_left_out() -> None:
    content = {**recorded().content, "said": {"lr": ["1.0"], "init": ["he", "xavier"], "seed": ["7", "8"]}}
    assert narrowing(content) == ["lr: 1 in place of 0.1, 1", "seed: 7, 8 in place of 0, 1, 2, 3, 4"]


# Families

HIGHER = claim(text="higher", of={"activation": "relu"}, against={"activation": "sigmoid"}, above=0)
OTHERS = [claim(text=f"other {n}", of={"init": "he"}, above=0.5 + n / 1000) for n in range(4)]


def judged(declared_claims: list[Any], claims_now: list[Any]) -> dict[str, str]:
    """The answers to claims whose differences have p = 0.02, far too large for five claims together."""
    gaps = [0.01, 0.03, 0.05, 0.02, 0.07]

    def result(point: dict[str, Any]) -> float:
        return 0.5 + (gaps[point["seed"]] if point["activation"] == "relu" else 0.0)

    answered, told = report(weigh(recorded(claims=declared_claims).text(), None), today(claims=claims_now))
    analysis = in_families(analyse(answered, runs(answered, result)), told)
    return {v.claim.text: v.answer for v in analysis.verdicts}


def test_later_claims_change_no_verdict_on_a_declared_one() -> None:
    assert judged([HIGHER], [HIGHER])["higher"] == "supported"
    assert judged([HIGHER], [HIGHER, *OTHERS])["higher"] == "supported"


def test_dropping_claims_helps_no_other() -> None:
    assert judged([HIGHER, *OTHERS], [HIGHER, *OTHERS])["higher"] == "inconclusive"
    assert judged([HIGHER, *OTHERS], [HIGHER])["higher"] == "inconclusive"


# Earlier sweeps


def test_a_claim_that_an_earlier_sweep_could_have_suggested() -> None:
    first = recorded(claims=[HE])
    seen = {"study": "mine", "declared_at": "2026-01-01T00:00:00+00:00", "runs": 4, "claims": first.content["claims"]}
    again = recorded(earlier=[seen])
    assert kinds(None, again) == {("one", 0): "seen", ("two", 0.5): "declared"}
    answered, told = report(weigh(again.text(), None), None)
    sentence = told.of(answered.claims[0]).told
    assert "after a sweep of 2026-01-01 00:00:00 UTC (study mine) with 4 of the same 10 runs, which" in sentence


# A record that is broken, or says what is not so


def edited(made: Record, *, rehash: bool) -> str:
    told = json.loads(made.text())
    told["declaration"]["study"]["claims"][0]["above"] = -0.1
    new = record(told["declaration"], "parent")
    return json.dumps({**told, "sha256": new.sha256 if rehash else told["sha256"]})


def test_an_edited_file() -> None:
    """Its own hash shows it, or that of the parent run where the file's was made anew."""
    made = recorded()
    found = weigh(edited(made, rehash=False), None)
    assert found.claims is None
    assert found.problems[0].startswith("study.json was changed after it was recorded")
    answered, told = report(found, today())
    assert {told.of(c).kind for c in answered.claims} == {"unproven"}
    for rehash in (False, True):
        found = weigh(edited(made, rehash=rehash), made.params())
        assert found.problems[-1].startswith("study.json is not the declaration that the parent run recorded") == rehash
        assert len(found.problems) == 1
        answered, told = report(found, today())
        by_bound = {c.above: told.of(c).kind for c in answered.claims}
        assert by_bound == {0: "declared", None: "declared", -0.1: "added"}, "the hashes of the parent run count"


def test_no_record() -> None:
    for text, params in ((None, None), ("{", None), ("[]", {}), (None, {"lr": "0.1"})):
        found = weigh(text, params)
        assert found.claims is None
        assert found.problems == ["there is no record of what was declared before the first run"]


def test_a_record_of_an_earlier_version_proves_nothing() -> None:
    old = json.dumps({"name": "mine", "study": NODE, "said": {}})
    answered, told = report(weigh(old, {}), today())
    assert {told.of(c).kind for c in answered.claims} == {"unproven"}
    assert [c.text for c in answered.claims] == ["one", "two"]


def test_a_lost_file_beside_a_parent_run_that_holds_its_hashes() -> None:
    made = recorded()
    found = weigh(None, made.params())
    assert found.problems == ["study.json cannot be read"]
    now = today()
    told = standings(found, now.study, now.study)
    assert {told.of(c).kind for c in now.study.claims} == {"declared"}


def test_a_parent_run_without_a_hash() -> None:
    found = weigh(recorded().text(), {})
    assert found.problems == ["the parent run in MLflow holds no hash of the declaration"]
    assert found.where.startswith("in study.json alone")


def test_a_declaration_that_is_younger_than_the_first_run() -> None:
    made = recorded()
    assert weigh(made.text(), made.params(), "9999-01-01T00:00:00+00:00").problems == []
    found = weigh(made.text(), made.params(), "2000-01-01T00:00:00+00:00")
    assert found.claims is None
    assert found.problems[0].endswith("after the first run began, at 2000-01-01 00:00:00 UTC")
