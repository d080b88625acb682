"""The formulas of 001, as printed. Its arrays hold dz_j/dx_k at (k, j): the transposes of the usual Jacobians.

Arrays are those of one sample, in the shapes of the paper: x and z are columns (l_i, 1), W is (l_i, l_{i-1}).
"""

from __future__ import annotations

import numpy as np

from bpexp.nn.activations import activations
from bpexp.nn.arrays import Array
from bpexp.papers.formula import Book
from bpexp.papers.literal_pass import LiteralPass

book = Book("001")
tanh = activations.build("tanh")

SETUP, PLAN, BACK = "Set up", "The Plan", "Back Prop"
LAYOUT = "the transpose of the usual Jacobian, so products run from the input to the output"


@book.formula("forward", section=SETUP, printed="x^(i) = sigma(W^(i) x^(i-1) + b^(i))", correctness="correct")
def forward(W: Array, x: Array, b: Array) -> Array:
    """sigma(W x + b), with sigma = tanh as the paper suggests."""
    return tanh.f(W @ x + b)


def softmax_left_out(p: LiteralPass, l: int) -> Array:
    """delta^L = dL/dx^L."""
    return p.cost_slope()


book.whole_pass(
    "softmax-left-out",
    section=SETUP,
    printed="softmax on the output is trivial in back propagation, and not included",
    correctness="silently wrong",
    right="delta = J^T dL/dx with the full Jacobian J_ji = x_j ([i = j] - x_i); left out, delta is dL/dx",
    last=softmax_left_out,
)


def softmax_diagonal(p: LiteralPass, l: int) -> Array:
    """delta^L = dL/dx^L * the diagonal of dx^L/dz^L."""
    return p.cost_slope() * p.slope(l, p.z[l])


book.whole_pass(
    "softmax-diagonal",
    section=BACK,
    printed="z_j only affects x_j, so the Jacobian of x in z is diagonal; softmax included",
    correctness="silently wrong",
    right="true of elementwise functions; softmax has the entries -x_j x_i off the diagonal too",
    last=softmax_diagonal,
)


@book.formula("chain-rule", section=PLAN, printed="df(g(h))/dx = df/dg dg/dh dh/dx", correctness="correct")
def chain_rule(df_dg: Array, dg_dh: Array, dh_dx: Array) -> Array:
    """df/dg dg/dh dh/dx of numbers, or of Jacobians with one row for each output."""
    return df_dg @ dg_dh @ dh_dx


@book.formula(
    "chain-order",
    section=PLAN,
    printed="the same order of factors, with the arrays of Back Prop",
    correctness="shape error",
    right="dh/dx dg/dh df/dg: " + LAYOUT,
)
def chain_order(df_dg: Array, dg_dh: Array, dh_dx: Array) -> Array:
    """The same product of the arrays of Back Prop, which hold the derivative of output j in input k at (k, j)."""
    return df_dg @ dg_dh @ dh_dx


@book.formula(
    "dx-dz",
    section=BACK,
    printed="grad_{z^(i)}(x^(i)) = sigma'(z^(i))",
    correctness="correct",
    right="the diagonal, of elementwise functions",
)
def activation_slope(z: Array) -> Array:
    """The diagonal of dx/dz as a column (l_i, 1)."""
    assert tanh.df is not None
    return tanh.df(z)


@book.formula("dz-dx", section=BACK, printed="J(z^(i))(x^(i-1)) = (W^(i))^T", correctness="convention", right=LAYOUT)
def z_in_x(W: Array) -> Array:
    """W^T (l_{i-1}, l_i)."""
    return W.T


@book.formula(
    "dx-dx",
    section=BACK,
    printed="grad_{x^(i-1)}(x^(i)) = grad_{x^(i-1)}(z^(i)) * grad_{z^(i)}(x^(i))^T",
    correctness="convention",
    right=LAYOUT,
)
def x_in_x(W: Array, slope: Array) -> Array:
    """W^T * slope^T: each row of W^T times the slopes, given as a column (l_i, 1)."""
    return W.T * slope.T


@book.formula(
    "dz-dW",
    section=BACK,
    printed="J(z^(i))(W^(i)) = l_i columns, each x^(i-1)",
    correctness="convention",
    right="laid out as W^T: dz_j/dW_jk at (k, j)",
)
def z_in_weights(x: Array, n_out: int) -> Array:
    """An array (l_{i-1}, l_i) with x in each of its n_out = l_i columns."""
    return np.repeat(x, n_out, axis=1)


@book.formula(
    "dW-hadamard",
    section=BACK,
    printed="grad_W(x) = J(z)(W) * grad_z(x)",
    correctness="shape error",
    right="J(z)(W) * grad_z(x)^T, a row for the columns; where l_i = l_{i-1} it runs and scales rows",
)
def weight_hadamard(z_in_W: Array, slope: Array) -> Array:
    """J(z)(W) (l_{i-1}, l_i) times the slopes entry by entry, a column (l_i, 1) that is not transposed."""
    return z_in_W * slope


@book.formula(
    "dW-product",
    section=BACK,
    printed="grad_W(x) = x^(i-1) grad_z(x)",
    correctness="shape error",
    right="x^(i-1) grad_z(x)^T: an outer product",
)
def weight_product(x: Array, slope: Array) -> Array:
    """x (l_{i-1}, 1) times the slopes, a column (l_i, 1) that is not transposed."""
    return x @ slope


def weight_transposed(p: LiteralPass, l: int) -> Array:
    """share a^{l-1} (delta^l)^T."""
    return p.share * (p.a[l - 1] @ p.delta[l].T)


book.whole_pass(
    "dW-layout",
    section=BACK,
    printed="x^(i-1) (dL/dz^(i))^T, the outer product corrected, as the gradient of W^(i)",
    correctness="shape error",
    right="its transpose, dL/dz (x^(i-1))^T; where l_i = l_{i-1} it runs and gives W the gradient of W^T",
    weight=weight_transposed,
)


@book.formula("db", section=BACK, printed="grad_b(z) = 1, grad_b(x) = grad_z(x)", correctness="correct")
def bias_slope(z: Array) -> Array:
    """dx_j/db_j = 1 sigma'(z_j) as a column (l_i, 1)."""
    return np.ones_like(z) * activation_slope(z)
