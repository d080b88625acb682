"""The interface of a gradient method: from network, head, x and y to the cost of a batch and its gradient."""

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

    The array is the method's own buffer: the next call overwrites it. `workspace` holds the pass behind it, where the
    method makes one with deltas; of a batch walked in pieces it holds the last piece.
    """

    cost: float
    vector: Array
    workspace: Workspace | None = None


class GradientMethod(ABC):
    """An algorithm that computes dC/dtheta.

    `exact` is False where the result is not the gradient, as by design that of feedback alignment.
    """

    exact = True

    @property
    def checkable(self) -> bool:
        """Whether the result claims to be the gradient, so that a gradient check can find it wrong."""
        return self.exact

    def refuse(self, network: Network, head: Head) -> None:  # noqa: B027, most serve any network
        """Raise ConfigError for a network that the method cannot serve; called before anything is drawn."""

    def prepare(self, network: Network, head: Head, rng: np.random.Generator) -> None:  # noqa: B027, most need nothing
        """Draw what the method needs; called once, before training."""

    @abstractmethod
    def __call__(self, network: Network, head: Head, x: Array, y: Array) -> Gradient:
        """Cost and gradient at `network.theta` for x (n_0, B) and y (n_L, B)."""


gradient_methods: Registry[GradientMethod] = Registry("gradient")
