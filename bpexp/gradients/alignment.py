"""Feedback alignment: the recursion with fixed random matrices in place of W^T. By design it is not the gradient."""

from __future__ import annotations

import numpy as np

from bpexp.gradients.backprop import forward_to_delta, parameter_gradients
from bpexp.gradients.method import Gradient, GradientMethod, gradient_methods
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network


class FeedbackAlignment(GradientMethod):
    """delta^{l-1} = B^l delta^l * f'(z^{l-1}), B^l (n_{l-1}, n_l) fixed; direct: delta^l = B^l delta^L * f'(z^l).

    The entries of a matrix are drawn from N(0, 1 / n), where n is its number of columns.
    """

    exact = False

    def __init__(self, *, direct: bool) -> None:
        self.direct = direct
        self._feedback: list[Array] = []

    def prepare(self, network: Network, head: Head, rng: np.random.Generator) -> None:
        """Draw the feedback matrices."""
        n, dtype = network.sizes, network.theta.dtype
        above = [n[-1] if self.direct else n[l + 1] for l in range(1, len(n) - 1)]
        shapes = zip(n[1:-1], above, strict=True)
        self._feedback = [rng.normal(0, 1 / np.sqrt(up), (own, up)).astype(dtype) for own, up in shapes]

    def __call__(self, network: Network, head: Head, x: Array, y: Array) -> Gradient:
        """Cost, and the substitute for the gradient, at `network.theta` for x (n_0, B) and y (n_L, B)."""
        cost, work = forward_to_delta(network, head, x, y)
        for l in range(len(network.hidden) - 1, -1, -1):
            work.slope[l] = network.hidden[l].df(work.z[l])
            above = work.delta[-1] if self.direct else work.delta[l + 1]
            work.delta[l] = self._feedback[l] @ above * work.slope[l]
        vector = np.empty_like(network.theta)
        parameter_gradients(network, work, vector)
        return Gradient(cost, vector, work)


@gradient_methods.register("feedback_alignment")
def feedback_alignment() -> FeedbackAlignment:
    """delta^{l-1} = B^l delta^l * f'(z^{l-1}) with random B^l in place of (W^l)^T. Source: Lillicrap et al. (2016)."""
    return FeedbackAlignment(direct=False)


@gradient_methods.register("direct_feedback_alignment")
def direct_feedback_alignment() -> FeedbackAlignment:
    """delta^l = B^l delta^L * f'(z^l) with random B^l, from the last layer to each other. Source: Nokland (2016)."""
    return FeedbackAlignment(direct=True)
