"""Central differences: 2 P evaluations of the cost, always in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any

import numpy as np

from bpexp.gradients.method import Gradient, GradientMethod, gradient_methods
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network
from bpexp.registry import Range

STEP = float(np.cbrt(np.finfo(np.float64).eps))
"""eps^(1/3), which balances the truncation error, h^2, with the rounding error, eps / h."""


def central_differences(
    cost: Callable[[], float], theta: Array, step: float = STEP, coordinates: Iterable[int] | None = None
) -> Array:
    """dC/dtheta_i = (C(theta + h e_i) - C(theta - h e_i)) / 2h, with h = step max(1, |theta_i|).

    Args:
        cost: computes C from the array `theta`.
        theta: (P,) in float64, changed in place and restored.
        step: h for |theta_i| up to 1.
        coordinates: the i to compute; None for all.

    Returns one derivative for each coordinate.
    """
    chosen = range(theta.size) if coordinates is None else list(coordinates)
    slopes = np.empty(len(chosen))
    for k, i in enumerate(chosen):
        here = theta[i]
        h = step * max(1.0, abs(here))
        theta[i] = here + h
        above, up = cost(), theta[i]
        theta[i] = here - h
        below, down = cost(), theta[i]
        theta[i] = here
        slopes[k] = (above - below) / (up - down)  # the step after rounding
    return slopes


def batch_cost(network: Network, head: Head, x: Array, y: Array) -> Any:
    """C of a batch: the mean or sum of the C_k, as the head declares; complex where theta is."""
    return head.cost(network.logits(x), y).sum().item() * head.weight(x.shape[1])


class CentralDifference(GradientMethod):
    """The gradient from evaluations of the cost only."""

    def __init__(self, step: float) -> None:
        self.step = step

    def __call__(self, network: Network, head: Head, x: Array, y: Array) -> Gradient:
        """Cost and gradient at `network.theta` for x (n_0, B) and y (n_L, B)."""
        twin = network.at(network.theta.astype(np.float64))
        x, y = x.astype(np.float64), y.astype(np.float64)

        def cost() -> float:
            return float(batch_cost(twin, head, x, y))

        slopes = central_differences(cost, twin.theta, self.step)
        return Gradient(cost(), slopes.astype(network.theta.dtype))


@gradient_methods.register("central_difference")
def central_difference(step: Annotated[float, Range(above=0, below=1)] = STEP) -> CentralDifference:
    """(C(theta + h e_i) - C(theta - h e_i)) / 2h for each of the P parameters, with h = step max(1, |theta_i|).

    Args:
        step: h for |theta_i| up to 1; the default balances truncation and rounding error.
    """
    return CentralDifference(step)
