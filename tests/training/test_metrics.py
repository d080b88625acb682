"""Metrics held to scikit-learn and to numbers written out, in pieces as in one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

import bpexp
from bpexp.data.dataset import Part
from bpexp.errors import ConfigError
from bpexp.figures.learning_curve import panels_of
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.network import Network
from bpexp.training import evaluation
from bpexp.training.evaluation import NUMBERS, PIECE, evaluate
from bpexp.training.metrics import PENALTY, Evaluated, better, measured, metric, metrics

SHIPPED = ("loss", "accuracy", "top3_accuracy", "r2", "rmse", "penalty")
"""The metrics whose names and values are written out here; another metric changes nothing of them."""


def shipped(series):
    """Those of some series, a mapping or a list of names, that are of the metrics written out here."""
    kept = [name for name in series if name.split("/")[0] in SHIPPED]
    return {name: series[name] for name in kept} if isinstance(series, dict) else kept


def classification(a, labels):
    """The measures of classes, from outputs (n_L, N) and class numbers (N,)."""
    seen = Evaluated(np.zeros(len(labels)), a, np.zeros_like(a), labels)
    applying = [m for m in metrics.values() if m.task == "classification" and m.applies("classification", len(a))]
    return shipped({m.name: m.measure(seen) for m in applying})


def regression(a, y):
    """The measures of values, from outputs and targets (n_L, N)."""
    seen = Evaluated(np.zeros(y.shape[1]), a, y, None)
    return shipped({m.name: m.measure(seen) for m in metrics.values() if m.task == "regression"})


def test_accuracy_and_top_3_written_out():
    a = np.array([[0.1, 0.6, 0.3], [0.2, 0.1, 0.3], [0.3, 0.2, 0.2], [0.4, 0.1, 0.2]])
    # first; last, on a tie with class 3 that comes after it; second, on a tie with class 0
    assert classification(a, np.array([3, 1, 1])) == {"accuracy": pytest.approx(1 / 3), "top3_accuracy": 1.0}
    assert classification(a, np.array([0, 3, 3]))["top3_accuracy"] == 0.0


def test_classification_as_scikit_learn_says():
    rng = np.random.default_rng(0)
    a, labels = rng.dirichlet(np.ones(6), 300).T, rng.integers(0, 6, 300)
    measures = classification(a, labels)
    assert measures["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(labels, a.argmax(axis=0)))
    expected = sklearn_metrics.top_k_accuracy_score(labels, a.T, k=3)
    assert measures["top3_accuracy"] == pytest.approx(expected)


@pytest.mark.parametrize("a", [np.zeros((10, 1000)), np.full((10, 1000), 0.1, np.float32)])
def test_equal_outputs_know_nothing(a):
    """Ten equal outputs, as of a network of zeros, are right in 1 of 10 cases and among the first three in 3 of 10."""
    labels = np.arange(1000) % 10
    assert classification(a, labels) == {"accuracy": 0.1, "top3_accuracy": 0.3}


@pytest.mark.parametrize("values", [(0.0, 0.1, 0.2), (-0.0, 0.0), (0.0, 1.0, 2.0, np.nan), (0.0, 1.0, np.inf, -np.inf)])
def test_both_are_those_of_sorted_outputs(values):
    """Ties: the first of a stable sort in descending order; outputs that are not finite name no class."""
    a = np.random.default_rng(0).choice(values, (5, 3000)).astype(np.float32)
    first, finite = np.argsort(-a, axis=0, kind="stable"), np.isfinite(a).all(axis=0)
    for number in range(5):
        found = classification(a, np.full(3000, number))
        for name, places in (("accuracy", 1), ("top3_accuracy", 3)):
            assert found[name] == float(np.mean((first[:places] == number).any(axis=0) & finite))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_single_output_that_is_not_finite_is_never_right(value):
    assert classification(np.array([[value, value, 0.9]]), np.array([0, 1, 1])) == {"accuracy": pytest.approx(1 / 3)}


def test_top_3_is_left_out_where_it_says_nothing():
    assert set(classification(np.ones((3, 4)), np.zeros(4, int))) == {"accuracy"}


def test_a_single_output_is_right_on_its_side_of_a_half():
    a = np.array([[0.9, 0.51, 0.5, 0.1]])
    assert classification(a, np.array([1, 0, 0, 1])) == {"accuracy": 0.5}


def test_regression_written_out():
    """Errors 1, 0, -1 and targets 0, 1, 2: r2 = 1 - 2 / 2, rmse = sqrt(2 / 3)."""
    measures = regression(np.array([[1.0, 1.0, 1.0]]), np.array([[0.0, 1.0, 2.0]]))
    assert measures == {"r2": 0.0, "rmse": pytest.approx(math.sqrt(2 / 3))}


@pytest.mark.parametrize("n", [1, 3])
def test_regression_as_scikit_learn_says(n):
    rng = np.random.default_rng(1)
    a, y = rng.normal(size=(n, 200)), rng.normal(size=(n, 200)) * 3 + 1
    expected = sklearn_metrics.r2_score(y.T, a.T, multioutput="variance_weighted")
    assert regression(a, y)["r2"] == pytest.approx(expected)
    assert regression(a, y)["rmse"] == pytest.approx(math.sqrt(sklearn_metrics.mean_squared_error(y.T, a.T)))


def test_r2_of_targets_that_do_not_vary():
    measures = regression(np.array([[1.0, 2.0]]), np.array([[1.0, 1.0]]))
    assert math.isnan(measures["r2"])
    assert measures["rmse"] == pytest.approx(math.sqrt(0.5))
    tenths = np.full((1, 60_000), 0.1, np.float32)  # their float32 mean is not 0.1
    assert math.isnan(regression(tenths + 1, tenths)["r2"])


def test_right_is_right():
    y = np.random.default_rng(2).normal(size=(2, 50)).astype(np.float32)
    assert regression(y, y) == {"r2": 1.0, "rmse": 0.0}


def case(N, dtype="float64"):
    """A network, its head and a part of N samples in random order."""
    rng = np.random.default_rng(3)
    head = build_head({"name": "softmax"}, {"name": "cross_entropy"})
    network = Network([3, 5, 4], [activations.build("tanh")], head.output, dtype)
    network.theta[...] = rng.normal(size=network.theta.size)
    labels = rng.integers(0, 4, N)
    X, Y = rng.normal(size=(N, 3)).astype(dtype), np.eye(4, dtype=dtype)[labels]
    return network, head, Part(X=X, Y=Y, rows=rng.permutation(N), labels=labels)


@pytest.mark.parametrize("numbers", [1, 8 * PIECE, NUMBERS])
@pytest.mark.parametrize("N", [1, 100, PIECE, PIECE + 1, 2 * PIECE + 5])
def test_pieces_are_the_whole(N, numbers, monkeypatch):
    """Pieces of `PIECE` samples, and of twice as many for the head, and all samples at once."""
    monkeypatch.setattr(evaluation, "NUMBERS", numbers)
    network, head, part = case(N)
    measures = evaluate(network, head, part)
    x, y = part.batch()
    a = network.forward(x)
    assert measures["loss"] == pytest.approx(float(-np.log((a * y).sum(axis=0)).mean()))
    assert measures["accuracy"] == np.mean(a.argmax(axis=0) == part.labels[part.rows])
    assert set(shipped(measures)) == {"loss", "accuracy", "top3_accuracy"}


def test_only_the_rows_of_the_part_count():
    network, head, part = case(60)
    half = Part(X=part.X, Y=part.Y, rows=part.rows[:20], labels=part.labels)
    cut = Part(X=part.X[half.rows], Y=part.Y[half.rows], rows=np.arange(20), labels=part.labels[half.rows])
    assert evaluate(network, head, half) == pytest.approx(evaluate(network, head, cut))


def test_loss_is_per_sample_whatever_the_batch_says():
    network, _, part = case(30)
    heads = [build_head({"name": "softmax"}, {"name": "mse"}, batch=batch) for batch in ("mean", "sum")]
    assert evaluate(network, heads[0], part) == evaluate(network, heads[1], part)


def test_regression_part():
    network, _, part = case(30)
    head = build_head({"name": "identity"}, {"name": "mse", "reduction": "mean"})
    other = Network(network.sizes, [network.layers[0].f], head.output, "float64")
    other.theta[...] = network.theta
    measures = evaluate(other, head, Part(X=part.X, Y=part.Y, rows=part.rows, labels=None))
    assert set(shipped(measures)) == {"loss", "r2", "rmse"}
    assert measures["rmse"] ** 2 == pytest.approx(measures["loss"])


def test_evaluating_changes_nothing():
    network, head, part = case(30, "float32")
    before = network.theta.copy()
    first = evaluate(network, head, part)
    assert evaluate(network, head, part) == first
    assert all(type(value) is float for value in first.values())
    np.testing.assert_array_equal(network.theta, before)


@pytest.mark.parametrize(
    ("n_outputs", "classes"), [(1, True), (3, True), (4, True), (10, True), (1, False), (2, False)]
)
def test_what_is_measured_is_what_is_announced(n_outputs, classes):
    """The names that validation knows are those that an evaluation emits."""
    output, loss = ("sigmoid", "binary_cross_entropy") if classes else ("identity", "mse")
    head = build_head(output, loss)
    network = Network([3, n_outputs], [], head.output, "float64")
    rng = np.random.default_rng(0)
    labels = rng.integers(0, max(2, n_outputs), 20) if classes else None
    part = Part(X=rng.normal(size=(20, 3)), Y=rng.random((20, n_outputs)).round(), rows=np.arange(20), labels=labels)
    found = [f"{name}/test" for name in evaluate(network, head, part)]
    assert found == measured("classification" if classes else "regression", n_outputs, ["test"])


@pytest.fixture
def balanced():
    """A metric of somebody's own, for the time of a test."""

    @metric("balanced_accuracy", better="higher", task="classification", label="balanced accuracy")
    def balanced_accuracy(e: Evaluated) -> float:
        """Mean of the classes' accuracies."""
        right = e.a.argmax(axis=0) == e.labels
        return float(np.mean([right[e.labels == c].mean() for c in np.unique(e.labels)]))

    yield metrics["balanced_accuracy"]
    del metrics._metrics["balanced_accuracy"]


