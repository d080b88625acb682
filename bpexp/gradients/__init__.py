"""Gradient methods: algorithms that compute dC/dtheta for a batch, and their verification.

A method that a config can choose as `gradient=` belongs here. `comparison` compares two gradients, `verification`
compares a gradient with differences of the cost. Formulas that the papers misprint are in `bpexp.papers`, measurements
of the gradients of a run in `bpexp.insight`.
"""

from bpexp.gradients import (
    alignment,
    backprop,
    central_difference,
    complex_step,
    forward_gradient,
    jacobian,
    path_sum,
)
from bpexp.gradients.method import Gradient, GradientMethod, gradient_methods

__all__ = [
    "Gradient",
    "GradientMethod",
    "alignment",
    "backprop",
    "central_difference",
    "complex_step",
    "forward_gradient",
    "gradient_methods",
    "jacobian",
    "path_sum",
]
