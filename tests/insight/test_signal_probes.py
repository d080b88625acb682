"""The probes of the forward signal and of mean-field theory, held to direct computations and to each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from looks import Look, in_pieces, measured

from bpexp.gradients.backprop import backprop
from bpexp.insight.probes import probes
from bpexp.insight.probing import Probing
from bpexp.insight.signal_probes import laws
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.initializers import initializers
from bpexp.nn.network import Network
from bpexp.training.events import RunStarted, Step


def look(
    sizes=(6, 50, 40, 3), hidden="tanh", B=7, *, init="lecun_normal", batch="mean", dtype="float64", seed=0, **params
):
    """One step of a network with a softmax output, before training."""
    rng = np.random.default_rng(seed)
    head = build_head({"name": "softmax"}, {"name": "cross_entropy"}, batch=batch)
    network = Network(sizes, [activations.build(hidden)] * (len(sizes) - 2), head.output, dtype)
    network.initialize(initializers.build(init, **params), rng, bias_std=0.1)
    x = (0.4 + rng.normal(size=(sizes[0], B))).astype(dtype)
    y = np.eye(sizes[-1], dtype=dtype)[:, rng.integers(0, sizes[-1], B)]
    _, vector, work = backprop()(network, head, x, y)
    return Look(network, work, vector, 0.1 * vector, head=head, y=y)


@pytest.mark.parametrize(("dtype", "rel"), [("float64", 1e-10), ("float32", 1e-4)])
def test_forward_pair_by_pair(dtype, rel):
    seen = look(dtype=dtype)
    measures, B = measured("forward", seen), 7
    pairs = [(j, k) for j in range(B) for k in range(B) if j != k]
    for l, z in enumerate(seen.workspace.z, start=1):
        assert measures[f"forward/q/layer_{l}"] == pytest.approx(np.mean([v * v for v in z.flat]), rel=rel)
        cosines = [z[:, j] @ z[:, k] / np.linalg.norm(z[:, j]) / np.linalg.norm(z[:, k]) for j, k in pairs]
        assert measures[f"forward/correlation/layer_{l}"] == pytest.approx(np.mean(cosines), rel=rel)
    for l, a in enumerate(seen.workspace.a[:-1], start=1):
        half = np.mean([np.square(a[:, j] - a[:, k]).mean() / 2 for j, k in pairs])
        assert measures[f"forward/sample_spread/layer_{l}"] == pytest.approx(math.sqrt(half), rel=rel)
    assert len(measures) == 3 + 3 + 2


@pytest.mark.parametrize("name", ["forward", "mean_field"])
@pytest.mark.parametrize("piece", [1, 3, 7])
def test_of_a_batch_in_pieces(name, piece):
    seen = look(hidden="relu")
    assert measured(name, seen, in_pieces(seen, piece)) == pytest.approx(measured(name, seen), rel=1e-9)


def test_images_that_are_almost_equal_keep_their_digits():
    """Under eight sigmoid layers the spread is 1e-8 beside activations of 0.5, and halves when the inputs' does."""
    near, nearer = look((6, *[30] * 8, 3), "sigmoid", init="xavier_normal"), look((6, *[30] * 8, 3), "sigmoid")
    for seen, shrink in ((near, 1.0), (nearer, 0.5)):
        seen.network.theta[...] = near.network.theta
        middle = near.workspace.x.mean(axis=1, keepdims=True)
        x = middle + shrink * (near.workspace.x - middle)
        seen.workspace = backprop()(seen.network, seen.head, x, seen.y).workspace
    first, second = (measured("forward", seen)["forward/sample_spread/layer_8"] for seen in (near, nearer))
    assert 1e-10 < first < 1e-4
    assert second == pytest.approx(first / 2, rel=0.05)


def test_samples_without_a_direction():
    """z = 0 has no correlation: it is told for the other samples, and left out where fewer than two remain."""
    seen = look(hidden="relu")
    seen.workspace.z[1][:, 0] = 0
    assert abs(measured("forward", seen)["forward/correlation/layer_2"]) <= 1
    seen.workspace.z[1][:, 1:] = 0
    assert "forward/correlation/layer_2" not in measured("forward", seen)
    single = measured("forward", look(B=1))
    assert {name.split("/")[1] for name in single} == {"q"}
    assert measured("mean_field", look(B=1)) == {}


@pytest.mark.parametrize("batch", ["mean", "sum"])
@pytest.mark.parametrize("hidden", activations)
def test_the_prediction_stands_beside_the_measurement(hidden, batch):
    """In wide layers they agree; the names are those of the measurement behind mean_field/."""
    seen = look((40, 500, 600, 400, 200), hidden, 60, batch=batch, gain=1.3)
    theory = measured("mean_field", seen)
    found = measured("forward", seen) | measured("delta_norm", seen)
    for name, value in found.items():
        beside = theory[f"mean_field/{name}"]
        slack = {"abs": 0.06} if "correlation" in name else {"rel": 0.3 if "/q/" in name else 0.15}
        assert beside == pytest.approx(value, **slack), name
    assert {name for name in theory if "/chi/" in name} == {f"mean_field/chi/layer_{l}" for l in (1, 2, 3)}
    assert theory["mean_field/delta_norm/layer_4"] == found["delta_norm/layer_4"]
    ratio = theory["mean_field/delta_norm/layer_2"] / theory["mean_field/delta_norm/layer_3"]
    assert theory["mean_field/chi/layer_2"] == pytest.approx(ratio**2)


def test_sigma_w_and_sigma_b_are_those_of_the_entries():
    seen = look((6, 500, 400, 3), gain=3.0)
    first, second, _ = laws(seen.network)
    assert (first.n_in, second.n_in) == (6, 500)
    assert second.sigma_w2 == pytest.approx(9, rel=0.02)
    assert second.bias_variance == pytest.approx(0.01, rel=0.3)


@pytest.mark.parametrize(("init", "params"), [("constant", {}), ("normal", {"mean": 0.5, "std": 0.1})])
def test_weights_that_are_not_drawn_round_zero_have_no_prediction(init, params):
    assert measured("mean_field", look(init=init, **params)) == {}


@pytest.mark.parametrize("init", [name for name in initializers if name not in ("constant",)])
def test_every_other_initializer_has_one(init):
    theory = measured("mean_field", look(init=init))
    assert all(math.isfinite(value) for value in theory.values())
    if init == "zeros":
        assert theory["mean_field/delta_norm/layer_1"] == theory["mean_field/chi/layer_1"] == 0
    else:
        assert theory["mean_field/delta_norm/layer_1"] > 0


def run(steps, *, every=1):
    """What Probing keeps of the first steps of a run."""
    seen, kept = look(), []
    probing = Probing(["forward", "mean_field"], every, lambda step, measures: kept.append((step, measures)))
    probing.on_start(RunStarted(seen.network, seen.head, backprop(), 1, steps))
    for number in range(steps):
        gradient = backprop()(seen.network, seen.head, seen.workspace.x, seen.y)
        probing.on_step(Step(number, 1, 0.0, 0.1, seen.workspace.x, seen.y, gradient, gradient.vector))
    return kept


def test_the_prediction_is_made_at_the_first_step_only():
    """Training ends the independence of the weights that it assumes."""
    kept = run(3)
    assert [step for step, _ in kept] == [0, 1, 2]
    for step, measures in kept:
        assert any(name.startswith("forward/") for name in measures)
        assert any(name.startswith("mean_field/") for name in measures) == (step == 0)
    assert "first_step" in probes["mean_field"].needs
