"""Verification of a large batch: its gradient must be the weighted sum of the gradients of its parts.

`verification` compares the algorithm with differences of the cost on samples drawn from a batch. A method may still
lose or misweigh samples of a batch that is larger, or that it processes in pieces; every entry and every sample of the
batch enters this comparison, which costs three gradients of the batch and the memory of a part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bpexp.gradients.method import GradientMethod
from bpexp.gradients.verification import ROUNDING, SAMPLES
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network


@dataclass(frozen=True, slots=True)
class WholeBatch:
    """The parameter with the largest error: its name, such as W1, its relative error, and the number of parts."""

    parameter: str
    error: float
    parts: int

    def __str__(self) -> str:
        return (
            f"the gradient of the whole batch is wrong in {self.parameter}: it is not the sum of the gradients of the "
            f"batch in {self.parts} parts (relative error {self.error:.1e})"
        )


def verify_whole(
    method: GradientMethod, network: Network, head: Head, x: Array, y: Array, vector: Array, *, tolerance: float
) -> WholeBatch:
    """The largest ||g - sum_p g_p|| / (sum_p ||g_p|| + rounding / tolerance) over the arrays W1, b1, ....

    g_p is the method's gradient of part p of at most SAMPLES samples, times the weight of the part in the cost of the
    batch. The rounding is estimated from the g_p themselves, computed once in the dtype of the run and once in float64,
    so that rounding alone does not exceed the tolerance.

    Args:
        method: computes g_p.
        network: the network, at its theta.
        head: output and loss.
        x: (n_0, B).
        y: (n_L, B).
        vector: (P,) the method's gradient g of the batch.
        tolerance: largest relative error that will be accepted.
    """
    B, names = x.shape[1], network.names()
    own, twin = network.at(network.theta.copy()), network.at(network.theta.astype(np.float64))
    total, cost = np.zeros(vector.size), 0.0
    sizes, rounding = np.zeros(len(names)), np.zeros(len(names))
    for start in range(0, B, SAMPLES):
        part = [array[:, start : start + SAMPLES] for array in (x, y)]
        share = head.weight(B) / head.weight(part[0].shape[1])
        found = method(own, head, *part)
        g, cost = share * found.vector.astype(np.float64), cost + share * found.cost
        exact = share * method(twin, head, *(array.astype(np.float64) for array in part)).vector
        total += g
        sizes += _norms(network, g)
        rounding += _norms(network, g - exact)
    entries = np.sqrt([array.size for pair in network.parameters(vector) for array in pair])
    slack = 10 * rounding + 16 * np.finfo(network.dtype).eps * sizes
    slack += ROUNDING["central differences"] * max(1.0, abs(cost)) * entries
    with np.errstate(invalid="ignore"):  # a gradient that is not finite has an infinite error
        errors = _norms(network, vector - total) / (sizes + slack / tolerance)
    errors = np.where(np.isfinite(errors), errors, np.inf)
    worst = int(errors.argmax())
    return WholeBatch(names[worst], float(errors[worst]), -(-B // SAMPLES))


def _norms(network: Network, vector: Array) -> Array:
    """The Euclidean norm of the entries of each W and b in a vector (P,)."""
    return np.array([np.linalg.norm(array) for pair in network.parameters(vector) for array in pair])
