"""The formulas of 003, as printed. Units and the N samples count from 1, layers from 0 (the input) to L."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from bpexp.nn.arrays import Array
from bpexp.nn.outputs import outputs
from bpexp.papers.formula import Book
from bpexp.papers.literal_pass import Lines, LiteralPass

book = Book("003")
softmax = outputs.build("softmax")

INTRO, POLYNOMIAL, ONE = "Introducing Neural Networks", "Polynomial Regression", "One Layer of One Neuron"
LAYERS, WIDE, POINTS = "L layers of one neuron", "L Layers with Arbitrary Neurons", "Multiple Training Data Points"
MATRIX = "Matrix/Vector Notation"
DIGITS, SUMMARY, PROOF = "Worked Example", "Summary", "Appendix"


@book.formula(
    "first-matrix",
    section=INTRO,
    printed="a^(L) = W a^(L-1) + b with rows w_11 ... w_(1,n_L) to w_(n_{L-1},1) ... of W",
    correctness="shape error",
    right="n_L rows of n_{L-1}, as stated in the text beside it",
)
def first_matrix(w: Array, a: Array, b: Array) -> Array:
    """W a + b with rows 1, ..., n_{L-1} and columns 1, ..., n_L, as the first display of W has them."""
    return w @ a + b


@book.formula(
    "cost-sum",
    section=INTRO,
    printed="C = sum_{j=1}^N ||a_j^(L) - y_j||^2",
    correctness="convention",
    right="N times the mean over the samples",
)
def cost_sum(a: Array, y: Array) -> float:
    """The sum of all squares, a and y (n_L, N)."""
    return float(((a - y) ** 2).sum())


def _powers(k: Array, x: Array) -> Array:
    return np.asarray(x[:, None] ** np.arange(len(k)))


@book.formula("polynomial-cost", section=POLYNOMIAL, printed="C = sum_i (p(x_i) - y_i)^2", correctness="correct")
def polynomial_cost(k: Array, x: Array, y: Array) -> float:
    """For coefficients k_0, ..., k_d and points x, y (n,)."""
    return float(((_powers(k, x) @ k - y) ** 2).sum())


@book.formula(
    "polynomial-cost-expanded",
    section=POLYNOMIAL,
    printed="C = sum_i ((k_0 x_i^0 + ... + k_d x_i^d) - y_i)",
    correctness="silently wrong",
    right="the square of each term: as it stands it has no minimum",
)
def polynomial_cost_expanded(k: Array, x: Array, y: Array) -> float:
    """The same cost written out, without the square."""
    return float((_powers(k, x) @ k - y).sum())


@book.formula(
    "polynomial-slope", section=POLYNOMIAL, printed="dC/dk_j = sum_i 2 (p(x_i) - y_i) x_i^j", correctness="correct"
)
def polynomial_slope(k: Array, x: Array, y: Array) -> Array:
    """dC/dk_j for j = 0, ..., d."""
    return np.asarray((2 * (_powers(k, x) @ k - y)) @ _powers(k, x))


@book.formula(
    "one-unit",
    section=ONE,
    printed="dC/dw = 2 (a^(1) - y) mu'(z^(1)) a^(0), dC/db = 2 (a^(1) - y) mu'(z^(1))",
    correctness="correct",
)
def one_unit(a: float, y: float, slope: float, below: float) -> tuple[float, float]:
    """dC/dw and dC/db of one layer of one unit."""
    return 2 * (a - y) * slope * below, 2 * (a - y) * slope


@book.formula(
    "relu-slope",
    section=ONE,
    printed="ReLU'(x) = 1 if x > 0, 0 if x <= 0",
    correctness="convention",
    right="f' = 0 at the kink",
)
def relu_slope(x: Array) -> Array:
    """1 for x > 0, 0 for x <= 0."""
    return np.where(x > 0, 1.0, 0.0)


@book.formula(
    "chain",
    section=LAYERS,
    printed="dC/dw^(L-j) = 2 (a^(L) - y) prod_{i=1}^j mu'(z^(L-i+1)) w^(L-i+1) mu'(z^(L-j)) a^(L-j-1)",
    correctness="correct",
    right="for b without the last factor",
)
def chain(a: Sequence[float], y: float, slope: Sequence[float], w: Sequence[float], j: int) -> tuple[float, float]:
    """dC/dw^(L-j) and dC/db^(L-j) in a chain of single units.

    a holds a^(0), ..., a^(L); slope and w hold mu'(z^(l)) and w^(l) at index l, with nothing at 0.
    """
    L = len(a) - 1
    factors = prod(slope[L - i + 1] * w[L - i + 1] for i in range(1, j + 1))
    db = 2 * (a[L] - y) * factors * slope[L - j]
    return db * a[L - j - 1], db


def bias_in_sum(p: LiteralPass, l: int) -> Array:
    """z^l = W^l a^{l-1} + n_{l-1} b^l: b_i is added once for each term of the sum."""
    return np.asarray(p.W[l] @ p.a[l - 1] + p.a[l - 1].shape[0] * p.b[l])


book.whole_pass(
    "bias-in-sum",
    section=WIDE,
    printed="a_i^(l) = mu(sum_{j=1}^{n_{l-1}} (w_ij a_j + b_i))",
    correctness="silently wrong",
    right="b_i behind the sum: inside it counts n_{l-1} times",
    z=bias_in_sum,
)


@book.formula("unit-in-unit", section=WIDE, printed="da_i^(l)/da_j^(l-1) = mu'(z_i) w_ij", correctness="correct")
def unit_in_unit(slope: Array, W: Array) -> Array:
    """mu'(z_i) w_ij at (i, j), for slope (n_l,)."""
    return slope[:, None] * W


