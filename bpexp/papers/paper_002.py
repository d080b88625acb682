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
from bpexp.papers.literal_pass import Lines, LiteralPass

book = Book("002")
sigmoid, softmax = activations.build("sigmoid"), outputs.build("softmax")

FIRST, SINGLE = "Notation and Structure", "Single Neuron per Layer"
MULTIPLE, NESTED = "Multiple Neuron in Each Layer", "Recursive Gradient Generalization"
VECTOR, DELTA = "Vectorizing", "Matrix Form of delta"
CODE = "Derivations Used in Code"


@book.formula(
    "forward-first",
    section=FIRST,
    printed="a_0^(1) = sigma(w_(0,0) a_0 + w_(1,0) a_1 + ... + b_0)",
    correctness="convention",
    right="(from, to) here; (to, from) from Generalizing on, where w is the transpose",
)
def forward_first(w: Array, a: Array, b: Array) -> Array:
    """z_j = sum_i w_(i,j) a_i + b_j: the first index is the unit that a weight leaves."""
    return sigmoid.f(np.array([[sum(w[i, j] * a[i, 0] for i in range(len(a))) + b[j, 0]] for j in range(len(b))]))


@book.formula(
    "first-shapes",
    section=FIRST,
    printed="n_0, n_1 units in layers 0, 1; a^(0): n_1 + 1, W^(1): (n_2 + 1) x (n_1 + 1)",
    correctness="shape error",
    right="a^(0): n_0, W^(1): n_1 x n_0, b^(1): n_1",
)
def first_shapes(sizes: Sequence[int]) -> dict[str, tuple[int, int]]:
    """The shapes stated for layer 1 of a network of n_0, n_1, n_2 units."""
    _, n_1, n_2 = sizes
    return {"a": (n_1 + 1, 1), "W": (n_2 + 1, n_1 + 1), "b": (n_2 + 1, 1)}


@book.formula(
    "forward",
    section="Generalizing",
    printed="a^(k+1) = sigma(W^(k+1) a^(k) + b^(k+1)), sums over i = 0, ..., n_k",
    correctness="correct",
    right="with n_k + 1 units in layer k there, n_k from Multiple Neuron on",
)
def forward(W: Array, a: Array, b: Array) -> Array:
    """sigma(W a + b) for a (n_k, 1)."""
    return sigmoid.f(W @ a + b)


@book.formula(
    "chain-product",
    section=SINGLE,
    printed="dC/dw^(k) = dC/da^(L) da^(L)/dz^(L) dz^(L)/da^(L-1) ... da^(k)/dz^(k) dz^(k)/dw^(k)",
    correctness="correct",
    right="for b^(k) with dz^(k)/db^(k) = 1",
)
def chain_product(dC_da: float, da_dz: Sequence[float], dz_da: Sequence[float], own: float, k: int) -> float:
    """dC/dw^(k) or dC/db^(k) in a chain of single units.

    da_dz holds da^(l)/dz^(l) and dz_da dz^(l)/da^(l-1), both from l = 1 on; `own` is dz^(k)/dw^(k) or dz^(k)/db^(k).
    """
    return dC_da * prod(da_dz[k - 1 :]) * prod(dz_da[k:]) * own


@book.formula(
    "batch-mean", section="Averaging Gradients", printed="dC/dw = 1/n sum_{k=0}^{n-1} dC_k/dw", correctness="correct"
)
def batch_mean(slopes: Sequence[float]) -> float:
    """1/n of the sum over k = 0, ..., n - 1."""
    n = len(slopes)
    return sum(slopes[k] for k in range(n)) / n


@book.formula(
    "layer-width",
    section=MULTIPLE,
    printed="layer k has n_{k-1} units",
    correctness="shape error",
    right="n_k, as in the sums below it",
)
def width(sizes: Sequence[int], k: int) -> int:
    """The number of units stated for layer k, where `sizes` holds n_0, n_1, ...; layer 0 would need n_{-1}."""
    if k < 1:
        raise IndexError("there is no n_{-1}")
    return sizes[k - 1]


