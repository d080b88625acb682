"""The lines of 000: sigmoid units and squared error over D samples, layer N is the last.

w_(k,j) leads from unit k to unit j, so `w` is (n_{l-1}, n_l). The sub-derivatives are those of one sample, with the
activations `a` (n_l,) of a layer and `below` (n_{l-1},) of the layer below it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bpexp.nn.activations import activations
from bpexp.nn.arrays import Array
from bpexp.papers.formula import Book
from bpexp.papers.literal_pass import Lines, LiteralPass

book = Book("000")
sigma = activations.build("sigmoid").f

SUB = "Sub derivatives of the cost"
NO_SLOPE = "times sigma'(z_j^N), as a^N stands behind the sigmoid; as printed it holds for an identity output"
BELOW_LAST = (
    "for every layer whose indices exist; the lines for l = N are printed above it and have entries of their own"
)


@book.formula(
    "forward",
    section="Notations",
    quote=r"a_{(i,j)}^l = \sigma\left(\left(\sum_{k=1}^{n_{l-1}} w_{(k,j)}^l a_{(i,k)}^{l-1}\right) + b_j^l\right)",
    printed="a_j^l = sigma(sum_k w_(k,j)^l a_k^{l-1} + b_j^l)",
    correctness="right in its own terms",
    right="w_(k,j) leads from k to j: the array w is the transpose of W in 001 to 003",
)
def forward(w: Array, a: Array, b: Array) -> Array:
    """sigma(w^T a + b) for a (n_{l-1}, 1) and b (n_l, 1)."""
    return sigma(w.T @ a + b)


@book.formula(
    "cost",
    section="Deriving the cost",
    quote=r"\frac{1}{D} \sum_{i=1}^D \left( \sum_{j=1}^{n_N} (a_{(i,j)}^N - expected_{(i,j)})^2 \right)",
    printed="cost = 1/D sum_i sum_j (a_(i,j)^N - expected_(i,j))^2",
    correctness="correct",
)
def cost(a: Array, expected: Array) -> float:
    """The summed squares of a and expected (n_N, D), divided by D."""
    return float(((a - expected) ** 2).sum() / a.shape[1])


@book.formula(
    "cost-slope",
    section="Deriving the cost",
    quote=r"\partial (\text{cost}(X))_{w_{(m,t)}^l} = \frac{1}{D} \sum_{i=1}^D \left( \sum_{j=1}^{n_N} 2(a_{(i,j)}^N - "
    r"\text{expected}_{(i,j)}) \partial \left( a_{(i,j)}^N \right)_{w_{(m,t)}^l} \right)",
    printed="dcost/dp = 1/D sum_i sum_j 2 (a_(i,j)^N - expected_(i,j)) da_(i,j)^N/dp",
    correctness="correct",
)
def cost_slope(a: Array, expected: Array, da: Array) -> float:
    """dcost/dp for a parameter p, from da/dp (n_N, D) of the outputs."""
    return float((2 * (a - expected) * da).sum() / a.shape[1])


def carry_without_slope(p: LiteralPass, l: int) -> Array:
    """delta^{l-1}; at the last layer from dC/da^N in place of delta^N."""
    above = p.cost_slope() if l == p.L else p.delta[l]
    return p.W[l].T @ above * p.slope(l - 1, p.z[l - 1])


book.whole_pass(
    "da-last",
    Lines(carry=carry_without_slope),
    section=SUB,
    quote=r"\partial \left( a_{(i,j)}^N \right)_{a_{(i,m)}^{N-1}} &= \partial \left( \left( \sum_{k=1}^{n_{N-1}} "
    r"w_{(k,j)}^N a_{(i,k)}^{N-1} \right) + b_j^N \right)_{a_{(i,m)}^{N-1}} = w_{(m,j)}^N",
    printed="da_j^N/da_m^{N-1} = w_(m,j)^N",
    correctness="silently wrong",
    right=NO_SLOPE + "; 000's general line at l + 1 = N is right",
    elsewhere=("000-da-da",),
)


def weight_without_slope(p: LiteralPass, l: int) -> Array:
    """dC/dW^l; at the last layer from dC/da^N in place of delta^N."""
    above = p.cost_slope() if l == p.L else p.delta[l]
    return p.share * (above @ p.a[l - 1].T)


book.whole_pass(
    "dw-last",
    Lines(weight=weight_without_slope),
    section=SUB,
    quote=r"\partial \left( a_{(i,j)}^N \right)_{w_{(m,j)}^N} &= \partial \left( \left( \sum_{k=1}^{n_{N-1}} "
    r"w_{(k,j)}^N a_{(i,k)}^{N-1} \right) + b_j^N \right)_{w_{(m,j)}^N} = a_{(i,m)}^{N-1}",
    printed="da_j^N/dw_(m,j)^N = a_m^{N-1}",
    correctness="silently wrong",
    right=NO_SLOPE + "; 000's general line at l = N is right",
    elsewhere=("000-da-dw",),
)


def bias_without_slope(p: LiteralPass, l: int) -> Array:
    """dC/db^l; at the last layer from dC/da^N in place of delta^N."""
    above = p.cost_slope() if l == p.L else p.delta[l]
    return np.asarray(p.share * above.sum(axis=1, keepdims=True))


book.whole_pass(
    "db-last",
    Lines(bias=bias_without_slope),
    section=SUB,
    quote=r"\partial \left( a_{(i,j)}^N \right)_{b_j^N} &= \partial \left( \left( \sum_{k=1}^{n_{N-1}} "
    r"w_{(k,j)}^N a_{(i,k)}^{N-1} \right) + b_j^N \right)_{b_j^N} = 1",
    printed="da_j^N/db_j^N = 1",
    correctness="silently wrong",
    right=NO_SLOPE + "; 000's line for the layer below has this factor, a_m^l (1 - a_m^l), and at l + 1 = N is right",
    elsewhere=("000-da-db",),
)


book.whole_pass(
    "last-layer",
    Lines(carry=carry_without_slope, weight=weight_without_slope, bias=bias_without_slope),
    section=SUB,
    printed="000-da-last, 000-dw-last and 000-db-last used together for the last layer",
    correctness="silently wrong",
    right="sigma'(z^N) in each; without it delta^N = dC/da^N, which is twice the gradient of the binary cross-entropy",
)


@book.formula(
    "da-dw",
    section=SUB,
    quote=r"\partial \left( a_{(i,t)}^l \right)_{w_{(m,t)}^l} = a_{(i,t)}^l \cdot \left( 1 - a_{(i,t)}^l \right) "
    r"\cdot a_{(i,m)}^{l-1}",
    printed="da_t^l/dw_(m,t)^l = a_t^l (1 - a_t^l) a_m^{l-1}",
    correctness="correct",
    right="for the sigmoid, in every layer, the last one too",
)
def da_dw(a: Array, below: Array) -> Array:
    """da_t^l/dw_(m,t)^l at (m, t)."""
    return np.asarray(a * (1 - a) * below[:, None])


@book.formula(
    "da-db",
    section=SUB,
    quote=r"&= a_{(i,t)}^{l+1} \cdot \left( 1 - a_{(i,t)}^{l+1} \right) \cdot w_{(m,t)}^{l+1} \cdot a_{(i,m)}^l \cdot "
    r"\left( 1 - a_{(i,m)}^l \right)",
    printed="da_t^{l+1}/db_m^l = a_t^{l+1} (1 - a_t^{l+1}) w_(m,t)^{l+1} a_m^l (1 - a_m^l)",
    correctness="correct",
    right="for the sigmoid, in every pair of layers, the last one too",
)
def da_db(a: Array, w: Array, below: Array) -> Array:
    """da_t^{l+1}/db_m^l at (t, m); `below` is a^l."""
    return np.asarray((a[:, None] * (1 - a[:, None])) * w.T * (below * (1 - below)))


@book.formula(
    "da-da",
    section=SUB,
    quote=r"&= a_{(i,k)}^{l+1} \cdot (1 - a_{(i,k)}^{l+1}) \cdot w_{(t,k)}^{l+1}",
    printed="da_k^{l+1}/da_t^l = a_k^{l+1} (1 - a_k^{l+1}) w_(t,k)^{l+1}",
    correctness="correct",
    right="for the sigmoid, in every pair of layers, the last one too",
)
def da_da(a: Array, w: Array) -> Array:
    """da_k^{l+1}/da_t^l at (k, t)."""
    return np.asarray(a[:, None] * (1 - a[:, None]) * w.T)


@book.formula(
    "recursion",
    section=SUB,
    quote=r"\partial \left( a_{(i,j)}^N \right)_{a_{(i,t)}^{l+1}} = \sum_{k=1}^{n_{l+2}} \frac{\partial "
    r"a_{(i,j)}^N}{\partial a_{(i,k)}^{l+2}} \cdot \frac{\partial a_{(i,k)}^{l+2}}{\partial a_{(i,t)}^{l+1}}",
    printed="da_j^N/da_t^{l+1} = sum_k da_j^N/da_k^{l+2} da_k^{l+2}/da_t^{l+1}",
    correctness="correct",
    right=BELOW_LAST,
)
def recursion(above: Array, local: Array) -> Array:
    """da_j^N/da_t^{l+1} at (j, t), from da^N/da^{l+2} with (j, k) and da^{l+2}/da^{l+1} with (k, t)."""
    return np.asarray(np.einsum("jk,kt->jt", above, local))


@book.formula(
    "bias-sum",
    section=SUB,
    quote=r"\partial \left( a_{(i,j)}^N \right)_{b_m^l} &= \sum_{t=1}^{n_{l+1}} \frac{\partial a_{(i,j)}^N}{\partial "
    r"a_{(i,t)}^{l+1}} \cdot \frac{\partial a_{(i,t)}^{l+1}}{\partial b_m^l}",
    printed="da_j^N/db_m^l = sum_{t=1}^{n_{l+1}} da_j^N/da_t^{l+1} da_t^{l+1}/db_m^l",
    correctness="correct",
    right=BELOW_LAST,
)
def bias_chain(to_output: Mapping[int, Array], from_bias: Mapping[int, Array], l: int) -> Array:
    """da_j^N/db_m^l at (j, m), from to_output[l] = da^N/da^l and from_bias[l] = da^{l+1}/db^l, for l < N."""
    return np.asarray(np.einsum("jt,tm->jm", to_output[l + 1], from_bias[l]))


@book.formula(
    "weight-chain",
    section=SUB,
    quote=r"\partial \left( a_{(i,j)}^N \right)_{w_{(m,t)}^l} &= \frac{\partial a_{(i,j)}^N}{\partial a_{(i,t)}^l} "
    r"\cdot \frac{\partial a_{(i,t)}^l}{\partial w_{(m,t)}^l}",
    printed="da_j^N/dw_(m,t)^l = da_j^N/da_t^l da_t^l/dw_(m,t)^l",
    correctness="correct",
    right=BELOW_LAST,
)
def weight_chain(to_output: Array, local: Array) -> Array:
    """da_j^N/dw_(m,t)^l at (j, m, t), from da^N/da^l with (j, t) and da^l/dw^l with (m, t)."""
    return np.asarray(np.einsum("jt,mt->jmt", to_output, local))


book.slip(
    "doubled-partial",
    section=SUB,
    quote=r"\partial \left( a_{(i,k)}^{l+1} \right)_{\partial a_{(i,t)}^l}",
    printed="d(a_k^{l+1})_{d a_t^l}, where the paper's notation is d(a_k^{l+1})_{a_t^l}",
    correctness="notation slip",
    right="one partial sign fewer",
)
