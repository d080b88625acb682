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
    quote="w (L) 11 . . . w (L) 1nL . . . . . . . . . w (L) nL−1,1 . . . w (L) nL−1,nL",
    printed="a^(L) = W a^(L-1) + b with rows w_11 ... w_(1,n_L) to w_(n_{L-1},1) ... of W",
    correctness="shape error",
    right="n_L rows of n_{L-1}, as the words above it say; the display fits the indices w_ji (from, to) and not W a",
    elsewhere=("003-forward",),
)
def first_matrix(w: Array, a: Array, b: Array) -> Array:
    """W a + b with rows 1, ..., n_{L-1} and columns 1, ..., n_L, as the first display of W has them."""
    return w @ a + b


@book.formula(
    "first-forward",
    section=INTRO,
    quote="nL−1∑ j=1 w (L) ji aL−1 j + b (L) i .",
    printed="a_i^(L) = sum_{j=1}^{n_{L-1}} w_ji^(L) a_j^(L-1) + b_i^(L)",
    correctness="right in its own terms",
    right="w_ji leads from j to i here and in the display of W; w_ij, from j to i, in the later sections",
)
def first_forward(w: Array, a: Array, b: Array) -> Array:
    """sum_j w_ji a_j + b_i for a (n_{L-1}, 1), b (n_L, 1) and w (n_{L-1}, n_L)."""
    return np.asarray(np.einsum("ji,jn->in", w, a) + b)


@book.formula(
    "cost-sum",
    section=INTRO,
    quote="N∑ j=1 ||a(L)j − yj ||2",
    printed="C = sum_{j=1}^N ||a_j^(L) - y_j||^2",
    correctness="right in its own terms",
    right="a sum over the samples, N times their mean",
)
def cost_sum(a: Array, y: Array) -> float:
    """The sum of all squares, a and y (n_L, N)."""
    return float(((a - y) ** 2).sum())


def _powers(k: Array, x: Array) -> Array:
    return np.asarray(x[:, None] ** np.arange(len(k)))


@book.formula(
    "polynomial-cost",
    section=POLYNOMIAL,
    quote="C(k0, . . . kd) = N∑ i=1 (p(xi)− yi) 2",
    printed="C = sum_i (p(x_i) - y_i)^2",
    correctness="correct",
)
def polynomial_cost(k: Array, x: Array, y: Array) -> float:
    """For coefficients k_0, ..., k_d and points x, y (n,)."""
    return float(((_powers(k, x) @ k - y) ** 2).sum())


@book.formula(
    "polynomial-slope",
    section=POLYNOMIAL,
    quote="∂C ∂kj = N∑ i=1 2(p(xi)− yi)x j i .",
    printed="dC/dk_j = sum_i 2 (p(x_i) - y_i) x_i^j",
    correctness="correct",
)
def polynomial_slope(k: Array, x: Array, y: Array) -> Array:
    """dC/dk_j for j = 0, ..., d."""
    return np.asarray((2 * (_powers(k, x) @ k - y)) @ _powers(k, x))


@book.formula(
    "one-unit",
    section=ONE,
    quote="∂C ∂w = ∂C ∂a(1) ∂a(1) ∂z(1) ∂z(1) ∂w = 2(a(1) − y)µ′(z(1))a(0) ∂C ∂b = ∂C ∂a(1) ∂a(1) ∂z(1) "
    "∂z(1) ∂b = 2(a(1) − y)µ′(z(1))",
    printed="dC/dw = 2 (a^(1) - y) mu'(z^(1)) a^(0), dC/db = 2 (a^(1) - y) mu'(z^(1))",
    correctness="correct",
)
def one_unit(a: float, y: float, slope: float, below: float) -> tuple[float, float]:
    """dC/dw and dC/db of one layer of one unit."""
    return 2 * (a - y) * slope * below, 2 * (a - y) * slope


