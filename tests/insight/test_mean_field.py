"""The layer-by-layer prediction, held to wide random networks, to itself, and to real images at a width of 32."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bpexp.data import datasets
from bpexp.gradients.backprop import backprop
from bpexp.insight.mean_field import LayerLaw, chi, delta_norms, depth_scale, forward_signal
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.initializers import initializers
from bpexp.nn.network import Network


def laws(network):
    """How the layers of a network were drawn, from their entries."""
    return [
        LayerLaw(layer.W.shape[1], float(np.square(layer.W).mean()), float(np.square(layer.b).mean()))
        for layer in network.layers
    ]


def predicted(network, x):
    """The signal of each layer, and log10 of delta by layer relative to the last."""
    layers = laws(network)
    signals = forward_signal(network.hidden, layers, float(np.square(x).mean()), float(x.var(axis=1, ddof=1).mean()))
    return signals, np.log10(delta_norms(chi(network.hidden, layers, [s.q for s in signals]), 1.0))


def drawn(sizes, name, seed, *, init="lecun_normal", bias_std=0.0, **parameters):
    """A network with a softmax output."""
    head = build_head({"name": "softmax"}, {"name": "cross_entropy"})
    network = Network(sizes, [activations.build(name)] * (len(sizes) - 2), head.output, "float64")
    network.initialize(initializers.build(init, **parameters), np.random.default_rng(seed), bias_std=bias_std)
    return network, head


def passed(network, head, x, seed=0):
    """Forward and backward pass, with random classes as targets."""
    rng = np.random.default_rng(seed)
    y = np.eye(network.sizes[-1])[:, rng.integers(0, network.sizes[-1], x.shape[1])]
    return backprop()(network, head, x, y).workspace


@pytest.mark.parametrize("name", activations)
@pytest.mark.parametrize(("gain", "bias_std"), [(1.5, 0.0), (3.0, 0.5)])
def test_wide_networks_of_unequal_widths(name, gain, bias_std):
    """Every activation: q and the variance between samples within 25 %, delta within 0.07 decades."""
    network, head = drawn([300, 800, 400, 600, 400, 50], name, 0, gain=gain, bias_std=bias_std)
    rng = np.random.default_rng(1)
    x = 0.5 + rng.normal(size=(300, 1)) + 0.6 * rng.normal(size=(300, 40))
    work, (signals, deltas) = passed(network, head, x), predicted(network, x)
    for l, signal in enumerate(signals):
        z = work.z[l]
        assert np.square(z).mean() == pytest.approx(signal.q, rel=0.25)
        assert z.var(axis=1, ddof=1).mean() == pytest.approx(signal.v, rel=0.25)
        if l < len(work.z) - 1:
            assert work.a[l].var(axis=1, ddof=1).mean() == pytest.approx(signal.activation_variance, rel=0.25)
    measured = np.log10([np.linalg.norm(delta) for delta in work.delta])
    np.testing.assert_allclose(measured - measured[-1], deltas, atol=0.07)


def test_the_widths_do_not_enter_the_norm_of_delta_but_its_units_do():
    """sigma_w^2 is n_in times the variance; the mean square of a unit has the factor n_out / n_in beside it."""
    network, head = drawn([100, 1000, 200, 1000, 100, 10], "relu", 3, init="he_normal")
    work = passed(network, head, np.random.default_rng(4).normal(size=(100, 200)))
    assert predicted(network, work.x)[1] == pytest.approx([0] * 5, abs=0.02)
    norms = [float(np.square(delta).sum()) for delta in work.delta]
    assert norms[0] == pytest.approx(norms[3], rel=0.2)
    a_unit = [norm / delta.shape[0] for norm, delta in zip(norms, work.delta, strict=True)]
    assert a_unit[1] / a_unit[2] == pytest.approx(1000 / 200, rel=0.1)


def test_of_relu_and_identity_everything_is_known():
    """With He's weights and no biases q is 2 |x|^2 / n in every layer, and chi is 1."""
    layers = [LayerLaw(50, 2 / 50), LayerLaw(30, 2 / 30), LayerLaw(70, 2 / 70)]
    signals = forward_signal([activations.build("relu")] * 2, layers, 3.0, 1.0)
    assert [s.q for s in signals] == pytest.approx([6.0] * 3)
    assert chi([activations.build("relu")] * 2, layers, [s.q for s in signals]) == pytest.approx([1, 1])
    one = activations.build("identity")
    signals = forward_signal([one, one], [LayerLaw(4, 0.5, 0.1)] * 3, 1.0, 0.25)
    assert [s.q for s in signals] == pytest.approx([2.1, 4.3, 8.7])
    assert [s.v for s in signals] == pytest.approx([0.5, 1.0, 2.0])
    assert [s.correlation for s in signals] == pytest.approx([1 - 0.5 / 2.1, 1 - 1 / 4.3, 1 - 2 / 8.7])
    assert math.isnan(signals[-1].activation_variance)
    assert delta_norms([4.0, 0.25], 3.0) == pytest.approx([3.0, 1.5, 3.0])


