"""The lines of 001. Its arrays hold dz_j/dx_k at (k, j): the transposes of the usual Jacobians.

Arrays are those of one sample, in the shapes of the paper: x and z are columns (l_i, 1), W is (l_i, l_{i-1}). The paper
leaves a softmax on the output out of its calculations; as a part of L its formulas hold for such a network too.
"""

from __future__ import annotations

import numpy as np

from bpexp.nn.activations import activations
from bpexp.nn.arrays import Array
from bpexp.papers.formula import Book
from bpexp.papers.literal_pass import Lines, LiteralPass

book = Book("001")
tanh = activations.build("tanh")

SETUP, PLAN, BACK = "Set up", "The Plan", "Back Prop"
LAYOUT = "laid out as the transpose of the usual Jacobian, so products run from the input to the output"
ONE_DIMENSION = "with one-dimensional NumPy arrays, the style that the paper plans, "


@book.formula(
    "forward",
    section=SETUP,
    quote=r"x^{(i)} = \sigma(W^{(i)}x^{(i-1)} + b^{(i)})",
    printed="x^(i) = sigma(W^(i) x^(i-1) + b^(i))",
    correctness="correct",
)
def forward(W: Array, x: Array, b: Array) -> Array:
    """sigma(W x + b), with sigma = tanh as the paper suggests."""
    return tanh.f(W @ x + b)


@book.formula(
    "chain-rule",
    section=PLAN,
    quote=r"\frac{df(g(h))}{dx} = \frac{df}{dg} \frac{dg}{dh} \frac{dh}{dx}",
    printed="df(g(h))/dx = df/dg dg/dh dh/dx",
    correctness="correct",
)
def chain_rule(df_dg: Array, dg_dh: Array, dh_dx: Array) -> Array:
    """df/dg dg/dh dh/dx of numbers, or of Jacobians with one row for each output."""
    return df_dg @ dg_dh @ dh_dx


@book.formula(
    "chain-order",
    section=PLAN,
    printed="the order of factors of 001-chain-rule for the arrays of Back Prop",
    correctness="shape error",
    right="dh/dx dg/dh df/dg, as these arrays are " + LAYOUT,
)
def chain_order(df_dg: Array, dg_dh: Array, dh_dx: Array) -> Array:
    """The same product of the arrays of Back Prop, which hold the derivative of output j in input k at (k, j)."""
    return df_dg @ dg_dh @ dh_dx


@book.formula(
    "dx-dz",
    section=BACK,
    quote=r"$\nabla_{z^{(i)}}(x^{(i)}) = \sigma'(z^{(i)})$",
    printed="grad_{z^(i)}(x^(i)) = sigma'(z^(i))",
    correctness="correct",
    right="the diagonal, of elementwise functions, as the paper says",
)
def activation_slope(z: Array) -> Array:
    """The diagonal of dx/dz as a column (l_i, 1)."""
    assert tanh.df is not None
    return tanh.df(z)


@book.formula(
    "dz-dx-entry",
    section=BACK,
    quote=r"$\frac{\partial z_j^{(i)}}{\partial x_k^{(i-1)}} = W_{jk}^{(i)}$",
    printed="dz_j^(i)/dx_k^(i-1) = W_jk^(i)",
    correctness="correct",
)
def z_in_x_entries(W: Array) -> Array:
    """dz_j/dx_k at (j, k)."""
    return W


@book.formula(
    "dz-dx",
    section=BACK,
    quote=r"\\ &= (W^{(i)})^T \end{aligned}",
    printed="J(z^(i))(x^(i-1)) = (W^(i))^T",
    correctness="right in its own terms",
    right=LAYOUT,
)
def z_in_x(W: Array) -> Array:
    """W^T (l_{i-1}, l_i)."""
    return W.T


@book.formula(
    "dx-dx",
    section=BACK,
    quote=r"\nabla_{x^{(i-1)}}(x^{(i)}) = \nabla_{x^{(i-1)}}(z^{(i)}) \odot \nabla_{z^{(i)}}(x^{(i)})^T",
    printed="grad_{x^(i-1)}(x^(i)) = grad_{x^(i-1)}(z^(i)) * grad_{z^(i)}(x^(i))^T",
    correctness="right in its own terms",
    right=LAYOUT,
)
def x_in_x(W: Array, slope: Array) -> Array:
    """W^T * slope^T: each row of W^T times the slopes, given as a column (l_i, 1)."""
    return W.T * slope.T