@book.formula(
    "relu-slope",
    section=ONE,
    quote="ReLU ′(x) = { 1 if x > 0 0 if x ≤ 0",
    printed="ReLU'(x) = 1 if x > 0, 0 if x <= 0",
    correctness="right in its own terms",
    right="f'(0) = 0, a choice: ReLU has no derivative at 0",
)
def relu_slope(x: Array) -> Array:
    """1 for x > 0, 0 for x <= 0."""
    return np.where(x > 0, 1.0, 0.0)


@book.formula(
    "chain",
    section=LAYERS,
    quote="= 2(a(L) − y) ( j∏ i=1 µ′(z(L−i+1))w(L−i+1) ) µ′(z(L−j))a(L−j−1)",
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
    Lines(z=bias_in_sum),
    section=WIDE,
    quote="nℓ−1∑ j=1 (w (ℓ) ij a (ℓ−1) j + b (ℓ) i )",
    printed="a_i^(l) = mu(sum_{j=1}^{n_{l-1}} (w_ij a_j + b_i))",
    correctness="silently wrong",
    right="b_i behind the sum; inside the bracket it is added n_{l-1} times",
    elsewhere=("003-first-forward", "003-forward"),
)


@book.formula(
    "unit-in-unit",
    section=WIDE,
    quote="= ∂a (ℓ) i ∂z (ℓ) i ∂z (ℓ) i ∂a (ℓ−1) j = µ′(z (ℓ) i )wij .",
    printed="da_i^(l)/da_j^(l-1) = mu'(z_i) w_ij",
    correctness="correct",
)
def unit_in_unit(slope: Array, W: Array) -> Array:
    """mu'(z_i) w_ij at (i, j), for slope (n_l,)."""
    return slope[:, None] * W


def squared_delta(p: LiteralPass, l: int) -> Array:
    """delta^L = 2 (a^L - y) * mu'(z^L)."""
    return 2 * (p.a[l] - p.y) * p.slope(l, p.z[l])


book.whole_pass(
    "squared-output",
    Lines(last=squared_delta),
    section=WIDE,
    quote="= 2(a (L) i − yi)µ ′(z (L) i )a (L−1) j ∂C ∂b (L) i = ∂C ∂a (L) i ∂a (L) i ∂z (L) i ∂z (L) i ∂b "
    "(L) i = 2(a (L) i − yi)µ ′(z (L) i )",
    printed="dC/dw_ij^(L) = 2 (a_i - y_i) mu'(z_i) a_j, dC/db_i^(L) = 2 (a_i - y_i) mu'(z_i)",
    correctness="correct",
    right="for an elementwise output",
)


def sum_over_k(p: LiteralPass, l: int) -> Array:
    """delta^{L-1} as the sum over the units k of layer L; the layers below by the correct line."""
    if l != p.L:
        return Lines().carry(p, l)
    terms = [p.delta[l][k] * p.W[l][k][:, None] for k in range(len(p.b[l]))]
    return np.asarray(sum(terms) * p.slope(l - 1, p.z[l - 1]))


book.whole_pass(
    "sum-over-k",
    Lines(carry=sum_over_k),
    section=WIDE,
    quote="∂C ∂w (L−1) ij = nL∑ k=1 ( ∂C ∂a (L) k ∂a (L) k ∂a (L−1) i ) ∂a (L−1) i ∂z (L−1) i ∂z (L−1) i ∂w (L−1) ij",
    printed="dC/dw_ij^(L-1) = sum_k (dC/da_k da_k/da_i) da_i/dz_i dz_i/dw_ij",
    correctness="correct",
)


@book.formula(
    "paths",
    section=WIDE,
    quote="influences the cost function through ∏j−1 i=0 nL−i paths.",
    printed="a unit of layer L - j has prod_{i=0}^{j-1} n_{L-i} paths",
    correctness="correct",
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
    Lines(weight=sum_weight, bias=sum_bias),
    section=POINTS,
    quote="∂C ∂w (L) ij = N∑ l=1 ∂C ∂(al) (L) i ∂(al) (L) i ∂(zl) (L) i ∂(zl) (L) i ∂w (L) ij",
    printed="under C = sum_l ||a_l - y_l||^2: dC/dw_ij = sum_l dC/da_l da_l/dz_l dz_l/dw_ij",
    correctness="right in its own terms",
    right="for the sum over the samples, the cost of this section: N times the gradient of the mean",
)


