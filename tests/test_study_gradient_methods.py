"""The study of what a gradient costs: counts are exact, times are never asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
STUDY = ROOT / "experiments" / "gradient_methods"
sys.path.insert(0, str(ROOT))
METHODS = {"path_sum", "jacobian", "central_difference", "complex_step", "backprop"}


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gradient_methods")
    command = [sys.executable, "-m", "experiments.gradient_methods.measure", "--quick", "--out", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert (folder / "cost.png").stat().st_size > 10_000
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def test_the_law_of_paths_holds_on_every_net(quick):
    law = quick["law"]
    assert law["nets"] == 4**2 + 4**3 + 4**4
    assert law["paths_agree"] == law["multiplications_agree"] == law["nets"]


def test_counts_of_a_net_by_hand(quick):
    case = next(case for case in quick["cases"] if case["sizes"] == [4, 4, 4])
    assert case["paths"] == 4 * 4 + 4
    assert case["multiplications"] == {
        "path_sum": 2 * 16 + 32,
        "jacobian": 4 * (4 + 1) + 32,
        "central_difference": 2 * 40 * 32,
        "complex_step": 4 * 40 * 32,
        "backprop": 32 + 4 * 5,
    }


def test_every_method_is_timed_for_both_batches(quick):
    for case in quick["cases"]:
        assert set(case["seconds"]) == METHODS
        assert all(set(times) == {"1", "32"} for times in case["seconds"].values())


def test_the_published_counts_are_those_of_the_formulas():
    results = json.loads((STUDY / "results.json").read_text(encoding="utf-8"))
    law = results["law"]
    assert law["paths_agree"] == law["multiplications_agree"] == law["nets"] == sum(4**n for n in range(2, 7))
    for case in results["cases"]:
        assert case["paths"] == sum(np.prod(case["sizes"][l:], dtype=object) for l in range(1, len(case["sizes"])))


def test_the_tables_of_the_readme_are_those_of_the_results():
    from experiments.gradient_methods import report

    results = json.loads((STUDY / "results.json").read_text(encoding="utf-8"))
    assert report.inside((STUDY / "README.md").read_text(encoding="utf-8")) == report.tables(results)
