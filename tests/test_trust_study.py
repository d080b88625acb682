"""The trust study in a small form, its published tables, and the bounds that its figures must keep."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
STUDY = ROOT / "experiments" / "trust"
sys.path.insert(0, str(ROOT))
TORCH = importlib.util.find_spec("torch") is not None


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trust")
    command = [sys.executable, "-m", "experiments.trust.measure", "--quick", "--out", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def published():
    return json.loads((STUDY / "results.json").read_text(encoding="utf-8"))


def hold(results):
    """The bounds of every figure."""
    for row in results["pairings"]:
        assert max(row["float32"].values()) <= 1e-5
        assert max(row["float64"].values()) <= 1e-12
    for row in results["trajectory"]["activations"].values():
        assert max(row["worst"]) < 1e-13 * row["moved"]
    if results["autograd"]:
        for dtype, bound in (("float32", 1e-4), ("float64", 1e-12)):
            found = results["autograd"][dtype]
            assert max(found["cost"]["worst"], found["gradient"]["worst"]) < bound
            assert found["saturated"] < results["autograd"]["networks"] / 4


def test_the_small_form_keeps_the_bounds(quick):
    hold(quick)
    assert quick["trajectory"]["activations"].keys() == {"relu", "tanh", "sigmoid", "identity"}


@pytest.mark.skipif(not TORCH, reason="PyTorch is not installed (extra: bench)")
def test_random_networks_have_the_gradient_of_autograd(quick):
    """Two networks of each pairing in each dtype."""
    assert quick["autograd"]["networks"] == 2 * len(published()["pairings"])


@pytest.mark.skipif(not TORCH, reason="PyTorch is not installed (extra: bench)")
def test_autograd_finds_a_wrong_gradient():
    from experiments.trust import autograd

    case = autograd.draw(np.random.default_rng(0), "tanh", "mse", "float64")
    right = autograd.compare(case)["gradient"]
    honest = case.head.cost_and_delta

    def slightly_wrong(z, y, a, delta):
        costs = honest(z, y, a, delta)
        delta *= 1 + 1e-9
        return costs

    object.__setattr__(case.head, "cost_and_delta", slightly_wrong)
    assert right < 1e-12 < 5e-10 < autograd.compare(case)["gradient"]


def test_the_published_figures_keep_the_bounds():
    from bpexp.nn.losses import losses
    from experiments.trust.pairings import pairings

    results = published()
    hold(results)
    assert results["autograd"]["networks"] == 500
    named = {(row["output"], row["loss"]) for row in results["pairings"]}
    own = {loss for _, loss in named}
    assert named >= {(output, loss) for output, loss in pairings() if loss in own and output in {o for o, _ in named}}
    assert own <= set(losses)


def test_the_tables_of_the_readme_are_those_of_the_results():
    from experiments.trust import report

    assert report.inside((STUDY / "README.md").read_text(encoding="utf-8")) == report.tables(published())
