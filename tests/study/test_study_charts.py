"""The charts draw whatever the runs left: nothing, one point, no numbers, nought on a logarithmic axis."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest
from synthetic import Point, points, record, runs, study

from bpexp.errors import ConfigError
from bpexp.study.analysis import RunRecord, analyse
from bpexp.study.charts import Chart, charts
from bpexp.study.design import Study, narrowed
from bpexp.study.words import label

NAN, INF = math.nan, math.inf


def drawn(design: Study, made: list[RunRecord]) -> list[tuple[str, str]]:
    """(first word of the caption, SVG), every one of them well-formed."""
    found = []
    for chart in every_chart(design, made):
        assert ET.fromstring(chart.svg).tag.endswith("svg")
        found.append((chart.caption.split()[0], chart.svg.decode()))
    return found


def every_chart(design: Study, made: list[RunRecord]) -> list[Chart]:
    return charts(analyse(design, made), made)


def texts(svg: str) -> list[str]:
    """Every text of a figure; the SVG carries each as a comment."""
    return [part.partition(" -->")[0] for part in svg.split("<!-- ")[1:]]


def names(design: Study, made: list[RunRecord]) -> list[str]:
    return [name for name, _ in drawn(design, made)]


SMALL = {"factors": {"activation": ["relu", "tanh"]}, "tuned": None, "repeats": 2}


def test_what_was_not_recorded_is_not_drawn() -> None:
    design = study(**SMALL, curves=["loss/test", "accuracy/test"], by_depth=["delta_norm"])
    assert names(design, []) == []
    assert names(design, [RunRecord(p, "finished", {}) for p in points(design)]) == []
    assert names(design, [record(p, accuracy=0.5) for p in points(design)]) == ["accuracy/test"]


def test_lost_runs_are_not_drawn() -> None:
    design = study(**SMALL)
    assert names(design, [record(p, "diverged", accuracy=0.5) for p in points(design)]) == []


def test_a_series_without_its_epochs_is_not_drawn() -> None:
    design = study(**SMALL)
    assert names(design, [RunRecord(p, "finished", {"accuracy/test": [(1, 0.5)]}) for p in points(design)]) == []


def curve(values: list[float]) -> Callable[[Study], list[RunRecord]]:
    """Runs with one loss for each epoch."""

    def made(design: Study) -> list[RunRecord]:
        steps = [(10 * (i + 1), value) for i, value in enumerate(values)]
        series = {"loss/test": steps, "time/epoch": [(step, step / 10) for step, _ in steps]}
        series["accuracy/test"] = [(10, 0.5)]
        return [RunRecord(point, "finished", series) for point in points(design)]

    return made


CURVES = {
    "one epoch": [0.5],
    "nought": [1.0, 0.0],
    "all nought": [0.0, 0.0],
    "negative": [-1.0, 1.0],
    "a gap": [1.0, NAN, 0.5],
    "no numbers": [NAN, NAN],
    "infinite": [INF, 1.0],
    "all infinite": [INF, INF],
    "tiny": [1e-300, 1e-290],
    "huge": [1e150, 1e140],
    "many": [1 / (1 + i) for i in range(300)],
}


@pytest.mark.parametrize("case", CURVES)
def test_curves(case: str) -> None:
    design = study(**SMALL, curves=["loss/test"])
    assert names(design, curve(CURVES[case])(design)) == ["loss/test"]


def test_a_band_below_nought_on_a_logarithmic_axis() -> None:
    """Two seeds far apart: the interval's lower end is negative."""
    design = study(**SMALL, curves=["loss/test"])
    assert names(design, [record(p, loss=10.0 ** (3 * p["seed"])) for p in points(design)]) == ["loss/test"]


def test_one_arm_learns_and_one_has_no_numbers() -> None:
    design = study(**SMALL, curves=["loss/test"])
    made = [record(p, loss=NAN if p["activation"] == "relu" else 0.5, accuracy=0.5) for p in points(design)]
    assert names(design, made) == ["loss/test"]


DEPTHS = {
    "layers": {"delta_norm/layer_1": 0.1, "delta_norm/layer_10": 1.0},
    "one layer": {"delta_norm/layer_1": 0.1},
    "nought": {"delta_norm/layer_1": 0.0, "delta_norm/layer_2": 0.1},
    "no numbers": {"delta_norm/layer_1": NAN},
    "others beside": {"delta_norm/layer_1": 0.1, "delta_norm/layer_1/q50": 0.1, "delta_norm/layer_x": 1.0},
}


