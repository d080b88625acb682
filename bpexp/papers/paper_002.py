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
    quote=r"a_0^{(1)} = \sigma \left(w_{0,0}^{(1)} a_0^{(0)} + w_{1,0}^{(1)} a_1^{(0)} + \cdots + "
    r"w_{n_1,0}^{(1)} a_{n_1}^{(0)} + b_0^{(1)} \right)",
    printed="a_0^(1) = sigma(w_(0,0) a_0 + w_(1,0) a_1 + ... + b_0)",
    correctness="right in its own terms",
    right="w_(from, to) here and in the matrix below it; w_(to, from) from Generalizing on",
)
def forward_first(w: Array, a: Array, b: Array) -> Array:
    """z_j = sum_i w_(i,j) a_i + b_j: the first index is the unit that a weight leaves."""
    return sigmoid.f(np.array([[sum(w[i, j] * a[i, 0] for i in range(len(a))) + b[j, 0]] for j in range(len(b))]))


@book.formula(
    "first-shapes",
    section=FIRST,
    quote=r"- $\vec{a}^{(0)}$ is $(n_1 + 1) \times 1$ - $W^{(1)}$ is $(n_2 + 1) \times (n_1 + 1)$ - "
    r"$\vec{b}^{(1)}$ is $(n_2 + 1) \times 1$",
    printed="n_0, n_1 units in layers 0, 1; a^(0): n_1 + 1, W^(1): (n_2 + 1) x (n_1 + 1)",
    correctness="shape error",
    right="a^(0): n_0, W^(1): n_1 x n_0, b^(1): n_1, as the widths are declared two lines above",
    elsewhere=("002-forward",),
)
def first_shapes(sizes: Sequence[int]) -> dict[str, tuple[int, int]]:
    """The shapes stated for layer 1 of a network of n_0, n_1, n_2 units."""
    _, n_1, n_2 = sizes
    return {"a": (n_1 + 1, 1), "W": (n_2 + 1, n_1 + 1), "b": (n_2 + 1, 1)}


@book.formula(
    "forward",
    section="Generalizing",
    quote=r"\vec{a}^{(k+1)} = \sigma \left(W^{(k+1)} \vec{a}^{(k)} + \vec{b}^{(k+1)} \right)",
    printed="a^(k+1) = sigma(W^(k+1) a^(k) + b^(k+1)), sums over i = 0, ..., n_k",
    correctness="correct",
    right="with n_k + 1 units in layer k, as stated there; from Multiple Neuron on layer k has n_k",
)
def forward(W: Array, a: Array, b: Array) -> Array:
    """sigma(W a + b) for a (n_k, 1)."""
    return sigmoid.f(W @ a + b)


@book.formula(
    "chain-product",
    section=SINGLE,
    quote=r"\frac{\partial C_0}{\partial w^{(k)}} = \frac{\partial C_0}{\partial a^{(L)}} \cdot "
    r"\frac{\partial a^{(L)}}{\partial z^{(L)}} \cdot \frac{\partial z^{(L)}}{\partial a^{(L-1)}} \cdot "
    r"\frac{\partial a^{(L-1)}}{\partial z^{(L-1)}} \cdots \frac{\partial z^{(k+1)}}{\partial a^{(k)}} "
    r"\cdot \frac{\partial a^{(k)}}{\partial z^{(k)}} \cdot \frac{\partial z^{(k)}}{\partial w^{(k)}}",
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
    "batch-mean",
    section="Averaging Gradients",
    quote=r"\frac{\partial C}{\partial w^{(L)}} = \frac{1}{n} \sum_{k=0}^{n-1} \frac{\partial C_k}{\partial "
    r"w^{(L)}}",
    printed="dC/dw = 1/n sum_{k=0}^{n-1} dC_k/dw",
    correctness="correct",
)
def batch_mean(slopes: Sequence[float]) -> float:
    """1/n of the sum over k = 0, ..., n - 1."""
    n = len(slopes)
    return sum(slopes[k] for k in range(n)) / n


