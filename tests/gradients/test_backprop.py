"""Back-propagation: numbers written out, 003's product for chains, and that its buffers never show."""

from __future__ import annotations

import numpy as np
import pytest
from gradient_cases import draw, pairings
from hypothesis import given, settings
from hypothesis import strategies as st

from bpexp.gradients.backprop import Backprop, backprop
from bpexp.gradients.comparison import compare
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.network import Network

settings.register_profile("bpexp", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("bpexp")

SEEDS = st.integers(0, 10**6)
PAIRINGS = st.sampled_from(list(pairings()))
HIDDEN = st.lists(st.sampled_from(["relu", "tanh", "sigmoid", "identity", "gelu"]), max_size=3)
BATCH = st.sampled_from(["mean", "sum"])


def by_hand(hidden, output):
    """The 2-2-1 network of the examples, its head and x = (1, 2), y = 1."""
    head = build_head({"name": output}, {"name": "mse"})
    network = Network([2, 2, 1], [activations.build(hidden)], head.output, "float64")
    network.theta[...] = [0.1, 0.2, 0.3, -0.4, 0.1, 0.2, 0.5, -0.6, 0.3]
    return network, head, np.array([[1.0], [2.0]]), np.array([[1.0]])


def test_relu_and_identity_by_hand():
    """z1 = (0.6, -0.3), a1 = (0.6, 0), a2 = z2 = 0.5 0.6 + 0.3 = 0.6, C = (0.6 - 1)^2 = 0.16.

    delta2 = 2 (0.6 - 1) = -0.8, delta1 = (0.5, -0.6) (-0.8) * (1, 0) = (-0.4, 0).
    """
    cost, gradient, work = backprop()(*by_hand("relu", "identity"))
    assert cost == pytest.approx(0.16, rel=1e-14)
    np.testing.assert_allclose(gradient, [-0.4, -0.8, 0, 0, -0.4, 0, -0.48, 0, -0.8], atol=1e-15)
    np.testing.assert_allclose(work.delta[0], [[-0.4], [0]], atol=1e-15)
    np.testing.assert_allclose(work.delta[1], [[-0.8]], rtol=1e-14)


def test_sigmoids_by_hand():
    """a1 = (0.6456563062, 0.4255574832), a2 = 0.5908532206, C = (a2 - 1)^2 = 0.1674010871.

    delta2 = 2 (a2 - 1) a2 (1 - a2) = -0.1978189429;
    delta1 = (0.5 delta2 a1_1 (1 - a1_1), -0.6 delta2 a1_2 (1 - a1_2)) = (-0.0226289283, 0.0290150909).
    """
    cost, gradient, _ = backprop()(*by_hand("sigmoid", "sigmoid"))
    assert cost == pytest.approx(0.1674010871, abs=1e-10)
    W1, b1 = [-0.0226289283, -0.0452578566, 0.0290150909, 0.0580301818], [-0.0226289283, 0.0290150909]
    W2, b2 = [-0.1277230480, -0.0841833315], [-0.1978189429]
    np.testing.assert_allclose(gradient, [*W1, *b1, *W2, *b2], atol=1e-10)


def test_regression_of_003():
    """A polynomial is a layer on powers of x: dC/dk_j = sum_i 2 (p(x_i) - y_i) x_i^j, with the sum over the data."""
    x, y, k = np.array([-1.0, 0.5, 2.0]), np.array([[1.0, 0.0, 3.0]]), np.array([0.3, -0.7, 0.2])
    head = build_head({"name": "identity"}, {"name": "mse"}, batch="sum")
    network = Network([2, 1], [], head.output, "float64")
    network.theta[...] = [k[1], k[2], k[0]]
    residual = k[0] + k[1] * x + k[2] * x**2 - y[0]
    _, gradient, _ = backprop()(network, head, np.array([x, x**2]), y)
    np.testing.assert_allclose(gradient, [(2 * residual * x**j).sum() for j in (1, 2, 0)], rtol=1e-13)


@given(SEEDS, st.integers(1, 8), st.sampled_from(["sigmoid", "tanh", "identity", "softplus"]))
def test_chains_are_the_product_of_003(seed, L, name):
    """dC/db^{L-j} = 2 (a^L - y) (prod_{i=1..j} mu'(z^{L-i+1}) w^{L-i+1}) mu'(z^{L-j}), dC/dw that times a below."""
    rng, mu = np.random.default_rng(seed), activations.build(name)
    head = build_head({"name": name}, {"name": "mse"})
    network = Network([1] * (L + 1), [mu] * (L - 1), head.output, "float64")
    network.theta[...] = rng.normal(size=2 * L)
    x, y = rng.normal(size=(1, 1)), rng.normal(size=(1, 1))
    w, b = network.theta[::2], network.theta[1::2]
    a, z = [x[0]], []
    for l in range(L):
        z.append(w[l] * a[-1] + b[l])
        a.append(mu.f(z[-1]))
    expected = np.empty(2 * L)
    for j in range(L):
        product = np.prod([mu.df(z[L - i]) * w[L - i] for i in range(1, j + 1)])
        slope = 2 * (a[-1] - y[0]) * product * mu.df(z[L - 1 - j])
        expected[2 * (L - 1 - j)], expected[2 * (L - 1 - j) + 1] = (slope * a[L - 1 - j])[0], slope[0]
    np.testing.assert_allclose(backprop()(network, head, x, y).vector, expected, rtol=1e-12)


def random_case(seed, pairing, hidden, batch, B=5):
    """A case drawn from a seed."""
    output, loss = pairing
    return draw(np.random.default_rng(seed), hidden=hidden, output=output, loss=loss, batch=batch, B=B)


@given(SEEDS, PAIRINGS, HIDDEN, BATCH)
def test_a_batch_is_the_mean_or_sum_of_its_samples(seed, pairing, hidden, batch):
    network, head, x, y = random_case(seed, pairing, hidden, batch)
    method = backprop()
    whole = method(network, head, x, y)
    total, vector = whole.cost, whole.vector.copy()
    parts = [method(network, head, x[:, [k]], y[:, [k]]) for k in range(5)]
    costs = [part.cost for part in parts]
    singles = [method(network, head, x[:, [k]], y[:, [k]]).vector.copy() for k in range(5)]
    combine = np.mean if batch == "mean" else np.sum
    assert total == pytest.approx(combine(costs), rel=1e-12)
    assert compare(network, vector, combine(singles, axis=0)).error < 1e-9


@given(SEEDS, PAIRINGS, HIDDEN, BATCH, st.integers(1, 8))
def test_pieces_are_the_whole(seed, pairing, hidden, batch, piece):
    network, head, x, y = random_case(seed, pairing, hidden, batch, B=7)
    whole, pieces = backprop()(network, head, x, y), backprop(piece)(network, head, x, y)
    assert pieces.cost == pytest.approx(whole.cost, rel=1e-12)
    assert compare(network, pieces.vector, whole.vector).error < 1e-9
    assert (pieces.workspace is None) == (piece < 7)


@given(SEEDS, PAIRINGS, HIDDEN, BATCH, st.integers(1, 8))
def test_passes_are_the_columns_of_the_whole(seed, pairing, hidden, batch, piece):
    """In their order, each sample once, with its weight in the cost of the whole batch."""
    network, head, x, y = random_case(seed, pairing, hidden, batch, B=7)
    whole, found = backprop()(network, head, x, y), []
    for _, work, targets in backprop(piece).passes(network, head, x, y):
        assert work.weight == whole.workspace.weight
        found.append(
            [work.x.copy(), targets, *(array.copy() for array in [*work.z, *work.a, *work.slope, *work.delta])]
        )
    joined = [np.concatenate(arrays, axis=1) for arrays in zip(*found, strict=True)]
    of = whole.workspace
    for part, array in zip(joined, [x, y, *of.z, *of.a, *of.slope, *of.delta], strict=True):
        np.testing.assert_allclose(part, array, rtol=1e-9, atol=1e-12)


@given(SEEDS, PAIRINGS, HIDDEN)
def test_order_of_the_samples_does_not_matter(seed, pairing, hidden):
    network, head, x, y = random_case(seed, pairing, hidden, "mean")
    order = np.random.default_rng(seed).permutation(5)
    vector = backprop()(network, head, x, y).vector
    assert compare(network, backprop()(network, head, x[:, order], y[:, order]).vector, vector).error < 1e-9


@given(SEEDS, st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9)), min_size=2, max_size=12))
@settings(max_examples=25)
def test_buffers_never_show(seed, calls):
    """Networks and batch sizes in any order give, bit for bit, what a fresh method gives."""
    rng = np.random.default_rng(seed)
    cases = [
        draw(rng, hidden=["relu"], output="softmax", loss="cross_entropy", B=9),
        draw(rng, hidden=["identity", "gelu"], output="sigmoid", loss="mse", B=9, sizes=[3, 5, 2, 3]),
        draw(rng, hidden=["leaky_relu"], output="identity", loss="mse", B=9),
    ]
    used = Backprop(piece=4)
    for which, B in calls:
        network, head, x, y = cases[which]
        ours = used(network, head, x[:, :B], y[:, :B])
        fresh = Backprop(piece=4)(network, head, x[:, :B], y[:, :B])
        assert ours.cost == fresh.cost
        np.testing.assert_array_equal(ours.vector, fresh.vector)