def test_zero_weights():
    """Nothing arrives: no variance, no delta, and a correlation that is not defined."""
    layers = [LayerLaw(5, 0.0)] * 3
    signals = forward_signal([activations.build("sigmoid")] * 2, layers, 1.0, 1.0)
    assert [(s.q, s.v) for s in signals] == [(0, 0)] * 3
    assert all(math.isnan(s.correlation) for s in signals)
    assert delta_norms(chi([activations.build("sigmoid")] * 2, layers, [0.0] * 3), 1.0) == [0, 0, 1]


def test_depth_scale():
    assert depth_scale(math.exp(-0.25)) == pytest.approx(4)
    assert depth_scale(math.exp(0.25)) == pytest.approx(-4)
    assert depth_scale(1.0) == math.inf
    assert depth_scale(0.0) == 0


@pytest.fixture(scope="module")
def images():
    """500 of the bundled MNIST images, columns."""
    return datasets.build("mnist_5k").load(np.random.default_rng(0)).X[::10].T / 255


def decades(images, name, **options):
    """log10 of delta_1 / delta_12 in ten networks with 12 hidden layers of 32: measured by layer, and predicted."""
    measured, theory = [], []
    for seed in range(10):
        network, head = drawn([784, *[32] * 12, 10], name, seed, **options)
        work = passed(network, head, images)
        measured.append(np.log10([np.linalg.norm(delta) for delta in work.delta]))
        theory.append(predicted(network, images)[1])
    return np.mean(measured, axis=0), np.mean(theory, axis=0)


def test_one_layer_does_not_stand_for_all(images):
    """Tanh with He's weights (S12): eleven times the first layer's change is wrong, the layer-wise product right."""
    measured, theory = decades(images, "tanh", init="he_normal")
    found, wrong = measured[0] - measured[11], 11 * (measured[0] - measured[1])
    assert 0.3 < found < 0.6
    assert abs(wrong - found) > 0.35
    assert theory[0] - theory[11] == pytest.approx(found, abs=0.1)
    np.testing.assert_allclose(theory - theory[11], measured - measured[11], atol=0.12)


@pytest.mark.parametrize(
    ("name", "gain", "least", "most"), [("sigmoid", 1.0, -7.2, -6.6), ("sigmoid", 10.0, -0.5, 0.4)]
)
def test_a_sigmoid_at_the_critical_sigma_w_passes_delta_on(images, name, gain, least, most):
    """W alone decides (S9): at sigma_w = 10 twelve sigmoid layers keep delta, of which sigma_w = 1 leaves 1e-7."""
    measured, theory = decades(images, name, gain=gain)
    assert least < measured[0] - measured[11] < most
    assert theory[0] - theory[11] == pytest.approx(measured[0] - measured[11], abs=0.3)


def test_what_a_finite_width_adds_is_not_predicted(images):
    """ReLU with He's weights: theory says 0 for every network, and networks of 32 units scatter around it."""
    shares = []
    for seed in range(20):
        network, head = drawn([784, *[32] * 12, 10], "relu", seed, init="he_normal")
        delta = passed(network, head, images).delta
        shares.append(math.log10(np.linalg.norm(delta[0]) / np.linalg.norm(delta[11])))
        theory = predicted(network, images)[1]
        assert theory[0] - theory[11] == pytest.approx(0, abs=0.15)
    assert 0.08 < np.std(shares) < 0.3
    assert -0.2 < np.mean(shares) < 0.1


def test_the_signal_that_samples_share(images):
    """Depth 8, sigmoid, Xavier (S13): the images differ by 3e-6 in the last hidden layer, and it is predicted."""
    spreads = []
    for seed in range(5):
        network, head = drawn([784, *[32] * 8, 10], "sigmoid", seed, init="xavier_normal")
        work = passed(network, head, images)
        spreads.append(math.sqrt(work.a[7].var(axis=1, ddof=1).mean()))
        theory = math.sqrt(predicted(network, images)[0][7].activation_variance)
        assert spreads[-1] == pytest.approx(theory, rel=0.8)
    assert 1e-6 < np.mean(spreads) < 1e-5