book.whole_pass(
    "forward",
    section=MATRIX,
    quote="z(ℓ) = W (ℓ)a(ℓ−1) + b(ℓ)",
    printed="z^(l) = W^(l) a^(l-1) + b^(l), a^(l) = mu(z^(l))",
    correctness="correct",
)


def limit(p: LiteralPass, l: int) -> Array:
    """z^l with the sum over j = 1, ..., n_l, the width of the layer itself."""
    j = np.arange(len(p.b[l]))
    return p.W[l][:, j] @ p.a[l - 1][j] + p.b[l]


book.whole_pass(
    "limit",
    Lines(z=limit),
    section=MATRIX,
    quote="nℓ∑ j=1 w (ℓ) kj a (ℓ−1) j + b (ℓ) k",
    printed="z_k^(l) = sum_{j=1}^{n_l} w_kj a_j^(l-1) + b_k",
    correctness="silently wrong",
    right="up to n_{l-1}; the derivation that uses the line keeps one term of the sum and is not affected",
    elsewhere=("003-forward",),
)


book.whole_pass(
    "delta-gradients",
    section=MATRIX,
    quote="∂C ∂W (ℓ) = δ(ℓ)(a(ℓ−1))T ∂C ∂b(ℓ) = δ(ℓ)",
    printed="dC/dW^(l) = delta^(l) (a^(l-1))^T, dC/db^(l) = delta^(l)",
    correctness="correct",
    right="of one sample",
)


book.whole_pass(
    "delta-last",
    Lines(last=squared_delta),
    section=MATRIX,
    quote="δ(L) = ∂C ∂z(L) = 2(a(L) − y)⊙ µ′(z(L))",
    printed="delta^(L) = 2 (a^(L) - y) * mu'(z^(L))",
    correctness="correct",
    right="for an elementwise output",
)


def slope_index(p: LiteralPass, l: int) -> Array:
    """delta^{l-1} = mu'(z^l) * (W^l)^T delta^l."""
    return np.asarray(p.slope(l - 1, p.z[l]) * (p.W[l].T @ p.delta[l]))


book.whole_pass(
    "slope-index",
    Lines(carry=slope_index),
    section=MATRIX,
    quote="δ(ℓ−1) = µ′(z(ℓ))⊙ (W (ℓ))Tδ(ℓ)",
    printed="delta^(l-1) = mu'(z^(l)) * (W^(l))^T delta^(l)",
    correctness="silently wrong",
    right="mu'(z^(l-1)); it runs where n_l = n_{l-1}, as in 784-10-10, whose own section prints the right ReLU'(z^(1))",
    elsewhere=("003-chain", "003-sum-over-k"),
)


@book.formula(
    "cost-mean",
    section=MATRIX,
    quote="1 N N∑ l=1 ||a(L)l − yl||2.",
    printed="C = 1/N sum_l ||a_l - y_l||^2",
    correctness="correct",
)
def cost_mean(a: Array, y: Array) -> float:
    """1/N of the sum of all squares."""
    return float(cost_sum(a, y) / a.shape[1])


book.whole_pass(
    "summary-sum",
    Lines(weight=sum_weight, bias=sum_bias),
    section=MATRIX,
    quote="∂C ∂W (ℓ) = N∑ l=1 δ (ℓ) l (a (ℓ−1) l )T ∂C ∂b(ℓ) = N∑ l=1 δ (ℓ) l ,",
    printed="under C = 1/N sum_l ||a_l - y_l||^2: dC/dW = sum_l delta_l a_l^T, dC/db = sum_l delta_l",
    correctness="contradicts its own cost",
    right="1/N in the sums, or in delta^(L) = 2 (a - y) * mu'; right for the sum, the cost of earlier sections",
    elsewhere=("003-batch-mean",),
)


