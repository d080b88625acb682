"""The network: one vector theta, views into it, and a forward pass written out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from bpexp.nn.activations import activations
from bpexp.nn.initializers import initializers
from bpexp.nn.network import Network, count_parameters


def network(sizes=(3, 4, 2), dtype="float64", hidden="tanh", output="identity"):
    """A network of zeros."""
    return Network(sizes, [activations.build(hidden)] * (len(sizes) - 2), activations.build(output), dtype)


def test_count_parameters():
    assert count_parameters([784, 32, 32, 10]) == 784 * 32 + 32 + 32 * 32 + 32 + 320 + 10 == 26506
    assert count_parameters([784, 10, 10]) == 7960  # the number that 003 gives
    assert count_parameters([5, 1]) == 6


def test_theta_is_weights_then_biases_layer_by_layer():
    net = network()
    net.theta[...] = np.arange(26)
    first, second = net.layers
    np.testing.assert_array_equal(first.W, np.arange(12).reshape(4, 3))
    np.testing.assert_array_equal(first.b, np.arange(12, 16)[:, None])
    np.testing.assert_array_equal(second.W, np.arange(16, 24).reshape(2, 4))
    np.testing.assert_array_equal(second.b, [[24], [25]])
    assert net.names() == ["W1", "b1", "W2", "b2"]


def test_layers_are_views_into_theta():
    net = network()
    for layer in net.layers:
        assert np.shares_memory(layer.W, net.theta)
        assert np.shares_memory(layer.b, net.theta)
    net.layers[1].b[0] = 7
    assert net.theta[24] == 7
    net.theta -= 1
    assert net.layers[1].b[0] == 6


def test_parameters_of_any_vector_are_views():
    net, gradient = network(), np.zeros(26)
    for W, b in net.parameters(gradient):
        W += 1
        b += 2
    np.testing.assert_array_equal(gradient, [1] * 12 + [2] * 4 + [1] * 8 + [2] * 2)


def test_at_is_another_network_with_the_same_functions():
    net = network(dtype="float32")
    theta = np.random.default_rng(0).normal(size=26)
    other = net.at(theta)
    np.testing.assert_array_equal(other.theta, theta)
    assert other.theta.dtype == np.float64
    assert not np.shares_memory(other.theta, theta)
    assert [layer.f for layer in other.layers] == [layer.f for layer in net.layers]
    assert not net.theta.any()


def test_initialize_draws_weights_in_order_and_clears_biases():
    net = network()
    net.theta[...] = 9
    net.initialize(initializers.build("normal"), np.random.default_rng(1))
    rng = np.random.default_rng(1)
    np.testing.assert_array_equal(net.layers[0].W, rng.normal(0, 0.01, (4, 3)))
    np.testing.assert_array_equal(net.layers[1].W, rng.normal(0, 0.01, (2, 4)))
    assert not any(layer.b.any() for layer in net.layers)


def test_biases_drawn():
    """A bias is drawn as one more column of W, with W's own width: of He's variance 2 / n_in."""
    net = network((50, 4000, 1))
    net.initialize(initializers.build("he_normal"), np.random.default_rng(2), biases="drawn")
    assert net.layers[0].b.var() == pytest.approx(2 / 50, rel=0.15)
    again = network((50, 4000, 1))
    again.initialize(initializers.build("he_normal"), np.random.default_rng(2), biases="drawn")
    np.testing.assert_array_equal(net.theta, again.theta)


@pytest.mark.parametrize("biases", ["zero", "drawn"])
def test_bias_std_adds_normal_numbers_and_leaves_the_weights_alone(biases):
    def drawn(**options):
        net = network((3, 2000, 1000, 2))
        net.initialize(initializers.build("he_normal"), np.random.default_rng(2), biases=biases, **options)
        return net

    without, some = drawn(), drawn(bias_std=0.7)
    np.testing.assert_array_equal(drawn(bias_std=0.0).theta, without.theta)
    for a, b in zip(some.layers, without.layers, strict=True):
        np.testing.assert_array_equal(a.W, b.W)
    for l in (0, 1):
        added = some.layers[l].b - without.layers[l].b
        assert added.std() == pytest.approx(0.7, rel=0.06)
        assert abs(added.mean()) < 0.06


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_types(dtype):
    net = network(dtype=dtype)
    net.initialize(initializers.build("xavier_uniform"), np.random.default_rng(3))
    x = np.ones((3, 5), dtype)
    assert net.theta.dtype == net.layers[0].W.dtype == net.logits(x).dtype == net.forward(x).dtype == np.dtype(dtype)
    assert net.workspace(5).z[0].dtype == np.dtype(dtype)


def test_trace_has_the_shapes_of_the_layers():
    work = network((3, 4, 5, 2)).workspace(7)
    assert work.x.shape == (3, 7)
    for arrays in (work.z, work.a, work.delta):
        assert [array.shape for array in arrays] == [(4, 7), (5, 7), (2, 7)]
    assert [array.shape for array in work.slope] == [(4, 7), (5, 7)]
    assert work.below(0) is work.x
    assert work.below(2) is work.a[1]


def test_forward_by_hand():
    """2-2-1 with sigmoids, by 002's a = sigma(W a + b).

    z1 = (0.1 1 + 0.2 2 + 0.1, 0.3 1 - 0.4 2 + 0.2) = (0.6, -0.3), a1 = (0.6456563062, 0.4255574832),
    z2 = 0.5 a1_1 - 0.6 a1_2 + 0.3 = 0.3674936632, a2 = 0.5908532206
    """
    net = network((2, 2, 1), hidden="sigmoid", output="sigmoid")
    net.theta[...] = [0.1, 0.2, 0.3, -0.4, 0.1, 0.2, 0.5, -0.6, 0.3]
    x = np.array([[1.0], [2.0]])
    assert net.logits(x)[0, 0] == pytest.approx(0.3674936632, abs=1e-10)
    assert net.forward(x)[0, 0] == pytest.approx(0.5908532206, abs=1e-10)


def test_forward_takes_columns_as_samples():
    net = network()
    net.theta[...] = np.random.default_rng(4).normal(size=26)
    x = np.random.default_rng(5).normal(size=(3, 6))
    columns = [net.forward(x[:, [k]]) for k in range(6)]
    np.testing.assert_allclose(net.forward(x), np.hstack(columns), rtol=1e-13)
