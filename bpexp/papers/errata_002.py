"""The formulas of 002, as printed. Units and samples count from 0, layers from 0 (the input) to L."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

import numpy as np

from bpexp.gradients.path_sum import count_paths
from bpexp.nn.activations import activations
from bpexp.nn.arrays import Array
from bpexp.nn.outputs import outputs
from bpexp.papers.formula import Book
from bpexp.papers.literal_pass import Steps, Walk

book = Book("002")
sigmoid, softmax = activations.build("sigmoid"), outputs.build("softmax")


def forward_first(w: Array, a: Array, b: Array) -> Array:
    """z_j = sum_i w_(i,j) a_i + b_j: the first index is the unit that a weight leaves."""
    return sigmoid.f(np.array([[sum(w[i, j] * a[i, 0] for i in range(len(a))) + b[j, 0]] for j in range(len(b))]))


def first_shapes(sizes: Sequence[int]) -> dict[str, tuple[int, int]]:
    """Shapes that are stated for layer 1 of a network of n_0, n_1, n_2 units."""
    _, n_1, n_2 = sizes
    return {"a": (n_1 + 1, 1), "W": (n_2 + 1, n_1 + 1), "b": (n_2 + 1, 1)}


def width(sizes: Sequence[int], k: int) -> int:
    """Units of layer k, where `sizes` holds n_0, n_1, ...; layer 0 would need n_{-1}."""
    if k < 1:
        raise IndexError("there is no n_{-1}")
    return sizes[k - 1]


def forward(W: Array, a: Array, b: Array) -> Array:
    """sigma(W a + b)."""
    return sigmoid.f(W @ a + b)


def chain_product(dC_da: float, da_dz: Sequence[float], dz_da: Sequence[float], own: float, k: int) -> float:
    """dC/dw^(k) or dC/db^(k) in a chain of single units.

    da_dz holds da^(l)/dz^(l) and dz_da dz^(l)/da^(l-1), both from l = 1 on; `own` is dz^(k)/dw^(k) or dz^(k)/db^(k).
    """
    return dC_da * prod(da_dz[k - 1 :]) * prod(dz_da[k:]) * own


def batch_mean(slopes: Sequence[float]) -> float:
    """1/n of the sum over k = 0, ..., n - 1."""
    n = len(slopes)
    return sum(slopes[k] for k in range(n)) / n


def cost(a: Array, y: Array) -> float:
    """Of one sample: the mean over the outputs."""
    return float(((a - y) ** 2).sum() / len(a))


def softmax_jacobian(z: Array) -> Array:
    """Entry (j, i) = dA_j/dz_i for z (n,)."""
    A = softmax.f(z[:, None])[:, 0]
    n = len(A)
    return np.array([[A[j] * (1 - A[j]) if i == j else -A[j] * A[i] for i in range(n)] for j in range(n)])


def cross_entropy_slope(A: Array, y: Array) -> Array:
    """dC/dA_j."""
    return -y / A


def relu_slope(z: Array) -> Array:
    """I(z > 0)."""
    return (z > 0).astype(z.dtype)


def update(W: Array, gradient: Array, eta: float) -> Array:
    """W - eta dC/dW."""
    return W - eta * gradient


def full_chain(s: Walk, l: int) -> Array:
    """sum_j dC/da_j da_j/dz_i."""
    return s.f[l].vjp(s.z[l], s.cost_slope())


def a_minus_y(s: Walk, l: int) -> Array:
    """A - Y."""
    return s.a[l] - s.y


def own_chain(s: Walk, l: int) -> Array:
    """dC/da_j da_j/dz_j, one term only."""
    return s.cost_slope() * s.slope(l, s.z[l])


def nested(s: Walk, l: int) -> Array:
    """delta^{l-1} by the nested sums over k_L, ..., k_l, one term for each path; up to 20 000 of them."""
    if count_paths([len(s.a[m]) for m in range(s.L)] + [len(s.b[s.L])]) > 20_000:
        raise ValueError("there are more than 20 000 paths")
    below = l - 1
    rows = np.zeros_like(s.z[below])
    for i in range(len(rows)):
        for path in product(*(range(len(s.b[m])) for m in range(l, s.L + 1))):
            term, units = s.delta[s.L][path[-1]], (i, *path)
            for m in range(s.L, below, -1):
                to, of = units[m - below], units[m - below - 1]
                term = term * s.W[m][to, of] * s.slope(m - 1, s.z[m - 1])[of]
            rows[i] += term
    return rows


def double_sum(s: Walk, l: int) -> Array:
    """dz_i/dw_ab is [i = a] a_b, so the sum over i has one term that is not 0."""
    if l != s.L - 1:
        return Steps().weight(s, l)
    identity = np.eye(len(s.b[l]), dtype=s.z[l].dtype)
    slope = s.slope(l, s.z[l])
    terms = np.einsum("jn,ji,in,ia,bn->ab", s.delta[s.L], s.W[s.L], slope, identity, s.a[l - 1], optimize=True)
    return np.asarray(s.share * terms)


def free_index(s: Walk, l: int) -> Array:
    """The sum over i and j is one number, whatever the i on the left."""
    if l != s.L - 1:
        return Steps().bias(s, l)
    total = (s.W[s.L].T @ s.delta[s.L] * s.slope(l, s.z[l])).sum()
    return np.full_like(s.b[l], s.share * total)


def no_slope(s: Walk, l: int) -> Array:
    """(W^l)^T delta^l, without sigma'."""
    return s.W[l].T @ s.delta[l]


def from_one(s: Walk, l: int) -> Array:
    """The sums without the term of unit 0."""
    return s.W[l][1:].T @ s.delta[l][1:] * s.slope(l - 1, s.z[l - 1])


def expanded(s: Walk, l: int) -> Array:
    """Both of the above."""
    return s.W[l][1:].T @ s.delta[l][1:]


def batch_weight(s: Walk, l: int) -> Array:
    """1/n delta^l (A^{l-1})^T."""
    return s.delta[l] @ s.a[l - 1].T / s.N


def batch_bias(s: Walk, l: int) -> Array:
    """1/n of the sum of the columns of delta^l."""
    return np.asarray(s.delta[l].sum(axis=1, keepdims=True) / s.N)