@book.formula(
    "parameters",
    section=DIGITS,
    quote="(This means our cost function has 7960 parameters we need to optimize!)",
    printed="784-10-10 has 7960 parameters",
    correctness="correct",
)
def parameters() -> int:
    """The number of parameters of 784-10-10."""
    return 7960


def z_from_first(p: LiteralPass, l: int) -> Array:
    """z^2 = W^1 a^1 + b^2; the other layers by the correct line."""
    return (p.W[1] if l == 2 else p.W[l]) @ p.a[l - 1] + p.b[l]


book.whole_pass(
    "z2-from-W1",
    Lines(z=z_from_first),
    section=DIGITS,
    quote="z (2) l = W (1)a (1) l + b (2) l",
    printed="z^(2) = W^(1) a^(1) + b^(2)",
    correctness="shape error",
    right="W^(2) a^(1) + b^(2), in this line and in its matrix form",
    elsewhere=("003-forward",),
)


def softmax_jacobian(z: Array) -> Array:
    """da_i/dz_j at (i, j), with a_i = (Softmax(z))_i, for z (n,)."""
    a = softmax.f(z[:, None])[:, 0]
    n = len(a)
    return np.array([[a[i] * (1 - a[i]) if i == j else -a[i] * a[j] for j in range(n)] for i in range(n)])


@book.formula(
    "softmax-jacobian",
    section=DIGITS,
    quote="Softmax′(z)ij = { Softmax(zi)(1− Softmax(zi)) if i = j, −Softmax(zi)Softmax(zj) if i ̸= j.",
    printed="Softmax'(z)_ij = Softmax(z_i) (1 - Softmax(z_i)) if i = j else -Softmax(z_i) Softmax(z_j)",
    correctness="notation slip",
    right="(Softmax(z))_i, as in the paper's definition, for Softmax(z_i), which is the softmax of one number and so 1",
)
def softmax_of_numbers(z: Array) -> Array:
    """The display with the softmax of the single number z_i, which is 1, for z (n,)."""
    a = np.array([softmax.f(np.array([[number]]))[0, 0] for number in z])
    n = len(a)
    return np.array([[a[i] * (1 - a[i]) if i == j else -a[i] * a[j] for j in range(n)] for i in range(n)])


book.formula(
    "softmax-jacobian-of-z",
    section=DIGITS,
    printed="003-softmax-jacobian with (Softmax(z))_i for Softmax(z_i)",
    correctness="correct",
)(softmax_jacobian)


@book.formula(
    "softmax-hadamard",
    section=DIGITS,
    quote="δ (2) l = ∂C ∂a (2) l ⊙ Softmax′(z (2) l ).",
    printed="delta^(2) = dC/da^(2) * Softmax'(z^(2))",
    correctness="shape error",
    right="Softmax'(z)^T dC/da, a product with the matrix: entry by entry it is a matrix",
)
def softmax_hadamard(dC_da: Array, z: Array) -> Array:
    """dC/da (n, 1) times the Jacobian (n, n) entry by entry, for z (n, 1)."""
    return dC_da * softmax_jacobian(z[:, 0])


@book.formula(
    "cross-entropy",
    section=DIGITS,
    quote="C = − nL∑ i=1 yi log a (L) i .",
    printed="C = -sum_i y_i log a_i",
    correctness="correct",
)
def cross_entropy(a: Array, y: Array) -> float:
    """C of one sample, a and y (n, 1)."""
    return float(-(y * np.log(a)).sum())


def a_minus_y(p: LiteralPass, l: int) -> Array:
    """delta^L = a^L - y."""
    return p.a[l] - p.y


book.whole_pass(
    "a-minus-y",
    Lines(last=a_minus_y),
    section=DIGITS,
    quote="δ (2) l = a (2) l − yl",
    printed="delta^(2) = a^(2) - y",
    correctness="correct",
    right="for softmax with cross-entropy",
)


