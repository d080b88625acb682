"""Outputs: every activation and softmax; what both kinds share, and what a hidden layer may not have."""

from __future__ import annotations

import numpy as np
import pytest

from bpexp.errors import ConfigError
from bpexp.nn.activations import Activation, activations
from bpexp.nn.heads import build_head
from bpexp.nn.network import Network
from bpexp.nn.outputs import JointOutput, outputs


@pytest.fixture
def plugged(monkeypatch):
    """An activation that a plug-in registered, which cannot be built without its parameter."""

    def power(exponent: float) -> Activation:
        """f(z) = z^exponent.

        Args:
            exponent: the exponent.
        """
        return Activation(lambda z, out=None: z**exponent, lambda z, out=None: exponent * z ** (exponent - 1))

    monkeypatch.setitem(activations._factories, "power", power)
    return power


def test_outputs_are_the_activations_and_softmax(plugged):
    assert set(outputs) == {*activations, "softmax"}
    assert len(outputs) == len(activations) + 1
    assert "power" in outputs
    assert "softmax" not in activations
    assert isinstance(outputs.build("power", exponent=2.0), Activation)
    assert isinstance(outputs.build("softmax"), JointOutput)
    with pytest.raises(ConfigError, match="output 'relu' is registered already"):
        outputs.register("relu")(plugged)
    with pytest.raises(ConfigError, match="unknown output 'sofmax'; did you mean 'softmax'"):
        outputs.build("sofmax")


def test_an_activation_named_as_an_output_is_listed_once(plugged, monkeypatch):
    monkeypatch.setitem(activations._factories, "softmax", plugged)
    assert list(outputs).count("softmax") == 1
    assert len(outputs) == len(list(outputs))
    assert isinstance(outputs.build("softmax"), JointOutput)


def test_a_refused_pairing_names_partners_though_a_plug_in_needs_a_parameter(plugged):
    with pytest.raises(ConfigError, match=r"it needs output=softmax$"):
        build_head("identity", "cross_entropy")
    with pytest.raises(ConfigError, match=r"it needs output=sigmoid or output=softmax$"):
        build_head("identity", "binary_cross_entropy")


@pytest.mark.parametrize("name", outputs)
def test_the_jacobian_is_that_of_differences_and_gives_the_vjp(name):
    """da_j/dz_i of each of 3 samples, (B, n, n)."""
    output = outputs.build(name)
    rng = np.random.default_rng(0)
    z, g, h = rng.normal(0.3, 1, (4, 3)), rng.normal(size=(4, 3)), 1e-6
    J = output.jacobian(z)
    assert J.shape == (3, 4, 4)
    for i, e in enumerate(np.eye(4)[:, :, None]):
        np.testing.assert_allclose(J[:, :, i].T, (output.f(z + h * e) - output.f(z - h * e)) / (2 * h), atol=1e-8)
    np.testing.assert_allclose(np.einsum("bji,jb->ib", J, g), output.vjp(z, g), rtol=1e-12, atol=1e-15)


def test_the_jacobian_of_an_activation_is_diagonal_and_that_of_softmax_is_not():
    z = np.random.default_rng(1).normal(size=(3, 2))
    off = ~np.eye(3, dtype=bool)
    assert not outputs.build("tanh").jacobian(z)[:, off].any()
    assert outputs.build("softmax").jacobian(z)[:, off].all()


def test_a_network_hands_out_its_hidden_activations_and_its_output():
    tanh, softmax = activations.build("tanh"), outputs.build("softmax")
    network = Network([2, 3, 3, 2], [tanh, tanh], softmax, "float64")
    assert network.hidden == (tanh, tanh)
    assert network.output is softmax
    assert [layer.f for layer in network.layers] == [tanh, tanh, softmax]
    assert network.at(network.theta).output is softmax