@pytest.mark.parametrize("case", DEPTHS)
def test_layers(case: str) -> None:
    design = study(**SMALL, by_depth=["delta_norm"], curves=["nothing/test"])
    made = [record(p, accuracy=0.5, **DEPTHS[case]) for p in points(design)]
    assert names(design, made) == ["delta_norm"]


def test_every_arm_is_drawn_and_its_numbers_stand_beside_the_figure() -> None:
    """U1: of twelve arms the eight best ranked were drawn, without a word, and the subject of the study was not."""
    design = study(factors={"model.depth": list(range(1, 13))}, tuned=None, repeats=2)
    chart, over_depth = every_chart(design, [record(p, accuracy=p["model.depth"] / 20) for p in points(design)])
    shown = [depth for depth in range(1, 13) if f"model.depth={depth}" in texts(chart.svg.decode())]
    assert shown == list(range(1, 13))
    assert "are drawn" not in chart.caption
    rows = [line.split(",") for line in chart.csv.splitlines()]
    assert rows[0] == ["model.depth", "epoch", "mean", "low", "high", "n"]
    assert [row[:3] for row in rows[1:3]] == [["12", "1", "0.3"], ["12", "2", "0.6"]]
    assert len(rows) == 1 + 12 * 2
    assert over_depth.csv_name == "final_accuracy_test_over_model.depth.csv"
    assert over_depth.csv.splitlines()[1] == "1,0.05,0.05,0.05,2"


def test_an_ordered_factor_is_an_axis_unless_the_study_says_otherwise() -> None:
    factors = {"activation": ["relu", "tanh"], "lr": [0.01, 0.1, 1.0]}
    assert list(study(factors=factors).across) == ["lr"]
    assert study(factors=factors, across={}).across == {}
    assert study(factors=factors, heat_map=["activation", "lr"]).across == {}
    shortened = narrowed(study(factors=factors, tuned=None), {"lr": ["0.1"]})
    made = [record({**p, "lr": 0.1}, accuracy=0.5) for p in points(study(**SMALL))]
    assert [chart.name for chart in every_chart(shortened, made)] == ["accuracy_test_over_the_epochs"]


def test_many_arms_stand_in_panels_and_the_legend_names_the_factors() -> None:
    factors = {"activation": ["sigmoid", "tanh", "relu"], "init": ["xavier", "he"], "batch_size": [8, 32]}
    design = study(factors=factors, tuned=None, repeats=2)
    (chart,) = every_chart(design, [record(p, accuracy=0.5) for p in points(design)])
    found = texts(chart.svg.decode())
    assert {"init=xavier", "init=he"} <= set(found) or {"batch_size=8", "batch_size=32"} <= set(found)
    assert "activation=sigmoid, batch_size=8" in found or "activation=sigmoid, init=he" in found
    assert "are drawn" not in chart.caption


def test_an_ordered_factor_can_be_the_axis() -> None:
    factors = {"activation": ["relu", "tanh"], "lr": [0.01, 0.1, 1.0]}
    across = {"lr": ["final accuracy/test"]}
    design = study(factors=factors, tuned="lr", repeats=2, across=across, curves=["nothing/test"])
    made = runs(design, lambda p: 0.9 if p["lr"] == 0.1 else 0.5)
    (chart,) = every_chart(design, made)
    assert chart.caption.startswith("final accuracy/test over lr: mean and 95 % interval over seeds")
    found = texts(chart.svg.decode())
    assert [tick for tick in found if tick in ("0.01", "0.1", "1")] == ["0.01", "0.1", "1"]
    assert {"activation=relu", "activation=tanh"} <= set(found)
    assert chart.name == "final_accuracy_test_over_lr"


def test_only_a_factor_with_numbers_can_be_the_axis() -> None:
    with pytest.raises(ConfigError, match="no factor whose levels are numbers; those are: lr"):
        study(across={"activation": ["final accuracy/test"]})
    with pytest.raises(ConfigError, match=r"'final loss/test' is none of study.measures"):
        study(across={"lr": ["final loss/test"]})


