"""The formulas of 001, as printed. Its arrays hold dz_j/dx_k at (k, j): the transposes of the usual Jacobians.

Arrays are of one sample and as the paper shapes them: x and z are columns (l_i, 1), W is (l_i, l_{i-1}).
"""

from __future__ import annotations

import numpy as np

from bpexp.nn.activations import activations
from bpexp.nn.arrays import Array
from bpexp.papers.formula import Book
from bpexp.papers.literal_pass import Steps, Walk

book = Book("001")
tanh = activations.build("tanh")


def forward(W: Array, x: Array, b: Array) -> Array:
    """sigma(W x + b), sigma = tanh as the paper suggests."""
    return tanh.f(W @ x + b)


def chain_rule(df_dg: Array, dg_dh: Array, dh_dx: Array) -> Array:
    """df/dg dg/dh dh/dx: of numbers, or of Jacobians with one row for each output."""
    return df_dg @ dg_dh @ dh_dx


def activation_slope(z: Array) -> Array:
    """The diagonal of dx/dz as a column (l_i, 1)."""
    assert tanh.df is not None
    return tanh.df(z)


def z_in_x(W: Array) -> Array:
    """(l_{i-1}, l_i)."""
    return W.T


def x_in_x(W: Array, slope: Array) -> Array:
    """W^T with the row slope^T broadcast over its rows; `slope` is a column."""
    return W.T * slope.T


def z_in_weights(x: Array, n_out: int) -> Array:
    """(l_{i-1}, l_i): every column is x."""
    return np.repeat(x, n_out, axis=1)


def weight_hadamard(above: Array, slope: Array) -> Array:
    """The array `above`, of the line before, times the column `slope` (l_i, 1), without the transpose."""
    return above * slope


def weight_product(x: Array, slope: Array) -> Array:
    """x (l_{i-1}, 1) times the column `slope` (l_i, 1), without the transpose."""
    return x @ slope


def bias_slope(z: Array) -> Array:
    """dx_j/db_j = 1 sigma'(z_j) as a column."""
    return np.ones_like(z) * activation_slope(z)


def _layout(s: Walk, l: int) -> Array:
    return s.share * (s.a[l - 1] @ s.delta[l].T)


def _diagonal(s: Walk, l: int) -> Array:
    return s.cost_slope() * s.slope(l, s.z[l])


def _left_out(s: Walk, l: int) -> Array:
    return s.cost_slope()


SETUP, PLAN, BACK = "Set up", "The Plan", "Back Prop"
LAYOUT = "the transpose of the usual Jacobian, so products run from the input to the output"
book.enter("forward", SETUP, "x^(i) = sigma(W^(i) x^(i-1) + b^(i))", "correct", "", forward)
book.enter(
    "softmax-left-out",
    SETUP,
    "softmax on the output is trivial in back propagation, and not included",
    "silently wrong",
    "delta = J^T dL/dx with the full Jacobian J_ji = x_j ([i = j] - x_i); left out, delta is dL/dx",
    Steps(last=_left_out),
)
book.enter(
    "softmax-diagonal",
    BACK,
    "z_j only affects x_j, so the Jacobian of x in z is diagonal; softmax included",
    "silently wrong",
    "true of elementwise functions; softmax has the entries -x_j x_i off the diagonal too",
    Steps(last=_diagonal),
)
book.enter("chain-rule", PLAN, "df(g(h))/dx = df/dg dg/dh dh/dx", "correct", "", chain_rule)
book.enter(
    "chain-order",
    PLAN,
    "the same order of factors, with the arrays of Back Prop",
    "shape error",
    "dh/dx dg/dh df/dg: " + LAYOUT,
    chain_rule,
)
book.enter(
    "dx-dz",
    BACK,
    "grad_{z^(i)}(x^(i)) = sigma'(z^(i))",
    "correct",
    "the diagonal, of elementwise functions",
    activation_slope,
)
book.enter("dz-dx", BACK, "J(z^(i))(x^(i-1)) = (W^(i))^T", "convention", LAYOUT, z_in_x)
book.enter(
    "dx-dx", BACK, "grad_{x^(i-1)}(x^(i)) = grad_{x^(i-1)}(z^(i)) * grad_{z^(i)}(x^(i))^T", "convention", LAYOUT, x_in_x
)
book.enter(
    "dz-dW",
    BACK,
    "J(z^(i))(W^(i)) = l_i columns, each x^(i-1)",
    "convention",
    "laid out as W^T: dz_j/dW_jk at (k, j)",
    z_in_weights,
)
book.enter(
    "dW-hadamard",
    BACK,
    "grad_W(x) = J(z)(W) * grad_z(x)",
    "shape error",
    "J(z)(W) * grad_z(x)^T, a row for the columns; where l_i = l_{i-1} it runs and scales rows",
    weight_hadamard,
)
book.enter(
    "dW-product",
    BACK,
    "grad_W(x) = x^(i-1) grad_z(x)",
    "shape error",
    "x^(i-1) grad_z(x)^T: an outer product",
    weight_product,
)
book.enter(
    "dW-layout",
    BACK,
    "x^(i-1) (dL/dz^(i))^T, the outer product mended, as the gradient of W^(i)",
    "shape error",
    "its transpose, dL/dz (x^(i-1))^T; where l_i = l_{i-1} it runs and gives W the gradient of W^T",
    Steps(weight=_layout),
)
book.enter("db", BACK, "grad_b(z) = 1, grad_b(x) = grad_z(x)", "correct", "", bias_slope)
