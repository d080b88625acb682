"""What a person sees when a run or a sweep is over, on terminals of any width."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from command_line import command
from rich.console import Console

import bpexp
from bpexp.cli import terminal
from bpexp.records.outcome import Outcome
from bpexp.running.sweep import Sweep
from bpexp.study.ranking import rank


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


def printed(width: int, monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    monkeypatch.setattr(terminal, "_console", lambda: console)
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


def test_the_versions_are_printed_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert command(["--version"], monkeypatch) == 0
    out, err = capfd.readouterr()
    assert (out.startswith(f"bpexp {bpexp.__version__} (numpy "), err) == (True, "")
