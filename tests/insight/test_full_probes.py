"""The probes of the full set, held to gradients of single samples that are formed and stored one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bpexp.gradients.backprop import backprop
from bpexp.insight.full_probes import squared_sample_norms
from bpexp.insight.probes import View, probes
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.network import Network


def step(hidden="tanh", output="softmax", loss="cross_entropy", batch="mean", B=8, dtype="float64", seed=0):
    """A view of a 3-5-4-2 network, and the gradients (B, P) of its samples."""
    rng = np.random.default_rng(seed)
    head = build_head({"name": output}, {"name": loss}, batch=batch)
    network = Network([3, 5, 4, 2], [activations.build(hidden)] * 2, head.output, dtype)
    network.theta[...] = rng.normal(size=network.theta.size)
    x, y = rng.normal(size=(3, B)).astype(dtype), np.eye(2, dtype=dtype)[:, rng.integers(0, 2, B)]
    _, vector, work = backprop()(network, head, x, y)
    singles = [backprop()(network, head, x[:, [k]], y[:, [k]]).vector for k in range(B)]
    return View(network, work, vector, -0.1 * vector, vector.copy()), np.array(singles)


CASES = [
    ("tanh", "softmax", "cross_entropy"),
    ("relu", "softmax", "mse"),
    ("sigmoid", "sigmoid", "binary_cross_entropy"),
    ("gelu", "identity", "huber"),
]


@pytest.mark.parametrize("batch", ["mean", "sum"])
@pytest.mark.parametrize(("dtype", "rel"), [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize(("hidden", "output", "loss"), CASES)
def test_squared_sample_norms(hidden, output, loss, dtype, rel, batch):
    view, singles = step(hidden, output, loss, batch, dtype=dtype)
    norms = squared_sample_norms(view)
    assert norms.dtype == np.float64
    np.testing.assert_allclose(norms, np.square(singles.astype(np.float64)).sum(axis=1), rtol=rel)


@pytest.mark.parametrize("batch", ["mean", "sum"])
@pytest.mark.parametrize(("hidden", "output", "loss"), CASES)
def test_gradient_noise_is_that_of_the_samples(hidden, output, loss, batch):
    """tr(S) is the sum of the sample variances of the entries; |G|^2 that of the mean, less what noise adds to it."""
    view, singles = step(hidden, output, loss, batch, B=12, seed=1)
    variance = singles.var(axis=0, ddof=1).sum()
    signal = np.square(singles.mean(axis=0)).sum() - variance / 12
    measures = probes["gradient_noise"](view)
    if signal > 0:
        assert measures["gradient_noise/scale"] == pytest.approx(variance / signal, rel=1e-9)
        expected = math.sqrt(signal) / math.sqrt(variance / 12)
        assert measures["gradient_noise/signal_to_noise"] == pytest.approx(expected, rel=1e-9)
    else:
        assert measures == {"gradient_noise/signal_to_noise": 0.0}


def test_some_of_these_have_a_signal_and_some_have_none():
    seen = {len(probes["gradient_noise"](step(*case, B=12, seed=1)[0])) for case in CASES}
    scattered = {len(probes["gradient_noise"](step(B=3, seed=seed)[0])) for seed in range(20)}
    assert seen | scattered == {1, 2}


def test_variance_and_signal_are_estimated_without_bias():
    """Over many small batches the estimates average to those of the population that they are drawn from."""
    view, singles = step(B=400, seed=2)
    whole = singles.mean(axis=0)
    variance, signal = np.square(singles - whole).sum(axis=1).mean(), np.square(whole).sum()
    rng, drawn = np.random.default_rng(3), []
    network, head = view.network, build_head({"name": "softmax"}, {"name": "cross_entropy"})
    x, y = view.workspace.x, np.round(view.workspace.a[-1] - view.workspace.delta[-1] / view.workspace.weight)
    method = backprop()
    for _ in range(3000):
        rows = rng.integers(0, 400, 6)  # with replacement: independent samples
        _, vector, work = method(network, head, x[:, rows], y[:, rows])
        drawn.append(estimates(View(network, work, vector, vector, vector)))
    tr_S, G2 = np.array(drawn).T
    for values, truth in ((tr_S, variance), (G2, signal)):
        assert abs(values.mean() - truth) < 4 * values.std() / math.sqrt(len(values))


def estimates(view):
    """tr(S) and |G|^2 as in `gradient_noise`, before they are divided; negative signals kept."""
    squares, B = squared_sample_norms(view), view.workspace.x.shape[1]
    mean = float(np.square(view.gradient).sum())
    variance = (squares.mean() - mean) * B / (B - 1)
    signal = mean - variance / B
    measures = probes["gradient_noise"](view)
    if signal > 0:
        assert measures["gradient_noise/scale"] == pytest.approx(variance / signal, rel=1e-6)
    return variance, signal


def test_noise_of_one_sample_and_of_equal_samples():
    assert probes["gradient_noise"](step(B=1)[0]) == {}
    view, _ = step(B=1)
    network, head = view.network, build_head({"name": "softmax"}, {"name": "cross_entropy"})
    x, y = np.repeat(view.workspace.x, 4, axis=1), np.eye(2)[:, [0, 0, 0, 0]]
    _, vector, work = backprop()(network, head, x, y)
    measures = probes["gradient_noise"](View(network, work, vector, vector, vector))
    assert measures.get("gradient_noise/scale", 0.0) < 1e-12
    assert all(math.isfinite(value) and value >= 0 for value in measures.values())


def test_the_noise_is_that_of_the_true_gradient():
    """Of a method that only stands in for the gradient the pass is that of back-propagation, and so is the mean."""
    view, _ = step(B=12, seed=1)
    other = View(view.network, view.workspace, np.zeros_like(view.gradient), view.update, view.true)
    assert probes["gradient_noise"](other) == probes["gradient_noise"](view)


@pytest.mark.parametrize("batch", ["mean", "sum"])
def test_of_a_batch_in_pieces_the_noise_is_that_of_its_last_piece(batch):
    """The pass that the probes see is the last piece, and all of the estimate is made of its samples."""
    view, singles = step(batch=batch, B=26, seed=3)
    x, y = view.workspace.x, np.round(view.workspace.a[-1] - view.workspace.delta[-1] / view.workspace.weight)
    head = build_head({"name": "softmax"}, {"name": "cross_entropy"}, batch=batch)
    _, vector, work = backprop(piece=16)(view.network, head, x, y)
    last = singles[16:]
    variance = last.var(axis=0, ddof=1).sum()
    signal = np.square(last.mean(axis=0)).sum() - variance / 10
    pieced = View(view.network, work, vector, vector, vector)
    np.testing.assert_allclose(squared_sample_norms(pieced), np.square(last).sum(axis=1), rtol=1e-12)
    assert probes["gradient_noise"](pieced)["gradient_noise/scale"] == pytest.approx(variance / signal, rel=1e-9)


def test_gradient_cosine():
    view, _ = step()
    assert probes["gradient_cosine"](view) == {}
    g = view.gradient
    other = np.random.default_rng(5).normal(size=g.size)
    for previous, expected in (
        (g, 1.0),
        (-3 * g, -1.0),
        (other, float(g @ other / np.linalg.norm(g) / np.linalg.norm(other))),
    ):
        after = View(view.network, view.workspace, g, view.update, previous=previous)
        assert probes["gradient_cosine"](after) == {"gradient_cosine/successive": pytest.approx(expected)}
    still = View(view.network, view.workspace, g, view.update, previous=np.zeros_like(g))
    assert probes["gradient_cosine"](still) == {}


def test_gradient_cosine_of_vanishing_float32():
    view, _ = step(dtype="float32")
    tiny = (view.gradient * np.float32(1e-25)).astype(np.float32)
    after = View(view.network, view.workspace, tiny, view.update, previous=tiny)
    assert probes["gradient_cosine"](after)["gradient_cosine/successive"] == pytest.approx(1.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activation(dtype):
    view, _ = step(hidden="relu", dtype=dtype)
    measures = probes["activation"](view)
    assert len(measures) == 6
    for l, a in enumerate(view.workspace.a, start=1):
        values = [float(value) for value in a.flat]
        mean = sum(values) / len(values)
        spread = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
        assert measures[f"activation/mean_layer_{l}"] == pytest.approx(mean, rel=1e-5)
        assert measures[f"activation/spread_layer_{l}"] == pytest.approx(spread, rel=1e-5)


def test_weight_norm():
    view, _ = step()
    measures = probes["weight_norm"](view)
    assert list(measures) == [f"weight_norm/{letter}{l}" for l in (1, 2, 3) for letter in "Wb"]
    for l, layer in enumerate(view.network.layers, start=1):
        assert measures[f"weight_norm/W{l}"] == pytest.approx(np.linalg.norm(layer.W))
        assert measures[f"weight_norm/b{l}"] == pytest.approx(np.linalg.norm(layer.b))
