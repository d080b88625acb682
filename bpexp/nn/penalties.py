"""Changes to the gradient before the optimizer's step: L1 and L2 penalties on the weights, and clipping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bpexp.nn.arrays import Array
from bpexp.nn.network import Network
from bpexp.registry import NonNegative, Positive


@dataclass(frozen=True, slots=True)
class Penalty:
    """l1 sum |w| + l2 / 2 sum w^2 over the weights W of all layers, without the biases.

    Args:
        l1: weight of the sum of |w| in the cost.
        l2: weight of half the sum of w^2 in the cost.
    """

    l1: NonNegative = 0.0
    l2: NonNegative = 0.0

    def __bool__(self) -> bool:
        return self.l1 > 0 or self.l2 > 0

    def cost(self, network: Network) -> float:
        """The term that the penalty adds to the cost."""
        weights = [layer.W for layer in network.layers]
        return sum(self.l1 * float(np.abs(W).sum()) + self.l2 / 2 * float(np.square(W).sum()) for W in weights)

    def add_slope(self, network: Network, grad: Array) -> None:
        """Add l1 sign(w) + l2 w to the gradient (P,), in place."""
        for (dW, _), layer in zip(network.parameters(grad), network.layers, strict=True):
            if self.l1:
                dW += self.l1 * np.sign(layer.W)
            if self.l2:
                dW += self.l2 * layer.W


@dataclass(frozen=True, slots=True)
class Clip:
    """Clip each entry of the gradient to [-value, value], then scale the gradient to at most Euclidean norm `norm`.

    Args:
        norm: largest Euclidean norm of the gradient; null for none.
        value: largest absolute value of an entry of the gradient; null for none.
    """

    norm: Positive | None = None
    value: Positive | None = None

    def __bool__(self) -> bool:
        return self.norm is not None or self.value is not None

    def apply(self, grad: Array) -> None:
        """Clip the gradient (P,) in place: entries first, then the norm."""
        if self.value is not None:
            np.clip(grad, -self.value, self.value, out=grad)
        if self.norm is not None:
            length = float(np.linalg.norm(grad.astype(np.float64, copy=False)))  # a square can overflow float32
            if length > self.norm:
                grad *= self.norm / length
