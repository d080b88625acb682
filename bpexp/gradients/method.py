"""The interface of a gradient method: from network, head, x and y to the cost of a batch and its gradient."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network, Workspace
from bpexp.registry import Registry


class Gradient(NamedTuple):
    """The cost of a batch, and dC/dtheta (P,) in the order of `network.theta`.

    The array may be a buffer that the next call overwrites. `workspace` holds the method's pass over the whole batch
    with its deltas; it is None if the method computes no deltas, or processes the batch in pieces.
    """

    cost: float
    vector: Array
    workspace: Workspace | None = None


class GradientMethod(ABC):
    """An algorithm that computes dC/dtheta.

    `exact` is False if the result is, by design, not the gradient, as for feedback alignment.
    """

    exact = True

    @property
    def by_transpose(self) -> bool:
        """Whether its deltas follow delta^{l-1} = (W^l)^T delta^l * f'(z^{l-1}); those of an exact method do."""
        return self.exact

    @property
    def checkable(self) -> bool:
        """Whether the result is meant to be the gradient, so that a gradient check applies."""
        return self.exact

    def refuse(self, network: Network, head: Head) -> None:  # noqa: B027, most accept any network
        """Raise ConfigError for a network that the method does not support; called before anything is drawn."""

    def numbers(self, sizes: Sequence[int], B: int) -> int:
        """How many numbers it holds for n_0, ..., n_L units and a batch of B, beside a pass and its gradient (P,)."""
        return 0

    def prepare(self, network: Network, head: Head, rng: np.random.Generator) -> None:  # noqa: B027, most need nothing
        """Draw the method's own random numbers; called once, before training.

        The method may keep `rng` and draw from it during training: a checkpoint holds its position.
        """

    def state(self) -> dict[str, Any]:
        """What it remembers from one call to the next beside the position of `rng`: plain values and arrays by name."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:  # noqa: B027, most remember nothing
        """Take back what `state` gave; called after `prepare`, in a training that is resumed."""

    @abstractmethod
    def __call__(self, network: Network, head: Head, x: Array, y: Array) -> Gradient:
        """Cost and gradient at `network.theta` for x (n_0, B) and y (n_L, B)."""


gradient_methods: Registry[GradientMethod] = Registry("gradient")
