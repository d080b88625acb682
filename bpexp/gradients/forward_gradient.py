"""The forward gradient: a directional derivative in a random direction, by forward mode, times the direction."""

from __future__ import annotations

import numpy as np

from bpexp.gradients.backprop import forward_to_delta
from bpexp.gradients.method import Gradient, GradientMethod, gradient_methods
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network, Workspace
from bpexp.registry import Count


def directional_derivative(network: Network, work: Workspace, direction: Array) -> float:
    """grad C . v for v (P,), one pass forward: dz^l = dW a^{l-1} + W da^{l-1} + db, da^l = f'(z^l) dz^l.

    `work` is a forward pass whose last delta is dC/dz^L.
    """
    da = np.zeros_like(work.x)
    dz = da
    for l, (dW, db) in enumerate(network.parameters(direction)):
        dz = dW @ work.below(l) + network.layers[l].W @ da + db
        if l < len(network.hidden):
            da = network.hidden[l].df(work.z[l]) * dz
    return float(np.sum(work.delta[-1] * dz))


class ForwardGradient(GradientMethod):
    """The mean of (grad C . v) v over `directions` draws of v ~ N(0, I): unbiased, with a large variance."""

    exact = False

    def __init__(self, directions: int) -> None:
        self.directions = directions

    def prepare(self, network: Network, head: Head, rng: np.random.Generator) -> None:
        """Store the generator from which the directions are drawn."""
        self._rng = rng

    def __call__(self, network: Network, head: Head, x: Array, y: Array) -> Gradient:
        """Cost, and an unbiased estimate of the gradient, at `network.theta` for x (n_0, B) and y (n_L, B)."""
        cost, work = forward_to_delta(network, head, x, y)
        vector = np.zeros_like(network.theta)
        for _ in range(self.directions):
            v = self._rng.standard_normal(vector.size).astype(vector.dtype)
            vector += directional_derivative(network, work, v) / self.directions * v
        return Gradient(cost, vector)


@gradient_methods.register("forward_gradient")
def forward_gradient(directions: Count = 1) -> ForwardGradient:
    """(grad C . v) v for random v, without a backward pass. Source: Baydin et al. (2022).

    Args:
        directions: number of random directions v in the mean.
    """
    return ForwardGradient(directions)