def squared_delta(p: LiteralPass, l: int) -> Array:
    """delta^L = 2 (a^L - y) * mu'(z^L)."""
    return 2 * (p.a[l] - p.y) * p.slope(l, p.z[l])


book.whole_pass(
    "squared-output",
    section=WIDE,
    printed="dC/dw_ij^(L) = 2 (a_i - y_i) mu'(z_i) a_j, dC/db_i^(L) = 2 (a_i - y_i) mu'(z_i)",
    correctness="correct",
    right="for an elementwise output",
    last=squared_delta,
)


def sum_over_k(p: LiteralPass, l: int) -> Array:
    """delta^{L-1} as the sum over the units k of layer L; the layers below by the correct line."""
    if l != p.L:
        return Lines().carry(p, l)
    terms = [p.delta[l][k] * p.W[l][k][:, None] for k in range(len(p.b[l]))]
    return np.asarray(sum(terms) * p.slope(l - 1, p.z[l - 1]))


book.whole_pass(
    "sum-over-k",
    section=WIDE,
    printed="dC/dw_ij^(L-1) = sum_k (dC/da_k da_k/da_i) da_i/dz_i dz_i/dw_ij",
    correctness="correct",
    carry=sum_over_k,
)


@book.formula(
    "paths", section=WIDE, printed="a unit of layer L - j has prod_{i=0}^{j-1} n_{L-i} paths", correctness="correct"
)
def paths(sizes: Sequence[int], j: int) -> int:
    """The number of paths from a unit of layer L - j to the cost, for a network of n_0, ..., n_L units."""
    L = len(sizes) - 1
    return prod(sizes[L - i] for i in range(j))


def sum_weight(p: LiteralPass, l: int) -> Array:
    """dC/dW = sum_l delta_l a_l^T over the samples l."""
    return p.delta[l] @ p.a[l - 1].T


def sum_bias(p: LiteralPass, l: int) -> Array:
    """dC/db = sum_l delta_l over the samples l."""
    return np.asarray(p.delta[l].sum(axis=1, keepdims=True))


book.whole_pass(
    "batch-sum",
    section=POINTS,
    printed="C = sum_l ||a_l - y_l||^2 and dC/dw = sum_l ...",
    correctness="convention",
    right="N times the gradient of the mean",
    weight=sum_weight,
    bias=sum_bias,
)


def limit(p: LiteralPass, l: int) -> Array:
    """z^l with the sum over j = 1, ..., n_l, the width of the layer itself."""
    j = np.arange(len(p.b[l]))
    return p.W[l][:, j] @ p.a[l - 1][j] + p.b[l]


