"""A stack: K networks of one shape whose passes are one pass, over arrays with a leading axis K.

Activations, heads and losses are functions of the columns of a matrix. The columns of K batches side by side are the
columns of one batch of K B samples, so that the functions of a single network are used as they are. What belongs to a
network alone are its products and its biases: theta is (K, P), W^l is (K, n_l, n_{l-1}) and z^l is (K, n_l, B).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TypeVar

import numpy as np

from bpexp.nn.activations import Activation
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network, Workspace
from bpexp.nn.products import Blocks, Products

Kind = TypeVar("Kind")


class Stack(Network):
    """K networks of one shape and dtype; each of them lives in a row of `theta` (K, P) from now on.

    Args:
        networks: the networks, whose weights are copied.
        kinds: for each network the names of the functions of its hidden layers: what has one name is one function.
    """

    def __init__(self, networks: Sequence[Network], kinds: Sequence[Sequence[str]]) -> None:
        first = networks[0]
        self.sizes, self.output, self.dtype = first.sizes, first.output, first.dtype
        columns = zip(zip(*kinds, strict=True), zip(*(n.hidden for n in networks), strict=True), strict=True)
        self.hidden = tuple(one_activation(names, functions) for names, functions in columns)
        self.live_in(np.stack([network.theta for network in networks]))
        for network, row in zip(networks, self.theta, strict=True):
            network.live_in(row)

    def workspace(self, B: int, blocks: Blocks = 0) -> Workspace:
        """Buffers for a batch of B samples of each network; those of the last layer lie as (n_L, K, B) in memory."""
        K, n_L = len(self.theta), self.sizes[-1]

        def buffers() -> list[Array]:
            last = np.empty((n_L, K, B), self.dtype).transpose(1, 0, 2)
            return [*(np.empty((K, n, B), self.dtype) for n in self.sizes[1:-1]), last]

        products = Products(self.sizes, B, np.matmul, blocks)
        return Workspace(np.empty(0, self.dtype), buffers(), buffers(), buffers()[:-1], buffers(), products)


def runs(kinds: Sequence[Kind]) -> Iterator[tuple[slice, int]]:
    """The slices of equal neighbours, each with the index of its first."""
    start = 0
    for _, equal in groupby(kinds):
        stop = start + len(list(equal))
        yield slice(start, stop), start
        start = stop


def one_activation(kinds: Sequence[str], functions: Sequence[Activation]) -> Activation:
    """The activation of one layer of a stack: each network's own, for z (K, n_l, B)."""
    parts = [(rows, functions[first]) for rows, first in runs(kinds)]
    if len(parts) == 1:
        return functions[0]

    def f(z: Array, out: Array | None = None) -> Array:
        values = np.empty_like(z) if out is None else out
        for rows, function in parts:
            values[rows] = function.f(z[rows], values[rows])
        return values

    def df(z: Array, out: Array | None = None) -> Array:
        values = np.empty_like(z) if out is None else out
        for rows, function in parts:
            values[rows] = function.df(z[rows], values[rows])
        return values

    return Activation(f, df)


def one_head(kinds: Sequence[str], heads: Sequence[Head]) -> Head:
    """The head of a stack: each network's own, for z, a and delta (K, n_L, B) of a workspace and y (K, B, n_L).

    Returns the costs (K, B). The heads must have one `batch`.
    """
    parts = [(rows, heads[first]) for rows, first in runs(kinds)]

    def cost_and_delta(z: Array, y: Array, a: Array, delta: Array) -> Array:
        K, n_L, B = z.shape
        if len(parts) == 1:
            columns = side_by_side(z), y.reshape(-1, n_L).T, side_by_side(a), side_by_side(delta)
            return heads[0].cost_and_delta(*columns).reshape(K, B)
        costs = np.empty((K, B), z.dtype)
        for rows, head in parts:  # side by side they are copies
            zs, values, slopes = (side_by_side(array[rows]) for array in (z, a, delta))
            costs[rows] = head.cost_and_delta(zs, y[rows].reshape(-1, n_L).T, values, slopes).reshape(-1, B)
            a[rows], delta[rows] = apart(values, B), apart(slopes, B)
        return costs

    return replace(heads[0], cost_and_delta=cost_and_delta, name="a head for each network")


def side_by_side(stack: Array) -> Array:
    """(K, n, B) as (n, K B): the samples of all networks in columns; a view of what lies in memory as (n, K, B)."""
    K, n, B = stack.shape
    return stack.transpose(1, 0, 2).reshape(n, K * B)


def apart(columns: Array, B: int) -> Array:
    """(n, K B) as a view (K, n, B)."""
    return columns.reshape(len(columns), -1, B).transpose(1, 0, 2)
