"""What a sweep says before its first job."""

from __future__ import annotations

from typing import Any

import pytest

from bpexp.config.composition import CommandLine
from bpexp.running.plan import plan
from bpexp.running.sweep_header import header

SMALL = ("data=xor", "model.hidden=[3]", "tracking=none")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("epochs=10", "lr=0.1,0.3", "seed=range(3)"), "sweep, 6 jobs: 2 arms x 3 seeds; 10 epochs each"),
        (("epochs=10", "lr=0.1"), "sweep, 1 job: 1 arm x 1 seed; 10 epochs each"),
        (("epochs=1,5", "lr=0.1,0.2,0.3"), "sweep, 6 jobs: 6 arms x 1 seed; 1 to 5 epochs each"),
        (("seed=1,2", "epochs=1"), "sweep, 2 jobs: 1 arm x 2 seeds; 1 epoch each"),
    ],
)
def test_a_sweep(words: tuple[str, ...], told: str) -> None:
    assert header(plan(CommandLine((*SMALL, *words), multirun=True))) == told


@pytest.mark.parametrize(
    ("repeats", "told"),
    [
        (2, "study saturating, 12 jobs: 2 arms x 3 levels of lr x 2 seeds; 4 epochs each"),
        (
            "auto",
            "study saturating, at most 120 jobs: 2 arms x 3 levels of lr x 20 seeds, looked at after 5, 10, 20 seeds; "
            "4 epochs each",
        ),
    ],
)
def test_a_study(repeats: Any, told: str, tmp_path: Any) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment/saturating.yaml").write_text(
        "# @package _global_\n"
        "epochs: 4\n"
        "study:\n  title: Saturating\n  question: Which?\n"
        f"  repeats: {repeats}\n"
        "  factors: {activation: [tanh, relu], lr: [0.03, 0.1, 0.3]}\n"
        "  tuned: lr\n  tuned_by: final loss/validation\n"
        "  measures: [final accuracy/test]\n"
        "  claims:\n    - {text: ReLU ends higher, measure: final accuracy/test, of: {activation: relu},\n"
        "       against: {activation: tanh}, above: 0}\n",
        encoding="utf-8",
    )
    line = CommandLine((*SMALL, "experiment=saturating"), config_dir=str(tmp_path))
    assert header(plan(line)) == told


def test_a_search() -> None:
    pytest.importorskip("optuna")
    words = (*SMALL, "search=random", "search.trials=7", "lr=interval(0.01,1)", "epochs=3")
    assert header(plan(CommandLine(words, multirun=True))) == "search by random, 7 trials, over lr; 3 epochs each"