book.whole_pass(
    "limit",
    section=MATRIX,
    printed="z_k^(l) = sum_{j=1}^{n_l} w_kj a_j^(l-1) + b_k",
    correctness="silently wrong",
    right="up to n_{l-1}; up to n_l a layer that narrows leaves inputs out, one that widens exceeds them",
    z=limit,
)


book.whole_pass(
    "delta-gradients",
    section=MATRIX,
    printed="dC/dW^(l) = delta^(l) (a^(l-1))^T, dC/db^(l) = delta^(l)",
    correctness="correct",
    right="of one sample",
)


book.whole_pass(
    "delta-last",
    section=MATRIX,
    printed="delta^(L) = 2 (a^(L) - y) * mu'(z^(L))",
    correctness="correct",
    right="for an elementwise output",
    last=squared_delta,
)


def slope_index(p: LiteralPass, l: int) -> Array:
    """delta^{l-1} = mu'(z^l) * (W^l)^T delta^l."""
    return np.asarray(p.slope(l - 1, p.z[l]) * (p.W[l].T @ p.delta[l]))


book.whole_pass(
    "slope-index",
    section=MATRIX,
    printed="delta^(l-1) = mu'(z^(l)) * (W^(l))^T delta^(l), and so for l = L",
    correctness="silently wrong",
    right="mu'(z^(l-1)); it runs where n_l = n_{l-1}, as in 784-10-10",
    carry=slope_index,
)


@book.formula("cost-mean", section=MATRIX, printed="C = 1/N sum_l ||a_l - y_l||^2", correctness="correct")
def cost_mean(a: Array, y: Array) -> float:
    """1/N of the sum of all squares."""
    return float(cost_sum(a, y) / a.shape[1])


book.whole_pass(
    "summary-sum",
    section=MATRIX,
    printed="under that cost: dC/dW = sum_l delta_l a_l^T, dC/db = sum_l delta_l",
    correctness="convention",
    right="1/N of it, the cost's own: as it stands N times the gradient",
    weight=sum_weight,
    bias=sum_bias,
)


@book.formula("parameters", section=DIGITS, printed="784-10-10 has 7960 parameters", correctness="correct")
def parameters() -> int:
    """The number of parameters of 784-10-10."""
    return 7960


def z_from_first(p: LiteralPass, l: int) -> Array:
    """z^2 = W^1 a^1 + b^2; the other layers by the correct line."""
    return (p.W[1] if l == 2 else p.W[l]) @ p.a[l - 1] + p.b[l]


book.whole_pass(
    "z2-from-W1",
    section=DIGITS,
    printed="z^(2) = W^(1) a^(1) + b^(2), as vectors and as matrices",
    correctness="shape error",
    right="W^(2) a^(1) + b^(2)",
    z=z_from_first,
)


@book.formula(
    "softmax-jacobian",
    section=DIGITS,
    printed="Softmax'(z)_ij = s_i (1 - s_i) if i = j else -s_i s_j",
    correctness="correct",
)
def softmax_jacobian(z: Array) -> Array:
    """da_i/dz_j at (i, j), for z (n,)."""
    a = softmax.f(z[:, None])[:, 0]
    n = len(a)
    return np.array([[a[i] * (1 - a[i]) if i == j else -a[i] * a[j] for j in range(n)] for i in range(n)])


@book.formula(
    "softmax-hadamard",
    section=DIGITS,
    printed="delta^(2) = dC/da^(2) * Softmax'(z^(2))",
    correctness="shape error",
    right="Softmax'(z)^T dC/da, a product with the matrix: entry by entry it is a matrix",
)
def softmax_hadamard(dC_da: Array, z: Array) -> Array:
    """dC/da (n, 1) times the Jacobian (n, n) entry by entry, for z (n, 1)."""
    return dC_da * softmax_jacobian(z[:, 0])


@book.formula("cross-entropy", section=DIGITS, printed="C = -sum_i y_i log a_i", correctness="correct")
def cross_entropy(a: Array, y: Array) -> float:
    """C of one sample, a and y (n, 1)."""
    return float(-(y * np.log(a)).sum())


def a_minus_y(p: LiteralPass, l: int) -> Array:
    """delta^L = a^L - y."""
    return p.a[l] - p.y