@book.formula(
    "dz-dW",
    section=BACK,
    quote=r"&= \begin{bmatrix} x_1^{(i-1)} & \cdots & x_1^{(i-1)} \\ \vdots & \ddots & \vdots \\ x_{l_{i-1}}^{(i-1)} & "
    r"\cdots & x_{l_{i-1}}^{(i-1)} \end{bmatrix}",
    printed="J(z^(i))(W^(i)) = l_i columns, each x^(i-1)",
    correctness="right in its own terms",
    right="laid out as W^T, as the display shows: dz_j/dW_jk at (k, j)",
)
def z_in_weights(x: Array, n_out: int) -> Array:
    """An array (l_{i-1}, l_i) with x in each of its n_out = l_i columns."""
    return np.repeat(x, n_out, axis=1)


@book.formula(
    "dW-hadamard",
    section=BACK,
    quote=r"\nabla_{W^{(i)}}(x^{(i)}) &= J(z^{(i)})(W^{(i)}) \odot \nabla_{z^{(i)}}(x^{(i)})",
    printed="grad_W(x) = J(z)(W) * grad_z(x)",
    correctness="shape error",
    right="J(z)(W) * grad_z(x)^T: grad_z(x) is displayed as a column, and 001-dx-dx transposes it; "
    + ONE_DIMENSION
    + "the line runs and is right",
)
def weight_hadamard(z_in_W: Array, slope: Array) -> Array:
    """J(z)(W) (l_{i-1}, l_i) times the slopes entry by entry, in the paper's display a column (l_i, 1)."""
    return z_in_W * slope


@book.formula(
    "dW-product",
    section=BACK,
    quote=r"\\ &= x^{(i-1)} \nabla_{z^{(i)}}(x^{(i)}) \end{aligned}",
    printed="grad_W(x) = x^(i-1) grad_z(x)",
    correctness="shape error",
    right="x^(i-1) grad_z(x)^T, an outer product; " + ONE_DIMENSION + "it is np.outer",
)
def weight_product(x: Array, slope: Array) -> Array:
    """x (l_{i-1}, 1) times the slopes, in the paper's display a column (l_i, 1)."""
    return x @ slope


def weight_transposed(p: LiteralPass, l: int) -> Array:
    """share a^{l-1} (delta^l)^T."""
    return p.share * (p.a[l - 1] @ p.delta[l].T)


book.whole_pass(
    "dW-layout",
    Lines(weight=weight_transposed),
    section=BACK,
    printed="x^(i-1) (dL/dz^(i))^T, the outer product of 001-dW-product, used as the gradient of W^(i)",
    correctness="shape error",
    right="its transpose, dL/dz (x^(i-1))^T; where l_i = l_{i-1} it runs and gives W the gradient of W^T",
)


@book.formula(
    "db",
    section=BACK,
    quote=r"$\nabla_{b^{(i)}}(z^{(i)}) = 1_{l_i}$ and $\nabla_{b^{(i)}}(x^{(i)}) = \nabla_{z^{(i)}}(x^{(i)})$",
    printed="grad_b(z) = 1, grad_b(x) = grad_z(x)",
    correctness="correct",
)
def bias_slope(z: Array) -> Array:
    """dx_j/db_j = 1 sigma'(z_j) as a column (l_i, 1)."""
    return np.ones_like(z) * activation_slope(z)


book.slip(
    "non-input-neurons",
    section=SETUP,
    quote=r"We then define a weight matrix and bias vector for each of the $n$ non-input neurons.",
    printed="a weight matrix and a bias vector for each of the n non-input neurons",
    correctness="notation slip",
    right="for each of the n layers behind the input",
)
book.slip(
    "with-respect-to",
    section=BACK,
    quote=r"the gradient of the output layer with respect to the loss is straight forward",
    printed="the gradient of the output layer with respect to the loss",
    correctness="notation slip",
    right="the gradient of the loss with respect to the output layer; the formulas beside the words are right",
)
book.slip(
    "partial-signs",
    section=BACK,
    quote=r"\frac{z_j^{(i)}}{W_{jk}^{(i)}} = x_k^{(i-1)}",
    printed="z_j^(i) / W_jk^(i) = x_k^(i-1)",
    correctness="notation slip",
    right="dz_j/dW_jk = x_k, as in the matrix that follows",
)
book.slip(
    "not-printed",
    section=BACK,
    quote=r"With this, we have fully detailed the recursive algorithm steps.",
    printed="the steps are complete; the lines for dL/dx^(i-1), dL/dW^(i) and dL/db^(i) are not printed",
    correctness="omission",
    right="dL/dx^(i-1) = grad_{x^(i-1)}(x^(i)) dL/dx^(i); dL/dW^(i) by the same rule; the arrays for them are printed",
)