@book.formula(
    "layer-width",
    section=MULTIPLE,
    quote=r"Let the k^{th} layer have n_{k-1} neurons",
    printed="layer k has n_{k-1} units",
    correctness="shape error",
    right="n_k, as in the sums below it",
    elsewhere=("002-nested",),
)
def width(sizes: Sequence[int], k: int) -> int:
    """The number of units stated for layer k, where `sizes` holds n_0, n_1, ...; layer 0 would need n_{-1}."""
    if k < 1:
        raise IndexError("there is no n_{-1}")
    return sizes[k - 1]


@book.formula(
    "cost",
    section=MULTIPLE,
    quote=r"C_0 = \frac{1}{n_L} \sum_{j=0}^{n_L-1} (a_j^{(L)} - y_j)^2",
    printed="C_0 = 1/n_L sum_j (a_j^(L) - y_j)^2",
    correctness="right in its own terms",
    right="a mean over the outputs: 1/n_L of the cost of 000 and 003, so gradients are n_L times smaller",
)
def cost(a: Array, y: Array) -> float:
    """C_0 of one sample, a and y (n_L, 1): the mean over the outputs."""
    return float(((a - y) ** 2).sum() / len(a))


def own_chain(p: LiteralPass, l: int) -> Array:
    """delta_j = dC/da_j da_j/dz_j, without the sum over the other a_j."""
    return p.cost_slope() * p.slope(l, p.z[l])


book.whole_pass(
    "own-chain",
    Lines(last=own_chain),
    section=MULTIPLE,
    quote=r"\frac{\partial C_0}{\partial w_{ji}^{(L)}} &= \frac{\partial C_0}{\partial a_j^{(L)}} \cdot "
    r"\frac{\partial a_j^{(L)}}{\partial z_j^{(L)}} \cdot \frac{\partial z_j^{(L)}}{\partial "
    r"w_{ji}^{(L)}}",
    printed="dC/dw_ji^(L) = dC/da_j da_j/dz_j dz_j/dw_ji",
    correctness="correct",
    right="for an elementwise output; softmax needs the sum over all a_j",
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
    Lines(weight=double_sum),
    section=MULTIPLE,
    quote=r"\frac{\partial C_0}{\partial w_{ab}^{(L-1)}} = \sum_{j=0}^{n_L-1} \sum_{i=0}^{n_{L-1}-1} "
    r"\frac{\partial C_0}{\partial a_j^{(L)}} \cdot \frac{\partial a_j^{(L)}}{\partial z_j^{(L)}} \cdot "
    r"\frac{\partial z_j^{(L)}}{\partial a_i^{(L-1)}} \cdot \frac{\partial a_i^{(L-1)}}{\partial "
    r"z_i^{(L-1)}} \cdot \frac{\partial z_i^{(L-1)}}{\partial w_{ab}^{(L-1)}}",
    printed="dC/dw_ab^(L-1) = sum_j sum_i dC/da_j da_j/dz_j dz_j/da_i da_i/dz_i dz_i/dw_ab",
    correctness="correct",
    right="the terms i != a vanish, so the sum over i is redundant",
)


book.slip(
    "db-free-index",
    section=MULTIPLE,
    quote=r"\frac{\partial C_0}{\partial b_i^{(L-1)}} = \sum_{j=0}^{n_L-1} \sum_{i=0}^{n_{L-1}-1} \frac{\partial "
    r"C_0}{\partial a_j^{(L)}} \cdot \frac{\partial a_j^{(L)}}{\partial z_j^{(L)}} \cdot \frac{\partial "
    r"z_j^{(L)}}{\partial a_i^{(L-1)}} \cdot \frac{\partial a_i^{(L-1)}}{\partial z_i^{(L-1)}} \cdot "
    r"\frac{\partial z_i^{(L-1)}}{\partial b_i^{(L-1)}}",
    printed="dC/db_i^(L-1) = sum_j sum_i dC/da_j da_j/dz_j dz_j/da_i da_i/dz_i dz_i/db_i",
    correctness="ill-formed",
    right="i is summed over and names the bias; the sum over j alone, or another letter for the second sum",
    elsewhere=("002-nested",),
)


