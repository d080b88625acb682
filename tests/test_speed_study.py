"""The speed study still runs, does equal work and tells it; how fast anything is, is never asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("speed")
    command = [sys.executable, "-m", "experiments.speed.measure", "--quick", "--out", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder


def test_everyone_does_the_same_work(quick: Path) -> None:
    results = json.loads((quick / "results.json").read_text(encoding="utf-8"))
    assert {case["name"] for case in results["cases"]} == {"small_32", "small_128", "large_128", "sigmoid_32", "full"}
    for case in results["cases"]:
        for losses in case["losses"].values():
            assert list(losses.values()) == pytest.approx([losses["bpexp"]] * len(losses), rel=results["tolerance"])
    small = results["cases"][0]
    assert set(small["losses"]["after 20 steps"]) == {"bpexp", "scikit-learn", "scikit-learn, no gather"}
    assert set(small["seconds_a_step"]) == {"products", "bpexp", "scikit-learn", "scikit-learn, no gather"}


def test_the_table_has_a_row_for_each(quick: Path) -> None:
    rows = (quick / "table.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in row.split("|")[1:3]] for row in rows]
    for B, names in {32: ("products", "bpexp", "scikit-learn"), 3000: ("products", "bpexp", "bpexp at once")}.items():
        for name in names:
            assert any(what.endswith(f"B = {B}") and who == name for what, who in cells)
    assert (quick / "speed.png").stat().st_size > 0


def test_a_peer_that_does_other_work_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from experiments.speed.work import require_equal

    with pytest.raises(SystemExit, match="PyTorch does not do the same work"):
        require_equal("PyTorch", 0.1, 1e-4)
    with pytest.raises(SystemExit):
        require_equal("PyTorch", float("nan"), 1e-4)


def test_the_folders_in_results_stay_private(quick: Path) -> None:
    assert str(ROOT) not in (quick / "results.json").read_text(encoding="utf-8")
