"""What a gradient method is: a function of network, head, x and y to the cost of a batch and its gradient."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network, Workspace
from bpexp.registry import Registry


class Gradient(NamedTuple):
    """The cost of a batch, and dC/dtheta (P,) in the order of `network.theta`.

    The array is the method's own buffer: the next call overwrites it. `work` is the pass behind it, where the method
    makes one with deltas; of a batch walked in pieces it is the last piece.
    """

    cost: float
    vector: Array
    workspace: Workspace | None = None


class GradientMethod(ABC):
    """An algorithm that computes dC/dtheta; `exact` is False for one that only stands in for the gradient."""

    exact = True

    def prepare(self, network: Network, head: Head, rng: np.random.Generator) -> None:  # noqa: B027, most need nothing
        """Refuse a network that the method cannot serve, in one line, and draw what it needs; before training."""

    @abstractmethod
    def __call__(self, network: Network, head: Head, x: Array, y: Array) -> Gradient:
        """Cost and gradient at `network.theta` for x (n_0, B) and y (n_L, B)."""


gradient_methods: Registry[GradientMethod] = Registry("gradient")
