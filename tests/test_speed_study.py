"""The speed study still runs, does equal work and tells it; how fast anything is, is never asserted."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def program(name: str, folder: Path, *words: str) -> dict[str, Any]:
    """The raw seconds that a program of the study leaves in its quick form."""
    command = [sys.executable, "-m", f"experiments.speed.{name}", "--quick", "--out", str(folder), *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("*.json")
    text = file.read_text(encoding="utf-8")
    assert str(ROOT) not in text
    results: dict[str, Any] = json.loads(text)
    assert {"date", "commit", "load_before", "versions"} <= set(results["machine"])
    return results


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("speed")


@pytest.fixture(scope="module")
def steps(folder: Path) -> dict[str, Any]:
    return program("measure", folder)


def test_everyone_does_the_same_work(steps: dict[str, Any]) -> None:
    from experiments.speed.work import CASES

    assert {case["name"] for case in steps["cases"]} == {case.name for case in CASES}
    for case in steps["cases"]:
        for losses in case["losses"].values():
            near = steps["tolerance"][case["optimizer"]]
            assert list(losses.values()) == pytest.approx([losses["bpexp"]] * len(losses), rel=near)
    everyone = {"bpexp", "scikit-learn", "scikit-learn, no gather"}
    for case in steps["cases"]:
        if case["kind"] != "sigmoid_mse" and case["name"] != "full":
            assert everyone <= set(case["losses"]["after 20 steps"])
            assert {*everyone, "products"} <= set(case["seconds_a_step"])


def test_who_is_left_out_is_said_with_the_reason(steps: dict[str, Any]) -> None:
    cases = {case["name"]: case for case in steps["cases"]}
    assert cases["sigmoid_32"]["left_out"]["scikit-learn"] == "MLPClassifier has no mean squared error"
    assert {"bpexp, numba", "PyTorch", "torch.compile", "JAX"} <= set(cases["small_32"]["left_out"])


def test_torch_compile_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    from experiments.speed.peer_torch import TorchCompiled
    from experiments.speed.work import CASES, samples

    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(LookupError, match="no C\\+\\+ compiler"):
        TorchCompiled(CASES[0], samples(100, synthetic=True))


def test_the_tables_have_a_place_for_each(steps: dict[str, Any], folder: Path) -> None:
    from experiments.speed.step_report import overview

    rows = (folder / "table.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in row.split("|")[1:3]] for row in rows]
    for B, names in {
        "32": ("products", "bpexp", "scikit-learn"),
        "3,000": ("products", "bpexp", "bpexp at once"),
    }.items():
        for name in names:
            assert any(what.endswith(f"B = {B}") and who == name for what, who in cells)
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in overview(steps).splitlines()]
    head, rows_of_nets = lines[0], lines[2 : 2 + len(steps["cases"])]
    for row, case in zip(rows_of_nets, steps["cases"], strict=True):
        filled = {name for name, cell in zip(head[2:-1], row[2:-1], strict=True) if cell}
        assert filled == set(case["seconds_a_step"]) - {"bpexp"}
    assert (folder / "speed.png").stat().st_size < 200_000


def test_a_peer_that_does_other_work_is_refused() -> None:
    from experiments.speed.equality import require_equal

    with pytest.raises(SystemExit, match="PyTorch does not do the same work"):
        require_equal("PyTorch", 0.1, 1e-4)
    with pytest.raises(SystemExit):
        require_equal("PyTorch", float("nan"), 1e-4)


def test_networks_that_are_trained_together_do_the_work_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    from experiments.speed import sweep_turns
    from experiments.speed.work import CASES, samples

    digits = next(case for case in CASES if case.name == "digits_32")
    data = samples(1_797, "digits")
    assert set(sweep_turns.sweepers(digits, data, 3, jax=False)) == {"bpexp, one by one", "bpexp, fused"}
    monkeypatch.setattr(sweep_turns.Fused, "__call__", lambda self, turn: [one.prepare(turn) for one in self.those])
    with pytest.raises(SystemExit, match="bpexp, fused does not do the same work"):
        sweep_turns.sweepers(digits, data, 3, jax=False)


def test_what_grows_is_measured(tmp_path: Path) -> None:
    results = program("scaling", tmp_path, "--axes", "samples,runs")
    for axis in results["axes"].values():
        assert all(np.shape(seconds) == (len(axis["sizes"]), 2) for seconds in axis["seconds"].values())
        assert all(value > 0 for seconds in axis["seconds"].values() for row in seconds for value in row)
    assert (tmp_path / "scaling.png").stat().st_size < 200_000


def test_a_slope_is_the_exponent() -> None:
    from experiments.speed.scaling_report import slope

    sizes = [1, 2, 4, 8, 16]
    rounds = [[(1 if size < 4 else size**1.5) * factor for factor in (1, 3, 2)] for size in sizes]
    assert slope(sizes, rounds, 3) == pytest.approx((1.5, 1.5, 1.5))
    assert slope(sizes, [[size**0.5] * 4 for size in sizes]) == pytest.approx((0.5, 0.5, 0.5))


def test_whole_runs_stand_beside_scripts(tmp_path: Path) -> None:
    from experiments.speed import whole

    results = program("whole", tmp_path, "--only", "run")
    (part,) = results["parts"]
    assert set(part["seconds"]) == {"bpexp", "scikit-learn"}
    rows = whole.table(results).splitlines()
    assert len(rows) == 4
    assert all("1 epoch," in row for row in rows[2:])


def test_a_script_that_learns_less_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from experiments.speed import whole

    def those(lab: object, work: object, **_: bool) -> dict[str, Any]:
        return {"bpexp": lambda: whole.Took(1.0, 1.0, 1.0, [0.9]), "other": lambda: whole.Took(1.0, 1.0, 1.0, [0.8])}

    monkeypatch.setattr(whole, "entrants", those)
    work = whole.Work("mnist", 1)
    with pytest.raises(SystemExit, match="other does not do the same work"):
        whole.compare(None, work, rounds=1, record=False, quick=False)  # type: ignore[arg-type]


def test_runs_that_are_trained_together_have_no_seconds_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each counts those of all, so their sum is as many times too long."""
    from experiments.speed import processes, whole

    left = [{"training": 1.0, "metrics": {"final/accuracy_test": 0.9}}] * 2
    lab = processes.Lab(Path(), processor_time=False)
    monkeypatch.setattr(lab, "sweep", lambda *words: (processes.Done(3.0, 0, 1.0), left))
    monkeypatch.setattr(whole, "IDIOMS", {})
    part = whole.compare(lab, whole.Work("mnist_5k", 1, 2), rounds=1, record=False, quick=True)
    assert part["training"] == {"bpexp": [2.0], "bpexp, launcher.fuse=auto": [None]}
    rows = whole.table({"parts": [part]}).splitlines()
    assert "| bpexp | 1.00 | 1.00 | 1 |" in rows[2]
    assert "| bpexp, launcher.fuse=auto | 1.00 |  |  |" in rows[3]


