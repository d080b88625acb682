"""Methods that are not the gradient: what they compute instead, how random it is, and that they say so."""

from __future__ import annotations

import numpy as np
import pytest
from gradient_cases import make_ready

from bpexp.data.batches import Batches
from bpexp.data.dataset import Part
from bpexp.errors import ConfigError
from bpexp.gradients import gradient_methods
from bpexp.gradients.alignment import FeedbackAlignment
from bpexp.gradients.backprop import backprop
from bpexp.gradients.comparison import angle
from bpexp.gradients.forward_gradient import directional_derivative
from bpexp.insight.probing import Probing
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.network import Network
from bpexp.nn.optimizers import optimizers
from bpexp.nn.schedules import schedules
from bpexp.training.trainer import Trainer, train

INEXACT = ["feedback_alignment", "direct_feedback_alignment", "forward_gradient"]
ALIGNED = INEXACT[:2]
SIZES = [4, 6, 5, 3]


def setting(hidden="tanh", batch="mean", dtype="float64", sizes=SIZES, B=7, head=("softmax", "cross_entropy")):
    """A network, its head and a batch."""
    rng = np.random.default_rng(0)
    head = build_head({"name": head[0]}, {"name": head[1]}, batch=batch)
    network = Network(sizes, [activations.build(hidden)] * (len(sizes) - 2), head.output, dtype)
    network.theta[...] = 0.5 * rng.normal(size=network.theta.size)
    x, y = rng.normal(size=(sizes[0], B)), np.eye(sizes[-1])[:, rng.integers(0, sizes[-1], B)]
    return network, head, x.astype(dtype), y.astype(dtype)


def prepared(name, network, head, seed=1, **parameters):
    """A method with what it drew from a stream."""
    method = gradient_methods.build(name, **parameters)
    make_ready(method, network, head, np.random.default_rng(seed))
    return method


@pytest.mark.parametrize("name", INEXACT)
def test_what_is_not_the_gradient_says_so(name):
    assert gradient_methods.build(name).exact is False
    assert backprop().exact is True


# Feedback alignment


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("batch", ["mean", "sum"])
@pytest.mark.parametrize("hidden", ["tanh", "relu", "sigmoid"])
def test_the_formula_in_loops(direct, batch, hidden):
    """delta^{l-1} = B^l delta^l * f'(z^{l-1}), or B^l delta^L * f'(z^l), sample by sample and entry by entry."""
    network, head, x, y = setting(hidden, batch)
    method = FeedbackAlignment(direct=direct)
    make_ready(method, network, head, np.random.default_rng(3))
    share, slots = 1 / 7 if batch == "mean" else 1.0, [(0 * layer.W, 0 * layer.b) for layer in network.layers]
    cost = 0.0
    for k in range(7):
        a, z = [x[:, k]], []
        for l, layer in enumerate(network.layers):
            z.append(layer.W @ a[l] + layer.b[:, 0])
            a.append(layer.f.f(z[l][:, None])[:, 0])
        cost -= share * np.log(a[-1][y[:, k].argmax()])
        delta = {2: share * (a[-1] - y[:, k])}
        for l in (1, 0):
            above = delta[2] if direct else delta[l + 1]
            carried = [sum(method._feedback[l][i, j] * above[j] for j in range(len(above))) for i in range(len(z[l]))]
            delta[l] = np.array(carried) * network.layers[l].f.df(z[l])
        for l, (dW, db) in enumerate(slots):
            dW += np.outer(delta[l], a[l])
            db += delta[l][:, None]
    gradient = method(network, head, x, y)
    expected = np.concatenate([part.ravel() for pair in slots for part in pair])
    np.testing.assert_allclose(gradient.vector, expected, rtol=1e-10, atol=1e-13)
    assert gradient.cost == pytest.approx(cost)


