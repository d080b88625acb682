"""Penalties and clipping: slopes held to differences of the cost, biases left alone, lengths as declared."""

from __future__ import annotations

import numpy as np
import pytest

from bpexp.config.schema import construct
from bpexp.errors import ConfigError
from bpexp.gradients.central_difference import central_differences
from bpexp.nn.activations import activations
from bpexp.nn.network import Network
from bpexp.nn.penalties import Clip, Penalty


@pytest.fixture
def network() -> Network:
    net = Network([3, 4, 2], [activations.build("tanh")], activations.build("identity"), "float64")
    net.theta[...] = np.random.default_rng(0).normal(size=net.theta.size)
    return net


@pytest.mark.parametrize("penalty", [Penalty(l1=0.3), Penalty(l2=0.7), Penalty(0.3, 0.7)])
def test_slope_is_the_difference_of_the_cost(network, penalty):
    slope = np.zeros_like(network.theta)
    penalty.add_slope(network, slope)
    differences = central_differences(lambda: penalty.cost(network), network.theta)
    np.testing.assert_allclose(slope, differences, rtol=1e-8, atol=1e-9)


def test_biases_are_left_alone(network):
    slope = np.zeros_like(network.theta)
    Penalty(1.0, 1.0).add_slope(network, slope)
    assert all(dW.all() and not db.any() for dW, db in network.parameters(slope))
    before = Penalty(1.0, 1.0).cost(network)
    for layer in network.layers:
        layer.b[...] += 5
    assert Penalty(1.0, 1.0).cost(network) == before


def test_values_written_out():
    """W = (1, -2, 0): l1 3 + l2 / 2 5."""
    net = Network([3, 1], [], activations.build("identity"), "float64")
    net.theta[...] = [1, -2, 0, 9]
    assert Penalty(l1=0.1).cost(net) == pytest.approx(0.3)
    assert Penalty(l2=0.1).cost(net) == pytest.approx(0.25)
    slope = np.ones(4)
    Penalty(0.1, 0.2).add_slope(net, slope)
    np.testing.assert_allclose(slope, [1 + 0.1 + 0.2, 1 - 0.1 - 0.4, 1, 1])


def test_nothing_declared_is_nothing():
    assert not Penalty()
    assert Penalty(l1=1e-9)
    assert not Clip()
    assert Clip(norm=1.0)
    assert Clip(value=1.0)


def test_clip_by_norm_keeps_the_direction():
    grad = np.array([3.0, -4.0])
    Clip(norm=1.0).apply(grad)
    np.testing.assert_allclose(grad, [0.6, -0.8])
    Clip(norm=2.0).apply(grad)
    np.testing.assert_allclose(grad, [0.6, -0.8])


def test_clip_by_value_first_then_by_norm():
    grad = np.array([3.0, -4.0, 0.5])
    Clip(value=1.0).apply(grad)
    np.testing.assert_array_equal(grad, [1, -1, 0.5])
    Clip(value=0.5, norm=0.1).apply(grad)
    np.testing.assert_allclose(grad, np.array([1, -1, 1]) * 0.1 / np.sqrt(3))


def test_clip_leaves_a_zero_gradient():
    grad = np.zeros(3, np.float32)
    Clip(norm=1.0, value=1.0).apply(grad)
    np.testing.assert_array_equal(grad, 0)


def test_clip_of_a_huge_float32_gradient_keeps_it():
    """The square of 1e25 is beyond float32, the gradient is not: clipping exists for exactly this."""
    grad = np.array([3e25, -4e25], np.float32)
    Clip(norm=1.0).apply(grad)
    np.testing.assert_allclose(grad, [0.6, -0.8], rtol=1e-6)
    assert grad.dtype == np.float32


@pytest.mark.parametrize(
    ("settings", "content", "says"),
    [
        (Penalty, {"l1": -1.0}, "penalty.l1 must be a number of at least 0, not -1.0"),
        (Penalty, {"l2": float("nan")}, "penalty.l2 must be finite, not nan"),
        (Clip, {"norm": 0.0}, "clip.norm must be a number greater than 0 or null, not 0.0"),
        (Clip, {"value": -1.0}, "clip.value must be a number greater than 0 or null, not -1.0"),
    ],
)
def test_parameters_out_of_range(settings, content, says):
    """A config that declares them is refused."""
    with pytest.raises(ConfigError, match=says):
        construct(settings, content, f"{settings.__name__.lower()}.")
