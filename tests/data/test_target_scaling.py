"""Targets of a regression are scaled for training, and everything that a person reads is in the data's own units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bpexp
from bpexp.data import Raw, prepare
from bpexp.errors import ConfigError, DataError
from bpexp.nn.scaling import TargetScaling


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def raw(y: np.ndarray, **others: object) -> Raw:
    X = np.random.default_rng(0).normal(size=(len(y), 2))
    return Raw(X, y.reshape(len(y), -1), task="regression", source="made up", digest="0", **others)


def go(data: Raw, **params: object):
    return prepare(data, name="x", rng=np.random.default_rng(1), **params)


Y = np.random.default_rng(2).normal([100.0, -4.0], [5.0, 0.1], (200, 2))


def test_the_constants_are_those_of_the_training_part_for_each_output():
    data = go(raw(Y), target_scaling="standardize", dtype="float64")
    rows = data.train.rows
    np.testing.assert_allclose(data.target_scaling.shift, Y[rows].mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(data.target_scaling.scale, Y[rows].std(axis=0), rtol=1e-12)
    scaled = data.train.Y[rows]
    np.testing.assert_allclose([scaled.mean(axis=0), scaled.std(axis=0)], [[0, 0], [1, 1]], atol=1e-12)
    np.testing.assert_allclose(data.target_scaling.undo(data.test.Y), Y, rtol=1e-12)
    assert data.test.target_scaling is data.validation.target_scaling is data.target_scaling


@pytest.mark.parametrize(("choice", "tabular", "scaled"), [
    ("auto", True, True), ("auto", False, False), ("none", True, False), ("standardize", False, True),
])  # fmt: skip
def test_auto_scales_the_targets_of_tables(choice, tabular, scaled):
    data = go(raw(Y, tabular=tabular), target_scaling=choice)
    assert (data.target_scaling is not None) == scaled
    told = [note for note in data.notes if note.startswith("targets standardized")]
    assert len(told) == (choice == "auto" and scaled)


def test_an_official_test_set_is_scaled_alike():
    data = go(raw(Y[:150], test=(np.zeros((50, 2)), Y[150:])), target_scaling="standardize", dtype="float64")
    np.testing.assert_allclose(data.target_scaling.undo(data.test.batch()[1].T), Y[150:], rtol=1e-12)


def test_a_constant_target_becomes_0_and_comes_back():
    y = np.column_stack([np.full(60, 7.3), np.arange(60)])
    data = go(raw(y), target_scaling="standardize")
    assert not data.train.Y[:, 0].any()
    assert (data.target_scaling.undo(data.train.Y)[:, 0] == 7.3).all()


def test_a_spread_far_below_the_mean_survives_float32():
    """1e9 + noise of 1 is constant in float32; scaled, it is not."""
    y = 1e9 + np.random.default_rng(0).normal(size=300)
    data = go(raw(y), target_scaling="standardize", dtype="float32")
    np.testing.assert_allclose(data.target_scaling.undo(data.train.Y)[:, 0], y, atol=1e-6)


def test_targets_without_a_finite_deviation_are_refused():
    with pytest.raises(DataError, match="the targets are too large for a standard deviation"):
        go(raw(1e200 * Y), target_scaling="standardize", dtype="float64")


def test_an_infinite_target_is_named():
    y = Y.copy()
    y[7, 1] = np.inf
    with pytest.raises(DataError, match=r"target: row 7, column 1 is inf; expected finite numbers"):
        go(raw(y), target_scaling="standardize", dtype="float64")


@pytest.mark.parametrize(("scaling", "what"), [("standardize", "a standard deviation"), ("unit", "their range")])
def test_inputs_without_a_finite_scale_are_refused(scaling, what):
    X = np.random.default_rng(0).choice([-1.7e308, 1.7e308], (200, 2))
    data = Raw(X, Y, task="regression", source="made up", digest="0")
    with pytest.raises(DataError, match=f"the inputs are too large for {what}"):
        go(data, scaling=scaling, dtype="float64")


def test_classes_have_no_units():
    y = np.arange(60) % 2
    classes = Raw(np.ones((60, 1)) * y[:, None], y, task="classification", source="made up", digest="0", tabular=True)
    assert go(classes).target_scaling is None
    with pytest.raises(ConfigError, match="target_scaling='standardize' is for the targets of a regression"):
        go(classes, target_scaling="standardize")
    with pytest.raises(ConfigError, match="target_scaling must be one of auto, none, standardize, not 'unit'"):
        go(raw(Y), target_scaling="unit")


def test_undoing_is_the_inverse():
    how = TargetScaling(np.array([3.0, -1e6]), np.array([1e-3, 7.0]))
    y = np.array([[3.002, -1e6], [2.0, 5.0]])
    np.testing.assert_allclose(how.undo(how.apply(y)), y, rtol=1e-10)
    assert how.undo(np.zeros((0, 2), np.float32)).shape == (0, 2)


LINEAR = ("model=linear", "data=npz", "data.path=d.npz", "tracking=none", "probe=off", "batch_size=20")


def linear_data() -> tuple[np.ndarray, np.ndarray]:
    """Two targets of very different size, exact in the inputs."""
    X = np.random.default_rng(5).normal(size=(300, 2))
    Y = X @ [[300.0, 0.001], [-200.0, 0.002]] + [4000.0, 1.0]
    np.savez("d.npz", X=X, y=Y)
    return X, Y


def test_a_run_answers_in_the_units_of_the_data():
    X, Y = linear_data()
    run = bpexp.run(*LINEAR, "data.target_scaling=standardize", "dtype=float64", lr=0.3, epochs=2)
    answers = run.predict(X)
    np.testing.assert_allclose(answers, Y, rtol=1e-3, atol=1e-4)
    rows = run.split.test
    error = np.sqrt(np.square(answers.to_numpy()[rows] - Y[rows]).mean())
    assert run.metrics["final/rmse_test"] == pytest.approx(error, rel=1e-9)
    assert run.metrics["final/loss_test"] < 1e-3 * error  # of the scaled targets
    unexplained = np.square(answers.to_numpy()[rows] - Y[rows]).sum() / np.square(Y[rows] - Y[rows].mean(axis=0)).sum()
    assert run.metrics["final/r2_test"] == pytest.approx(1 - unexplained, abs=1e-9)


def test_the_loss_is_that_of_the_scaled_targets():
    X, Y = linear_data()
    run = bpexp.run(*LINEAR, "data.target_scaling=standardize", "dtype=float64", "loss.factor=1", lr=0.01, epochs=2)
    rows, train = run.split.test, run.split.train
    scaled = (run.predict(X).to_numpy() - Y)[rows] / Y[train].std(axis=0)
    per_sample = np.square(scaled).sum(axis=1).mean()
    assert run.metrics["final/loss_test"] == pytest.approx(per_sample)


@pytest.mark.parametrize("output", ["sigmoid", "tanh", "relu", "softplus", "elu"])
def test_an_output_that_cannot_reach_scaled_targets_is_refused(output):
    linear_data()
    with pytest.raises(ConfigError, match=f"output '{output}' cannot reach standardized targets"):
        bpexp.run(*LINEAR, "data.target_scaling=standardize", f"output={output}", epochs=1)
    assert bpexp.run(*LINEAR, "data.target_scaling=none", f"output={output}", epochs=1).outcome.ok


@pytest.mark.parametrize("output", ["identity", "leaky_relu"])
def test_an_output_that_can_reach_them_is_not(output):
    linear_data()
    assert bpexp.run(*LINEAR, "data.target_scaling=standardize", f"output={output}", epochs=1).outcome.ok
