"""Losses: slopes held to differences of the costs, values written out, and the ends of the scale."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from bpexp.errors import ConfigError
from bpexp.nn.losses import losses

WITH_FACTOR = [name for name in losses if "factor" in inspect.signature(losses[name]).parameters]


def outputs(name: str, n: int = 4, B: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """a inside the simplex, which every loss accepts, and y that suits the loss; a - y is clear of kinks."""
    rng = np.random.default_rng(7)
    a = rng.dirichlet(np.full(n, 5.0), B).T
    y = np.eye(n)[:, rng.integers(0, n, B)]
    return a, y if losses.build(name).classes else 3 * y - 0.7


@pytest.mark.parametrize("name", losses)
def test_slope_is_the_difference_of_costs(name):
    loss, (a, y), h = losses.build(name), outputs(name), 1e-6
    for j in range(len(a)):
        e = h * np.eye(len(a))[:, [j]]
        difference = (loss.cost(a + e, y) - loss.cost(a - e, y)) / (2 * h)
        np.testing.assert_allclose(loss.slope(a, y)[j], difference, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", losses)
def test_shapes_types_and_sign(name, dtype):
    loss = losses.build(name)
    a, y = (array.astype(dtype) for array in outputs(name))
    assert loss.cost(a, y).shape == (6,)
    assert loss.slope(a, y).shape == (4, 6)
    assert loss.cost(a, y).dtype == loss.slope(a, y).dtype == np.dtype(dtype)
    assert (loss.cost(a, y) >= 0).all()


@pytest.mark.parametrize("name", losses)
def test_arguments_are_left_alone_and_samples_are_independent(name):
    loss, (a, y) = losses.build(name), outputs(name)
    before = a.copy(), y.copy()
    costs, slopes = loss.cost(a, y), loss.slope(a, y)
    np.testing.assert_array_equal((a, y), before)
    for k in range(a.shape[1]):
        assert loss.cost(a[:, [k]], y[:, [k]])[0] == pytest.approx(costs[k], rel=1e-14)
        np.testing.assert_allclose(loss.slope(a[:, [k]], y[:, [k]])[:, 0], slopes[:, k], rtol=1e-14)


@pytest.mark.parametrize("name", losses)
def test_no_cost_where_the_output_is_right(name):
    y = np.eye(3)
    loss = losses.build(name)
    np.testing.assert_array_equal(loss.cost(y, y), 0)
    assert np.isfinite(loss.slope(y, y)).all()


A, Y = np.array([[0.5], [-1.0], [3.0]]), np.array([[0.0], [0.0], [1.0]])
P, T = np.array([[0.25], [0.5]]), np.array([[1.0], [0.0]])
VALUES = [
    ("mse", {}, A, Y, 5.25, [1, -2, 4]),
    ("mse", {"factor": 0.5}, A, Y, 2.625, [0.5, -1, 2]),
    ("mse", {"reduction": "mean"}, A, Y, 1.75, [1 / 3, -2 / 3, 4 / 3]),
    ("mae", {}, A, Y, 3.5, [1, -1, 1]),
    ("mae", {"reduction": "mean"}, A, Y, 3.5 / 3, [1 / 3, -1 / 3, 1 / 3]),
    ("huber", {}, A, Y, 0.125 + 0.5 + 1.5, [0.5, -1, 1]),
    ("huber", {"threshold": 0.5, "factor": 2.0}, A, Y, 2 * (0.125 + 0.375 + 0.875), [1, -1, 1]),
    ("cross_entropy", {}, P, T, np.log(4), [-4, 0]),
    ("binary_cross_entropy", {}, P, T, np.log(4) + np.log(2), [-4, 2]),
    ("binary_cross_entropy", {"reduction": "mean"}, P, T, 0.5 * np.log(8), [-2, 1]),
]


@pytest.mark.parametrize(("name", "parameters", "a", "y", "cost", "slope"), VALUES)
def test_values_written_out(name, parameters, a, y, cost, slope):
    loss = losses.build(name, **parameters)
    np.testing.assert_allclose(loss.cost(a, y), [cost], rtol=1e-14)
    np.testing.assert_allclose(loss.slope(a, y)[:, 0], slope, rtol=1e-14)


@pytest.mark.parametrize("name", WITH_FACTOR)
def test_factor_and_mean_are_constants_in_front(name):
    """factor=0.5 is Nielsen's half of the squared error, reduction=mean is 002's 1 / n_L."""
    a, y = outputs(name)
    plain, half = losses.build(name), losses.build(name, factor=0.5)
    mean = losses.build(name, reduction="mean")
    for scale, other in ((0.5, half), (1 / len(a), mean)):
        np.testing.assert_allclose(other.cost(a, y), scale * plain.cost(a, y), rtol=1e-14)
        np.testing.assert_allclose(other.slope(a, y), scale * plain.slope(a, y), rtol=1e-14)


def test_mae_is_flat_where_it_is_right():
    assert losses.build("mae").slope(np.array([[1.0]]), np.array([[1.0]])).tolist() == [[0.0]]


def test_huber_is_smooth_at_its_threshold():
    loss, y = losses.build("huber", threshold=0.5), np.zeros((1, 3))
    a = np.array([[0.5 - 1e-9, 0.5, 0.5 + 1e-9]])
    np.testing.assert_allclose(loss.cost(a, y), 0.125, rtol=1e-8)
    np.testing.assert_allclose(loss.slope(a, y), 0.5, rtol=1e-8)


@pytest.mark.parametrize("name", ["cross_entropy", "binary_cross_entropy"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_certain_output_costs_nothing_or_infinity(name, dtype):
    """log 0 is minus infinity where the class is right, and is not asked for where it is not; nothing is clipped."""
    loss = losses.build(name)
    a = np.array([[1, 0], [0, 1]], dtype)
    y = np.array([[1, 1], [0, 0]], dtype)
    np.testing.assert_array_equal(loss.cost(a, y), [0, np.inf])
    slopes = loss.slope(a, y)
    assert slopes[0].tolist() == [-1, -np.inf]
    assert slopes[1].tolist() == ([0, 0] if name == "cross_entropy" else [1, np.inf])


@pytest.mark.parametrize("name", ["cross_entropy", "binary_cross_entropy"])
def test_an_output_next_to_nothing_raises_no_warning(name):
    tiny = np.array([[5e-324], [1.0]])
    loss = losses.build(name)
    assert loss.cost(tiny, np.array([[1.0], [0.0]]))[0] > 700
    assert loss.slope(tiny, np.array([[1.0], [0.0]]))[0, 0] == -np.inf


def test_soft_targets():
    """Targets between 0 and 1: the binary cross-entropy has its minimum, the entropy, at a = y."""
    loss, y = losses.build("binary_cross_entropy"), np.array([[0.3]])
    assert loss.slope(y, y)[0, 0] == pytest.approx(0, abs=1e-15)
    assert loss.cost(y, y)[0] == pytest.approx(-(0.3 * np.log(0.3) + 0.7 * np.log(0.7)))


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        *[(name, {"factor": 0}, "factor must be a number greater than 0, not 0") for name in WITH_FACTOR],
        *[(name, {"reduction": "max"}, "reduction must be one of sum, mean") for name in WITH_FACTOR],
        ("huber", {"threshold": 0.0}, "threshold must be a number greater than 0"),
        ("mse", {"factor": float("nan")}, "not nan"),
    ],
)
def test_parameters_out_of_range(name, parameters, says):
    with pytest.raises(ConfigError, match=says):
        losses.build(name, **parameters)
