"""The formulas of 000, as printed. Sigmoid units, squared error; w_(k,j) leads from unit k to unit j; D entries.

Sub-derivatives are of one entry: `a` (n_l,), `below` (n_{l-1},), `w` (n_{l-1}, n_l).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bpexp.nn.activations import activations
from bpexp.nn.arrays import Array
from bpexp.papers.formula import Book
from bpexp.papers.literal_pass import Steps, Walk

book = Book("000")
sigma = activations.build("sigmoid").f


def forward(w: Array, a: Array, b: Array) -> Array:
    """sigma(sum_k w_(k,j) a_k + b_j)."""
    return sigma(w.T @ a + b)


def cost(a: Array, expected: Array) -> float:
    """Mean over D columns of the summed squares."""
    return float(((a - expected) ** 2).sum() / a.shape[1])


def cost_slope(a: Array, expected: Array, da: Array) -> float:
    """The cost's slope from the slope da (n_N, D) of the outputs in one parameter."""
    return float((2 * (a - expected) * da).sum() / a.shape[1])


def da_dw(a: Array, below: Array) -> Array:
    """Entry (m, t)."""
    return np.asarray(a * (1 - a) * below[:, None])


def da_db(a: Array, w: Array, below: Array) -> Array:
    """Entry (t, m): unit t of layer l + 1 in the bias m of layer l."""
    return np.asarray((a[:, None] * (1 - a[:, None])) * w.T * (below * (1 - below)))


def da_da(a: Array, w: Array) -> Array:
    """Entry (k, t): unit k of layer l + 1 in unit t of layer l."""
    return np.asarray(a[:, None] * (1 - a[:, None]) * w.T)


def recursion(above: Array, local: Array) -> Array:
    """Entry (j, t) from da^N/da^{l+2} (j, k) and da^{l+2}/da^{l+1} (k, t)."""
    return np.asarray(np.einsum("jk,kt->jt", above, local))


def bias_chain(to_output: Mapping[int, Array], from_bias: Mapping[int, Array], l: int) -> Array:
    """Entry (j, m), from da^N/da^l by l and da^{l+1}/db^l by l; asks for layer l + 1."""
    return np.asarray(np.einsum("jt,tm->jm", to_output[l + 1], from_bias[l]))


def weight_chain(to_output: Array, local: Array) -> Array:
    """Entry (j, m, t) from da^N/da^l (j, t) and da^l/dw^l (m, t)."""
    return np.asarray(np.einsum("jt,mt->jmt", to_output, local))


def _last_carry(s: Walk, l: int) -> Array:
    above = s.cost_slope() if l == s.L else s.delta[l]
    return s.W[l].T @ above * s.slope(l - 1, s.z[l - 1])


def _last_weight(s: Walk, l: int) -> Array:
    above = s.cost_slope() if l == s.L else s.delta[l]
    return s.share * (above @ s.a[l - 1].T)


def _last_bias(s: Walk, l: int) -> Array:
    above = s.cost_slope() if l == s.L else s.delta[l]
    return np.asarray(s.share * above.sum(axis=1, keepdims=True))


SUB = "Sub derivatives of the cost"
NO_SLOPE = "times sigma'(z_j^N); as it stands it holds for an identity output only"
book.enter(
    "forward",
    "Notations",
    "a_j^l = sigma(sum_k w_(k,j)^l a_k^{l-1} + b_j^l)",
    "convention",
    "w is the transpose of W in 001 to 003",
    forward,
)
book.enter("cost", "Deriving the cost", "cost = 1/D sum_i sum_j (a_(i,j)^N - expected_(i,j))^2", "correct", "", cost)
book.enter(
    "cost-slope",
    "Deriving the cost",
    "dcost/dp = 1/D sum_i sum_j 2 (a_(i,j)^N - expected_(i,j)) da_(i,j)^N/dp",
    "correct",
    "",
    cost_slope,
)
book.enter("da-last", SUB, "da_j^N/da_m^{N-1} = w_(m,j)^N", "silently wrong", NO_SLOPE, Steps(carry=_last_carry))
book.enter("dw-last", SUB, "da_j^N/dw_(m,j)^N = a_m^{N-1}", "silently wrong", NO_SLOPE, Steps(weight=_last_weight))
book.enter("db-last", SUB, "da_j^N/db_j^N = 1", "silently wrong", NO_SLOPE, Steps(bias=_last_bias))
book.enter(
    "last-layer",
    SUB,
    "the three lines above together",
    "silently wrong",
    "sigma'(z^N) in each of them; without it delta^N = dC/da^N",
    Steps(carry=_last_carry, weight=_last_weight, bias=_last_bias),
)
book.enter("da-dw", SUB, "da_t^l/dw_(m,t)^l = a_t^l (1 - a_t^l) a_m^{l-1}", "correct", "for the sigmoid", da_dw)
book.enter(
    "da-db",
    SUB,
    "da_t^{l+1}/db_m^l = a_t^{l+1} (1 - a_t^{l+1}) w_(m,t)^{l+1} a_m^l (1 - a_m^l)",
    "correct",
    "for the sigmoid",
    da_db,
)
book.enter(
    "da-da", SUB, "da_k^{l+1}/da_t^l = a_k^{l+1} (1 - a_k^{l+1}) w_(t,k)^{l+1}", "correct", "for the sigmoid", da_da
)
book.enter(
    "recursion",
    SUB,
    "da_j^N/da_t^{l+1} = sum_k da_j^N/da_k^{l+2} da_k^{l+2}/da_t^{l+1}",
    "correct",
    "it starts from da_j^N/da_k^N = [j = k], which is not printed",
    recursion,
)
book.enter(
    "bias-sum",
    SUB,
    "da_j^N/db_m^l = sum_{t=1}^{n_{l+1}} da_j^N/da_t^{l+1} da_t^{l+1}/db_m^l",
    "shape error",
    "right for l < N; at l = N it asks for a layer N + 1: there da_j^N/db_m^N = [j = m] sigma'(z_m^N)",
    bias_chain,
)
book.enter(
    "weight-chain",
    SUB,
    "da_j^N/dw_(m,t)^l = da_j^N/da_t^l da_t^l/dw_(m,t)^l",
    "correct",
    "at l = N with da_j^N/da_t^N = [j = t]",
    weight_chain,
)