def through_first(p: LiteralPass, l: int) -> Array:
    """delta^{l-1} = mu'(z^{l-1}) * (W^1)^T delta^l."""
    return np.asarray(p.slope(l - 1, p.z[l - 1]) * (p.W[1].T @ p.delta[l]))


book.whole_pass(
    "W1-for-W2",
    Lines(carry=through_first),
    section=DIGITS,
    quote="δ (1) l = ReLU ′(z (1) l )⊙ (W (1))Tδ (2) l .",
    printed="delta^(1) = ReLU'(z^(1)) * (W^(1))^T delta^(2)",
    correctness="shape error",
    right="(W^(2))^T delta^(2), in this line and in its matrix form; 003-slope-index has the right (W^(l))^T",
)


@book.formula(
    "relu-slope-gap",
    section=DIGITS,
    quote="ReLU ′(x) = { 1 if x > 0 0 if x < 0 .",
    printed="ReLU'(x) = 1 if x > 0, 0 if x < 0",
    correctness="right in its own terms",
    right="undefined at 0, where ReLU has no derivative; the paper's first definition sets 0",
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
    Lines(weight=mean_weight, bias=mean_bias),
    section=DIGITS,
    quote="∂C ∂W (1) = 1 N N∑ l=1 δ (1) l (a (0) l )T ∂C ∂W (2) = 1 N N∑ l=1 δ (2) l (a (1) l )T "
    "∂C ∂b(1) = 1 N N∑ l=1 δ (1) l ∂C ∂b(2) = 1 N N∑ l=1 δ (2) l .",
    printed="dC/dW = 1/N sum_l delta_l a_l^T, dC/db = 1/N sum_l delta_l",
    correctness="correct",
    right="for the mean over the samples",
)


def bias_from_first(p: LiteralPass, l: int) -> Array:
    """dC/db^2 from the columns of Delta^1; the other layers by the correct line."""
    return np.asarray(p.share * p.delta[1 if l == 2 else l].sum(axis=1, keepdims=True))


book.whole_pass(
    "db2-from-Delta1",
    Lines(bias=bias_from_first),
    section=DIGITS,
    quote="∂C ∂b(2) = 1 N ∑ (columns of ∆(1)).",
    printed="dC/db^(2) = 1/N sum (columns of Delta^(1))",
    correctness="silently wrong",
    right="columns of Delta^(2), as the line for single samples, 1/N sum_l delta_l^(2), has it",
    elsewhere=("003-batch-mean",),
)


book.whole_pass(
    "both-slips",
    Lines(carry=slope_index, bias=bias_from_first),
    section="Matrix/Vector Notation, Worked Example",
    printed="003-slope-index and 003-db2-from-Delta1 used together",
    correctness="silently wrong",
    right="both corrected",
)


@book.formula(
    "update",
    section=DIGITS,
    quote="W (1) new = W (1) − α ∂C ∂W (1)",
    printed="W_new = W - alpha dC/dW",
    correctness="correct",
)
def update(W: Array, gradient: Array, alpha: float) -> Array:
    """W_new = W - alpha dC/dW."""
    return W - alpha * gradient


def frozen(p: LiteralPass, l: int) -> Array:
    """Delta^{l-1} = ReLU'(Z^1) * (W^1)^T Delta^l, for every l."""
    return np.asarray(p.slope(1, p.z[1]) * (p.W[1].T @ p.delta[l]))


book.whole_pass(
    "frozen-recursion",
    Lines(carry=frozen),
    section=SUMMARY,
    quote="∆(ℓ−1) = ReLU ′(Z(1))⊙ (W (1))T∆(ℓ)",
    printed="Delta^(l-1) = ReLU'(Z^(1)) * (W^(1))^T Delta^(l)",
    correctness="shape error",
    right="ReLU'(Z^(l-1)) * (W^(l))^T Delta^(l); 003-slope-index has the right (W^(l))^T",
)


