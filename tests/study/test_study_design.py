"""What a study may declare, what it is refused for, and which jobs it comes to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import plans
import pytest
import yaml

from bpexp.errors import ConfigError
from bpexp.running.plan import Plan
from bpexp.study.declaration import levels_and_seeds
from bpexp.study.design import declared, narrowed, spelt
from bpexp.study.sources import series_needed

NODE: dict[str, Any] = {
    "factors": {"activation": ["relu", "tanh"], "lr": [0.03, 0.1, 1]},
    "tuned": "lr",
    "repeats": 3,
    "measures": ["final accuracy/test", "best loss/test"],
}
CLAIM: dict[str, Any] = {"text": "so it is", "measure": "final accuracy/test", "of": {"activation": "relu"}, "above": 0}


def with_claim(**changes: Any) -> dict[str, Any]:
    """NODE with one claim, changed; None takes a key away."""
    return {**NODE, "claims": [{k: v for k, v in {**CLAIM, **changes}.items() if v is not None}]}


def with_gap(**changes: Any) -> dict[str, Any]:
    """NODE with an initializer and a gap, changed; None takes a key away."""
    gap = {"from": {"activation": "relu", "init": "xavier"}, "to": {"activation": "tanh", "init": "he"}, **changes}
    factors = {**NODE["factors"], "init": ["xavier", "he"]}
    return {**NODE, "factors": factors, "gap": {key: value for key, value in gap.items() if value is not None}}


def test_declared() -> None:
    study = declared("mine", with_claim(against={"activation": "tanh"}, at="equal"))
    assert (study.name, study.title, study.question) == ("mine", "mine", "")
    assert study.factors == {"activation": ["relu", "tanh"], "lr": [0.03, 0.1, 1]}
    assert study.arm_factors == ["activation"]
    assert [m.text for m in study.measures] == ["final accuracy/test", "best loss/test"]
    assert study.tuned_by.text == "final accuracy/validation"
    (claim,) = study.claims
    assert (claim.text, claim.of, claim.against) == ("so it is", {"activation": "relu"}, {"activation": "tanh"})
    assert (claim.above, claim.below, claim.at) == (0, None, "equal")


def test_a_claim_of_equivalence() -> None:
    (claim,) = declared("mine", with_claim(above=None, within=0.01)).claims
    assert (claim.limits, claim.said) == ((-0.01, 0.01), "within 0.01 of 0")


def test_a_theorem_is_no_claim_about_a_mean() -> None:
    (claim,) = declared("mine", with_claim(above=None, within=0, theorem="they cancel", tolerance=1e-6)).claims
    assert (claim.theorem, claim.tolerance, claim.limits) == ("they cancel", 1e-6, (0, 0))


def test_a_gap() -> None:
    gap = declared("mine", with_gap(measure="best loss/test")).gap
    assert gap is not None
    assert (gap.start, gap.end) == ({"activation": "relu", "init": "xavier"}, {"activation": "tanh", "init": "he"})
    assert (gap.parts, gap.measure.text) == ([("activation",), ("init",)], "best loss/test")


def test_every_measure_is_read() -> None:
    """From MLflow too, where only the series that a study reads are fetched; that of the gap was missing."""
    node = {**with_gap(measure="best rmse/test"), "claims": [{**CLAIM, "measure": "log10 first delta_norm/layer_1"}]}
    needed = series_needed(declared("mine", node))
    assert {"rmse/test", "delta_norm/layer_1", "accuracy/test", "accuracy/validation", "time/epoch"} <= set(needed)


def test_factors_of_a_gap_can_be_one_part() -> None:
    node = with_gap()
    node["factors"]["loss"] = ["mse", "mae"]
    node["gap"] |= {"from": {**node["gap"]["from"], "loss": "mse"}, "to": {**node["gap"]["to"], "loss": "mae"}}
    node["gap"]["together"] = [["loss", "init"]]
    gap = declared("mine", node).gap
    assert gap is not None
    assert gap.parts == [("loss", "init"), ("activation",)]


def test_what_a_divergence_counts_as() -> None:
    assert (declared("mine", NODE).diverged, declared("mine", NODE).chance) == ("chance", {})
    said = declared("mine", {**NODE, "diverged": "survivors", "chance": {"loss": 2}})
    assert (said.diverged, said.chance) == ("survivors", {"loss": 2.0})


def test_declared_by_little() -> None:
    study = declared("mine", {"factors": {"lr": [0.1]}})
    assert (study.repeats, study.tuned, list(study.claims)) == (1, None, [])
    assert [m.text for m in study.measures] == ["final accuracy/test"]
    assert study.grid() == {"lr": [0.1], "seed": (0,)}
    assert study.curves == ("accuracy/test", "loss/test")


def test_a_study_without_curves() -> None:
    assert declared("mine", {"factors": {"lr": [0.1]}, "curves": []}).curves == ()


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({**NODE, "factor": {}}, "study has no 'factor'; did you mean 'factors'? it takes: title,"),
    "name is derived": ({**NODE, "name": "x"}, "study has no 'name'"),
    "no factors": ({"repeats": 2}, "study.factors must name factors with their levels, not None"),
    "empty factors": ({**NODE, "factors": {}}, "study.factors must name factors with their levels, not {}"),
    "no levels": ({**NODE, "factors": {"lr": []}}, "study.factors must name factors with their levels"),
    "one number": ({**NODE, "factors": {"lr": 0.1}}, "study.factors must name factors with their levels"),
    "a text of levels": ({**NODE, "factors": {"lr": "0.1,0.3"}}, "study.factors must name factors with their levels"),
    "a list of factors": ({**NODE, "factors": ["lr"]}, "study.factors must name factors with their levels"),
    "null levels": ({**NODE, "factors": {"lr": None}}, "study.factors must name factors with their levels"),
    "a level twice": ({**NODE, "factors": {"lr": [1, 1.0]}}, "study.factors.lr has a level twice: [1, 1.0]"),
    "seed a factor": ({**NODE, "factors": {"seed": [0, 1]}}, "study.factors has 'seed'; use study.repeats"),
    "no repeats": ({**NODE, "repeats": 0}, "study.repeats must be a number of seeds of at least 1, or auto, not 0"),
    "half a repeat": ({**NODE, "repeats": 2.5}, "not 2.5"),
    "true repeats": ({**NODE, "repeats": True}, "not True"),
    "null repeats": ({**NODE, "repeats": None}, "not None"),
    "tuned no factor": ({**NODE, "tuned": "epochs"}, "study.tuned must be one of the factors activation, lr"),
    "tuned a list": ({**NODE, "tuned": ["lr"]}, "study.tuned must be one of the factors activation, lr, not ['lr']"),
    "nothing but tuned": (
        {"factors": {"lr": [1, 2]}, "tuned": "lr"},
        "study.tuned='lr' leaves no factor to compare; add one, or leave tuned out",
    ),
    "unknown measure": ({**NODE, "measures": ["last accuracy/test"]}, "'last accuracy/test' is no measure; use final"),
    "measures a text": ({**NODE, "measures": "final loss/test"}, "study.measures must be a list"),
    "unknown tuned_by": ({**NODE, "tuned_by": "accuracy"}, "'accuracy' is no measure"),
    "curves a text": ({**NODE, "curves": "loss/test"}, "study.curves must be a list, not 'loss/test'"),
    "by_depth a text": ({**NODE, "by_depth": "delta_norm"}, "study.by_depth must be a list"),
    "claims a mapping": ({**NODE, "claims": CLAIM}, "study.claims must be a list"),
    "heat map of one": ({**NODE, "heat_map": ["lr"]}, "study.heat_map must be two of the factors activation, lr"),
    "heat map of three": ({**NODE, "heat_map": ["lr", "activation", "lr"]}, "study.heat_map must be two of"),
    "heat map of others": ({**NODE, "heat_map": ["lr", "epochs"]}, "study.heat_map must be two of"),
    "heat map a text": ({**NODE, "heat_map": "lr"}, "study.heat_map must be a list, not 'lr'"),
    "claim a text": (
        {**NODE, "claims": ["it is so"]},
        "a claim must have text, measure, of and one of above, below, within",
    ),
    "claim without text": (with_claim(text=None), "claim '?' needs 'text'"),
    "claim without measure": (with_claim(measure=None), "claim 'so it is' needs 'measure'"),
    "claim without of": (with_claim(of=None), "claim 'so it is' needs 'of'"),
    "claim, unknown key": (with_claim(agianst={}), "claim has no 'agianst'; did you mean 'against'?"),
    "claim, unknown measure": (with_claim(measure="x"), "'x' is no measure"),
    "claim, unknown factor": (with_claim(of={"loss": "mse"}), "claim 'so it is': 'loss' is no factor; choose from: "),
    "claim, unknown level": (with_claim(of={"lr": 0.2}), "claim 'so it is': 0.2 is no level of lr: [0.03, 0.1, 1]"),
    "claim against unknown": (with_claim(against={"lr": 7}), "claim 'so it is': 7 is no level of lr"),
    "claim of a text": (with_claim(of="relu"), "claim 'so it is': of must give factors their levels, not 'relu'"),
    "claim against a list": (with_claim(against=["relu"]), "claim 'so it is': against must give factors"),
    "claim without bound": (with_claim(above=None), "claim 'so it is' needs one of above, below, within, not none"),
    "claim with two bounds": (with_claim(below=1), "needs one of above, below, within, not above and below"),
    "claim above a text": (with_claim(above="0"), "claim 'so it is': above is a number, not '0'"),
    "claim above truth": (with_claim(above=True), "above is a number, not True"),
    "claim above nothing": (with_claim(above=float("nan")), "above is a number, not nan"),
    "claim within nothing": (with_claim(above=None, within=0), "claim 'so it is': within is a distance above 0, not 0"),
    "claim within less": (with_claim(above=None, within=-0.1), "within is a distance above 0, not -0.1"),
    "claim within and above": (with_claim(within=1), "needs one of above, below, within, not above and within"),
    "theorem without reason": (with_claim(theorem=True), "theorem is the reason why it must hold, in words, not True"),
    "theorem of blanks": (with_claim(theorem=" "), "theorem is the reason why it must hold, in words, not ' '"),
    "theorem at best": (with_claim(theorem="so", at="best"), "a theorem is checked in every run; leave 'at' out"),
    "tolerance alone": (with_claim(tolerance=0.1), "only a theorem has a tolerance; leave 'tolerance' out"),
    "tolerance below 0": (with_claim(theorem="so", tolerance=-1), "tolerance is a number of at least 0, not -1"),
    "diverged otherwise": ({**NODE, "diverged": "zero"}, "study.diverged must be chance or survivors, not 'zero'"),
    "diverged a number": ({**NODE, "diverged": 0.1}, "study.diverged must be chance or survivors, not 0.1"),
    "chance a number": ({**NODE, "chance": 0.1}, "study.chance must give metrics a number, as in {accuracy: 0.1}"),
    "chance in words": ({**NODE, "chance": {"accuracy": "low"}}, "study.chance must give metrics a number"),
    "chance of a part": ({**NODE, "chance": {"accuracy/test": 0.1}}, "study.chance names metrics, such as accuracy"),
    "gap a list": ({**NODE, "gap": ["relu", "tanh"]}, "study.gap must have from and to, not ['relu', 'tanh']"),
    "gap, unknown key": ({**NODE, "gap": {"form": {}}}, "study.gap has no 'form'; did you mean 'from'?"),
    "gap without to": (with_gap(to=None), "from and to must name the same factors, not ['activation', 'init'] and []"),
    "gap, unknown level": (with_gap(to={"activation": "x", "init": "he"}), "study.gap: 'x' is no level of activation"),
    "gap, tuned": (
        with_gap(**{"from": {"activation": "relu", "lr": 0.1}, "to": {"activation": "tanh", "lr": 1}}),
        "study.gap: every arm chooses its own lr; leave 'lr' out",
    ),
    "gap of one part": (with_gap(to={"activation": "relu", "init": "he"}), "must differ in 2 to 8 parts, not in 1"),
    "gap all together": (with_gap(together=[["activation", "init"]]), "must differ in 2 to 8 parts, not in 1"),
    "gap together, same": (with_gap(together=[["lr"]]), "study.gap.together: 'lr' must differ between from and to"),
    "gap together, twice": (with_gap(together=[["init"], ["init"]]), "study.gap.together: 'init' must differ"),
    "gap together, a text": (with_gap(together="init"), "study.gap.together must be a list of lists of factors"),
    "claim elsewhere": (with_claim(at="worst"), "claim 'so it is': at must be best or equal, not 'worst'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_line(case: str) -> None:
    node, wanted = REFUSED[case]
    with pytest.raises(ConfigError, match=re.escape(wanted)) as refused:
        declared("mine", node)
    assert "\n" not in str(refused.value)


def test_a_bound_of_nought_is_a_bound() -> None:
    (claim,) = declared("mine", with_claim(above=None, below=0)).claims
    assert (claim.above, claim.below) == (None, 0)


def test_narrowed() -> None:
    study = narrowed(declared("mine", NODE), {"lr": ["0.1"], "seed": ["0", "1"]})
    assert study.factors == {"activation": ["relu", "tanh"], "lr": ["0.1"]}
    assert (study.repeats, study.seeds) == (2, (0, 1))
    assert narrowed(study, {}) == study
    assert narrowed(study, {"epochs": ["1"]}) == study, "what is no factor narrows nothing"


SPELT = [
    ([1, 1.0, "1", "1.0"], "1"),
    ([0.1, "0.1", "1e-1", "0.10"], "0.1"),
    ([1e-5, "1e-05", "0.00001"], "1e-05"),
    ([True, "True", "true"], "true"),
    ([False, "False"], "false"),
    ([None, "None", "null"], "null"),
    (["relu"], "relu"),
    ([[32, 32], "[32, 32]"], "[32, 32]"),
    (["none"], "none"),
]


@pytest.mark.parametrize(("levels", "wanted"), SPELT)
def test_one_level_has_one_spelling(levels: list[Any], wanted: str) -> None:
    """As YAML, the command line, result.json and MLflow give it."""
    assert [spelt(level) for level in levels] == [wanted] * len(levels)


# On the command line


def planned(node: dict[str, Any], *said: str, flags: tuple[str, ...] = ()) -> Plan:
    """The plan of `bpexp --config-dir mine experiment=mine ...`, where the file declares this study."""
    file = Path("mine/experiment/mine.yaml")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("# @package _global_\n" + yaml.safe_dump({"study": node}), encoding="utf-8")
    return plans.planned("experiment=mine", "tracking=none", *said, multirun=bool(flags), config_dir="mine")


def jobs(plan: Plan, *keys: str) -> list[tuple[str, ...]]:
    """Of every job what it says of some keys."""
    said = [dict(word.split("=", 1) for word in overrides) for overrides in (job.overrides for job in plan.jobs)]
    return [tuple(job[key] for key in keys) for job in said]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_jobs_are_the_product() -> None:
    plan = planned(NODE)
    wanted = {(f, lr, s) for f in ("relu", "tanh") for lr in ("0.03", "0.1", "1") for s in ("0", "1", "2")}
    found = jobs(plan, "activation", "lr", "seed")
    assert len(found) == 18
    assert set(found) == wanted
    assert plan.study is not None
    assert plan.study.name == "mine"
    assert plan.multirun


@pytest.mark.parametrize("flags", [(), ("-m",)])
def test_the_command_line_narrows(flags: tuple[str, ...]) -> None:
    plan = planned(NODE, "lr=0.1", "seed=0,1", flags=flags)
    assert set(jobs(plan, "activation", "lr", "seed")) == {(f, "0.1", s) for f in ("relu", "tanh") for s in "01"}
    assert plan.study is not None
    assert (plan.study.factors["lr"], plan.study.repeats) == (["0.1"], 2)


def test_the_command_line_widens_too() -> None:
    plan = planned(NODE, "lr=0.5,0.7", "seed=range(4)", "activation=relu")
    assert len(plan.jobs) == 8
    assert plan.study is not None
    assert (plan.study.factors["lr"], plan.study.repeats) == (["0.5", "0.7"], 4)


def test_levels_that_need_care() -> None:
    node = {"factors": {"objective": [None, "loss/test"], "progress": [True, False], "run_name": ["a, b", "it's", "x"]}}
    plan = planned(node)
    assert len(plan.jobs) == 12
    configs = [job.config for job in plan.jobs]
    assert {config.objective for config in configs} == {None, "loss/test"}
    assert {config.progress for config in configs} == {True, False}
    assert {config.run_name for config in configs} == {"a, b", "it's", "x"}


def test_the_seeds_that_run_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """`seed=5,6` was recorded as 0, 1."""
    plan = planned({**NODE, "factors": {"activation": ["relu"]}, "tuned": None}, "seed=5,6")
    assert plan.study is not None
    assert plan.study.seeds == (5, 6)
    assert [job.config.seed for job in plan.jobs] == [5, 6]
    assert levels_and_seeds(plan.study)["seed"] == ["5", "6"]
    with pytest.raises(ConfigError, match="seeds of a study are whole numbers"):
        narrowed(declared("mine", NODE), {"seed": ["a", "b"]})


def test_lists_are_levels() -> None:
    plan = planned({"factors": {"model.hidden": [[3], [3, 4]]}})
    assert len(plan.jobs) == 2


def test_a_study_refused_on_the_command_line() -> None:
    with pytest.raises(ConfigError, match=r"study.repeats must be a number of seeds"):
        planned({**NODE, "repeats": 0})
    assert [path.name for path in Path.cwd().iterdir()] == ["mine"]
