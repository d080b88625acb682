"""The parts of a gradient in 001, compared with what each stands for."""

from __future__ import annotations

import numpy as np
import pytest
from paper_truths import Truths, derivative, layer, parts, tanh

from bpexp.nn.arrays import Array
from bpexp.papers import FORMULAS

truths = Truths("001")


@truths.stands_for("forward")
def _(formula, rng):
    W, b, x = layer(rng)
    yield formula(W, x, b), tanh(W @ x + b)


@truths.stands_for("chain-rule")
def _(formula, rng):
    A, B, C = rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=(4, 5))
    x = rng.normal(size=5)
    g, h = np.tanh(B @ np.tanh(C @ x)), np.tanh(C @ x)
    chain = (A * 1.0, (1 - g**2)[:, None] * B, (1 - h**2)[:, None] * C)
    yield formula(*chain), derivative(lambda x: A @ np.tanh(B @ np.tanh(C @ x)), x)


@truths.stands_for("chain-order")
def _(formula, rng):
    A, B, C = rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=(4, 5))
    z_in_x = FORMULAS["001-dz-dx"]
    yield C.T @ B.T @ A.T, z_in_x(A @ B @ C)
    yield formula(z_in_x(A), z_in_x(B), z_in_x(C)), z_in_x(A @ B @ C)


@truths.stands_for("dz-dx-entry")
def _(formula, rng):
    W, b, x = layer(rng)
    yield formula(W), derivative(lambda x: W @ x + b[:, 0], x[:, 0])


@truths.stands_for("dx-dz")
def _(formula, rng):
    z = rng.normal(size=(4, 1))
    yield np.diag(formula(z)[:, 0]), derivative(tanh, z[:, 0])


@truths.stands_for("dz-dx")
def _(formula, rng):
    W, b, x = layer(rng)
    yield formula(W), derivative(lambda x: W @ x + b[:, 0], x[:, 0]).T


@truths.stands_for("dx-dx")
def _(formula, rng):
    W, b, x = layer(rng)
    slope = 1 - np.tanh(W @ x + b) ** 2
    yield formula(W, slope), derivative(lambda x: tanh(W @ x + b[:, 0]), x[:, 0]).T


@truths.stands_for("dz-dW")
def _(formula, rng):
    W, b, x = layer(rng)
    full = derivative(lambda W: W @ x[:, 0] + b[:, 0], W)  # dz_i/dW_jk
    yield formula(x, len(b)), np.einsum("jjk->jk", full).T


def x_in_weights(W: Array, b: Array, x: Array) -> Array:
    """dx_j/dW_jk at (k, j), the layout of 001."""
    return np.einsum("jjk->jk", derivative(lambda W: tanh(W @ x[:, 0] + b[:, 0]), W)).T


@truths.stands_for("dW-hadamard")
def _(formula, rng):
    W, b, x = layer(rng)
    slope = 1 - np.tanh(W @ x + b) ** 2
    np.testing.assert_allclose(FORMULAS["001-dz-dW"](x, 4) * slope.T, x_in_weights(W, b, x), rtol=1e-12)
    yield formula(FORMULAS["001-dz-dW"](x, 4), slope), x_in_weights(W, b, x)


@truths.stands_for("dW-product")
def _(formula, rng):
    W, b, x = layer(rng)
    slope = 1 - np.tanh(W @ x + b) ** 2
    np.testing.assert_allclose(x @ slope.T, x_in_weights(W, b, x), rtol=1e-12)
    yield formula(x, slope), x_in_weights(W, b, x)


@truths.stands_for("db")
def _(formula, rng):
    W, b, x = layer(rng)
    yield np.diag(formula(W @ x + b)[:, 0]), derivative(lambda b: tanh(W @ x[:, 0] + b), b[:, 0])


def test_every_part_is_compared():
    assert set(truths) == set(parts("001"))


@pytest.mark.parametrize("name", parts("001"))
def test_a_part_is_as_correct_as_its_entry_says(name):
    truths.compare(name)


@pytest.mark.parametrize("n_out", [3, 4])
def test_the_product_with_the_slopes_is_right_in_one_dimensional_arrays(n_out):
    """The style that 001 plans; in the columns that it displays the slopes have to be transposed."""
    W, b, x = layer(np.random.default_rng(4), 3, n_out)
    slope = (1 - np.tanh(W @ x + b) ** 2)[:, 0]
    ours = FORMULAS["001-dW-hadamard"](FORMULAS["001-dz-dW"](x, n_out), slope)
    np.testing.assert_allclose(ours, x_in_weights(W, b, x), rtol=1e-12)
    np.testing.assert_allclose(np.outer(x[:, 0], slope), ours, rtol=1e-12)


def test_001_is_exact_with_a_softmax_that_is_part_of_the_loss():
    """It leaves the softmax out of its calculations: L may contain it, and then dL/dx^(n) is all that is needed."""
    rng = np.random.default_rng(9)
    W1, b1, x0 = layer(rng, 3, 4)
    W2, b2, _ = layer(rng, 4, 5)
    y = np.eye(5)[[2]].T

    def loss(x: Array) -> Array:
        return -(y * np.log(np.exp(x) / np.exp(x).sum())).sum()

    def network(W: Array) -> Array:
        return loss(tanh(W2 @ tanh(W @ x0 + b1) + b2))

    forward, z_in_x, slope = (FORMULAS[f"001-{name}"] for name in ("forward", "dx-dx", "dx-dz"))
    x1 = forward(W1, x0, b1)
    x2 = forward(W2, x1, b2)
    dL_dx2 = derivative(loss, x2)
    dL_dx1 = z_in_x(W2, slope(W2 @ x1 + b2)) @ dL_dx2
    one = slope(W1 @ x0 + b1)
    dL_dW1 = (FORMULAS["001-dz-dW"](x0, 4) * one.T * dL_dx1.T).T  # the layout of 001 is that of W^T
    np.testing.assert_allclose(dL_dW1, derivative(network, W1), rtol=1e-12)