book.whole_pass(
    "summary-output",
    Lines(last=a_minus_y),
    section=SUMMARY,
    quote="∆(L) = A(L) − Y",
    printed="Delta^(L) = A^(L) - Y",
    correctness="correct",
    right="for softmax with cross-entropy",
)
book.whole_pass(
    "summary-gradients",
    Lines(weight=mean_weight, bias=mean_bias),
    section=SUMMARY,
    quote="∂C ∂W (ℓ) = 1 N ∆(ℓ)(A(ℓ−1))T ∂C ∂b(ℓ) = 1 N ∑ (columns of ∆(ℓ))",
    printed="dC/dW^(l) = 1/N Delta^(l) (A^(l-1))^T, dC/db^(l) = 1/N sum (columns of Delta^(l))",
    correctness="correct",
    right="for the mean over the samples",
)


@book.formula(
    "cross-entropy-of-z",
    section=PROOF,
    quote="C = − nL∑ i=1 yizi + log nL∑ j=1 ezj",
    printed="C = -sum_i y_i z_i + log sum_j e^(z_j)",
    correctness="correct",
    right="for y that sum to 1",
)
def cross_entropy_of_z(z: Array, y: Array) -> Array:
    """C of one sample from z and y (n,), whose entries sum to 1."""
    return np.asarray(-(y * z).sum() + np.log(np.exp(z).sum()))


book.whole_pass(
    "appendix-delta",
    Lines(last=a_minus_y),
    section=PROOF,
    quote="∂C ∂zk = −yk + a (L) k .",
    printed="dC/dz = a - y",
    correctness="correct",
    right="for softmax with cross-entropy",
)


book.slip(
    "from-to",
    section=WIDE,
    quote="let w (L) ji denote the weight the j-th neuron on the (L− 1)-th layer has on the i-th neuron on "
    "the L-th layer",
    printed="w_ji is the weight of neuron j of layer L - 1 on neuron i of layer L; the formulas below have w_ij",
    correctness="notation slip",
    right="w_ij (to, from), as in the formulas below and from Matrix/Vector Notation on",
)
book.slip(
    "first-bias",
    section=INTRO,
    quote="b(L)i . . . b (L) nL",
    printed="b^(L) is displayed as b_i, ..., b_(n_L)",
    correctness="notation slip",
    right="b_1, ..., b_(n_L)",
)
book.slip(
    "maps",
    section=INTRO,
    quote="f2 : Rℓ → Rh to represent these mappings",
    printed="f_2 maps R^l to R^h, and f = f_2 f_1 maps R^n to R^l to R^k",
    correctness="notation slip",
    right="f_2 maps R^l to R^k",
)
book.slip(
    "last-step",
    section=MATRIX,
    quote="For arbitrary ℓ ∈ [L], the chain rule tells us that δ (ℓ−1) i",
    printed="delta^(l-1) for l in 1, ..., L",
    correctness="notation slip",
    right="for l in 2, ..., L: the input has no z^(0), so there is no delta^(0)",
)
book.slip(
    "bias-of-sample",
    section=DIGITS,
    quote="z (1) l = W (1)a (0) l + b (1) l",
    printed="z_l^(1) = W^(1) a_l^(0) + b_l^(1) for sample l",
    correctness="notation slip",
    right="b^(1), one for all samples, as in the list of parameters above",
)
book.slip(
    "targets-of-layer",
    section=DIGITS,
    quote="• Y (ℓ): a matrix with columns (y1, . . . ,yN )",
    printed="Y^(l) has the columns y_1, ..., y_N",
    correctness="notation slip",
    right="Y, as in the lines that use it: the targets belong to no layer",
)
book.slip(
    "Delta-of-cost",
    section=SUMMARY,
    quote="∆(ℓ): A matrix corresponding to the partial derivatives of the cost function with respect to the "
    "pre-activation values of the ℓ-th layer",
    printed="Delta^(l) = dC/dZ^(l), with Delta^(L) = A^(L) - Y and dC/dW^(l) = 1/N Delta^(l) (A^(l-1))^T",
    correctness="notation slip",
    right="Delta holds the derivatives of each sample's own cost; of the mean they have the 1/N that dC/dW applies",
)