@pytest.mark.parametrize(
    ("name", "shapes"),
    [("feedback_alignment", [(6, 5), (5, 3)]), ("direct_feedback_alignment", [(6, 3), (5, 3)])],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_matrices_have_the_shape_of_what_they_read(name, shapes, dtype):
    network, head, *_ = setting(dtype=dtype)
    feedback = prepared(name, network, head)._feedback
    assert [matrix.shape for matrix in feedback] == shapes
    assert {matrix.dtype for matrix in feedback} == {np.dtype(dtype)}


@pytest.mark.parametrize("name", ALIGNED)
def test_matrices_stay_and_come_from_the_stream(name):
    network, head, x, y = setting()
    method = prepared(name, network, head)
    before = [matrix.copy() for matrix in method._feedback]
    first = method(network, head, x, y).vector.copy()
    for _ in range(3):
        network.theta[...] += 0.1
        method(network, head, x, y)
    network.theta[...] = setting()[0].theta
    np.testing.assert_array_equal(method(network, head, x, y).vector, first)
    same, other = prepared(name, network, head), prepared(name, network, head, seed=2)
    for matrix, old, again, new in zip(method._feedback, before, same._feedback, other._feedback, strict=True):
        np.testing.assert_array_equal(matrix, old)
        np.testing.assert_array_equal(matrix, again)
        assert not np.array_equal(matrix, new)


@pytest.mark.parametrize("direct", [False, True])
def test_matrices_are_drawn_as_weights_would_be(direct):
    network, head, *_ = setting(sizes=[3, 400, 300, 200])
    method = FeedbackAlignment(direct=direct)
    make_ready(method, network, head, np.random.default_rng(0))
    for matrix in method._feedback:
        assert matrix.std() * np.sqrt(matrix.shape[1]) == pytest.approx(1, rel=0.02)
        assert abs(matrix.mean()) * np.sqrt(matrix.size * matrix.shape[1]) < 4


def test_with_the_transposed_weights_it_is_backprop():
    network, head, x, y = setting()
    method = prepared("feedback_alignment", network, head)
    method._feedback = [layer.W.T.copy() for layer in network.layers[1:]]
    np.testing.assert_allclose(method(network, head, x, y).vector, backprop()(network, head, x, y).vector, rtol=1e-12)


@pytest.mark.parametrize("name", ALIGNED)
def test_the_last_layer_gets_its_true_gradient(name):
    network, head, x, y = setting()
    ours, truth = prepared(name, network, head)(network, head, x, y), backprop()(network, head, x, y)
    *_, last = zip(network.parameters(ours.vector), network.parameters(truth.vector), strict=True)
    for g, r in zip(*last, strict=True):
        np.testing.assert_allclose(g, r, rtol=1e-12)
    assert angle(ours.vector, truth.vector) > 1


@pytest.mark.parametrize("name", ALIGNED)
def test_without_a_hidden_layer_it_is_the_gradient(name):
    network, head, x, y = setting(sizes=[4, 3])
    ours = prepared(name, network, head)(network, head, x, y)
    np.testing.assert_allclose(ours.vector, backprop()(network, head, x, y).vector, rtol=1e-12)


# The forward gradient


@pytest.mark.parametrize("batch", ["mean", "sum"])
@pytest.mark.parametrize("hidden", ["tanh", "relu", "gelu", "sigmoid"])
@pytest.mark.parametrize("head", [("softmax", "cross_entropy"), ("softmax", "mse"), ("sigmoid", "mse")])
def test_a_directional_derivative_is_gradient_times_direction(hidden, head, batch):
    network, head, x, y = setting(hidden, batch, head=head)
    _, gradient, work = backprop()(network, head, x, y)
    rng = np.random.default_rng(2)
    for _ in range(5):
        v = rng.normal(size=gradient.size)
        expected = float(gradient @ v)
        bound = 1e-12 * float(np.abs(gradient) @ np.abs(v))
        assert abs(directional_derivative(network, work, v) - expected) < bound
    for i in range(0, gradient.size, 7):
        unit = np.eye(gradient.size)[i]
        assert directional_derivative(network, work, unit) == pytest.approx(gradient[i], rel=1e-11, abs=1e-15)


@pytest.mark.parametrize("directions", [1, 4])
def test_an_estimate_is_the_mean_over_directions_from_the_stream(directions):
    network, head, x, y = setting()
    gradient = backprop()(network, head, x, y)
    estimate = prepared("forward_gradient", network, head, seed=9, directions=directions)(network, head, x, y)
    V = np.random.default_rng(9).standard_normal((directions, gradient.vector.size))
    np.testing.assert_allclose(estimate.vector, (V @ gradient.vector) @ V / directions, rtol=1e-9, atol=1e-12)
    assert estimate.cost == pytest.approx(gradient.cost, rel=1e-12)


def test_the_forward_gradient_is_right_on_average():
    """E[(g . v) v] = g, with variance |g|^2 + g_i^2 in entry i: the mean of N draws is within 5 deviations."""
    network, head, x, y = setting(sizes=[2, 3, 2], B=3)
    g, N = backprop()(network, head, x, y).vector.copy(), 20_000
    method = prepared("forward_gradient", network, head, directions=N)
    deviation = np.sqrt((g @ g + g**2) / N)
    mean = method(network, head, x, y).vector
    assert (np.abs(mean - g) < 5 * deviation).all()
    assert angle(mean, g) < 10
    single = prepared("forward_gradient", network, head)(network, head, x, y).vector
    assert 0 < angle(single, g) < 180


def test_every_call_draws_anew():
    network, head, x, y = setting()
    method = prepared("forward_gradient", network, head)
    assert not np.array_equal(method(network, head, x, y).vector, method(network, head, x, y).vector)


@pytest.mark.parametrize("directions", [0, -1])
def test_directions_are_checked(directions):
    with pytest.raises(ConfigError, match=f"directions must be a whole number of at least 1, not {directions}"):
        gradient_methods.build("forward_gradient", directions=directions)


# In training


def training(name, probes=("dead",), epochs=40, every=20):
    """What a probing run of a small classification keeps, and its accuracy before and after."""
    rng = np.random.default_rng(7)
    labels = rng.integers(0, 3, 120)
    X = 2 * np.eye(3, 6)[labels] + 0.7 * rng.normal(size=(120, 6))
    part = Part(X=X, Y=np.eye(3)[labels], rows=np.arange(120), labels=labels)
    head = build_head({"name": "softmax"}, {"name": "cross_entropy"})
    network = Network([6, 20, 20, 3], [activations.build("tanh")] * 2, head.output, "float64")
    for layer in network.layers:
        layer.W[...] = rng.normal(0, 0.3 / np.sqrt(layer.W.shape[1]), layer.W.shape)
    method = prepared(name, network, head, seed=8)
    kind = optimizers.build("sgd"), schedules.build("constant")
    trainer = Trainer(network, head, method, *kind, Batches(part, 20, rng), {"train": part}, lr=0.2, epochs=epochs)
    kept = {}
    before = trainer.evaluate()["accuracy/train"]
    train(trainer, [Probing(list(probes), every, kept.__setitem__)])
    return kept, before, trainer.evaluate()["accuracy/train"]


@pytest.mark.parametrize("name", ALIGNED)
def test_weights_align_with_the_feedback_in_training(name):
    """The angle of the hidden layers falls well below 90 degrees, and the network learns."""
    kept, before, after = training(name)
    series = [kept[step] for step in sorted(kept)]
    assert after > max(0.85, before + 0.2)
    for W in ("W1", "W2"):
        late = np.median([measures[f"gradient_angle/{W}"] for measures in series[len(series) // 2 :]])
        assert late < 75, W
        assert late < series[0][f"gradient_angle/{W}"]
    assert all(measures["gradient_angle/W3"] < 1e-4 for measures in series)


@pytest.mark.parametrize("name", INEXACT)
def test_the_angle_is_recorded_without_being_asked_for(name):
    kept, *_ = training(name, epochs=1, every=3)
    for measures in kept.values():
        assert {"gradient_angle/theta", "gradient_angle/W1", "gradient_angle/W3"} <= set(measures)
        assert 0 < measures["gradient_angle/theta"] < 180


def test_asked_for_it_is_recorded_once_and_of_an_exact_method_it_is_zero():
    asked, *_ = training("feedback_alignment", probes=("gradient_angle",), epochs=1, every=3)
    unasked, *_ = training("feedback_alignment", epochs=1, every=3)
    for step, measures in asked.items():
        assert measures == {k: v for k, v in unasked[step].items() if k.startswith("gradient_angle/")}
    exact, *_ = training("jacobian", probes=("gradient_angle",), epochs=1, every=3)
    assert all(value < 1e-6 for measures in exact.values() for value in measures.values())
