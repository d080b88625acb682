"""Heads: each shortcut held to the full chain rule, and what it does where the chain has no digits left."""

from __future__ import annotations

import numpy as np
import pytest

from bpexp.nn.closed_forms import OF_ERROR, SHORTCUTS
from bpexp.nn.heads import build_head, from_error

PARAMETERS = {
    "cross_entropy": [{}],
    "binary_cross_entropy": [{}, {"reduction": "mean"}, {"factor": 2.5}, {"reduction": "mean", "factor": 0.5}],
}
CASES = [(*pair, parameters) for pair in SHORTCUTS for parameters in PARAMETERS.get(pair[1], [{}])]


def both(output, loss, parameters, batch="mean"):
    """The head with its shortcut, and without."""
    node = {"name": loss, **parameters}
    return [build_head({"name": output}, node, batch=batch, shortcut=shortcut) for shortcut in (True, False)]


def ask(head, z, y):
    """Costs, a and delta of a head."""
    a, delta = np.full_like(z, np.nan), np.full_like(z, np.nan)
    return head.cost_and_delta(z, y, a, delta), a, delta


@pytest.mark.parametrize(("output", "loss", "parameters"), CASES)
def test_shortcut_is_the_chain(output, loss, parameters):
    rng = np.random.default_rng(0)
    short, long = both(output, loss, parameters)
    for n in (2, 3, 10):
        z = rng.normal(0, 2, (n, 50))
        soft = rng.dirichlet(np.ones(n), 50).T
        for y in (np.eye(n)[:, rng.integers(0, n, 50)], soft):
            for ours, theirs in zip(ask(short, z, y), ask(long, z, y), strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
            np.testing.assert_array_equal(short.cost(z, y), ask(short, z, y)[0])


@pytest.mark.parametrize(("output", "loss"), [*SHORTCUTS, *OF_ERROR, ("softmax", "mse"), ("tanh", "huber")])
@pytest.mark.parametrize("shortcut", [True, False])
def test_cost_and_output_are_those_of_the_head(output, loss, shortcut):
    rng, head = np.random.default_rng(0), build_head(output, loss, shortcut=shortcut)
    z, y, a = rng.normal(0, 2, (4, 50)), np.eye(4)[:, rng.integers(0, 4, 50)], np.full((4, 80), np.nan)
    costs = head.cost_and_output(z, y, a[:, 10:60])  # columns of a larger array
    np.testing.assert_array_equal(costs, head.cost(z, y))
    np.testing.assert_allclose(a[:, 10:60], head.output.f(z), rtol=1e-14)
    assert np.isnan(a[:, :10]).all()
    assert np.isnan(a[:, 60:]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("output", "loss", "parameters"), CASES)
def test_shortcut_stays_finite_at_extreme_z(output, loss, parameters, dtype):
    z = np.array([[700, -700, 700, -90, 0], [-700, 700, 700, 90, 17.5], [0, 1, -1, 90, -700]], dtype)
    for j in range(3):
        y = np.repeat(np.eye(3, dtype=dtype)[:, [j]], 5, axis=1)
        cost, a, delta = ask(both(output, loss, parameters)[0], z, y)
        assert np.isfinite(cost).all()
        assert np.isfinite(delta).all()
        assert (cost >= 0).all()
        assert cost.dtype == a.dtype == delta.dtype == np.dtype(dtype)


@pytest.mark.parametrize(
    "parameters", [{}, {"reduction": "mean"}, {"factor": 0.5}, {"reduction": "mean", "factor": 3.0}]
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize(("output", "loss"), OF_ERROR)
def test_fewer_passes_are_the_chain_of_the_error(output, loss, dtype, parameters):
    """To rounding, also where the output saturates; complex z as in the complex step."""
    rng, head = np.random.default_rng(0), build_head(output, {"name": loss, **parameters})
    assert head.form == "error"
    plain = from_error(head.output, head.loss)
    assert head.cost_and_delta.__qualname__ != plain.__qualname__
    z = np.concatenate([rng.normal(0, scale, (3, 50)) for scale in (1e-3, 1, 30)], axis=1).astype(dtype)
    if dtype == "complex128":
        z += 1e-9j * rng.normal(size=z.shape)
    eps, tiny = np.finfo(dtype).eps, np.finfo(dtype).tiny  # f(z) alone is 0 a little before
    for y in (np.eye(3, dtype=dtype)[:, rng.integers(0, 3, 150)], rng.random((3, 150)).astype(dtype)):
        theirs = np.empty_like(z), np.empty_like(z)
        costs, a, delta = ask(head, z, y)
        np.testing.assert_allclose(costs, plain(z, y, *theirs), rtol=16 * eps)
        np.testing.assert_allclose(a, theirs[0], rtol=4 * eps, atol=tiny)
        np.testing.assert_allclose(delta, theirs[1], rtol=32 * eps, atol=tiny)
        assert costs.dtype == a.dtype == delta.dtype == z.dtype


def test_delta_is_a_minus_y():
    """002 and the appendix of 003: delta = a - y for softmax and cross-entropy, written out for a = 1/8, 1/4, 5/8."""
    z, y = np.log([[1.0], [2.0], [5.0]]), np.array([[0.0], [1.0], [0.0]])
    cost, a, delta = ask(both("softmax", "cross_entropy", {})[0], z, y)
    assert cost[0] == pytest.approx(np.log(4), rel=1e-14)
    np.testing.assert_allclose(a[:, 0], [0.125, 0.25, 0.625], rtol=1e-14)
    np.testing.assert_allclose(delta[:, 0], [0.125, -0.75, 0.625], rtol=1e-14)


def test_cost_beyond_the_reach_of_the_chain():
    """A right class with z 1400 below the largest costs 1400; through a = 0 it would cost infinity."""
    z, y = np.array([[700.0], [-700.0]]), np.array([[0.0], [1.0]])
    assert both("softmax", "cross_entropy", {})[0].cost(z, y)[0] == 1400
    assert both("sigmoid", "binary_cross_entropy", {})[0].cost(z, y)[0] == 1400


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_chain_is_finite_where_a_saturated_output_is_right(output, dtype):
    """a is exactly 0 or 1 here, and the slope (a - y) / (a (1 - a)) of the binary cross-entropy is 0 / 0 as written."""
    head = build_head({"name": output}, {"name": "binary_cross_entropy"}, shortcut=False)
    z, y = np.array([[800.0], [-800.0]], dtype), np.array([[1.0], [0.0]], dtype)
    cost, _, delta = ask(head, z, y)
    np.testing.assert_array_equal(cost, 0)
    np.testing.assert_array_equal(delta, 0)


def test_squared_error_of_a_softmax_goes_the_full_chain():
    """delta_i = sum_j 2 (a_j - y_j) a_j ([i = j] - a_i), written out for a = 1/4, 3/4 and y = 1, 0."""
    head = build_head({"name": "softmax"}, {"name": "mse"})
    cost, _, delta = ask(head, np.log([[1.0], [3.0]]), np.array([[1.0], [0.0]]))
    assert cost[0] == pytest.approx(1.125)
    np.testing.assert_allclose(delta[:, 0], [-0.5625, 0.5625], rtol=1e-14)


def test_weight_of_a_sample():
    assert build_head({"name": "identity"}, {"name": "mse"}).weight(8) == 0.125
    assert build_head({"name": "identity"}, {"name": "mse"}, batch="sum").weight(8) == 1.0
