"""The parts of a gradient in 002, compared with what each stands for."""

from __future__ import annotations

import numpy as np
import pytest
from gradient_cases import draw
from paper_truths import (
    Truths,
    chain_case,
    derivative,
    descent,
    layer,
    parts,
    relu_slope,
    sigma,
    softmax,
    softmax_jacobian,
    true_gradient,
)

from bpexp.nn.losses import losses

truths = Truths("002")


@truths.stands_for("cost")
def _(formula, rng):
    a, y = rng.normal(size=(2, 4, 1))
    yield formula(a, y), losses.build("mse").cost(a, y).item() / 4


@truths.stands_for("forward-first")
def _(formula, rng):
    W, b, x = layer(rng)
    yield formula(W.T, x, b), sigma(W @ x + b)


@truths.stands_for("forward")
def _(formula, rng):
    W, b, x = layer(rng)
    yield formula(W, x, b), sigma(W @ x + b)


@truths.stands_for("first-shapes")
def _(formula, rng):
    W, b, x = layer(rng, 3, 5)
    shapes = formula((3, 5, 4))
    yield np.ones(shapes["W"]) @ np.ones(shapes["a"]) + np.ones(shapes["b"]), W @ x + b
    yield np.ones(shapes["W"]) @ x, W @ x


@truths.stands_for("layer-width")
def _(formula, rng):
    W, _, x = layer(rng, 3, 5)
    yield W @ x + np.ones((formula((3, 5, 2), 1), 1)), W @ x + 1  # a bias for each unit that layer 1 is said to have


@truths.stands_for("chain-product")
def _(formula, rng):
    a, y, slope, w, vector = chain_case(rng)
    for k in (1, 2, 3):
        ours = [formula(2 * (a[3] - y), slope[1:], w[1:], own, k) for own in (a[k - 1], 1.0)]
        yield ours, vector[2 * k - 2 : 2 * k]


@truths.stands_for("batch-mean")
def _(formula, rng):
    c = draw(rng, hidden=["tanh"], output="softmax", loss="cross_entropy")
    single = [true_gradient(c._replace(x=c.x[:, [k]], y=c.y[:, [k]]))[3].item() for k in range(5)]
    yield formula(single), true_gradient(c)[3]


truths.stands_for("softmax-jacobian")(softmax_jacobian)


@truths.stands_for("cross-entropy-slope")
def _(formula, rng):
    A, y = softmax(rng.normal(size=(5, 1)))[:, 0], np.eye(5)[2]
    yield formula(A, y), derivative(lambda A: -(y * np.log(A)).sum(), A)


truths.stands_for("relu-slope")(relu_slope)


truths.stands_for("update")(descent)


def test_every_part_is_compared():
    assert set(truths) == set(parts("002"))


@pytest.mark.parametrize("name", parts("002"))
def test_a_part_is_as_correct_as_its_entry_says(name):
    truths.compare(name)
