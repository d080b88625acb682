"""The journal and the summary that is computed from it: schedules can be seen, and an objective is never lost."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from command_line import command

import bpexp
from bpexp.api import Result
from bpexp.errors import BpexpError, ConfigError, RecordError
from bpexp.records.journal import JOURNAL, Journal, history, read
from bpexp.records.journal_lines import NEWEST
from bpexp.records.learning_rates import LearningRates
from bpexp.records.summary import chooser
from bpexp.running.resuming.resume import resume

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


def test_a_journal_states_its_format_and_one_of_before_is_read_and_resumed() -> None:
    run = bpexp.run(*LEAN, epochs=2)
    path = run.directory / JOURNAL
    first = json.loads(path.read_text(encoding="utf-8").splitlines()[0])
    assert (first["event"], first["format"]) == ("started", NEWEST)
    rows = history(path)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Journal, "write", without_format(Journal.write))
        old = bpexp.run(*LEAN, "hydra.run.dir=old", epochs=2).directory
    assert "format" not in (old / JOURNAL).read_text(encoding="utf-8")
    assert {name: found for name, found in history(old / JOURNAL).items() if not name.startswith("time/")} == {
        name: found for name, found in rows.items() if not name.startswith("time/")
    }
    assert resume(old, {"epochs": 3}).ok
    stated = [line.get("format") for _, line in read(old / JOURNAL) if line.get("event") in ("started", "resumed")]
    assert stated == [None, NEWEST]


def without_format(write: Any) -> Any:
    """`Journal.write` as it was before formats were stated."""
    return lambda self, line: write(self, {key: value for key, value in line.items() if key != "format"})


@pytest.mark.parametrize("found", [NEWEST + 1, "1", True])
def test_a_journal_of_another_format_is_refused_with_the_reason(
    found: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """By whoever reads it: the journal of a newer version is not half understood."""
    monkeypatch.setattr("bpexp.records.journal.NEWEST", found)
    run = bpexp.run(*LEAN, "hydra.run.dir=run", epochs=1, check=False).directory
    monkeypatch.undo()
    monkeypatch.chdir(run.parent)
    told = f"metrics.jsonl.* has format {found!r}; this version reads 1"
    with pytest.raises(RecordError, match=told):
        history(run / JOURNAL)
    with pytest.raises(BpexpError, match=told):
        Result(run).history  # noqa: B018
    capfd.readouterr()
    assert command(["resume=run", "epochs=2"], monkeypatch) == 2
    err = capfd.readouterr().err
    assert re.search(told, err)
    assert err.count("\n") == 1


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
