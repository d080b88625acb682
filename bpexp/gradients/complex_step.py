"""The complex step: the derivative of an analytic function from one evaluation, without cancellation."""

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
"""h. The truncation error is of order h^2, and h may be tiny because nothing is subtracted."""


def obstacle(network: Network, head: Head) -> str | None:
    """The reason why the complex step does not give the gradient of a network's cost; None if it does.

    Activation and loss declare whether they are analytic. The declaration is also tested at a few points, because with
    a wrong one the complex step would report a correct gradient as wrong.
    """
    for l, layer in enumerate(network.layers, start=1):
        n = layer.W.shape[0]
        z = np.linspace(-2.1, 2.3, 4 * n).reshape(n, 4)
        if reason := _reason(layer.f.kinks, layer.f.analytic, layer.f.f, z):
            return f"the activation of layer {l} {reason}"
    n = network.sizes[-1]
    a, y = np.linspace(0.1, 0.9, 4 * n).reshape(n, 4), np.arange(4.0 * n).reshape(n, 4) % 2
    reason = _reason(head.loss.kinks, head.loss.analytic, lambda a: head.loss.cost(a, y), a)
    return f"the loss {reason}" if reason else None


def _reason(kinks: tuple[float, ...], analytic: bool, function: Callable[[Array], Array], at: Array) -> str | None:
    if kinks:
        return f"has a kink at {kinks[0]:g}"
    if not analytic:
        return "is not declared to be analytic"
    return None if continues(function, at) else "is declared to be analytic, but its complex step is not its slope"


def continues(function: Callable[[Array], Array], at: Array, step: float = 1e-5) -> bool:
    """Whether Im f(z + i h v) / h equals the central difference (f(z + h v) - f(z - h v)) / 2h, for one direction v.

    It does not for functions of |z|, such as z / (1 + |z|), which have no derivative at complex z.
    """
    v = np.cos(np.arange(float(at.size))).reshape(at.shape)
    difference = (function(at + step * v) - function(at - step * v)) / (2 * step)
    try:
        slope = np.imag(function(at + 1j * STEP * v)) / STEP
    except Exception:  # a function of a third party may raise anything for complex z
        return False
    return bool(np.allclose(slope, difference, rtol=1e-6, atol=1e-8))


def imaginary_slopes(cost: Callable[[], complex], theta: Array, coordinates: Iterable[int] | None = None) -> Array:
    """dC/dtheta_i = Im C(theta + i h e_i) / h for the given coordinates, or for all.

    `cost` computes C from the complex array `theta` (P,), which is changed in place and restored.
    """
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