def test_a_band_stays_inside_the_bounds_of_its_measure() -> None:
    """U16: with two seeds of 0.5 and 1 Student's interval of an accuracy reaches from -2.4 to 3.9."""
    from bpexp.study.curves import points as banded

    (point,) = banded({1.0: [0.5, 1.0]}, (0.0, 1.0))
    assert (point.mean, point.low, point.high) == (0.75, 0.0, 1.0)


def test_what_mean_field_theory_predicts_is_drawn_beside_what_is_measured() -> None:
    design = study(**SMALL, by_depth=["delta_norm"], curves=["nothing/test"])
    layers = {f"{prefix}delta_norm/layer_{l}": 0.1 * l for prefix in ("", "mean_field/") for l in (1, 2)}
    (chart,) = every_chart(design, [record(p, accuracy=0.5, **layers) for p in points(design)])
    assert chart.caption.endswith("dotted: predicted by mean-field theory")
    assert "predicted" in texts(chart.svg.decode())


def test_the_entries_of_the_ledger_are_drawn_for_all_layers() -> None:
    """S12: the study spoke of every layer and showed the first."""
    design = study(**SMALL, by_depth=["ledger/slope"], curves=["nothing/test"])
    layers = {f"ledger/slope_layer_{l}": -0.6 * l for l in (1, 2, 3)}
    (chart,) = every_chart(design, [record(p, accuracy=0.5, **layers) for p in points(design)])
    assert chart.name == "ledger_slope_by_layer_at_the_first_step"


def test_of_runs_with_the_same_levels_and_seed_the_last_is_drawn() -> None:
    design = study(**SMALL)
    new = [record(p, accuracy=0.5) for p in points(design)]
    old = [record(p, accuracy=0.1) for p in points(design)]
    from bpexp.study.charts import _chosen

    chosen = _chosen(analyse(design, [*old, *new]), [*old, *new])
    assert [run for mine in chosen for run in mine] == new


def test_an_arm_without_factors_has_a_name() -> None:
    assert label({}) == "all runs"
    assert label({"activation": "relu", "lr": "0.1"}) == "activation=relu, lr=0.1"


# Heat maps

GRID = {"factors": {"activation": ["relu", "tanh"], "lr": [0.1, 1, 1e-5]}, "tuned": "lr", "repeats": 2}


def test_heat_map() -> None:
    design = study(**GRID, heat_map=["activation", "lr"], curves=["nothing/test"])

    def accuracy(point: Point) -> float:
        return 0.25 + 0.125 * (point["activation"] == "relu") + 0.5 * (point["lr"] == 1)

    ((name, svg),) = drawn(design, runs(design, accuracy))
    assert name == "final"
    found = texts(svg)
    assert [cell for cell in found if cell in ("0.375", "0.875", "0.250", "0.750")] == [
        *("0.375", "0.875", "0.375"),
        *("0.250", "0.750", "0.250"),
    ]
    assert [cell for cell in found if cell in ("0.1", "1", "1e-05", "relu", "tanh")] == [
        *("0.1", "1", "1e-05"),
        *("relu", "tanh"),
    ]


def test_lost_cells_are_crossed() -> None:
    design = study(**GRID, heat_map=["activation", "lr"], curves=["nothing/test"])
    made = [record(p, "diverged" if p["lr"] == 1 else "finished", accuracy=0.5, validation=0.5) for p in points(design)]
    ((_, svg),) = drawn(design, made)
    assert texts(svg).count("x") == 2


BARE: dict[str, Callable[[Study], list[RunRecord]]] = {
    "no runs": lambda design: [],
    "all lost": lambda design: [record(p, "failed") for p in points(design)],
    "no numbers": lambda design: [record(p, accuracy=NAN, validation=NAN) for p in points(design)],
    "infinite": lambda design: [record(p, accuracy=INF, validation=0.5) for p in points(design)],
    "one run": lambda design: [record(next(points(design)), accuracy=0.5, validation=0.5)],
    "all equal": lambda design: [record(p, accuracy=0.5, validation=0.5) for p in points(design)],
}


@pytest.mark.parametrize("case", BARE)
def test_bare_heat_maps(case: str) -> None:
    design = study(**GRID, heat_map=["activation", "lr"])
    assert "final" in names(design, BARE[case](design))
