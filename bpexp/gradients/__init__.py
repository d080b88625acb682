"""Gradient methods: algorithms that compute dC/dtheta for a batch, and their verification.

A method belongs here when a config can choose it as `gradient=`. `comparison` holds one gradient to another,
`verification` holds a gradient to differences of the cost. Formulas that the papers misprint are in `bpexp.papers`;
what a gradient tells about a run is in `bpexp.insight`.
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
