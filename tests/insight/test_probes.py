"""Probes held to direct computations, and on networks made to be saturated, dead or still."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gradient_cases import make_ready
from looks import Look, measured

from bpexp.data.batches import Batches
from bpexp.data.dataset import Part
from bpexp.gradients import gradient_methods
from bpexp.gradients.backprop import backprop
from bpexp.insight.probes import norm, probes
from bpexp.insight.probing import POINTS, Probing, stride
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.network import Network
from bpexp.nn.optimizers import optimizers
from bpexp.nn.schedules import schedules
from bpexp.training.trainer import Trainer, train


def view(hidden="tanh", output="sigmoid", batch="mean", theta=None, B=6, dtype="float64"):
    """A step of a 3-4-5-2 network."""
    rng = np.random.default_rng(0)
    head = build_head({"name": output}, {"name": "mse"}, batch=batch)
    network = Network([3, 4, 5, 2], [activations.build(hidden)] * 2, head.output, dtype)
    drawn = rng.normal(size=network.theta.size)
    network.theta[...] = drawn if theta is None else theta
    x, y = rng.normal(size=(3, B)).astype(dtype), rng.uniform(size=(2, B)).astype(dtype)
    _, vector, work = backprop()(network, head, x, y)
    return Look(network, work, vector, 0.01 * vector, vector.copy()), (network, head, x, y)


def test_grad_norm():
    seen, (network, *_) = view()
    measures = measured("grad_norm", seen)
    arrays = [array for pair in network.parameters(seen.gradient) for array in pair]
    assert list(measures) == [f"grad_norm/{name}" for name in ("W1", "b1", "W2", "b2", "W3", "b3")]
    for value, array in zip(measures.values(), arrays, strict=True):
        assert value == pytest.approx(math.sqrt(sum(entry**2 for entry in array.flat)))


@pytest.mark.parametrize("batch", ["mean", "sum"])
def test_delta_norm_is_that_of_single_samples(batch):
    """The root mean square of ||delta|| of samples that pass alone, whatever the batch is divided by."""
    seen, (network, head, x, y) = view(batch=batch)
    measures = measured("delta_norm", seen)
    singles = [backprop()(network, head, x[:, [k]], y[:, [k]]).workspace.delta for k in range(6)]
    for l in range(3):
        squares = [float(np.square(delta[l]).sum()) for delta in singles]
        assert measures[f"delta_norm/layer_{l + 1}"] == pytest.approx(math.sqrt(np.mean(squares)))


def test_saturation_counts_slopes_below_a_hundredth_of_the_steepest():
    seen, (network, _, x, _) = view(hidden="sigmoid")
    network.layers[0].W[...] *= 6
    seen, _ = view(hidden="sigmoid", theta=network.theta)
    measures = measured("saturation", seen)
    a, shares = x, []
    for layer in network.layers:
        a = 1 / (1 + np.exp(-(layer.W @ a + layer.b)))
        shares.append(np.mean(a * (1 - a) < 0.0025))
    assert list(measures.values()) == pytest.approx(shares)
    assert 0 < measures["saturation/layer_1"] < 1


@pytest.mark.parametrize(("bias", "share"), [(0.0, 0.0), (30.0, 1.0), (-30.0, 1.0)])
def test_saturation_of_constructed_layers(bias, share):
    theta = np.zeros(3 * 4 + 4 + 4 * 5 + 5 + 5 * 2 + 2)
    theta[12:16] = bias
    measures = measured("saturation", view(hidden="tanh", theta=theta)[0])
    assert measures["saturation/layer_1"] == share
    assert measures["saturation/layer_2"] == 0.0


def test_dead_counts_units_that_pass_nothing_for_any_sample():
    theta = np.random.default_rng(1).normal(size=12 + 4 + 20 + 5 + 10 + 2)
    theta[12:16] = [-100, 100, -100, -100]
    seen, (network, *_) = view(hidden="relu", output="identity", theta=theta)
    measures = measured("dead", seen)
    assert measures["dead/layer_1"] == 0.75
    assert measures["dead/layer_3"] == 0.0
    (dW1, _), *_ = network.parameters(seen.gradient)
    assert [bool(row.any()) for row in dW1][0::2] == [False, False]


def test_a_unit_that_lives_for_one_sample_is_not_dead():
    theta = np.zeros(12 + 4 + 20 + 5 + 10 + 2)
    theta[:3], theta[12:16] = 1.0, [-1.0, -1.0, -1.0, -1.0]
    seen, (_, _, x, _) = view(hidden="relu", theta=theta)
    expected = 0.75 if (x.sum(axis=0) > 1).any() else 1.0
    assert measured("dead", seen)["dead/layer_1"] == expected


def test_a_softmax_output_has_no_slope_to_measure():
    seen, _ = view(output="softmax")
    for name in ("saturation", "dead"):
        assert set(measured(name, seen)) == {f"{name}/layer_1", f"{name}/layer_2"}


def test_update_ratio():
    seen, (network, *_) = view()
    measures = measured("update_ratio", seen)
    assert list(measures) == ["update_ratio/W1", "update_ratio/W2", "update_ratio/W3"]
    updates = network.parameters(seen.update)
    for value, (dW, _), layer in zip(measures.values(), updates, network.layers, strict=True):
        assert value == pytest.approx(np.linalg.norm(dW) / np.linalg.norm(layer.W))


def test_update_ratio_of_zero_weights():
    """Nothing to measure against: infinite, or NaN where nothing moves either; no warning."""
    seen, _ = view(output="identity", theta=np.zeros(53))
    measures = measured("update_ratio", seen)
    assert all(math.isnan(value) for value in measures.values())
    moved = Look(seen.network, seen.workspace, seen.gradient, np.ones(53))
    assert set(measured("update_ratio", moved).values()) == {math.inf}


def test_gradient_angle():
    seen, _ = view()
    assert set(measured("gradient_angle", seen).values()) == {0.0}
    turned = Look(seen.network, seen.workspace, -seen.gradient, seen.update, seen.true)
    assert list(measured("gradient_angle", turned).values()) == pytest.approx([180.0] * 4)


@pytest.mark.parametrize("name", probes)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("hidden", "output"), [("relu", "softmax"), ("gelu", "identity"), ("sigmoid", "sigmoid")])
def test_every_probe_reads_only_and_names_its_numbers(name, dtype, hidden, output):
    seen, (network, _, x, y) = view(hidden, output, dtype=dtype)
    arrays = [
        network.theta,
        seen.gradient,
        seen.update,
        x,
        y,
        *seen.workspace.z,
        *seen.workspace.delta,
        *seen.workspace.slope,
    ]
    before = [array.copy() for array in arrays]
    measures = measured(name, seen)
    for array, old in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, old)
    assert all(key.startswith(f"{name}/") for key in measures)
    assert all(type(value) is float and math.isfinite(value) for value in measures.values())
    assert measured(name, seen) == measures


def test_norm_of_a_vanishing_float32():
    """The square of 3e-25 is 0 in float32, and the gradient that somebody wants to see vanish is not."""
    assert norm(np.array([[3e-25], [4e-25]], np.float32)) == pytest.approx(5e-25, rel=1e-6)
    assert norm(np.array([3e25, 4e25], np.float32)) == pytest.approx(5e25, rel=1e-6)
    assert norm(np.zeros((2, 2))) == 0.0


@pytest.mark.parametrize(
    ("every", "total", "points", "expected"),
    [
        ("auto", 10_000, 100, 100),
        ("auto", 149, 100, 1),
        ("auto", 251, 100, 3),
        ("auto", 7, 100, 1),
        ("auto", 1, 100, 1),
        (25, 10_000, 100, 25),
        (1, 10, 100, 1),
    ],
)
def test_stride(every, total, points, expected):
    assert stride(every, total, points) == expected


def trainer(method="backprop", epochs=4):
    """A training of 40 steps."""
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, 40)
    part = Part(X=rng.normal(size=(40, 4)), Y=np.eye(3)[labels], rows=np.arange(40), labels=labels)
    head = build_head({"name": "softmax"}, {"name": "cross_entropy"})
    network = Network([4, 5, 3], [activations.build("tanh")], head.output, "float64")
    network.theta[...] = np.random.default_rng(3).normal(0, 0.5, network.theta.size)
    algorithm = gradient_methods.build(method)
    make_ready(algorithm, network, head, np.random.default_rng(4))
    batches = Batches(part, 4, np.random.default_rng(5))
    kind = optimizers.build("adam"), schedules.build("constant")
    return Trainer(network, head, algorithm, *kind, batches, {"train": part}, lr=0.01, epochs=epochs)


def probed(names, every, method="backprop", epochs=4):
    """What a probing run keeps, step by step, and its theta."""
    kept = {}
    train(training := trainer(method, epochs), [Probing(names, every, kept.__setitem__)])
    return kept, training.network.theta


@pytest.mark.parametrize("method", gradient_methods)
def test_probing_never_changes_the_weights(method):
    """Bit for bit, with a method of its own pass or without."""
    plain = probed([], 1, method, epochs=1)[1]
    kept, theta = probed(list(probes), 1, method, epochs=1)
    assert list(kept) == list(range(10))
    np.testing.assert_array_equal(plain, theta)


def test_probing_every_so_many_steps():
    assert list(probed(["dead"], 7)[0]) == [0, 7, 14, 21, 28, 35]
    assert list(probed(["dead"], 1000)[0]) == [0]


def test_probing_auto_gives_about_the_points_declared():
    assert len(probed(["dead"], "auto", epochs=40)[0]) == pytest.approx(POINTS, rel=0.5)
    assert len(probed(["dead"], "auto", epochs=1)[0]) == 10


def test_no_probe_keeps_nothing():
    assert probed([], 1)[0] == {}


def test_a_method_without_a_pass_is_looked_into_by_a_pass_of_its_own():
    with_pass, _ = probed(["delta_norm", "dead"], 5)
    without, _ = probed(["delta_norm", "dead"], 5, "central_difference")
    for step, measures in with_pass.items():
        assert without[step] == pytest.approx(measures, rel=1e-4)


def test_a_method_that_is_not_the_gradient_tells_its_angle():
    kept, _ = probed(["dead"], 10, "feedback_alignment")
    assert all(0 < measures["gradient_angle/theta"] < 180 for measures in kept.values())
    assert not any(key.startswith("gradient_angle") for key in probed(["dead"], 10)[0][0])
