"""The journal and the summary that is computed from it: schedules can be seen, and an objective is never lost."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import bpexp
from bpexp.errors import ConfigError
from bpexp.records.learning_rates import LearningRates
from bpexp.records.summary import chooser

LEAN = ["data=xor", "data.n=60", "tracking=none", "probe=off"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_schedule_can_be_seen() -> None:
    """The learning rate of the last step before each evaluation."""
    result = bpexp.run(*LEAN, "schedule=cosine", lr=0.1, epochs=3)
    rates = result.history["schedule/lr"].dropna()
    T = rates.index[-1]
    assert list(rates.index) == [T // 3, 2 * T // 3, T]
    assert list(rates) == pytest.approx([0.05 * (1 + math.cos(math.pi * (t - 1) / T)) for t in rates.index])


def test_a_constant_rate_is_not_recorded() -> None:
    assert "schedule/lr" not in bpexp.run(*LEAN, epochs=2).history


def test_a_rate_that_changes_late_is_recorded_from_the_first_evaluation_on() -> None:
    rates, recorded = LearningRates(), []
    recorded += rates.due(0)
    for t in range(16):
        rates.add(0.1 if t < 9 else 0.05)
        if t % 4 == 3:
            recorded += rates.due(t + 1)
    assert recorded == [(4, 0.1), (8, 0.1), (12, 0.05), (16, 0.05)]


def test_a_penalty_that_is_the_objective_is_in_the_summary() -> None:
    """Validation accepts every series that is measured, so each of them must have a final value."""
    settings = [*LEAN, "objective=penalty/weights"]
    result = bpexp.run(*settings, "penalty.l2=0.1", epochs=1)
    assert result.outcome.objective == result.history["penalty/weights"].iloc[-1] > 0
    with pytest.raises(ConfigError, match="objective='penalty/weights' is not measured"):
        bpexp.run(*settings, epochs=1)


def test_validation_chooses_before_test_and_test_before_train() -> None:
    names = ["loss/train", "accuracy/train", "accuracy/test", "accuracy/validation"]
    series = {name: [(0, 1.0)] for name in names}
    assert chooser(series) == "accuracy/validation"
    assert chooser({name: series[name] for name in names[:3]}) == "accuracy/test"
    assert chooser({name: series[name] for name in names[:2]}) == "accuracy/train"
    assert chooser({"loss/validation": [(0, 1.0)], "rmse/test": [(0, 1.0)]}) is None
