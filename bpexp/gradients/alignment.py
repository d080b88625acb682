"""Feedback alignment: the recursion with fixed random matrices in place of W^T. Not the gradient, and said so."""

from __future__ import annotations

import numpy as np

from bpexp.gradients.backprop import forward
from bpexp.gradients.method import Gradient, GradientMethod, gradient_methods
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network, Trace


class FeedbackAlignment(GradientMethod):
    """delta^{l-1} = B^l delta^l * f'(z^{l-1}), B^l (n_{l-1}, n_l) fixed; direct: delta^l = B^l delta^L * f'(z^l).

    The matrices are drawn as the weights of a layer would be, N(0, 1 / n) with n the width that they read.
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
        """Cost, and what stands in for the gradient, at `network.theta` for x (n_0, B) and y (n_L, B)."""
        trace: Trace = network.trace(x.shape[1])
        trace.weight = head.weight(x.shape[1])
        forward(network, x, trace)
        costs = head.cost_and_delta(trace.z[-1], y, trace.a[-1], trace.delta[-1])
        trace.delta[-1] *= trace.weight
        vector = np.empty_like(network.theta)
        slots = list(network.parameters(vector))
        for l in range(len(network.layers) - 1, -1, -1):
            if l < len(network.layers) - 1:
                df = network.layers[l].f.df
                assert df is not None
                trace.slope[l] = df(trace.z[l])
                above = trace.delta[-1] if self.direct else trace.delta[l + 1]
                trace.delta[l] = self._feedback[l] @ above * trace.slope[l]
            W_slot, b_slot = slots[l]
            W_slot[...] = trace.delta[l] @ trace.below(l).T
            b_slot[...] = trace.delta[l].sum(axis=1, keepdims=True)
        return Gradient(float(costs.sum()) * trace.weight, vector, trace)


@gradient_methods.register("feedback_alignment")
def feedback_alignment() -> FeedbackAlignment:
    """Random matrices carry delta from layer to layer. Source: Lillicrap et al. (2016)."""
    return FeedbackAlignment(direct=False)


@gradient_methods.register("direct_feedback_alignment")
def direct_feedback_alignment() -> FeedbackAlignment:
    """Random matrices carry delta^L straight to every layer. Source: Nokland (2016)."""
    return FeedbackAlignment(direct=True)
