"""Products of Jacobians: dz^L/da^l from the last layer down, then the parameters. Source: 000 and 001.

000 writes the recursion as da_j^N/da_t^{l+1} = sum_k da_j^N/da_k^{l+2} da_k^{l+2}/da_t^{l+1}, 001 with one array per
layer. Both propagate da/da, where 002 and 003 propagate delta, and so compute the Jacobian of every layer.

They begin at a^L and multiply by dC/da^L in the end. Here the recursion begins at z^L, one factor later, and ends with
delta^L = (da^L/dz^L)^T dC/da^L, which the head computes. The product is the same, but that of a saturated softmax and
its cross-entropy stays finite: dC/da = -y/a is infinite where a rounds to 0, and da/dz is 0 there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from bpexp.gradients.backprop import forward_to_delta, parameter_gradients
from bpexp.gradients.method import Gradient, GradientMethod, gradient_methods
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network, Workspace

PIECE = 512
"""Largest number of samples whose Jacobians are in memory at once."""


def layer_jacobians(network: Network, work: Workspace) -> list[Array]:
    """dz^L/da^l of every sample, (B, n_L, n_l), for l = 1, ..., L - 1; the last is W^L."""
    W, last = network.layers[-1].W, len(network.hidden) - 1
    jacobians: list[Array] = []
    for l in range(last, -1, -1):
        if l == last:
            jacobians.append(np.broadcast_to(W, (work.z[-1].shape[1], *W.shape)))
        else:
            local = network.hidden[l + 1].jacobian(work.z[l + 1]) @ network.layers[l + 1].W  # diag(f'(z)) W
            jacobians.append(jacobians[-1] @ local)
    return jacobians[::-1]


class Jacobian(GradientMethod):
    """dC/da^l = (dz^L/da^l)^T delta^L, delta^l = dC/da^l * f'(z^l), then the parameters; batches at once."""

    def __call__(self, network: Network, head: Head, x: Array, y: Array) -> Gradient:
        """Cost and gradient at `network.theta` for x (n_0, B) and y (n_L, B)."""
        if x.shape[1] > PIECE:
            return self._in_pieces(network, head, x, y)
        cost, work = forward_to_delta(network, head, x, y)
        for l, (f, J) in enumerate(zip(network.hidden, layer_jacobians(network, work), strict=True)):
            work.slope[l] = f.df(work.z[l])
            work.delta[l] = np.einsum("bji,jb->ib", J, work.delta[-1]) * work.slope[l]
        vector = np.empty_like(network.theta)
        parameter_gradients(network, work, vector)
        return Gradient(cost, vector, work)

    def numbers(self, sizes: Sequence[int], B: int) -> int:
        """Of each sample of a piece, the Jacobians (n_L, n_l) of all layers, and (n_{l+1}, n_l) and f' of one."""
        local = max((n_out * (n_out + n_in) for n_in, n_out in pairwise(sizes[1:])), default=0)
        return min(B, PIECE) * (sizes[-1] * sum(sizes[1:]) + local)

    def _in_pieces(self, network: Network, head: Head, x: Array, y: Array) -> Gradient:
        """The same sum in pieces of PIECE samples, to limit the memory for Jacobians of n_L n_l numbers per sample."""
        B, cost, total = x.shape[1], 0.0, np.zeros_like(network.theta)
        for start in range(0, B, PIECE):
            part = x[:, start : start + PIECE]
            piece = self(network, head, part, y[:, start : start + PIECE])
            share = head.weight(B) / head.weight(part.shape[1])
            cost += share * piece.cost
            total += share * piece.vector
        return Gradient(cost, total)


@gradient_methods.register("jacobian")
def jacobian() -> Jacobian:
    """Products of the Jacobians dz^L/da^l, by the recursion of 000 and 001."""
    return Jacobian()
