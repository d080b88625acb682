"""The checker itself: it sees every wrong derivative that is worth naming, and refuses no right one."""

from __future__ import annotations

import numpy as np
import pytest
from gradient_cases import HIDDEN, draw, pairings

from bpexp.gradients.backprop import backprop, forward
from bpexp.gradients.central_difference import central_difference, central_differences
from bpexp.gradients.comparison import angle, compare, derivative_error
from bpexp.nn.activations import Activation, activations

TOLERANCE = 1e-6


def recursion(case, *, transposed=False, own_z=False, f_prime=True, weight=None):
    """The delta recursion of 002 written plainly, with a mistake where one is asked for."""
    network, B = case.network, case.x.shape[1]
    work = network.workspace(B)
    forward(network, case.x, work)
    case.head.cost_and_delta(work.z[-1], case.y, work.a[-1], work.delta[-1])
    delta = work.delta[-1] * (case.head.weight(B) if weight is None else weight)
    vector = np.empty_like(network.theta)
    slots = list(network.parameters(vector))
    for l in range(len(network.layers) - 1, -1, -1):
        slots[l][0][...] = delta @ work.below(l).T
        slots[l][1][...] = delta.sum(axis=1, keepdims=True)
        if l:
            W = network.layers[l].W
            delta = (W if transposed else W.T) @ delta
            z = work.z[l] if own_z else work.z[l - 1]
            delta = delta * network.layers[l - 1].f.df(z) if f_prime else delta
    return vector


@pytest.fixture
def case():
    """Square layers, so that no mistake shows as a wrong shape."""
    rng = np.random.default_rng(0)
    return draw(rng, hidden=["tanh", "sigmoid"], output="identity", loss="mse", sizes=[4, 4, 4, 4])


@pytest.fixture
def reference(case):
    return central_difference()(case.network, case.head, case.x, case.y).vector


def test_the_plain_recursion_is_right(case, reference):
    assert compare(case.network, recursion(case), reference).error < TOLERANCE


@pytest.mark.parametrize(
    "mistake",
    [
        {"transposed": True},
        {"own_z": True},  # 003 prints f'(z^l) where 002 and the shapes say l - 1
        {"f_prime": False},
        {"weight": 1.0},
    ],
    ids=["W in place of its transpose", "the wrong layer's z", "f' left out", "1/B left out"],
)
def test_a_wrong_recursion_is_seen(case, reference, mistake):
    assert compare(case.network, recursion(case, **mistake), reference).error > 1e-2


@pytest.mark.parametrize("scale", [1.001, 0.999, -1.0, 0.0, 2.0])
@pytest.mark.parametrize("array", range(6))
def test_one_scaled_array_is_seen_and_named(case, reference, scale, array):
    """0.1 % off, sign, or factor 2 in one of W1, b1, ..., b3, with the rest right."""
    vector = backprop()(case.network, case.head, case.x, case.y).vector.copy()
    arrays = [part for pair in case.network.parameters(vector) for part in pair]
    arrays[array] *= scale
    comparison = compare(case.network, vector, reference)
    assert comparison.error == pytest.approx(abs(scale - 1), rel=1e-3)
    assert comparison.parameter == case.network.names()[array]


def test_one_wrong_entry_is_seen(case, reference):
    vector = backprop()(case.network, case.head, case.x, case.y).vector
    for i in np.argsort(np.abs(reference))[::6]:
        wrong = vector.copy()
        wrong[i] += 1e-4 * np.abs(reference).max()
        assert compare(case.network, wrong, reference).error > 50 * TOLERANCE


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_an_infinite_error(case, reference, bad):
    """On either side: a reference of NaN agrees with nothing."""
    broken = reference.copy()
    broken[3] = bad
    assert compare(case.network, broken, reference).error == np.inf
    assert compare(case.network, reference, broken).error == np.inf


def test_nothing_is_wrong_with_two_zero_gradients(case, reference):
    zero = np.zeros_like(reference)
    assert compare(case.network, zero, zero).error == 0
    assert compare(case.network, zero, zero).angle == 0
    assert compare(case.network, reference, zero).error > 1