@book.formula(
    "cost",
    section=MULTIPLE,
    printed="C_0 = 1/n_L sum_j (a_j^(L) - y_j)^2",
    correctness="convention",
    right="1/n_L of the cost of 000 and 003, so gradients are n_L times smaller",
)
def cost(a: Array, y: Array) -> float:
    """C_0 of one sample, a and y (n_L, 1): the mean over the outputs."""
    return float(((a - y) ** 2).sum() / len(a))


def own_chain(p: LiteralPass, l: int) -> Array:
    """delta_j = dC/da_j da_j/dz_j, without the sum over the other a_j."""
    return p.cost_slope() * p.slope(l, p.z[l])


book.whole_pass(
    "own-chain",
    section=MULTIPLE,
    printed="dC/dw_ji^(L) = dC/da_j da_j/dz_j dz_j/dw_ji",
    correctness="correct",
    right="for an elementwise output; softmax needs the sum over all a_j",
    last=own_chain,
)


def double_sum(p: LiteralPass, l: int) -> Array:
    """dC/dW^{L-1} with the sum over i, where dz_i/dw_ab = [i = a] a_b; the other layers by the correct line."""
    if l != p.L - 1:
        return Lines().weight(p, l)
    identity = np.eye(len(p.b[l]), dtype=p.z[l].dtype)
    slope = p.slope(l, p.z[l])
    terms = np.einsum("jn,ji,in,ia,bn->ab", p.delta[p.L], p.W[p.L], slope, identity, p.a[l - 1], optimize=True)
    return np.asarray(p.share * terms)


book.whole_pass(
    "dw-double-sum",
    section=MULTIPLE,
    printed="dC/dw_ab^(L-1) = sum_j sum_i dC/da_j da_j/dz_j dz_j/da_i da_i/dz_i dz_i/dw_ab",
    correctness="correct",
    right="the terms i != a vanish, so the sum over i is redundant",
    weight=double_sum,
)


def free_index(p: LiteralPass, l: int) -> Array:
    """dC/db^{L-1} with the sum over i, which gives every unit the same number; the other layers by the correct line."""
    if l != p.L - 1:
        return Lines().bias(p, l)
    total = (p.W[p.L].T @ p.delta[p.L] * p.slope(l, p.z[l])).sum()
    return np.full_like(p.b[l], p.share * total)


book.whole_pass(
    "db-free-index",
    section=MULTIPLE,
    printed="dC/db_i^(L-1) = sum_j sum_i dC/da_j da_j/dz_j dz_j/da_i da_i/dz_i dz_i/db_i",
    correctness="silently wrong",
    right="the sum over j alone: i is free; summed too, all biases of the layer get one number",
    bias=free_index,
)


def nested(p: LiteralPass, l: int) -> Array:
    """delta^{l-1} by the nested sums over k_L, ..., k_l, one term for each path.

    Raises ValueError for a network of more than 20 000 paths.
    """
    if count_paths([len(p.a[m]) for m in range(p.L)] + [len(p.b[p.L])]) > 20_000:
        raise ValueError("there are more than 20 000 paths")
    below = l - 1
    rows = np.zeros_like(p.z[below])
    for i in range(len(rows)):
        for path in product(*(range(len(p.b[m])) for m in range(l, p.L + 1))):
            term, units = p.delta[p.L][path[-1]], (i, *path)
            for m in range(p.L, below, -1):
                to, of = units[m - below], units[m - below - 1]
                term = term * p.W[m][to, of] * p.slope(m - 1, p.z[m - 1])[of]
            rows[i] += term
    return rows


book.whole_pass(
    "nested",
    section=NESTED,
    printed="dC/dw_ab^(k), dC/db_i^(k) = sum over k_L, ..., k_{k+1} of the product along the path",
    correctness="correct",
    carry=nested,
)


book.whole_pass(
    "delta-gradients",
    section=VECTOR,
    printed="dC/dW = delta a^T, dC/db = delta",
    correctness="correct",
    right="of one sample",
)


def no_slope(p: LiteralPass, l: int) -> Array:
    """(W^l)^T delta^l, all units, without sigma'."""
    return p.W[l].T @ p.delta[l]


book.whole_pass(
    "expanded-no-slope",
    section=DELTA,
    printed="delta_1^(l) = delta_1 w_(1,1) + delta_2 w_(2,1) + ..., without sigma'",
    correctness="silently wrong",
    right="times sigma'(z_1^(l)), as in the line before and the matrix form after it",
    carry=no_slope,
)


