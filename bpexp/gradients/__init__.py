"""Algorithms that compute the gradient, and the checker that holds them to each other."""

from bpexp.gradients import alignment, complex_step, errata, forward_gradient, jacobian, path_sum
from bpexp.gradients.backprop import backprop
from bpexp.gradients.central_difference import central_difference
from bpexp.gradients.method import Gradient, GradientMethod, gradient_methods

__all__ = [
    "Gradient",
    "GradientMethod",
    "alignment",
    "backprop",
    "central_difference",
    "complex_step",
    "errata",
    "forward_gradient",
    "gradient_methods",
    "jacobian",
    "path_sum",
]
