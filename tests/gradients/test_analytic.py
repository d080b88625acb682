"""Analyticity is declared: who forgets it, or declares it wrongly, is not told that a right gradient is wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bpexp.errors import ConfigError
from bpexp.gradients.backprop import backprop
from bpexp.gradients.complex_step import complex_step, continues, obstacle
from bpexp.gradients.verification import verify
from bpexp.nn.activations import Activation, activations
from bpexp.nn.heads import Head, build_head, chain
from bpexp.nn.losses import Loss, losses
from bpexp.nn.network import Network
from bpexp.nn.outputs import outputs


def softsign(**declared):
    """f(z) = z / (1 + |z|): no kink of f or f', and not analytic."""
    return Activation(
        f=lambda z, out=None: z / (1 + np.abs(z)), df=lambda z, out=None: 1 / np.square(1 + np.abs(z)), **declared
    )


def case(f, head=None, seed=0, biases=0.4):
    """A 3-4-4-2 network with f in its hidden layers, its head and a batch."""
    rng = np.random.default_rng(seed)
    head = head or build_head("identity", "mse")
    network = Network([3, 4, 4, 2], [f, f], head.output, "float64")
    network.theta[...] = rng.normal(0, 0.7, network.theta.size)
    for layer in network.layers:
        layer.b[...] *= biases
    return network, head, rng.normal(size=(3, 6)), rng.normal(size=(2, 6))


def examined(*of):
    """A right gradient, held to differences with the defaults of conf/check."""
    return verify(backprop(), *of, rng=np.random.default_rng(1), coordinates=6, tolerance=1e-5)


@pytest.mark.parametrize("declared", [{}, {"analytic": False}, {"analytic": True}, {"kinks": (0.0,)}])
@pytest.mark.parametrize("seed", range(10))
def test_a_right_gradient_is_not_called_wrong_whatever_is_declared(declared, seed):
    found = examined(*case(softsign(**declared), seed=seed))
    assert found.reference == "central differences"
    assert found.error < 1e-5


def test_relu_that_declares_itself_analytic_is_not_called_wrong_on_its_kink():
    relu = activations.build("relu")
    network, head, x, y = case(Activation(relu.f, relu.df, kinks=(0.0,), analytic=True), biases=0)
    x[:, 0] = 0
    found = examined(network, head, x, y)
    assert found.reference == "central differences"
    assert found.error < 1e-5


def test_a_function_that_takes_no_complex_numbers_is_compared_with_real_differences():
    error_function = np.vectorize(math.erf, otypes=[float])
    f = Activation(
        f=lambda z, out=None: error_function(z),
        df=lambda z, out=None: 2 / np.sqrt(np.pi) * np.exp(-np.square(z)),
        analytic=True,
    )
    found = examined(*case(f))
    assert found.reference == "central differences"
    assert found.error < 1e-5


def test_a_loss_that_is_not_analytic_is_compared_with_real_differences():
    """C_k = sum_j e^2 / (1 + |e|): smooth enough for differences, and no derivative at complex a."""

    def cost(a, y):
        return (np.square(a - y) / (1 + np.abs(a - y))).sum(axis=0)

    def slope(a, y):
        e = np.abs(a - y)
        return np.sign(a - y) * (2 * e + e**2) / np.square(1 + e)

    tanh, identity = activations.build("tanh"), outputs.build("identity")
    for declared in ({}, {"analytic": True}):
        loss = Loss(cost, slope, **declared)
        found = examined(*case(tanh, Head(identity, loss, chain(identity, loss), name="identity+own")))
        assert found.reference == "central differences"
        assert found.error < 1e-5


@pytest.mark.parametrize("name", activations)
def test_what_is_declared_of_an_activation_is_true(name):
    """Analytic is what has no kink and whose complex step is its slope; softsign has no kink and is not."""
    f = activations.build(name)
    assert f.analytic == (not f.kinks and continues(f.f, np.linspace(-2.1, 2.3, 12).reshape(3, 4)))
    assert (obstacle(*case(f)[:2]) is None) == f.analytic


@pytest.mark.parametrize("name", losses)
def test_what_is_declared_of_a_loss_is_true(name):
    loss = losses.build(name)
    a, y = np.linspace(0.1, 0.9, 8).reshape(2, 4), np.arange(8.0).reshape(2, 4) % 2
    assert loss.analytic == (not loss.kinks and continues(lambda a: loss.cost(a, y), a))
    output = next(output for output in ("sigmoid", "softmax") if outputs.build(output).codomain in loss.needs)
    head = build_head(output, name)
    assert (obstacle(*case(activations.build("tanh"), head)[:2]) is None) == loss.analytic


@pytest.mark.parametrize(("threshold", "kinks"), [(1.0, (-1.0, 1.0)), (0.4, (-0.4, 0.4))])
def test_kinks_of_huber_are_where_its_slope_bends(threshold, kinks):
    assert losses.build("huber", threshold=threshold).kinks == kinks
    assert losses.build("mae").kinks == (0.0,)
    assert losses.build("mse").kinks == ()


def test_the_complex_step_says_why_it_refuses():
    for f, reason in (
        (softsign(), "the activation of layer 1 is not declared to be analytic"),
        (softsign(analytic=True), "its complex step is not its slope"),
        (activations.build("relu"), "the activation of layer 1 has a kink at 0"),
    ):
        with pytest.raises(ConfigError, match=reason):
            complex_step().refuse(*case(f)[:2])
    complex_step().refuse(*case(activations.build("tanh"))[:2])


def test_continues():
    z = np.linspace(-2, 2, 8).reshape(2, 4)
    assert continues(np.tanh, z)
    assert continues(lambda z: z**3, z)
    assert not continues(np.abs, z)
    assert not continues(lambda z: z / (1 + np.abs(z)), z)
    assert not continues(lambda z: np.real(z), z)
