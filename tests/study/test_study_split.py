"""A swept option that stands for several factors: pairings as outputs and costs; bounds of intervals; never."""

from __future__ import annotations

import re
from typing import Any

import pytest
from synthetic import Point, claim, points, record, runs, study

from bpexp.errors import ConfigError
from bpexp.study.analysis import analyse
from bpexp.study.design import narrowed
from bpexp.study.sections import arms

TABLE = {
    "sigmoid_mse": {"output": "sigmoid", "cost": "squared error"},
    "softmax_mse": {"output": "softmax", "cost": "squared error"},
    "sigmoid_cross_entropy": {"output": "sigmoid", "cost": "cross-entropy"},
    "softmax_cross_entropy": {"output": "softmax", "cost": "cross-entropy"},
}
FACTORS = {"activation": ["sigmoid", "relu"], "pairing": list(TABLE), "lr": [0.01, 0.1, 1.0]}
SPLIT: dict[str, Any] = {"factors": FACTORS, "split": {"pairing": TABLE}, "tuned": "lr"}


def swept_points(design: Any) -> list[Point]:
    levels = {key: value for key, value in design.grid().items() if key != "seed"}
    from itertools import product

    return [
        dict(zip([*levels, "seed"], values, strict=True)) for values in product(*levels.values(), range(design.repeats))
    ]


def accuracy(point: Point) -> float:
    """Cross-entropy gives 0.2, softmax 0.1, ReLU nothing; a seed gives a little to all arms alike."""
    entropy, softmax = "cross" in point["pairing"], "softmax" in point["pairing"]
    return 0.5 + 0.2 * entropy + 0.1 * softmax + 0.01 * point["seed"] - 0.05 * (point["lr"] != 0.1)


def made(design: Any) -> list[Any]:
    return [record(p, accuracy=accuracy(p), validation=accuracy(p)) for p in swept_points(design)]


def test_the_sweep_goes_over_the_pairing_and_the_analysis_over_output_and_cost() -> None:
    said = [claim(of={"cost": "cross-entropy"}, against={"cost": "squared error"}, above=0.15)]
    design = study(**SPLIT, claims=said, gap={"from": {"output": "sigmoid", "cost": "squared error"},
                                              "to": {"output": "softmax", "cost": "cross-entropy"}})  # fmt: skip
    assert list(design.grid()) == ["activation", "pairing", "lr", "seed"]
    assert design.arm_factors == ["activation", "output", "cost"]
    found = analyse(design, made(design))
    assert found.problems == []
    assert len(found.best) == 8
    assert found.verdicts[0].interval.mean == pytest.approx(0.2)
    assert found.gap is not None
    assert {name: round(one.mean, 6) for name, one in found.gap.parts} == {"output": 0.1, "cost": 0.2}


def test_a_narrowed_sweep_narrows_the_factors() -> None:
    design = narrowed(study(**SPLIT), {"pairing": ["sigmoid_mse", "sigmoid_cross_entropy"]})
    assert design.factors["output"] == ["sigmoid"]
    assert design.factors["cost"] == ["squared error", "cross-entropy"]
    assert analyse(design, made(design)).problems == []
    with pytest.raises(ConfigError, match="pairing=chain is not in"):
        narrowed(study(**SPLIT), {"pairing": ["chain"]})


WRONG = {
    "no mapping": (["pairing"], "must give a factor's levels"),
    "no factor": ({"output": {}}, "is no factor that can be split; choose from: activation, pairing"),
    "the tuned factor": ({"lr": {}}, "is no factor that can be split"),
    "a level is missing": ({"pairing": {"sigmoid_mse": {"cost": "a"}}}, "must say what each of the levels"),
    "no levels": ({"pairing": {key: {} for key in TABLE}}, "a mapping of factors to levels"),
    "twins": ({"pairing": {key: {"cost": "a"} for key in TABLE}}, "two levels stand for the same"),
    "other names": (
        {"pairing": {**TABLE, "softmax_mse": {"out": "softmax", "cost": "squared error"}}},
        "every level must name the same factors",
    ),
    "a name that is taken": (
        {"pairing": {key: {"activation": row["output"], "cost": row["cost"]} for key, row in TABLE.items()}},
        "'activation' is the name of another factor",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_refused(case: str) -> None:
    node, told = WRONG[case]
    with pytest.raises(ConfigError, match=re.escape(told)):
        study(**{**SPLIT, "split": node})


# Bounds, and never


def test_the_interval_of_an_accuracy_stays_between_0_and_1() -> None:
    """U16: intervals beyond 1."""
    design = study(factors={"activation": ["relu"], "lr": [0.1]}, tuned=None, repeats=2)
    (arm,) = analyse(design, runs(design, lambda p: 0.9 + 0.1 * p["seed"])).best
    interval = arm.intervals["final accuracy/test"]
    assert (interval.low, interval.high) == (pytest.approx(0.95 - 0.635, abs=0.01), 1.0)


def test_never_is_said_as_never() -> None:
    """U16: `epochs until >= 0.9: 3 [3, 3]` after two epochs."""
    until = "epochs until accuracy/test >= 0.9"
    factors = {"activation": ["relu", "tanh", "sigmoid"]}
    design = study(factors=factors, tuned=None, repeats=2, measures=["final accuracy/test", until])

    def reached(point: Point) -> float:
        return {"relu": 0.95, "tanh": 0.95 if point["seed"] else 0.5, "sigmoid": 0.5}[point["activation"]]

    records = [record({**p, "epochs": 2}, accuracy=reached(p)) for p in points(design)]
    found = {arm.levels["activation"]: arm for arm in analyse(design, records).best}
    assert {name: arm.never for name, arm in found.items()} == {
        "relu": {until: 0},
        "tanh": {until: 1},
        "sigmoid": {until: 2},
    }
    html = arms(analyse(design, records), list(found.values()))
    assert "<td>never</td>" in html
    assert ", 1 of 2 never" in html
