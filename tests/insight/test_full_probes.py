"""Probes of the full set, held to direct computations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from looks import Look, measured

from bpexp.gradients.backprop import backprop
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.network import Network


def step(hidden="tanh", output="softmax", loss="cross_entropy", batch="mean", B=8, dtype="float64", seed=0):
    """A step of a 3-5-4-2 network."""
    rng = np.random.default_rng(seed)
    head = build_head({"name": output}, {"name": loss}, batch=batch)
    network = Network([3, 5, 4, 2], [activations.build(hidden)] * 2, head.output, dtype)
    network.theta[...] = rng.normal(size=network.theta.size)
    x, y = rng.normal(size=(3, B)).astype(dtype), np.eye(2, dtype=dtype)[:, rng.integers(0, 2, B)]
    _, vector, work = backprop()(network, head, x, y)
    return Look(network, work, vector, -0.1 * vector, vector.copy(), head=head, y=y)


def test_gradient_cosine():
    view = step()
    assert measured("gradient_cosine", view) == {}
    g = view.gradient
    other = np.random.default_rng(5).normal(size=g.size)
    for previous, expected in (
        (g, 1.0),
        (-3 * g, -1.0),
        (other, float(g @ other / np.linalg.norm(g) / np.linalg.norm(other))),
    ):
        after = Look(view.network, view.workspace, g, view.update, previous=previous)
        assert measured("gradient_cosine", after) == {"gradient_cosine/successive": pytest.approx(expected)}
    still = Look(view.network, view.workspace, g, view.update, previous=np.zeros_like(g))
    assert measured("gradient_cosine", still) == {}


def test_gradient_cosine_of_vanishing_float32():
    view = step(dtype="float32")
    tiny = (view.gradient * np.float32(1e-25)).astype(np.float32)
    after = Look(view.network, view.workspace, tiny, view.update, previous=tiny)
    assert measured("gradient_cosine", after)["gradient_cosine/successive"] == pytest.approx(1.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activation(dtype):
    view = step(hidden="relu", dtype=dtype)
    measures = measured("activation", view)
    assert len(measures) == 6
    for l, a in enumerate(view.workspace.a, start=1):
        values = [float(value) for value in a.flat]
        mean = sum(values) / len(values)
        spread = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
        assert measures[f"activation/mean_layer_{l}"] == pytest.approx(mean, rel=1e-5)
        assert measures[f"activation/spread_layer_{l}"] == pytest.approx(spread, rel=1e-5)


def test_weight_norm():
    view = step()
    measures = measured("weight_norm", view)
    assert list(measures) == [f"weight_norm/{letter}{l}" for l in (1, 2, 3) for letter in "Wb"]
    for l, layer in enumerate(view.network.layers, start=1):
        assert measures[f"weight_norm/W{l}"] == pytest.approx(np.linalg.norm(layer.W))
        assert measures[f"weight_norm/b{l}"] == pytest.approx(np.linalg.norm(layer.b))