def test_theta_is_read_anew_at_every_call():
    case = random_case(0, ("identity", "mse"), ["tanh"], "mean")
    method = backprop()
    method(*case)
    case.network.theta[...] *= 0.5
    np.testing.assert_array_equal(method(*case).vector, backprop()(*case).vector)


def test_nothing_it_is_given_is_changed():
    case = random_case(1, ("softmax", "cross_entropy"), ["relu", "identity"], "mean")
    before = [array.copy() for array in (case.network.theta, case.x, case.y)]
    backprop()(*case)
    for array, old in zip((case.network.theta, case.x, case.y), before, strict=True):
        np.testing.assert_array_equal(array, old)


def test_the_layout_of_a_batch_does_not_matter():
    """A batch is the transpose of gathered rows; a copy with rows of columns gives the same to rounding."""
    network, head, x, y = random_case(2, ("softmax", "cross_entropy"), ["relu"], "mean")
    rows = np.ascontiguousarray(x.T).T, np.ascontiguousarray(y.T).T
    vector = backprop()(network, head, np.ascontiguousarray(x), np.ascontiguousarray(y)).vector
    assert compare(network, backprop()(network, head, *rows).vector, vector).error < 1e-12


@pytest.mark.parametrize("batch", ["mean", "sum"])
def test_trace_is_the_pass_behind_the_gradient(batch):
    """delta / weight of a column is dC_k/dz of that sample alone; slope is f'(z); z and a are the forward pass."""
    network, head, x, y = random_case(3, ("sigmoid", "mse"), ["tanh", "relu"], batch)
    work = backprop()(network, head, x, y).workspace
    assert work.weight == (0.2 if batch == "mean" else 1.0)
    np.testing.assert_allclose(work.a[-1], network.forward(x), rtol=1e-14)
    for l, slope in enumerate(work.slope):
        np.testing.assert_array_equal(slope, network.layers[l].f.df(work.z[l]))
    for k in range(5):
        single = backprop()(network, head, x[:, [k]], y[:, [k]]).workspace
        for ours, alone in zip(work.delta, single.delta, strict=True):
            np.testing.assert_allclose(ours[:, [k]] / work.weight, alone, rtol=1e-11, atol=1e-14)


def test_float32_follows_float64():
    case = random_case(4, ("softmax", "cross_entropy"), ["gelu", "silu"], "mean")
    single = case.network.at(case.network.theta.astype(np.float32))
    ours = backprop()(single, case.head, case.x.astype(np.float32), case.y.astype(np.float32))
    assert ours.vector.dtype == np.float32
    assert compare(case.network, ours.vector.astype(np.float64), backprop()(*case).vector).error < 1e-5


def test_a_dead_layer_passes_nothing_on():
    """With every z of a ReLU layer below 0 the layers under it get exactly 0, and so do its own weights."""
    head = build_head({"name": "identity"}, {"name": "mse"})
    network = Network([2, 3, 1], [activations.build("relu")], head.output, "float64")
    network.theta[...] = 1.0
    network.layers[0].b[...] = -100
    gradient = backprop()(network, head, np.ones((2, 4)), np.zeros((1, 4))).vector
    (dW1, db1), (dW2, db2) = network.parameters(gradient)
    assert not dW1.any()
    assert not db1.any()
    assert not dW2.any()
    assert db2 == 2.0