def bound_index(p: LiteralPass, l: int) -> Array:
    """dC/db^{L-1} with one number for every unit, the sum over i; the other layers by the correct line."""
    if l != p.L - 1:
        return Lines().bias(p, l)
    total = (p.W[p.L].T @ p.delta[p.L] * p.slope(l, p.z[l])).sum()
    return np.full_like(p.b[l], p.share * total)


book.whole_pass(
    "db-bound-index",
    Lines(bias=bound_index),
    section=MULTIPLE,
    printed="002-db-free-index with every i summed over, that of the bias too",
    correctness="silently wrong",
    right="all biases of the layer get one number, the sum of their derivatives",
)


def two_letters(p: LiteralPass, l: int) -> Array:
    """dC/db_m^{L-1} with sums over j and i, where dz_i/db_m = [i = m]; the other layers by the correct line."""
    if l != p.L - 1:
        return Lines().bias(p, l)
    identity = np.eye(len(p.b[l]), dtype=p.z[l].dtype)
    terms = np.einsum("jn,ji,in,im->m", p.delta[p.L], p.W[p.L], p.slope(l, p.z[l]), identity, optimize=True)
    return np.asarray(p.share * terms[:, None])


book.whole_pass(
    "db-two-letters",
    Lines(bias=two_letters),
    section=MULTIPLE,
    printed="002-db-free-index with another letter for the bias, as in 002-dw-double-sum",
    correctness="correct",
    right="the terms of the other units vanish, so the sum over i is redundant",
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
    Lines(carry=nested),
    section=NESTED,
    quote=r"\frac{\partial C_0}{\partial w_{ab}^{(k)}} = \sum_{k_L=0}^{n_L-1} \sum_{k_{L-1}=0}^{n_{L-1}-1} "
    r"\cdots \sum_{k_{(k+1)}=0}^{n_{(k+1)}-1} \left[\frac{\partial C_0}{\partial a_{k_L}^{(L)}} \cdot "
    r"\frac{\partial a_{k_L}^{(L)}}{\partial z_{k_L}^{(L)}} \cdot \frac{\partial "
    r"z_{k_L}^{(L)}}{\partial a_{k_{L-1}}^{(L-1)}} \cdots \frac{\partial "
    r"z_{k_{(k+1)}}^{(k+1)}}{\partial a_a^{(k)}} \cdot \frac{\partial a_a^{(k)}}{\partial z_a^{(k)}} "
    r"\cdot \frac{\partial z_a^{(k)}}{\partial w_{ab}^{(k)}} \right]$$ Similarly, for the bias "
    r"$b_i^{(k)}$: $$\frac{\partial C_0}{\partial b_i^{(k)}} = \sum_{k_L=0}^{n_L-1} "
    r"\sum_{k_{L-1}=0}^{n_{L-1}-1} \cdots \sum_{k_{(k+1)}=0}^{n_{(k+1)}-1} \left[\frac{\partial "
    r"C_0}{\partial a_{k_L}^{(L)}} \cdot \frac{\partial a_{k_L}^{(L)}}{\partial z_{k_L}^{(L)}} \cdot "
    r"\frac{\partial z_{k_L}^{(L)}}{\partial a_{k_{L-1}}^{(L-1)}} \cdots \frac{\partial "
    r"z_{k_{(k+1)}}^{(k+1)}}{\partial a_i^{(k)}} \cdot \frac{\partial a_i^{(k)}}{\partial z_i^{(k)}} "
    r"\cdot \frac{\partial z_i^{(k)}}{\partial b_i^{(k)}} \right]",
    printed="dC/dw_ab^(k), dC/db_i^(k) = sum over k_L, ..., k_{k+1} of the product along the path",
    correctness="correct",
)


