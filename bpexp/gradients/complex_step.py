"""The complex step: the derivative of an analytic function from one evaluation, without a difference that cancels."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from bpexp.errors import ConfigError
from bpexp.gradients.central_difference import batch_cost
from bpexp.gradients.method import Gradient, GradientMethod, gradient_methods
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network

STEP = 1e-30
"""Nothing is subtracted, so h may be as small as it likes: the error of the formula is h^2."""


def obstacle(network: Network, head: Head) -> str | None:
    """Why the cost of a network is not declared to be an analytic function of theta; None where it is."""
    for l, layer in enumerate(network.layers, start=1):
        if not layer.f.analytic:
            where = f"has a kink at {layer.f.kinks[0]:g}" if layer.f.kinks else "is not declared to be analytic"
            return f"the activation of layer {l} {where}"
    if not head.loss.analytic:
        return "the loss has a kink" if head.loss.kinked else "the loss is not declared to be analytic"
    return None


def imaginary_slopes(cost: Callable[[], complex], theta: Array, coordinates: Iterable[int] | None = None) -> Array:
    """dC/dtheta_i = Im C(theta + i h e_i) / h; `cost` reads the complex `theta` (P,) in place."""
    chosen = range(theta.size) if coordinates is None else list(coordinates)
    slopes = np.empty(len(chosen))
    for k, i in enumerate(chosen):
        here = theta[i]
        theta[i] = here + 1j * STEP
        slopes[k] = cost().imag / STEP
        theta[i] = here
    return slopes


class ComplexStep(GradientMethod):
    """P evaluations of the cost at complex parameters; exact to rounding for analytic activations and losses."""

    def refuse(self, network: Network, head: Head) -> None:
        """Raise ConfigError for a network whose cost is not analytic."""
        if reason := obstacle(network, head):
            raise ConfigError(
                f"gradient 'complex_step' needs an analytic cost, but {reason}; use gradient=backprop or "
                "central_difference, or an activation without a kink such as tanh, sigmoid, gelu, silu or softplus"
            )

    def __call__(self, network: Network, head: Head, x: Array, y: Array) -> Gradient:
        """Cost and gradient at `network.theta` for x (n_0, B) and y (n_L, B)."""
        twin = network.at(network.theta.astype(np.complex128))
        x, y = x.astype(np.float64), y.astype(np.float64)

        def cost() -> complex:
            return complex(batch_cost(twin, head, x, y))

        slopes = imaginary_slopes(cost, twin.theta)
        return Gradient(cost().real, slopes.astype(network.theta.dtype))


@gradient_methods.register("complex_step")
def complex_step() -> ComplexStep:
    """Im C(theta + i h e_i) / h. Source: Squire, Trapp (1998)."""
    return ComplexStep()
