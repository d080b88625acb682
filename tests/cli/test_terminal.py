"""What a person sees when a run or a sweep is over, on terminals of any width."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_line import command
from rich.console import Console
from synthetic import in_time, points, record, study

import bpexp
from bpexp.cli import study_tables, terminal
from bpexp.records.outcome import Outcome
from bpexp.running.sweep import Sweep
from bpexp.study.origin import Origin
from bpexp.study.ranking import rank
from bpexp.study.report import write_report


def outcome(lr: float, accuracy: float) -> Outcome:
    measured = {
        f"{when}/{key}": accuracy for when in ("final", "best") for key in ("accuracy_validation", "accuracy_test")
    }
    params = {"model": "mnist_sigmoid", "lr": lr, "seed": 0, "objective": "accuracy/validation"}
    return Outcome(
        name=f"lr={lr}",
        directory="/somewhere/far/away",
        status="finished",
        reason="all epochs are done",
        overrides=("model=mnist_sigmoid", f"lr={lr}"),
        params=params,
        seconds=1.0,
        metrics={**measured, "best/epoch": 3.0},
        chosen_by="accuracy/validation",
        theta_sha256="0" * 64,
        run_id="b" * 32,
        experiment_id="1",
        store="sqlite:////somewhere/far/away/mlflow.db",
    )


def of_a_run(**changed: Any) -> Outcome:
    """The outcome of a run whose last epoch is 10 and whose best one is 7."""
    figures = {"accuracy_test": (0.5, 0.75), "loss_test": (1.5, 1.25), "accuracy_validation": (0.4, 0.8)}
    metrics = {f"final/{name}": pair[0] for name, pair in figures.items()}
    metrics |= {f"best/{name}": pair[1] for name, pair in figures.items()} | {"final/epoch": 10.0, "best/epoch": 7.0}
    given = {"metrics": metrics, "step": 250, "model": f"runs:/{'b' * 32}/network"}
    return replace(outcome(0.1, 0.5), **(given | changed))


def printed(width: int, monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    monkeypatch.setattr(terminal, "wide_console", lambda: console)
    return console


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_a_ranking_shows_what_was_swept_at_every_width(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    console = printed(width, monkeypatch)
    outcomes = [outcome(0.125, 0.5), outcome(0.25, 0.75)]
    terminal.print_ranking(Sweep(Path("/somewhere"), ranking=rank(outcomes, [0, 1])))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\u2026" not in text
    assert "0.125" in text
    assert "0.25 " in text
    assert "0.7500" in text
    assert ("not shown" in text) == (width < 100)
    assert ("seconds; see ranking.csv" in " ".join(text.split())) == (width < 100)


@pytest.mark.parametrize("width", [40, 80])
def test_the_link_of_a_run_is_never_cut(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    console = printed(width, monkeypatch)
    terminal.print_outcome(outcome(0.1, 0.5))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert f"/#/experiments/1/runs/{'b' * 32}/" in text
    assert "\u2026" not in text


def told(width: int, monkeypatch: pytest.MonkeyPatch, **changed: Any) -> list[str]:
    """The lines that are printed at the end of a run."""
    console = printed(width, monkeypatch)
    terminal.print_outcome(of_a_run(**changed))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [60, 80, 160])
def test_every_figure_stands_below_its_epoch(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = told(width, monkeypatch)
    place = next(i for i, line in enumerate(lines) if "last epoch" in line)
    assert lines[place : place + 4] == [
        "               last epoch (10)  best epoch (7)",
        "test accuracy  0.5000           0.7500",
        "test loss      1.5000           1.2500",
        "best epoch     7, by accuracy/validation 0.8000",
    ]
    assert "network        last epoch's weights; the best epoch's beside" in lines
    assert f"model          runs:/{'b' * 32}/network" in lines
    assert max(map(len, lines[place : place + 4])) <= 60


def test_restored_weights_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    best = {f"{when}/accuracy_test": 0.75 for when in ("final", "best")}
    best |= {"final/epoch": 7.0, "best/epoch": 7.0, "best/accuracy_validation": 0.8}
    lines = told(80, monkeypatch, weights="best", metrics=best)
    assert "               restored best epoch (7)" in lines
    assert "test accuracy  0.7500" in lines
    assert "network        best epoch's weights; the last epoch's beside" in lines


def test_weights_that_were_not_evaluated_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = told(80, monkeypatch, weights="unevaluated", step=263)
    assert "               last evaluated epoch (10)  best epoch (7)" in lines
    assert "network        as after 263 steps, which was not evaluated" in lines


def test_a_best_epoch_that_the_test_part_chose_is_said_to_flatter(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "flatters" not in "".join(told(80, monkeypatch))
    lines = told(80, monkeypatch, chosen_by="accuracy/test")
    assert "best epoch     7, by accuracy/test 0.7500; no validation part, so that figure flatters" in lines


def test_without_a_test_part_the_validation_part_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = {"final/accuracy_validation": 0.25, "final/epoch": 3.0}
    assert "validation accuracy 0.2500" in told(80, monkeypatch, metrics=metrics)


def test_a_ranking_says_of_which_epochs_its_columns_are(monkeypatch: pytest.MonkeyPatch) -> None:
    console = printed(160, monkeypatch)
    ranking = rank([of_a_run(), of_a_run(weights="best")], [0, 1])
    terminal.print_ranking(Sweep(Path("/somewhere"), ranking=ranking))
    meaning = "final: the last epoch or the restored best epoch; best: the epoch that is best by accuracy/validation"
    assert meaning in console.file.getvalue()  # type: ignore[attr-defined]
    assert f"best model  runs:/{'b' * 32}/network\n" in console.file.getvalue()  # type: ignore[attr-defined]
    assert ranking.columns[-4:] == ["final epoch", "best epoch", "weights", "seconds"]
    assert [row[-4:-1] for row in ranking.rows] == [["10", "7", "last"], ["10", "7", "best"]]


def test_the_versions_are_printed_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert command(["--version"], monkeypatch) == 0
    out, err = capfd.readouterr()
    assert (out.startswith(f"bpexp {bpexp.__version__} (numpy "), err) == (True, "")


@pytest.mark.parametrize("width", [60, 80, 160])
def test_the_arms_of_a_study_are_readable_at_every_width(
    width: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every factor and the chosen level stand there in full; what does not fit is named."""
    console = printed(width, monkeypatch)
    monkeypatch.setattr(study_tables, "wide_console", lambda: console)
    until = "epochs until accuracy/test >= 0.9"
    design = study(measures=["final accuracy/test", "final loss/test", until])
    made = [record({**p, "epochs": 2}, accuracy=0.5, validation=0.5, loss=1.0) for p in points(design)]
    study_tables.print_report(write_report(design, made, tmp_path, Origin(["by hand"]), in_time(design)), None)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\u2026" not in text
    assert "sigmoid" in text
    assert ("not shown" in text) == (width < 160)
    assert width < 160 or "never" in text
