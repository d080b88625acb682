"""The parts of a gradient in 000, compared with what each stands for."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from paper_truths import Truths, derivative, layer, parts, sigma, squared_error

from bpexp.papers import FORMULAS

truths = Truths("000")


@truths.stands_for("forward")
def _(formula, rng):
    W, b, x = layer(rng)
    yield formula(W.T, x, b), sigma(W @ x + b)


truths.stands_for("cost")(squared_error)


@truths.stands_for("cost-slope")
def _(formula, rng):
    W, b, _ = layer(rng)
    x, y, t = rng.normal(size=(3, 5)), rng.normal(size=(4, 5)), rng.normal(size=W.shape)

    def outputs(step):
        return sigma((W + step * t) @ x + b)

    da = derivative(outputs, np.zeros(()))
    yield formula(outputs(0), y, da), derivative(lambda h: ((outputs(h) - y) ** 2).sum() / 5, np.zeros(()))


@truths.stands_for("da-dw")
def _(formula, rng):
    W, b, x = layer(rng)
    below = x[:, 0]
    full = derivative(lambda w: sigma(w.T @ below + b[:, 0]), W.T)  # da_t/dw_(m,s)
    yield formula(sigma(W @ below + b[:, 0]), below), np.einsum("tmt->mt", full)


@truths.stands_for("da-db")
def _(formula, rng):
    W, b, x = layer(rng)
    V, c, _ = layer(rng, 4, 2)

    def above(bias):
        return sigma(V @ sigma(W @ x[:, 0] + bias) + c[:, 0])

    yield formula(above(b[:, 0]), V.T, sigma(W @ x[:, 0] + b[:, 0])), derivative(above, b[:, 0])


@truths.stands_for("da-da")
def _(formula, rng):
    W, b, x = layer(rng)

    def above(a):
        return sigma(W @ a + b[:, 0])

    yield formula(above(x[:, 0]), W.T), derivative(above, x[:, 0])


def three_layers(rng: np.random.Generator):
    """Three sigmoid layers 3-4-5-2: their functions of the layer below and of their own bias, and the activations."""
    sizes = (3, 4, 5, 2)
    W = [None] + [rng.normal(size=(o, i)) for i, o in pairwise(sizes)]
    b = [None] + [rng.normal(size=n) for n in sizes[1:]]
    a = [rng.normal(size=3)]
    for l in (1, 2, 3):
        a.append(sigma(W[l] @ a[-1] + b[l]))

    def run(x, start, bias=None):
        for l in range(start, 4):
            x = sigma(W[l] @ x + (bias if bias is not None and l == start else b[l]))
        return x

    return W, b, a, run


@truths.stands_for("recursion")
def _(formula, rng):
    W, b, a, run = three_layers(rng)
    local = derivative(lambda x: sigma(W[2] @ x + b[2]), a[1])
    yield formula(derivative(lambda x: run(x, 3), a[2]), local), derivative(lambda x: run(x, 2), a[1])


@truths.stands_for("bias-sum")
def _(formula, rng):
    W, b, a, run = three_layers(rng)
    to_output = {3: np.eye(2), 2: derivative(lambda x: run(x, 3), a[2])}
    from_bias = {
        1: derivative(lambda c: sigma(W[2] @ sigma(W[1] @ a[0] + c) + b[2]), b[1]),
        2: derivative(lambda c: run(a[1], 2, c), b[2]),
    }
    for l in (1, 2):
        yield formula(to_output, from_bias, l), derivative(lambda c, l=l: run(a[l - 1], l, c), b[l])


@truths.stands_for("weight-chain")
def _(formula, rng):
    W, b, a, run = three_layers(rng)
    to_output = derivative(lambda x: run(x, 3), a[2])
    local = np.einsum("tmt->mt", derivative(lambda w: sigma(w.T @ a[1] + b[2]), W[2].T))
    yield formula(to_output, local), derivative(lambda w: run(sigma(w.T @ a[1] + b[2]), 3), W[2].T)


def test_every_part_is_compared():
    assert set(truths) == set(parts("000"))


@pytest.mark.parametrize("name", parts("000"))
def test_a_part_is_as_correct_as_its_entry_says(name):
    truths.compare(name)


def test_the_general_lines_of_000_are_right_at_the_last_layer():
    """000-da-last, 000-dw-last and 000-db-last leave out a factor that these three have."""
    W, b, a, run = three_layers(np.random.default_rng(7))
    last = derivative(lambda x: run(x, 3), a[2])
    np.testing.assert_allclose(FORMULAS["000-da-da"](a[3], W[3].T), last, rtol=1e-12)
    weights = np.einsum("tmt->mt", derivative(lambda w: sigma(w.T @ a[2] + b[3]), W[3].T))
    np.testing.assert_allclose(FORMULAS["000-da-dw"](a[3], a[2]), weights, rtol=1e-12)
    below = derivative(lambda c: run(a[1], 2, c), b[2])
    np.testing.assert_allclose(FORMULAS["000-da-db"](a[3], W[3].T, a[2]), below, rtol=1e-12)


@pytest.mark.parametrize("l", [1, 2])
def test_the_sums_of_000_need_a_layer_above(l):
    """The recursion and the sum for b have one range, l < N, and one label; for l = N 000 has lines of its own."""
    assert {FORMULAS[f"000-{name}"].correctness for name in ("recursion", "bias-sum", "weight-chain")} == {"correct"}
    W, b, a, run = three_layers(np.random.default_rng(7))
    to_output = {3: np.eye(2), 2: derivative(lambda x: run(x, 3), a[2])}
    from_bias = {l: derivative(lambda c: sigma(W[l + 1] @ sigma(W[l] @ a[l - 1] + c) + b[l + 1]), b[l])}
    expected = derivative(lambda c: run(a[l - 1], l, c), b[l])
    np.testing.assert_allclose(FORMULAS["000-bias-sum"](to_output, from_bias, l), expected, rtol=1e-12)
    with pytest.raises(KeyError):
        FORMULAS["000-bias-sum"](to_output, from_bias, 3)
