"""What the studies of a vanishing gradient publish: every layer of the ledger, and mean field against measured."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pandas as pd
import pytest

from bpexp.study.scoring import RunRecord

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from experiments.trust import mean_field  # noqa: E402
from experiments.vanishing_gradients.figures import by_gain, logarithms  # noqa: E402
from experiments.vanishing_gradients.layers import by_layer, markdown, rows  # noqa: E402


def recorded(seed: int, factor: float) -> RunRecord:
    """Two hidden layers, each of which keeps `factor` of delta."""
    series = {
        "delta_norm/layer_1": factor**2,
        "delta_norm/layer_2": factor,
        "delta_norm/layer_3": 1.0,
        "mean_field/delta_norm/layer_1": 0.25,
        "mean_field/delta_norm/layer_2": 0.5,
        "mean_field/delta_norm/layer_3": 1.0,
        "ledger/weights_layer_1": 0.1,
        "ledger/weights_layer_2": 0.2,
        "ledger/slope_layer_1": -0.3,
        "ledger/slope_layer_2": -0.4,
    }
    params = {"activation": "tanh", "init.gain": "1.0", "model.depth": "2", "seed": str(seed)}
    return RunRecord(params, "finished", {name: [(0, value), (5, 99.0)] for name, value in series.items()})


def test_every_layer_of_the_ledger_is_shown() -> None:
    """Means over the seeds of first values; delta relative to the output layer, as a logarithm."""
    table = by_layer([recorded(0, 0.1), recorded(1, 0.001)])
    assert list(table["layer"]) == [1, 2]
    assert list(table["log10 delta"]) == pytest.approx([-4, -2])
    assert list(table["log10 delta, mean field"]) == pytest.approx([2 * math.log10(0.5), math.log10(0.5)])
    assert list(table["ledger, f'"]) == pytest.approx([-0.3, -0.4])
    text = markdown(table, 2)
    assert "| tanh, sigma_w = 1: layer | 1 | 2 |" in text
    assert "| ledger, W^T | +0.10 | +0.20 |" in text
    assert markdown(table, 4).strip() == ""


def test_the_figures_show_every_layer_with_its_prediction() -> None:
    """A curve for sigma_w: means over the seeds of the logarithms, Student's interval, and mean field beside it."""
    table = logarithms(pd.DataFrame([row for run in (recorded(0, 0.1), recorded(1, 0.001)) for row in rows(run)]))
    curves = by_gain(table, "layer", "delta")
    assert list(curves) == ["sigma_w = 1"]
    assert {point.x: point.mean for point in curves["sigma_w = 1"].points} == pytest.approx({1: -4, 2: -2})
    assert curves["sigma_w = 1"].points[0].low < -4 < curves["sigma_w = 1"].points[0].high
    theory = [point.mean for point in curves["sigma_w = 1"].predicted]
    assert theory == pytest.approx([2 * math.log10(0.5), math.log10(0.5)])
    assert by_gain(table, "layer", "ledger, f'")["sigma_w = 1"].predicted == ()


def test_the_tables_of_the_readme_are_those_of_the_results() -> None:
    """Measured and predicted shares and spreads that the README prints, from summary.csv beside it."""
    folder = ROOT / "experiments" / "vanishing_gradients"
    results = pd.read_csv(folder / "summary.csv")
    assert set(results["seed"]) == set(range(10, 20))
    share = "log10 first delta_norm/layer_1 / delta_norm/layer_last"
    spread = "log10 first forward/sample_spread/layer_last"
    theory = {share: "log10 first mean_field/delta_norm/layer_1 / mean_field/delta_norm/layer_last"}
    theory[spread] = "log10 first mean_field/forward/sample_spread/layer_last"
    means = results.groupby(["activation", "model.depth", "init.gain"])[[*theory, *theory.values()]].mean()
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for measure, depths in ((share, (4, 8, 12)), (spread, (8,))):
        for activation, name in (("sigmoid", "sigmoid"), ("tanh", "tanh"), ("relu", "ReLU")):
            for depth in depths:
                arms = means.loc[(activation, depth)].sort_index()
                cells = [
                    f"{_signed(m)} / {_signed(p)}" for m, p in zip(arms[measure], arms[theory[measure]], strict=True)
                ]
                assert f"| {name} | {depth} | " + " | ".join(cells) + " |" in readme


def _signed(value: float) -> str:
    text = f"{value:+.2f}"
    return "0.00" if float(text) == 0 else text


def test_the_table_of_mean_field_is_that_of_the_results() -> None:
    """Nine combinations at depth 12; what the README prints is computed from the results that lie beside it."""
    folder = ROOT / "experiments" / "trust"
    results = json.loads((folder / "mean_field.json").read_text(encoding="utf-8"))
    assert (results["data"], results["depth"], len(results["cases"])) == ("mnist", 12, 9)
    assert all(len(case["by_layer"]["measured"]) == results["seeds"] >= 3 for case in results["cases"])
    text = mean_field.tables(results)
    assert text == (folder / "mean_field.md").read_text(encoding="utf-8")
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert all(line in readme for line in text.splitlines())
    for case in results["cases"]:
        gap = mean_field.decades(case, "measured")[:, 0] - mean_field.decades(case, "predicted")[:, 0]
        assert abs(gap.mean()) < 0.2


def test_one_layer_extrapolated_is_wrong_and_the_product_right(tmp_path: Path) -> None:
    """Two networks of the table, measured anew on the bundled images (S12): tanh with He's weights."""
    runs = [mean_field.one("tanh", "He", "mnist_5k", 400, seed, str(tmp_path)) for seed in (200, 201)]
    case = {"by_layer": {key: [run[key] for run in runs] for key in runs[0]}}
    measured, predicted = (mean_field.decades(case, key)[:, 0].mean() for key in ("measured", "predicted"))
    assert measured == pytest.approx(predicted, abs=0.2)
    assert mean_field.extrapolated(case) > measured + 0.15
