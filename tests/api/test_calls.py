"""bpexp from Python: the results of run, sweep and load are those of the command line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.datasets import load_wine

import bpexp
from bpexp.errors import ConfigError, TrackingError

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
    outputs = result.outputs(rows)
    assert outputs.shape == (4, 10)
    np.testing.assert_array_equal(outputs, result.network.forward((rows.astype("float32") / np.float32(255)).T).T)
    assert result.metrics["final/accuracy_test"] == accuracy.iloc[-1]


def test_a_sweep_ranks_its_runs():
    swept = bpexp.sweep(*TINY, "tracking=none", lr=[0.001, 0.1], seed=range(2))
    assert swept.ok
    assert len(swept.runs) == len(swept.table) == 4
    assert set(swept.table["lr"]) == {0.001, 0.1}
    best = swept.runs[0].metrics["final/accuracy_validation"]
    assert best == max(run.metrics["final/accuracy_validation"] for run in swept.runs)


def test_a_tag_with_spaces_in_its_name_is_recorded():
    tags = {"my tag": "x y", "a": {"b c d": 1}}
    result = bpexp.run("data=xor", "model.hidden=[3]", "epochs=1", "tracking=none", tags=tags)
    assert yaml.safe_load((result.directory / "config.yaml").read_text())["tags"] == tags


def test_a_recorded_run_comes_back():
    result = bpexp.run(*TINY)
    assert result.figures
    loaded = bpexp.load(result.outcome.run_id)
    rows = np.random.default_rng(0).random((4, 784))
    pd.testing.assert_frame_equal(loaded.predict(rows), result.predict(rows), check_exact=True)
    assert loaded.history.equals(result.history)
    assert loaded.outcome.theta_sha256 == result.outcome.theta_sha256


@pytest.mark.parametrize("given", [Path("runs"), 7, None])
def test_what_is_no_id_of_a_run_is_refused_in_one_line(given):
    with pytest.raises(TrackingError, match=f"a text, not {re.escape(repr(given))}$"):
        bpexp.load(given)


def test_a_standardised_model_takes_raw_rows(tmp_path):
    """Rows as the data has them give the accuracy that training measured."""
    X, y = load_wine(return_X_y=True)
    np.savez(tmp_path / "wine.npz", X=X, y=y)
    wine = ("data=npz", "data.path=wine.npz", "data.scaling=standardize", "data.validation=0", "model.hidden=[8]")
    result = bpexp.run(*wine, "epochs=20", "batch_size=10", "tracking=none")
    right = (result.predict(X)["class"] == y.astype(str)).mean()
    metrics = result.metrics
    held_out = round(0.2 * len(y))
    expected = (
        metrics["final/accuracy_train"] * (len(y) - held_out) + metrics["final/accuracy_test"] * held_out
    ) / len(y)
    assert right == pytest.approx(expected, abs=1e-9)
    assert right > 0.9


def test_values_are_quoted_and_lists_are_values():
    """Text with commas, spaces and signs is one value; in `run` a list is a value, in `sweep` it holds levels."""
    result = bpexp.run(*TINY, "tracking=none", run_name="a, b=c {d} 'e' \\ \"f\"", **{"model.hidden": [4, 3]})
    assert result.outcome.name == "a, b=c {d} 'e' \\ \"f\""
    assert result.network.sizes == (784, 4, 3, 10)
    swept = bpexp.sweep(*TINY, "tracking=none", **{"model.hidden": [[4], [4, 3]]}, run_name=["x, y", "z"])
    assert {run.network.sizes for run in swept.runs} == {(784, 4, 10), (784, 4, 3, 10)}
    assert {run.outcome.params["run_name"] for run in swept.runs} == {"x, y", "z"}
    assert len(swept.runs) == 4


def test_a_report_is_no_run():
    """task=report once trained a network."""
    with pytest.raises(ConfigError, match="task=report is a command, not a run"):
        bpexp.run("task=report", "study=saturation")
    with pytest.raises(ConfigError, match="task=report is a command, not a run"):
        bpexp.sweep("task=report", "study=saturation", lr=[0.1, 0.2])


def test_a_data_file_is_read_where_it_lies_and_as_it_is(tmp_path, monkeypatch):
    """Another working directory, or an edited file, trained on the first content."""
    digests = []
    for folder, shift in (("one", 0), ("two", 5)):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        rows = "\n".join(f"{i * (i + shift)},{i % 3},{i % 2}" for i in range(60))
        Path("x.csv").write_text(f"a,b,c\n{rows}\n")
        said = ("data=csv", "data.path=x.csv", "model.hidden=[3]", "epochs=1", "tracking=none")
        digests.append(bpexp.run(*said).outcome.theta_sha256)
    Path("x.csv").write_text(f"a,b,c\n{rows}\n0,0,1\n")
    digests.append(bpexp.run(*said).outcome.theta_sha256)
    assert len(set(digests)) == 3


def test_the_interface_is_listed():
    calls = {"run", "sweep", "resume", "load"}
    assert calls | {"Result", "SweepResult", "RunFailed", "Dataset", "BpexpError"} <= set(dir(bpexp))
    assert all(hasattr(bpexp, name) for name in bpexp.__all__)


def test_mistakes_are_raised():
    with pytest.raises(ConfigError, match="lr must be a number greater than 0"):
        bpexp.run(lr=-1)
    with pytest.raises(ConfigError, match=r"add -m|sweep"):
        bpexp.run("lr=0.1,0.2")
    with pytest.raises(ConfigError, match=r"lr takes one value, not \[0.1, 0.2\]; bpexp.sweep takes several"):
        bpexp.run(lr=[0.1, 0.2])
    with pytest.raises(ConfigError, match=r"model.hidden takes a list, .* give a list of lists, \[\[4, 3\]\]"):
        bpexp.sweep(**{"model.hidden": [4, 3]})
    with pytest.raises(ConfigError, match="lr has no levels"):
        bpexp.sweep(lr=[])
    with pytest.raises(AttributeError, match="nothing"):
        _ = bpexp.nothing


def test_numbers_and_arrays_of_numpy_are_values():
    result = bpexp.run(*TINY, "tracking=none", lr=np.float32(0.01), seed=np.int64(3), **{"model.hidden": np.array([4])})
    assert (result.outcome.params["lr"], result.outcome.params["seed"]) == (0.01, 3)
    assert "lr=0.01 " in result.outcome.name
    swept = bpexp.sweep(*TINY, "tracking=none", lr=np.array([0.1, 0.3]))
    assert set(swept.table["lr"]) == {0.1, 0.3}
