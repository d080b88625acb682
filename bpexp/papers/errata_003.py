"""The formulas of 003, as printed. Units and samples count from 1, layers from 0 (the input) to L; N samples."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from bpexp.nn.arrays import Array
from bpexp.nn.outputs import outputs
from bpexp.papers.formula import Book
from bpexp.papers.literal_pass import Steps, Walk

book = Book("003")
softmax = outputs.build("softmax")


def first_matrix(w: Array, a: Array, b: Array) -> Array:
    """W a + b with rows 1, ..., n_{L-1} and columns 1, ..., n_L, as the first display of W has them."""
    return w @ a + b


def cost_sum(a: Array, y: Array) -> float:
    """The sum of all squares, a and y (n_L, N)."""
    return float(((a - y) ** 2).sum())


def cost_mean(a: Array, y: Array) -> float:
    """1/N of the sum of all squares."""
    return float(cost_sum(a, y) / a.shape[1])


def _powers(k: Array, x: Array) -> Array:
    return np.asarray(x[:, None] ** np.arange(len(k)))


def polynomial_cost(k: Array, x: Array, y: Array) -> float:
    """k holds k_0, ..., k_d."""
    return float(((_powers(k, x) @ k - y) ** 2).sum())


def polynomial_cost_expanded(k: Array, x: Array, y: Array) -> float:
    """The same line written out, where the square is missing."""
    return float((_powers(k, x) @ k - y).sum())


def polynomial_slope(k: Array, x: Array, y: Array) -> Array:
    """dC/dk_j for all j."""
    return np.asarray((2 * (_powers(k, x) @ k - y)) @ _powers(k, x))


def relu_slope(x: Array) -> Array:
    """1 for x > 0, 0 for x <= 0."""
    return np.where(x > 0, 1.0, 0.0)


def relu_slope_gap(x: Array) -> Array:
    """1 for x > 0, 0 for x < 0; nothing, NaN here, at 0."""
    return np.select([x > 0, x < 0], [1.0, 0.0], np.nan)


def one_unit(a: float, y: float, slope: float, below: float) -> tuple[float, float]:
    """dC/dw and dC/db of one layer of one unit."""
    return 2 * (a - y) * slope * below, 2 * (a - y) * slope


def chain(a: Sequence[float], y: float, slope: Sequence[float], w: Sequence[float], j: int) -> tuple[float, float]:
    """dC/dw^(L-j) and dC/db^(L-j) in a chain of single units.

    a holds a^(0), ..., a^(L); slope and w hold mu'(z^(l)) and w^(l) at index l, with nothing at 0.
    """
    L = len(a) - 1
    factors = prod(slope[L - i + 1] * w[L - i + 1] for i in range(1, j + 1))
    db = 2 * (a[L] - y) * factors * slope[L - j]
    return db * a[L - j - 1], db


def unit_in_unit(slope: Array, W: Array) -> Array:
    """Entry (i, j) = mu'(z_i) w_ij, for slope (n_l,)."""
    return slope[:, None] * W


def paths(sizes: Sequence[int], j: int) -> int:
    """Paths from a unit of layer L - j to the cost: the product of n_{L-i} for i = 0, ..., j - 1."""
    L = len(sizes) - 1
    return prod(sizes[L - i] for i in range(j))


def parameters() -> int:
    """P of 784-10-10."""
    return 7960


def softmax_jacobian(z: Array) -> Array:
    """Entry (i, j) for z (n,)."""
    a = softmax.f(z[:, None])[:, 0]
    n = len(a)
    return np.array([[a[i] * (1 - a[i]) if i == j else -a[i] * a[j] for j in range(n)] for i in range(n)])


def softmax_hadamard(dC_da: Array, z: Array) -> Array:
    """The column dC/da (n, 1) times, entry by entry, the matrix of the line above."""
    return dC_da * softmax_jacobian(z[:, 0])


def cross_entropy(a: Array, y: Array) -> float:
    """Of one sample."""
    return float(-(y * np.log(a)).sum())


def cross_entropy_of_z(z: Array, y: Array) -> Array:
    """The appendix's last form, which uses that the y_i sum to 1."""
    return np.asarray(-(y * z).sum() + np.log(np.exp(z).sum()))


def update(W: Array, gradient: Array, alpha: float) -> Array:
    """W_new = W - alpha dC/dW."""
    return W - alpha * gradient


def squared_delta(s: Walk, l: int) -> Array:
    """2 (a^L - y) * mu'(z^L)."""
    return 2 * (s.a[l] - s.y) * s.slope(l, s.z[l])


def a_minus_y(s: Walk, l: int) -> Array:
    """a^L - y."""
    return s.a[l] - s.y


def bias_in_sum(s: Walk, l: int) -> Array:
    """b_i added once for each of the n_{l-1} terms."""
    return np.asarray(s.W[l] @ s.a[l - 1] + s.a[l - 1].shape[0] * s.b[l])


def z_from_first(s: Walk, l: int) -> Array:
    """W^1 where W^2 is meant."""
    return (s.W[1] if l == 2 else s.W[l]) @ s.a[l - 1] + s.b[l]


def limit(s: Walk, l: int) -> Array:
    """The sum over j = 1, ..., n_l."""
    j = np.arange(len(s.b[l]))
    return s.W[l][:, j] @ s.a[l - 1][j] + s.b[l]


def slope_index(s: Walk, l: int) -> Array:
    """mu'(z^l) * (W^l)^T delta^l."""
    return np.asarray(s.slope(l - 1, s.z[l]) * (s.W[l].T @ s.delta[l]))


def through_first(s: Walk, l: int) -> Array:
    """mu'(z^{l-1}) * (W^1)^T delta^l."""
    return np.asarray(s.slope(l - 1, s.z[l - 1]) * (s.W[1].T @ s.delta[l]))


def frozen(s: Walk, l: int) -> Array:
    """ReLU'(Z^1) * (W^1)^T Delta^l, for every l."""
    return np.asarray(s.slope(1, s.z[1]) * (s.W[1].T @ s.delta[l]))


def sum_over_k(s: Walk, l: int) -> Array:
    """delta^{L-1} as the sum over the units k of layer L; the layers below by the recursion."""
    if l != s.L:
        return Steps().carry(s, l)
    terms = [s.delta[l][k] * s.W[l][k][:, None] for k in range(len(s.b[l]))]
    return np.asarray(sum(terms) * s.slope(l - 1, s.z[l - 1]))


def sum_weight(s: Walk, l: int) -> Array:
    """sum_l delta_l a_l^T."""
    return s.delta[l] @ s.a[l - 1].T


def sum_bias(s: Walk, l: int) -> Array:
    """sum_l delta_l."""
    return np.asarray(s.delta[l].sum(axis=1, keepdims=True))


def mean_weight(s: Walk, l: int) -> Array:
    """1/N sum_l delta_l a_l^T."""
    return sum_weight(s, l) / s.N


def mean_bias(s: Walk, l: int) -> Array:
    """1/N sum_l delta_l."""
    return sum_bias(s, l) / s.N


def bias_from_first(s: Walk, l: int) -> Array:
    """Columns of Delta^1 where those of Delta^2 are meant."""
    return np.asarray(s.share * s.delta[1 if l == 2 else l].sum(axis=1, keepdims=True))