book.whole_pass(
    "a-minus-y",
    section=DIGITS,
    printed="delta^(2) = a^(2) - y",
    correctness="correct",
    right="for softmax with cross-entropy",
    last=a_minus_y,
)


def through_first(p: LiteralPass, l: int) -> Array:
    """delta^{l-1} = mu'(z^{l-1}) * (W^1)^T delta^l."""
    return np.asarray(p.slope(l - 1, p.z[l - 1]) * (p.W[1].T @ p.delta[l]))


book.whole_pass(
    "W1-for-W2",
    section=DIGITS,
    printed="delta^(1) = ReLU'(z^(1)) * (W^(1))^T delta^(2)",
    correctness="shape error",
    right="(W^(2))^T delta^(2)",
    carry=through_first,
)


@book.formula(
    "relu-slope-gap",
    section=DIGITS,
    printed="ReLU'(x) = 1 if x > 0, 0 if x < 0",
    correctness="convention",
    right="0 at the kink, as in the paper's first definition; undefined here",
)
def relu_slope_gap(x: Array) -> Array:
    """1 for x > 0, 0 for x < 0; at 0, where it is not defined, NaN."""
    return np.select([x > 0, x < 0], [1.0, 0.0], np.nan)


def mean_weight(p: LiteralPass, l: int) -> Array:
    """dC/dW = 1/N sum_l delta_l a_l^T over the samples l."""
    return sum_weight(p, l) / p.N


def mean_bias(p: LiteralPass, l: int) -> Array:
    """dC/db = 1/N sum_l delta_l over the samples l."""
    return sum_bias(p, l) / p.N


book.whole_pass(
    "batch-mean",
    section=DIGITS,
    printed="dC/dW = 1/N sum_l delta_l a_l^T, dC/db = 1/N sum_l delta_l",
    correctness="correct",
    right="for the mean over the samples",
    weight=mean_weight,
    bias=mean_bias,
)


def bias_from_first(p: LiteralPass, l: int) -> Array:
    """dC/db^2 from the columns of Delta^1; the other layers by the correct line."""
    return np.asarray(p.share * p.delta[1 if l == 2 else l].sum(axis=1, keepdims=True))


book.whole_pass(
    "db2-from-Delta1",
    section=DIGITS,
    printed="dC/db^(2) = 1/N sum (columns of Delta^(1))",
    correctness="silently wrong",
    right="columns of Delta^(2); it runs where n_2 = n_1, as in 784-10-10",
    bias=bias_from_first,
)


book.whole_pass(
    "both-slips",
    section="Matrix/Vector Notation, Worked Example",
    printed="slope-index and db2-from-Delta1 together",
    correctness="silently wrong",
    right="both corrected",
    carry=slope_index,
    bias=bias_from_first,
)


@book.formula("update", section=DIGITS, printed="W_new = W - alpha dC/dW", correctness="correct")
def update(W: Array, gradient: Array, alpha: float) -> Array:
    """W_new = W - alpha dC/dW."""
    return W - alpha * gradient


def frozen(p: LiteralPass, l: int) -> Array:
    """Delta^{l-1} = ReLU'(Z^1) * (W^1)^T Delta^l, for every l."""
    return np.asarray(p.slope(1, p.z[1]) * (p.W[1].T @ p.delta[l]))


book.whole_pass(
    "frozen-recursion",
    section=SUMMARY,
    printed="Delta^(l-1) = ReLU'(Z^(1)) * (W^(1))^T Delta^(l)",
    correctness="shape error",
    right="ReLU'(Z^(l-1)) * (W^(l))^T Delta^(l)",
    carry=frozen,
)


@book.formula(
    "cross-entropy-of-z",
    section=PROOF,
    printed="C = -sum_i y_i z_i + log sum_j e^(z_j)",
    correctness="correct",
    right="for y that sum to 1",
)
def cross_entropy_of_z(z: Array, y: Array) -> Array:
    """C of one sample from z and y (n,), whose entries sum to 1."""
    return np.asarray(-(y * z).sum() + np.log(np.exp(z).sum()))


book.whole_pass(
    "appendix-delta",
    section=PROOF,
    printed="dC/dz = a - y",
    correctness="correct",
    right="for softmax with cross-entropy",
    last=a_minus_y,
)
