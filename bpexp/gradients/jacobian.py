"""Products of Jacobians: da^L/da^l from the last layer down, then the parameters. Source: 000 and 001.

000 writes the recursion as da_j^N/da_t^{l+1} = sum_k da_j^N/da_k^{l+2} da_k^{l+2}/da_t^{l+1}, 001 with one array per
layer. Both propagate da/da, where 002 and 003 propagate delta, and so compute the Jacobian of every layer.
"""

from __future__ import annotations

import numpy as np

from bpexp.gradients.backprop import forward_to_delta, parameter_gradients
from bpexp.gradients.method import Gradient, GradientMethod, gradient_methods
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network, Workspace

PIECE = 512
"""Largest number of samples whose Jacobians are in memory at once."""


def layer_jacobians(network: Network, work: Workspace) -> list[Array]:
    """da^L/da^l of every sample, (B, n_L, n_l), for l = 1, ..., L; the last is the identity."""
    n_L, B = work.z[-1].shape
    jacobians = [np.broadcast_to(np.eye(n_L, dtype=network.theta.dtype), (B, n_L, n_L))]
    for l in range(len(network.layers) - 1, 0, -1):
        layer = network.layers[l]
        local = layer.f.jacobian(work.z[l]) @ layer.W  # da^{l+1}/da^l = diag(f'(z)) W
        jacobians.append(jacobians[-1] @ local)
    return jacobians[::-1]


class Jacobian(GradientMethod):
    """dC/da^l = (da^L/da^l)^T dC/da^L, dC/dz^l = (da^l/dz^l)^T dC/da^l, then the parameters; batches at once."""

    def __call__(self, network: Network, head: Head, x: Array, y: Array) -> Gradient:
        """Cost and gradient at `network.theta` for x (n_0, B) and y (n_L, B)."""
        if x.shape[1] > PIECE:
            return self._in_pieces(network, head, x, y)
        cost, work = forward_to_delta(network, head, x, y)
        slope = work.weight * head.loss.slope(work.a[-1], y)
        for l, J in enumerate(layer_jacobians(network, work)):
            dC_da = np.einsum("bji,jb->ib", J, slope)
            work.delta[l] = network.layers[l].f.vjp(work.z[l], dC_da)
        for l, f in enumerate(network.hidden):
            work.slope[l] = f.df(work.z[l])
        vector = np.empty_like(network.theta)
        parameter_gradients(network, work, vector)
        return Gradient(cost, vector, work)

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
    """Products of the Jacobians da^L/da^l, by the recursion of 000 and 001."""
    return Jacobian()