book.whole_pass(
    "delta-gradients",
    section=VECTOR,
    quote=r"\frac{\partial C_0}{\partial w_{ab}^{(\ell)}} = \delta_a^{(\ell)} \cdot a_b^{(\ell-1)} \quad "
    r"\text{and} \quad \frac{\partial C_0}{\partial b_a^{(\ell)}} = \delta_a^{(\ell)}",
    printed="dC/dW = delta a^T, dC/db = delta",
    correctness="correct",
    right="of one sample",
)


book.whole_pass(
    "delta-recursion",
    section="Recursive Formula for delta",
    quote=r"\delta_a^{(\ell)} = \sum_{k=0}^{n_{\ell+1}-1} \delta_k^{(\ell+1)} w_{ka}^{(\ell+1)} "
    r"\cdot \sigma'(z_a^{(\ell)})",
    printed="delta_a^(l) = sum_{k=0}^{n_{l+1}-1} delta_k^(l+1) w_ka^(l+1) sigma'(z_a^(l))",
    correctness="correct",
)


def expanded(p: LiteralPass, l: int) -> Array:
    """(W^l)^T delta^l from unit 1, without sigma'."""
    return p.W[l][1:].T @ p.delta[l][1:]


book.whole_pass(
    "expanded",
    Lines(carry=expanded),
    section=DELTA,
    quote=r"\delta_1^{(\ell)} = \delta_1^{(\ell+1)} w_{1,1}^{(\ell+1)} + \delta_2^{(\ell+1)} "
    r"w_{2,1}^{(\ell+1)} + \dots + \delta_{n_{\ell+1}-1}^{(\ell+1)} w_{(n_{\ell+1}-1),1}^{(\ell+1)}",
    printed="delta_1^(l) = delta_1 w_(1,1) + delta_2 w_(2,1) + ... + delta_{n-1} w_(n-1,1), n = n_{l+1}",
    correctness="silently wrong",
    right="times sigma'(z_1^(l)), and from unit 0, as units are counted; the lines before and after it are right",
    elsewhere=("002-delta-recursion", "002-final"),
)


def no_slope(p: LiteralPass, l: int) -> Array:
    """(W^l)^T delta^l, all units, without sigma'."""
    return p.W[l].T @ p.delta[l]


book.whole_pass(
    "expanded-no-slope",
    Lines(carry=no_slope),
    section=DELTA,
    printed="002-expanded from unit 0, still without sigma'",
    correctness="silently wrong",
    right="times sigma'(z^(l))",
)


def from_one(p: LiteralPass, l: int) -> Array:
    """(W^l)^T delta^l * sigma'(z^{l-1}) from unit 1."""
    return p.W[l][1:].T @ p.delta[l][1:] * p.slope(l - 1, p.z[l - 1])


book.whole_pass(
    "expanded-from-1",
    Lines(carry=from_one),
    section=DELTA,
    printed="002-expanded with sigma', still from unit 1",
    correctness="silently wrong",
    right="from unit 0",
)


book.whole_pass(
    "final",
    section="Final 3 Vectorized Results",
    quote=r"\delta^{(\ell)} = \left(W^{[\ell+1]} \right)^T \delta^{(\ell+1)} \odot \sigma'(z^{(\ell)})$$ "
    r"$$\frac{\partial C_0}{\partial b^{(\ell)}} = \delta^{(\ell)}$$ $$\frac{\partial C_0}{\partial "
    r"W^{(\ell)}} = \delta^{(\ell)} (a^{[\ell-1]})^T",
    printed="delta^(l) = (W^(l+1))^T delta^(l+1) * sigma'(z^(l)); dC/db = delta; dC/dW = delta (a^(l-1))^T",
    correctness="correct",
)


def a_minus_y(p: LiteralPass, l: int) -> Array:
    """delta^L = A - Y."""
    return p.a[l] - p.y


book.whole_pass(
    "output-delta",
    Lines(last=a_minus_y),
    section=CODE,
    quote=r"\delta^{[3]} = A^{[3]} - Y \quad (10 \times n)",
    printed="delta^(3) = A^(3) - Y",
    correctness="correct",
    right="for softmax with cross-entropy",
)


