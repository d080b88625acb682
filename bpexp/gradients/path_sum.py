"""The nested sums over every path, as 002 and 003 write them before vectorising. The cost is exponential in the depth.

dC/dz_i^l = sum over k_L, ..., k_{l+1} of
    dC/dz_{k_L} w_{k_L k_{L-1}} f'(z_{k_{L-1}}) ... w_{k_{l+1} i} f'(z_i^l)

By 003, n_L n_{L-1} ... n_{L-j+1} paths lead from a neuron of layer L - j to the cost. dC/dz^L = delta^L, where all
paths end, comes from the head. The papers print it as dC/da da/dz, which for a softmax is itself a sum over the
outputs, and infinity times 0 where a softmax is saturated under the cross-entropy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

import numpy as np

from bpexp.errors import ConfigError
from bpexp.gradients.backprop import forward_to_delta
from bpexp.gradients.method import Gradient, GradientMethod, gradient_methods
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network, Workspace
from bpexp.registry import Count


def paths_from(sizes: Sequence[int], l: int) -> int:
    """Paths from one neuron of layer l to the outputs: the product of the widths above it. Source: 003."""
    return prod(sizes[l + 1 :])


def count_paths(sizes: Sequence[int]) -> int:
    """sum_l n_l n_{l+1} ... n_L: the paths of a whole gradient, from every neuron behind the input."""
    return sum(sizes[l] * paths_from(sizes, l) for l in range(1, len(sizes)))


def count_multiplications(sizes: Sequence[int]) -> int:
    """Multiplications per sample: 2 (L - l) along each path from layer l, then one for each weight.

    A path multiplies dC/dz_{k_L} by a weight and a slope for each layer that it crosses.
    """
    L = len(sizes) - 1
    along = sum(sizes[l] * paths_from(sizes, l) * 2 * (L - l) for l in range(1, L + 1))
    return along + sum(sizes[l] * sizes[l - 1] for l in range(1, L + 1))


class PathSum(GradientMethod):
    """One product per path; raises ConfigError for a network with more than `limit` paths."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def refuse(self, network: Network, head: Head) -> None:
        """Raise ConfigError for a network with more than `limit` paths."""
        paths = count_paths(network.sizes)
        if paths > self.limit:
            shape, products = "-".join(map(str, network.sizes)), count_multiplications(network.sizes)
            raise ConfigError(
                f"gradient 'path_sum' would walk {paths:,} paths with {products:,} multiplications a sample through "
                f"{shape}, more paths than its limit of {self.limit:,}; use gradient=backprop or jacobian"
            )

    def __call__(self, network: Network, head: Head, x: Array, y: Array) -> Gradient:
        """Cost and gradient at `network.theta` for x (n_0, B) and y (n_L, B)."""
        cost, work = forward_to_delta(network, head, x, y)
        for l, f in enumerate(network.hidden):
            work.slope[l] = f.df(work.z[l])
        self._top = work.delta[-1].copy()
        vector = np.empty_like(network.theta)
        for l, (W_slot, b_slot) in enumerate(network.parameters(vector)):
            delta = work.delta[l]
            for i in range(network.sizes[l + 1]):  # neuron by neuron, as 002 and 003 write it before vectorising
                delta[i] = self._sum_over_paths(network, work, l, i)
                W_slot[i], b_slot[i] = work.below(l) @ delta[i], delta[i].sum()
        return Gradient(cost, vector, work)

    def _sum_over_paths(self, network: Network, work: Workspace, l: int, i: int) -> Array:
        """dC/dz_i of layer l (counted from 0), (B,): one product for each path, added up."""
        total: Array = np.zeros_like(work.z[l][i])
        for path in paths(network.sizes[l + 2 :]):
            term = self._top[path[0] if path else i]
            below = [*path[1:], i] if path else []
            for step, (k, j) in enumerate(zip(path, below, strict=True)):
                layer = len(network.layers) - 1 - step
                term = term * network.layers[layer].W[k, j] * work.slope[layer - 1][j]
            total = total + term
        return total


def paths(widths: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every tuple of one neuron in each of the layers of these widths, from the last layer to the first."""
    return product(*(range(n) for n in reversed(widths)))


@gradient_methods.register("path_sum")
def path_sum(limit: Count = 5_000) -> PathSum:
    """The nested sum over every path of 002 and 003: exponential in the depth.

    Args:
        limit: largest number of paths of a network that is accepted.
    """
    return PathSum(limit)
