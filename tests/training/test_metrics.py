"""Metrics held to scikit-learn and to numbers written out, in pieces as in one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from bpexp.data.dataset import Part
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.network import Network
from bpexp.training.metrics import PIECE, classification, evaluate, regression


def test_accuracy_and_top_k_written_out():
    a = np.array([[0.1, 0.6, 0.3], [0.2, 0.1, 0.3], [0.3, 0.2, 0.2], [0.4, 0.1, 0.2]])
    labels = np.array(
        [3, 1, 1]
    )  # first; last, on a tie with class 3 that comes after it; second, on a tie with class 0
    assert classification(a, labels, 1)["accuracy"] == pytest.approx(1 / 3)
    assert classification(a, labels, 1)["top1_accuracy"] == pytest.approx(1 / 3)
    assert classification(a, labels, 2)["top2_accuracy"] == pytest.approx(2 / 3)
    assert classification(a, labels, 3)["top3_accuracy"] == pytest.approx(1)


@pytest.mark.parametrize("top", [1, 2, 3])
def test_classification_as_scikit_learn_says(top):
    rng = np.random.default_rng(0)
    a, labels = rng.dirichlet(np.ones(6), 300).T, rng.integers(0, 6, 300)
    measures = classification(a, labels, top)
    assert measures["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(labels, a.argmax(axis=0)))
    expected = sklearn_metrics.top_k_accuracy_score(labels, a.T, k=top)
    assert measures[f"top{top}_accuracy"] == pytest.approx(expected)


@pytest.mark.parametrize("a", [np.zeros((10, 1000)), np.full((10, 1000), 0.1, np.float32), np.full((10, 1000), np.nan)])
def test_equal_outputs_know_nothing(a):
    """Ten equal outputs, as of a network of zeros, are right in 1 of 10 cases and among the first three in 3 of 10."""
    labels = np.arange(1000) % 10
    assert classification(a, labels, 3) == {"accuracy": 0.1, "top3_accuracy": 0.3}


def test_top_k_is_left_out_where_it_says_nothing():
    assert set(classification(np.ones((3, 4)), np.zeros(4, int), 3)) == {"accuracy"}


def test_a_single_output_is_right_on_its_side_of_a_half():
    a = np.array([[0.9, 0.51, 0.5, 0.1]])
    assert classification(a, np.array([1, 0, 0, 1]), 3) == {"accuracy": 0.5}


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


@pytest.mark.parametrize("N", [1, 100, PIECE, PIECE + 1, 2 * PIECE + 5])
def test_pieces_are_the_whole(N):
    network, head, part = case(N)
    measures = evaluate(network, head, part)
    x, y = part.batch()
    a = network.forward(x)
    assert measures["loss"] == pytest.approx(float(-np.log((a * y).sum(axis=0)).mean()))
    assert measures["accuracy"] == np.mean(a.argmax(axis=0) == part.labels[part.rows])
    assert set(measures) == {"loss", "accuracy", "top3_accuracy"}


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
    assert set(measures) == {"loss", "r2", "rmse"}
    assert measures["rmse"] ** 2 == pytest.approx(measures["loss"])


def test_evaluating_changes_nothing():
    network, head, part = case(30, "float32")
    before = network.theta.copy()
    first = evaluate(network, head, part)
    assert evaluate(network, head, part) == first
    assert all(type(value) is float for value in first.values())
    np.testing.assert_array_equal(network.theta, before)
