"""Products of Jacobians: da^L/da^l from the last layer down, then the parameters. Source: 000 and 001.

000 writes the recursion as da_j^N/da_t^{l+1} = sum_k da_j^N/da_k^{l+2} da_k^{l+2}/da_t^{l+1}, 001 as arrays of a
layer. Both carry da/da where 002 and 003 carry delta, so that the Jacobian of every layer is at hand.
"""

from __future__ import annotations

import numpy as np

from bpexp.gradients.backprop import forward
from bpexp.gradients.method import Gradient, GradientMethod, gradient_methods
from bpexp.nn.activations import Activation
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network, Workspace

PIECE = 512
"""Samples whose Jacobians are held at once."""


def activation_jacobian(f: Activation, z: Array) -> Array:
    """da_j/dz_i of every sample, (B, n, n): diagonal for an elementwise f, full for softmax (002, 003)."""
    n, B = z.shape
    jacobian = np.zeros((B, n, n), z.dtype)
    if f.df is not None:
        jacobian[:, range(n), range(n)] = f.df(z).T
        return jacobian
    for j in range(n):
        e_j = np.zeros_like(z)
        e_j[j] = 1
        jacobian[:, j, :] = f.vjp(z, e_j).T
    return jacobian


def layer_jacobians(network: Network, work: Workspace) -> list[Array]:
    """da^L/da^l of every sample, (B, n_L, n_l), for l = 1, ..., L; the last is the identity."""
    n_L, B = work.z[-1].shape
    jacobians = [np.broadcast_to(np.eye(n_L, dtype=network.theta.dtype), (B, n_L, n_L))]
    for l in range(len(network.layers) - 1, 0, -1):
        layer = network.layers[l]
        local = activation_jacobian(layer.f, work.z[l]) @ layer.W  # da^{l+1}/da^l = diag(f'(z)) W
        jacobians.append(jacobians[-1] @ local)
    return jacobians[::-1]


class Jacobian(GradientMethod):
    """dC/da^l = (da^L/da^l)^T dC/da^L, dC/dz^l = (da^l/dz^l)^T dC/da^l, then the parameters; batches at once."""

    def __call__(self, network: Network, head: Head, x: Array, y: Array) -> Gradient:
        """Cost and gradient at `network.theta` for x (n_0, B) and y (n_L, B)."""
        if x.shape[1] > PIECE:
            return self._in_pieces(network, head, x, y)
        work = network.workspace(x.shape[1])
        work.weight = head.weight(x.shape[1])
        forward(network, x, work)
        z = work.z[-1]
        costs = head.cost(z, y)
        work.a[-1] = head.output.f(z)
        slope = work.weight * head.loss.slope(work.a[-1], y)
        vector = np.empty_like(network.theta)
        slots = list(network.parameters(vector))
        for l, J in enumerate(layer_jacobians(network, work)):
            dC_da = np.einsum("bji,jb->ib", J, slope)
            f = network.layers[l].f
            work.delta[l] = f.vjp(work.z[l], dC_da)
            if l < len(work.slope) and f.df is not None:
                work.slope[l] = f.df(work.z[l])
            W_slot, b_slot = slots[l]
            W_slot[...] = work.delta[l] @ work.below(l).T
            b_slot[...] = work.delta[l].sum(axis=1, keepdims=True)
        return Gradient(float(costs.sum()) * work.weight, vector, work)

    def _in_pieces(self, network: Network, head: Head, x: Array, y: Array) -> Gradient:
        """The same sum, piece by piece: B Jacobians of n_L n_l numbers are not held at once."""
        B, cost, total = x.shape[1], 0.0, np.zeros_like(network.theta)
        work = None
        for start in range(0, B, PIECE):
            part = x[:, start : start + PIECE]
            piece = self(network, head, part, y[:, start : start + PIECE])
            share = head.weight(B) / head.weight(part.shape[1])
            cost += share * piece.cost
            total += share * piece.vector
            work = piece.workspace
        return Gradient(cost, total, work)


@gradient_methods.register("jacobian")
def jacobian() -> Jacobian:
    """Products of the Jacobians da^L/da^l, by the recursion of 000 and 001."""
    return Jacobian()