def from_one(p: LiteralPass, l: int) -> Array:
    """(W^l)^T delta^l * sigma'(z^{l-1}) from unit 1."""
    return p.W[l][1:].T @ p.delta[l][1:] * p.slope(l - 1, p.z[l - 1])


book.whole_pass(
    "expanded-from-1",
    section=DELTA,
    printed="the same sum from unit 1 to n_{l+1} - 1",
    correctness="silently wrong",
    right="from unit 0: units count from 0, and the term of unit 0 is left out",
    carry=from_one,
)


def expanded(p: LiteralPass, l: int) -> Array:
    """(W^l)^T delta^l from unit 1, without sigma'."""
    return p.W[l][1:].T @ p.delta[l][1:]


book.whole_pass(
    "expanded",
    section=DELTA,
    printed="both: from unit 1, and without sigma'",
    correctness="silently wrong",
    right="delta^(l) = (W^(l+1))^T delta^(l+1) * sigma'(z^(l)), all units",
    carry=expanded,
)


book.whole_pass(
    "final",
    section="Final 3 Vectorized Results",
    printed="delta^(l) = (W^(l+1))^T delta^(l+1) * sigma'(z^(l)); dC/db = delta; dC/dW = delta (a^(l-1))^T",
    correctness="correct",
)


def a_minus_y(p: LiteralPass, l: int) -> Array:
    """delta^L = A - Y."""
    return p.a[l] - p.y


book.whole_pass(
    "output-delta",
    section=CODE,
    printed="delta^(3) = A^(3) - Y",
    correctness="correct",
    right="for softmax with cross-entropy",
    last=a_minus_y,
)


def full_chain(p: LiteralPass, l: int) -> Array:
    """delta_i = sum_j dC/da_j da_j/dz_i."""
    return p.f[l].vjp(p.z[l], p.cost_slope())


book.whole_pass(
    "full-chain",
    section=CODE,
    printed="dC/dz_i = sum_j dC/dA_j dA_j/dz_i",
    correctness="correct",
    right="for every output and loss",
    last=full_chain,
)


@book.formula(
    "softmax-jacobian", section=CODE, printed="dA_j/dz_i = A_j (1 - A_j) if i = j else -A_j A_i", correctness="correct"
)
def softmax_jacobian(z: Array) -> Array:
    """dA_j/dz_i at (j, i), for z (n,)."""
    A = softmax.f(z[:, None])[:, 0]
    n = len(A)
    return np.array([[A[j] * (1 - A[j]) if i == j else -A[j] * A[i] for i in range(n)] for j in range(n)])


@book.formula("cross-entropy-slope", section=CODE, printed="dC/dA_j = -y_j / A_j", correctness="correct")
def cross_entropy_slope(A: Array, y: Array) -> Array:
    """dC/dA_j of one sample, A and y (n,)."""
    return -y / A


def batch_weight(p: LiteralPass, l: int) -> Array:
    """dC/dW^l = 1/n delta^l (A^{l-1})^T."""
    return p.delta[l] @ p.a[l - 1].T / p.N


def batch_bias(p: LiteralPass, l: int) -> Array:
    """dC/db^l = 1/n of the sum of the columns of delta^l."""
    return np.asarray(p.delta[l].sum(axis=1, keepdims=True) / p.N)


book.whole_pass(
    "batch",
    section=CODE,
    printed="dC/dW^(l) = 1/n delta^(l) (A^(l-1))^T, dC/db^(l) = 1/n sum delta^(l)",
    correctness="correct",
    right="for the mean over the samples: the sum is over them, as the stated shape 10 x 1 shows",
    weight=batch_weight,
    bias=batch_bias,
)


@book.formula(
    "relu-slope", section=CODE, printed="sigma'(Z) = I(Z > 0)", correctness="convention", right="f' = 0 at the kink"
)
def relu_slope(z: Array) -> Array:
    """I(z > 0)."""
    return (z > 0).astype(z.dtype)


@book.formula("update", section=CODE, printed="W <- W - eta dC/dW", correctness="correct")
def update(W: Array, gradient: Array, eta: float) -> Array:
    """W - eta dC/dW."""
    return W - eta * gradient
