"""The nested sums over every path, as 002 and 003 write them before they vectorise. Exponential, and meant to be.

dC/dz_i^l = sum over k_L, ..., k_{l+1} of
    dC/da_{k_L} da_{k_L}/dz_{k_L} w_{k_L k_{L-1}} f'(z_{k_{L-1}}) ... w_{k_{l+1} i} f'(z_i^l)

003 counts the paths: a neuron of layer L - j reaches the cost through n_L n_{L-1} ... n_{L-j+1} of them. dC/dz^L, where
all of them end, is taken once: with a full Jacobian (softmax) it is itself a sum over the outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

import numpy as np

from bpexp.errors import ConfigError
from bpexp.gradients.backprop import forward
from bpexp.gradients.jacobian import activation_jacobian
from bpexp.gradients.method import Gradient, GradientMethod, gradient_methods
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network, Workspace


def paths_from(sizes: Sequence[int], l: int) -> int:
    """Paths from one neuron of layer l to the outputs: the product of the widths above it. Source: 003."""
    return prod(sizes[l + 1 :])


def count_paths(sizes: Sequence[int]) -> int:
    """Paths that are walked for a whole gradient: those of every neuron behind the input."""
    return sum(sizes[l] * paths_from(sizes, l) for l in range(1, len(sizes)))


def count_multiplications(sizes: Sequence[int]) -> int:
    """Multiplications a sample: 2 (L - l) along each path from layer l, then one for each weight.

    A path multiplies dC/dz_{k_L} by a weight and a slope for each layer that it crosses.
    """
    L = len(sizes) - 1
    along = sum(sizes[l] * paths_from(sizes, l) * 2 * (L - l) for l in range(1, L + 1))
    return along + sum(sizes[l] * sizes[l - 1] for l in range(1, L + 1))


class PathSum(GradientMethod):
    """Every path by itself; refuses a network with more than `limit` of them."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def prepare(self, network: Network, head: Head, rng: np.random.Generator) -> None:
        """Refuse a network of too many paths."""
        paths = count_paths(network.sizes)
        if paths > self.limit:
            shape, products = "-".join(map(str, network.sizes)), count_multiplications(network.sizes)
            raise ConfigError(
                f"gradient 'path_sum' would walk {paths:,} paths with {products:,} multiplications a sample through "
                f"{shape}, more paths than its limit of {self.limit:,}; use gradient=backprop or jacobian"
            )

    def __call__(self, network: Network, head: Head, x: Array, y: Array) -> Gradient:
        """Cost and gradient at `network.theta` for x (n_0, B) and y (n_L, B)."""
        work = network.workspace(x.shape[1])
        work.weight = head.weight(x.shape[1])
        forward(network, x, work)
        costs = head.cost(work.z[-1], y)
        self._fill_slopes(network, head, work, y)
        vector = np.empty_like(network.theta)
        for l, (W_slot, b_slot) in enumerate(network.parameters(vector)):
            for i in range(network.sizes[l + 1]):
                work.delta[l][i] = self._sum_over_paths(network, work, l, i)
                W_slot[i] = work.below(l) @ work.delta[l][i]
                b_slot[i] = work.delta[l][i].sum()
        return Gradient(float(costs.sum()) * work.weight, vector, work)

    def _fill_slopes(self, network: Network, head: Head, work: Workspace, y: Array) -> None:
        """f'(z^l) of the hidden layers, and dC/dz^L: the ends that all paths share."""
        for l, layer in enumerate(network.layers[:-1]):
            assert layer.f.df is not None
            work.slope[l] = layer.f.df(work.z[l])
        z = work.z[-1]
        work.a[-1] = head.output.f(z)
        dC_da = work.weight * head.loss.slope(work.a[-1], y)
        work.delta[-1] = np.einsum("bji,jb->ib", activation_jacobian(head.output, z), dC_da)
        self._top = work.delta[-1].copy()

    def _sum_over_paths(self, network: Network, work: Workspace, l: int, i: int) -> Array:
        """dC/dz_i of layer l (counted from 0), (B,): one product for each path, added up."""
        total: Array = np.zeros_like(work.z[l][i])
        for path in _paths(network.sizes[l + 2 :]):
            term = self._top[path[0] if path else i]
            below = [*path[1:], i] if path else []
            for step, (k, j) in enumerate(zip(path, below, strict=True)):
                layer = len(network.layers) - 1 - step
                term = term * network.layers[layer].W[k, j] * work.slope[layer - 1][j]
            total = total + term
        return total


def _paths(widths: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every choice of a neuron in each layer above, the output's first."""
    return product(*(range(n) for n in reversed(widths)))


@gradient_methods.register("path_sum")
def path_sum(limit: int = 5_000) -> PathSum:
    """The nested sum over every path of 002 and 003; refuses a network of more than `limit` paths."""
    if limit < 1:
        raise ConfigError(f"limit must be at least 1 path, not {limit!r}")
    return PathSum(limit)