def test_no_right_network_is_refused():
    """200 random networks: pairings, activations, depths, widths and batches as they come."""
    rng = np.random.default_rng(1)
    choices = list(pairings())
    for _ in range(200):
        output, loss = choices[rng.integers(len(choices))]
        hidden = list(rng.choice(HIDDEN, rng.integers(0, 4)))
        sizes = [int(n) for n in rng.integers(3, 6, len(hidden) + 2)]
        B = int(2 * rng.integers(0, 4) + 1)
        batch = str(rng.choice(["mean", "sum"]))
        case = draw(rng, hidden=hidden, output=output, loss=loss, batch=batch, sizes=sizes, B=B)
        ours = backprop()(case.network, case.head, case.x, case.y).vector
        theirs = central_difference()(case.network, case.head, case.x, case.y).vector
        comparison = compare(case.network, ours, theirs)
        assert comparison.error < TOLERANCE, (comparison, output, loss, hidden, sizes, B)


@pytest.mark.parametrize(
    ("u", "v", "degrees"),
    [
        ([1, 0], [2, 0], 0),
        ([1, 0], [0, 3], 90),
        ([1, 0], [-1, 0], 180),
        ([1, 1], [1, 0], 45),
        ([1, 1e-9], [1, 0], np.degrees(1e-9)),
        ([0, 0], [1, 0], 90),
        ([0, 0], [0, 0], 0),
        ([3e30, 0], [1e30, 1e30], 45),
    ],
)
def test_angle(u, v, degrees):
    """In degrees, precise also where the arc cosine has no digits, in float32 too."""
    assert angle(np.array(u, np.float64), np.array(v, np.float64)) == pytest.approx(degrees, rel=1e-6)
    assert angle(np.array(u, np.float32), np.array(v, np.float32)) == pytest.approx(degrees, rel=1e-6)


def relu_with(df, f=lambda z, out=None: np.maximum(z, 0)):
    """ReLU with another derivative."""
    return Activation(f, df, kinks=(0.0,))


GRID = np.linspace(-3, 3, 601)  # holds 0


@pytest.mark.parametrize(
    "df",
    [
        lambda z, out=None: (z >= 0).astype(float),
        lambda z, out=None: np.where(z == 0, 0.5, z > 0),
        lambda z, out=None: 1.001 * (z > 0),
        lambda z, out=None: -1.0 * (z > 0),
        lambda z, out=None: np.ones_like(z),
    ],
    ids=["1 at 0", "1/2 at 0", "0.1 % off", "sign", "constant"],
)
def test_a_wrong_slope_of_relu_is_seen(df):
    assert derivative_error(relu_with(df), GRID) > 5e-4
    assert derivative_error(relu_with(lambda z, out=None: 1.0 * (z > 0)), GRID) < 1e-8


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "gelu", "silu", "softplus", "elu"])
def test_a_slope_that_is_a_thousandth_off_is_seen(name):
    right = activations.build(name)
    wrong = Activation(right.f, lambda z, out=None: 1.001 * right.df(z), kinks=right.kinks)
    assert derivative_error(right, GRID) < 1e-6
    assert derivative_error(wrong, GRID) > 2e-4


def test_central_differences_of_a_known_function():
    """C = sum theta_i^3 has the slope 3 theta_i^2; every coordinate is put back as it was."""
    theta = np.array([1.0, -2.0, 0.0])
    before = theta.copy()
    slopes = central_differences(lambda: float((theta**3).sum()), theta)
    np.testing.assert_allclose(slopes, [3, 12, 0], atol=1e-8)
    np.testing.assert_array_equal(theta, before)
    some = central_differences(lambda: float((theta**3).sum()), theta, coordinates=[1])
    np.testing.assert_array_equal(some, slopes[[1]])


def test_central_difference_of_a_float32_network_computes_in_float64():
    rng = np.random.default_rng(2)
    case = draw(rng, hidden=["tanh"], output="softmax", loss="cross_entropy")
    single = case.network.at(case.network.theta.astype(np.float32))
    double = case.network.at(single.theta.astype(np.float64))
    ours = central_difference()(single, case.head, case.x.astype(np.float32), case.y.astype(np.float32)).vector
    theirs = backprop()(double, case.head, case.x.astype(np.float32).astype(np.float64), case.y).vector
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-8)
