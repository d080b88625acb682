"""Runs and sweeps on data in memory: as on a file of them, with a record that says so and that only they repeat."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import refused
from sklearn.datasets import load_wine

import bpexp
from bpexp.data import memory
from bpexp.errors import CheckpointError, ConfigError, DataError

SMALL = ("tracking=none", "epochs=3", "batch_size=10", "model.hidden=[8]")
X, Y = load_wine(return_X_y=True)
FRAME = pd.DataFrame(X[:, :3], columns=["alcohol", "malic acid", "ash"]).assign(
    colour=pd.Categorical(np.where(X[:, 9] > 5, "dark", "light")), kind=np.array(["a", "b", "c"])[Y]
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    assert not memory._held, "a call keeps no data"


def test_arrays_train_as_a_file_of_them_does():
    np.savez("wine.npz", X=X, y=Y)
    from_file = bpexp.run(*SMALL, "data=npz", "data.path=wine.npz")
    given = bpexp.run(*SMALL, data=(X, Y))
    assert given.outcome.theta_sha256 == from_file.outcome.theta_sha256
    assert given.metrics == from_file.metrics
    pd.testing.assert_frame_equal(given.predict(X), from_file.predict(X))
    assert bpexp.run(*SMALL, data=(X.tolist(), Y.tolist())).outcome.theta_sha256 == given.outcome.theta_sha256


def test_a_frame_trains_as_a_table_of_it_does():
    FRAME.to_csv("wine.csv", index=False)
    from_file = bpexp.run(*SMALL, "data=csv", "data.path=wine.csv", "data.target=kind", "data.categorical=[colour]")
    given = bpexp.run(*SMALL, data=(FRAME, "kind"))
    assert given.outcome.theta_sha256 == from_file.outcome.theta_sha256
    pd.testing.assert_frame_equal(given.predict(FRAME), from_file.predict(FRAME))
    assert list(given.predict(FRAME.head(2))) == ["kind", "a", "b", "c"]
    apart = bpexp.run(*SMALL, data=bpexp.Dataset(FRAME.drop(columns="kind"), FRAME["kind"]))
    assert apart.outcome.theta_sha256 == given.outcome.theta_sha256


def test_no_samples_are_not_the_default_data_set():
    with pytest.raises(DataError, match="there is no sample"):
        bpexp.run(*SMALL, data=(X[:0], Y[:0]))


def test_the_other_keys_of_data_apply():
    gaps = FRAME.copy()
    gaps.loc[5, "ash"] = np.nan
    result = bpexp.run(*SMALL, data=(gaps, "kind"), **{"data.missing": "median", "data.validation": 0})
    assert result.split.validation.size == 0
    assert list(result.predict(gaps.iloc[[5]])) == ["kind", "a", "b", "c"]
    part = bpexp.Dataset(X[::2], Y[::2], test=(X[1::2], Y[1::2]))
    assert bpexp.run(*SMALL, data=part).split.test.size == len(Y) // 2
    values = bpexp.run(*SMALL, "loss=mse", "output=identity", "lr=0.01", data=(FRAME[["ash"]], FRAME["alcohol"]))
    assert values.metrics["final/rmse_test"] > 0


def test_the_record_says_that_the_data_came_from_memory():
    dataset = bpexp.Dataset(FRAME, "kind")
    result = bpexp.run("epochs=1", "model.hidden=[4]", data=dataset)
    assert f"name: memory\n  digest: {dataset.digest}" in (result.directory / "config.yaml").read_text()
    assert json.loads((result.directory / "network.json").read_text())["data"] == {
        "name": "memory",
        "source": "arrays given in Python",
        "digest": dataset.digest,
    }
    assert "data.digest" not in result.outcome.name
    loaded = bpexp.load(result.outcome.run_id)
    pd.testing.assert_frame_equal(loaded.predict(FRAME), result.predict(FRAME))


def test_a_command_cannot_repeat_it(monkeypatch, capfd):
    folder = bpexp.run(*SMALL, data=(X, Y)).directory
    commands = {
        "data=memory stands for arrays with the digest": ["--config-dir", str(folder), "--config-name", "config"],
        "bpexp.resume(FOLDER, data=(X, y))": [f"resume={folder}", "epochs=5"],
        "data=npz or data=csv": ["data=memory"],
    }
    for told, words in commands.items():
        assert told in refused(words, monkeypatch, capfd)


def test_it_goes_on_with_the_same_data_alone():
    whole = bpexp.run(*SMALL[:1], *SMALL[2:], "epochs=5", data=(X, Y))
    begun = bpexp.run(*SMALL, data=(X, Y))
    with pytest.raises(DataError, match=r"bpexp.resume\(FOLDER, data=\(X, y\)\)"):
        bpexp.resume(begun.directory, epochs=5)
    with pytest.raises(DataError, match="those that were given have the digest"):
        bpexp.resume(begun.directory, epochs=5, data=(X, Y[::-1]))
    assert bpexp.resume(begun.directory, epochs=5, data=(X, Y)).outcome.theta_sha256 == whole.outcome.theta_sha256
    other = bpexp.run(*SMALL, "data=xor")
    with pytest.raises(ConfigError, match="has data=xor, which it reads itself; leave"):
        bpexp.resume(other.directory, epochs=5, data=(X, Y))
    with pytest.raises(CheckpointError, match="holds no run"):
        bpexp.resume(Path(), data=(X, Y))


def test_a_sweep_is_serial_and_is_resumed_with_the_same_data(monkeypatch):
    monkeypatch.setenv("PYTHON_CPU_COUNT", "2")
    swept = bpexp.sweep(*SMALL, data=(X, Y), lr=[0.1, 0.3], seed=range(2))
    assert swept.ok
    assert len({run.outcome.theta_sha256 for run in swept.runs}) == 4
    record = json.loads((swept.directory / "sweep.json").read_text())
    assert record["launcher"].startswith("serial (the data are in the memory of this process")
    assert "data.digest" not in swept.table
    (swept.runs[0].directory / "result.json").unlink()
    with pytest.raises(DataError, match="stands for arrays"):
        bpexp.sweep(resume=swept.directory)
    again = bpexp.sweep(resume=swept.directory, data=(X, Y))
    assert [run.outcome.theta_sha256 for run in again.runs] == [run.outcome.theta_sha256 for run in swept.runs]
    assert bpexp.sweep(*SMALL, data=(X, Y), lr=[0.1, 0.3], seed=range(2), resume=True).directory == swept.directory
    with pytest.raises(ConfigError, match="which launcher=process needs; use launcher=serial"):
        bpexp.sweep(*SMALL, data=(X, Y), lr=[0.1, 0.3], launcher="process")
    with pytest.raises(ConfigError, match="which launcher=joblib needs"):
        bpexp.sweep(*SMALL, "hydra/launcher=joblib", data=(X, Y), lr=[0.1, 0.3])


def test_a_job_of_a_sweep_draws_its_page_with_the_data_it_had():
    swept = bpexp.sweep("epochs=1", "model.hidden=[4]", data=(X, Y), lr=[0.1, 0.3])
    assert [path.name for path in swept.runs[0].pictures] == ["figures.png"]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (FRAME, "a pair .X, y. or .frame, 'target'., or a bpexp.Dataset, not a DataFrame"),
        (X, "not a ndarray"),
        ((X, Y, X), "not a tuple of 3"),
        ([X, Y], "not a list"),
        (7, "not a int"),
    ],
)
def test_what_is_no_data_is_refused_in_one_line(data, told):
    for call in (bpexp.run, bpexp.sweep):
        with pytest.raises(ConfigError, match=told):
            call(*SMALL, data=data)


def test_a_data_set_is_named_by_a_keyword_too():
    assert bpexp.run(*SMALL, data="xor").outcome.params["data"] == "xor"
    assert len(bpexp.sweep(*SMALL, data=["xor", "two_moons"]).runs) == 2
    assert bpexp.run(*SMALL, data={"name": "xor", "limit": 50}).outcome.params["data.limit"] == 50
