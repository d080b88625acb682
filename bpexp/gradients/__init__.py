"""Algorithms that compute the gradient, and the checker that holds them to each other."""

from bpexp.gradients.backprop import backprop
from bpexp.gradients.central_difference import central_difference
from bpexp.gradients.method import Gradient, GradientMethod, gradient_methods

__all__ = ["Gradient", "GradientMethod", "backprop", "central_difference", "gradient_methods"]