def test_the_overheads_are_measured(tmp_path: Path) -> None:
    results = program("overhead", tmp_path, "--processor-time")
    assert set(results["answers"]) == {"--help", "config error", "import mlflow"}


def test_a_command_is_timed_as_a_user_runs_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It left out what `python -m bpexp` does to its process, where processor time was asked for."""
    from experiments.speed import processes

    started: list[list[str]] = []

    def process(arguments: list[str], folder: Path, *, processor_time: bool) -> processes.Done:
        started.append(arguments)
        return processes.Done(1.0, 0, 1.0)

    monkeypatch.setattr(processes, "process", process)
    lab = processes.Lab(tmp_path, processor_time=True)
    lab.command("lr=0.1")
    lab.command("lr=0.1", journal=True)
    assert started[0] == ["-m", "bpexp", "lr=0.1"]
    assert "from bpexp.__main__ import main" in started[1][1]


def test_the_other_clock_is_that_of_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    from experiments.speed import clock

    monkeypatch.setattr(clock, "_clock", time.perf_counter)
    clock.count_processor_time()
    assert abs(clock.now() - time.process_time()) < 1


def test_the_page_holds_what_was_measured() -> None:
    from experiments.speed import report

    page = (report.HERE / "README.md").read_text(encoding="utf-8")
    assert report.filled(page, report.HERE) == page
    with pytest.raises(ValueError, match="no place for step"):
        report.filled(page.replace("<!-- step -->", ""), report.HERE)


def test_asking_the_report_for_help_writes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from experiments.speed import report

    monkeypatch.setattr(report, "HERE", tmp_path)
    monkeypatch.setattr(sys, "argv", ["report", "--help"])
    with pytest.raises(SystemExit, match="0"):
        report.main()
    assert not list(tmp_path.iterdir())