def full_chain(p: LiteralPass, l: int) -> Array:
    """delta_i = sum_j dC/da_j da_j/dz_i."""
    return p.f[l].vjp(p.z[l], p.cost_slope())


book.whole_pass(
    "hidden-errors",
    section=CODE,
    quote=r"\delta^{[2]} = (W^{[3]})^T \delta^{[3]} \circ \sigma'(Z^{[2]}) \quad (32 \times n)",
    printed="delta^(2) = (W^(3))^T delta^(3) * sigma'(Z^(2))",
    correctness="correct",
)


book.whole_pass(
    "full-chain",
    Lines(last=full_chain),
    section=CODE,
    quote=r"\frac{\partial C}{\partial z_i} = \sum_{j=1}^{10} \frac{\partial C}{\partial A_j} \cdot "
    r"\frac{\partial A_j}{\partial z_i}",
    printed="dC/dz_i = sum_j dC/dA_j dA_j/dz_i",
    correctness="correct",
    right="for every output and loss",
)


@book.formula(
    "softmax-jacobian",
    section=CODE,
    quote=r"\frac{\partial A_j}{\partial z_i} = \begin{cases} A_j(1 - A_j) & \text{if } i = j \\ -A_j A_i & "
    r"\text{if } i \neq j \end{cases}",
    printed="dA_j/dz_i = A_j (1 - A_j) if i = j else -A_j A_i",
    correctness="correct",
)
def softmax_jacobian(z: Array) -> Array:
    """dA_j/dz_i at (j, i), for z (n,)."""
    A = softmax.f(z[:, None])[:, 0]
    n = len(A)
    return np.array([[A[j] * (1 - A[j]) if i == j else -A[j] * A[i] for i in range(n)] for j in range(n)])


@book.formula(
    "cross-entropy-slope",
    section=CODE,
    quote=r"\frac{\partial C}{\partial A_j} = -\frac{y_j}{A_j}",
    printed="dC/dA_j = -y_j / A_j",
    correctness="correct",
)
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
    Lines(weight=batch_weight, bias=batch_bias),
    section=CODE,
    quote=r"\frac{\partial C}{\partial W^{[l]}} = \frac{1}{n} \delta^{[l]} (A^{[l-1]})^T \quad \text{for } l "
    r"= 1, 2$$ $$\frac{\partial C}{\partial b^{[l]}} = \frac{1}{n} \sum \delta^{[l]} \quad \text{for } "
    r"l = 1, 2",
    printed="dC/dW^(l) = 1/n delta^(l) (A^(l-1))^T, dC/db^(l) = 1/n sum delta^(l)",
    correctness="correct",
    right="for the mean over the samples: the sum is over them, as the stated shape 10 x 1 shows",
)


@book.formula(
    "relu-slope",
    section=CODE,
    quote=r"$\sigma'(Z) = \mathbb{I}(Z > 0)$",
    printed="sigma'(Z) = I(Z > 0)",
    correctness="right in its own terms",
    right="f' = 0 at the kink",
)
def relu_slope(z: Array) -> Array:
    """I(z > 0)."""
    return (z > 0).astype(z.dtype)


@book.formula(
    "update",
    section=CODE,
    quote=r"W^{[l]} \leftarrow W^{[l]} - \eta \frac{\partial C}{\partial W^{[l]}}, \quad b^{[l]} \leftarrow "
    r"b^{[l]} - \eta \frac{\partial C}{\partial b^{[l]}}",
    printed="W <- W - eta dC/dW",
    correctness="correct",
)
def update(W: Array, gradient: Array, eta: float) -> Array:
    """W - eta dC/dW."""
    return W - eta * gradient


book.slip(
    "softmax-from-1",
    section=CODE,
    quote=r"A_j = \frac{e^{z_j}}{\sum_{k=1}^{10} e^{z_k}}",
    printed="A_j = e^(z_j) / sum_{k=1}^{10} e^(z_k)",
    correctness="notation slip",
    right="units count from 0 up to here, so the ten classes are 0, ..., 9",
)