def test_a_metric_of_ones_own_is_used_everywhere(balanced, tmp_path, monkeypatch):
    """One function: history, summary, objective, early stopping, ranking, figures follow from what it declares."""
    monkeypatch.chdir(tmp_path)
    stop = "callbacks.early_stopping.metric=balanced_accuracy/test"
    said = ("data=xor", "data.n=60", "model.hidden=[3]", "epochs=2", "tracking=none", "tracking.figures=true", stop)
    swept = bpexp.sweep(*said, "callbacks.early_stopping.patience=9", "objective=balanced_accuracy/test", lr=[0.1, 0.2])
    assert swept.ok
    assert "final balanced_accuracy_test" in swept.table.columns
    result = swept.runs[0]
    assert {"final/balanced_accuracy_test", "best/balanced_accuracy_test"} <= set(result.metrics)
    assert result.history["balanced_accuracy/test"].notna().sum() == 3
    ranked = swept.table["final balanced_accuracy_test"][0]
    assert result.metrics["final/balanced_accuracy_test"] == pytest.approx(ranked, abs=1e-4)
    panels = panels_of({name: [(0, 1.0)] for name in result.history})
    assert panels[-1] == "balanced_accuracy"
    assert shipped(panels) == ["loss", "accuracy"]
    assert better("balanced_accuracy/test") == "higher"


@pytest.mark.parametrize("name", ["", "loss/test", "my loss", "3rd"])
def test_a_name_that_no_series_can_have_is_refused(name):
    with pytest.raises(ConfigError, match="letters, digits and underscores only"):
        metric(name, better="lower")(lambda e: 0.0)


def test_targets_whose_spread_underflows_have_no_r2():
    y = np.array([[0.0, 1e-200]])
    assert math.isnan(regression(y, y)["r2"])


def test_a_metric_is_declared_once(balanced):
    with pytest.raises(ConfigError, match="metric 'balanced_accuracy' is declared already"):
        metrics.add(balanced)


def test_the_penalty_is_announced_too():
    announced = measured("regression", 1, ["train"], penalty=True)
    assert shipped(announced) == ["loss/train", "r2/train", "rmse/train", PENALTY]
    assert better(PENALTY) == "lower"
