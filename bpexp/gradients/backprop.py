"""Back-propagation: the vectorised delta recursion of 002 and 003, over buffers that are allocated once.

Each line of `forward` and `backward` is a part of an equation; the last argument of a call is the array that takes the
result. `products.forward[l](W, a, z)` writes W a into z, and whether it does so at once or in blocks is a matter of
speed alone (`bpexp.nn.products`). Lists count from 0, so that `work.z[0]` is z^1.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bpexp.gradients.method import Gradient, GradientMethod, gradient_methods
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network, Workspace
from bpexp.nn.products import Blocks
from bpexp.registry import Count


def forward(network: Network, x: Array, work: Workspace) -> None:
    """z^l = W^l a^{l-1} + b^l and a^l = f(z^l), for x (n_0, B), up to z^L. Source: 002, 003, forward propagation.

    a^L is filled by the head, which computes the cost from z^L.
    """
    work.x = a = x
    last, product = len(network.layers) - 1, work.products.forward
    for l, layer in enumerate(network.layers):
        z = product[l](layer.W, a, work.z[l])  # W^l a^{l-1}
        z += layer.b
        if l < last:
            a = work.a[l] = layer.f.f(z, work.a[l])  # a^l = f(z^l)


def backward(network: Network, work: Workspace, slots: list[tuple[Array, Array]], ones: Array) -> None:
    """dC/dW^l and dC/db^l into `slots`, from work.delta[-1] = dC/dz^L. Source: 002, "final 3 vectorized results".

    dC/dW^l = delta^l (a^{l-1})^T        dC/db^l = sum of the columns of delta^l = delta^l 1
    delta^{l-1} = (W^l)^T delta^l * f'(z^{l-1})

    003 prints the last line with f'(z^l); correct is l - 1, as the shapes show and 002 prints.
    """
    products = work.products
    for l in range(len(network.layers) - 1, -1, -1):
        W_slot, b_slot = slots[l]
        products.outer[l](work.delta[l], work.below(l).mT, W_slot)  # dC/dW^l = delta^l (a^{l-1})^T
        products.whole(work.delta[l], ones, b_slot)  # dC/db^l = delta^l 1
        if l:
            delta = products.back[l](network.layers[l].W.mT, work.delta[l], work.delta[l - 1])  # (W^l)^T delta^l
            slope = work.slope[l - 1] = network.hidden[l - 1].df(work.z[l - 1], work.slope[l - 1])  # f'(z^{l-1})
            np.multiply(delta, slope, out=delta)  # delta^{l-1}


def forward_to_delta(network: Network, head: Head, x: Array, y: Array) -> tuple[float, Workspace]:
    """One forward pass up to dC/dz^L, for x (n_0, B) and y (n_L, B).

    Returns the cost of the batch, and a new workspace in which z, a and the last delta are filled. Used by the methods
    that allocate at every call.
    """
    work = network.workspace(x.shape[1])
    work.weight = head.weight(x.shape[1])
    forward(network, x, work)
    costs = head.cost_and_delta(work.z[-1], y, work.a[-1], work.delta[-1])
    work.delta[-1] *= work.weight
    return float(costs.sum()) * work.weight, work


def parameter_gradients(network: Network, work: Workspace, vector: Array) -> None:
    """Write dC/dW^l = delta^l (a^{l-1})^T and dC/db^l = delta^l 1 of every layer into `vector` (P,)."""
    for l, (W_slot, b_slot) in enumerate(network.parameters(vector)):
        W_slot[...] = work.delta[l] @ work.below(l).T
        b_slot[...] = work.delta[l].sum(axis=1, keepdims=True)


class Backprop(GradientMethod):
    """The delta recursion. A batch of more than `piece` samples is processed in pieces that fit into the cache.

    Pieces change only the order of summation: the gradient is equal to rounding, and memory does not grow with B. The
    `blocks` in which a product of matrices is done (`bpexp.nn.products`) change no more than that either.
    """

    def __init__(self, piece: int, blocks: Blocks = "auto") -> None:
        self.piece, self.blocks = piece, blocks
        self._buffers: dict[int, tuple[Workspace, Array]] = {}
        self._network: Network | None = None

    def __call__(self, network: Network, head: Head, x: Array, y: Array) -> Gradient:
        """Cost and gradient at `network.theta` for x (n_0, B) and y (n_L, B)."""
        if network is not self._network:
            self._attach(network)
        B = x.shape[1]
        if self.piece >= B:
            weight = head.weight(B)
            costs, work = self._pass(network, head, x, y, weight)
            return Gradient(float(np.add.reduce(costs)) * weight, self._vector, work)
        return self._in_pieces(network, head, x, y)

    def _attach(self, network: Network) -> None:
        self._network = network
        self._buffers.clear()
        self._vector = np.empty_like(network.theta)
        self._slots = list(network.parameters(self._vector))

    def _pass(self, network: Network, head: Head, x: Array, y: Array, weight: float) -> tuple[Array, Workspace]:
        """The costs C_k (B,) and the pass; the gradient is in the vector."""
        B = x.shape[-1]
        if B not in self._buffers:
            self._buffers[B] = network.workspace(B, self.blocks), np.ones((B, 1), network.theta.dtype)
        work, ones = self._buffers[B]
        forward(network, x, work)
        delta = work.delta[-1]
        costs = head.cost_and_delta(work.z[-1], y, work.a[-1], delta)
        np.multiply(delta, weight, out=delta)
        work.weight = weight
        backward(network, work, self._slots, ones)
        return costs, work

    def stacked(self, stack: Network, head: Head, x: Array, y: Array) -> tuple[Array, Array, Workspace]:
        """The costs (K,) of the batches of a stack of K networks in float64, their gradients (K, P), and the pass.

        The arrays have the axis K before those of one network; x may be one batch (n_0, B) for all.
        """
        if stack is not self._network:
            self._attach(stack)
        weight = head.weight(x.shape[-1])
        costs, work = self._pass(stack, head, x, y, weight)
        return np.add.reduce(costs, axis=-1).astype(np.float64) * weight, self._vector, work

    def passes(self, network: Network, head: Head, x: Array, y: Array) -> Iterator[tuple[float, Workspace, Array]]:
        """The pieces of a batch x (n_0, B), y (n_L, B) in their order: cost, workspace, y of each.

        The next piece overwrites the workspace of the last one. Each sample has its weight in the cost of the batch.
        """
        if network is not self._network:
            self._attach(network)
        weight = head.weight(x.shape[1])
        for start in range(0, x.shape[1], self.piece):
            columns = slice(start, start + self.piece)
            costs, work = self._pass(network, head, x[:, columns], y[:, columns], weight)
            yield float(np.add.reduce(costs)) * weight, work, y[:, columns]

    def _in_pieces(self, network: Network, head: Head, x: Array, y: Array) -> Gradient:
        cost, total = 0.0, np.zeros_like(network.theta)
        for part, _, _ in self.passes(network, head, x, y):
            cost += part
            total += self._vector
        self._vector[...] = total
        return Gradient(cost, self._vector)


@gradient_methods.register("backprop")
def backprop(piece: Count = 512, blocks: Blocks = "auto") -> Backprop:
    """The delta recursion of 002 and 003, vectorised over the batch.

    Args:
        piece: samples processed at once; a larger batch is split into pieces that fit into the processor's cache.
        blocks: columns of the result that a product of matrices computes at once, 0 for all; auto for blocks by a rule
            of the shapes with threads=1 and OpenBLAS's kernels for AVX-512, else for 0. The gradient is equal to
            rounding.
    """
    return Backprop(piece, blocks)
