"""bpexp from Python: the results of run, sweep and load are those of the command line."""

from __future__ import annotations

import numpy as np
import pytest

import bpexp
from bpexp.errors import ConfigError

TINY = ("data.limit=100", "batch_size=10", "epochs=2")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_run_gives_history_network_and_predictions():
    result = bpexp.run(*TINY, "tracking=none", lr=0.1)
    assert result.outcome.ok
    accuracy = result.history["accuracy/test"].dropna()
    assert list(accuracy.index) == [0, 10, 20]
    assert result.history["loss/batch"].dropna().size == 20
    rows = np.random.default_rng(0).random((4, 784))
    outputs = result.predict(rows)
    assert outputs.shape == (4, 10)
    np.testing.assert_array_equal(outputs, result.network.forward(rows.astype("float32").T).T)
    assert result.metrics["final/accuracy_test"] == accuracy.iloc[-1]


def test_the_module_of_the_same_name_does_not_hide_the_function():
    bpexp.run(*TINY, "tracking=none")
    assert callable(bpexp.run)
    assert callable(bpexp.sweep)


def test_a_sweep_ranks_its_runs():
    swept = bpexp.sweep(*TINY, "tracking=none", lr=[0.001, 0.1], seed=range(2))
    assert swept.ok
    assert len(swept.runs) == len(swept.table) == 4
    assert set(swept.table["lr"]) == {0.001, 0.1}
    best = swept.runs[0].metrics["final/accuracy_validation"]
    assert best == max(run.metrics["final/accuracy_validation"] for run in swept.runs)


def test_a_recorded_run_comes_back():
    result = bpexp.run(*TINY)
    assert result.figures
    loaded = bpexp.load(result.outcome.run_id)
    rows = np.random.default_rng(0).random((4, 784))
    np.testing.assert_array_equal(loaded.predict(rows), result.predict(rows))
    assert loaded.history.equals(result.history)
    assert loaded.outcome.theta_sha256 == result.outcome.theta_sha256


def test_mistakes_are_raised():
    with pytest.raises(ConfigError, match="lr must be a number greater than 0"):
        bpexp.run(lr=-1)
    with pytest.raises(ConfigError, match=r"add -m|sweep"):
        bpexp.run("lr=0.1,0.2")
    with pytest.raises(AttributeError, match="nothing"):
        _ = bpexp.nothing
