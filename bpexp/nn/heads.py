"""The head of a network: output activation and loss as one function of z^L.

delta^L = dC/dz^L is computed in one of two ways. The chain uses a = f(z), dC/da and the output's vector-Jacobian
product, and works for every pairing. A shortcut is the closed form of the same derivative (002, appendix of 003:
delta = a - y), computed from z, which needs no clipping and does not overflow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from bpexp.errors import ConfigError
from bpexp.nn.activations import activations
from bpexp.nn.arrays import Array
from bpexp.nn.losses import Loss, losses
from bpexp.nn.outputs import Output, outputs

BatchReduction = Literal["mean", "sum"]
CostAndDelta = Callable[[Array, Array, Array, Array], Array]


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """Output, loss, cost and delta of the last layer.

    `cost_and_delta(z, y, a, delta)` takes z^L, y (n_L, B) and two buffers; it fills a with a^L, delta with dC_k/dz^L of
    each sample, and returns the costs C_k (B,). `batch` says whether the cost of a batch is the mean of the C_k
    (000, 002, the end of 003) or their sum (the start of 003).
    """

    output: Output
    loss: Loss
    cost_and_delta: CostAndDelta
    name: str
    batch: BatchReduction = "mean"
    shortcut: bool = False

    def cost(self, z: Array, y: Array) -> Array:
        """C_k (B,) of each sample."""
        return self.cost_and_delta(z, y, np.empty_like(z), np.empty_like(z))

    def weight(self, B: int) -> float:
        """The factor of a sample in the cost of a batch of B: 1/B for the mean, 1 for the sum."""
        return 1.0 / B if self.batch == "mean" else 1.0


def chain(output: Output, loss: Loss) -> CostAndDelta:
    """delta_i = sum_j dC/da_j da_j/dz_i, for any pairing. Source: 002, "in full generality, using the chain rule"."""

    def cost_and_delta(z: Array, y: Array, a: Array, delta: Array) -> Array:
        a[...] = output.f(z)
        delta[...] = output.vjp(z, loss.slope(a, y))
        return loss.cost(a, y)

    return cost_and_delta


def softmax_cross_entropy() -> CostAndDelta:
    """C_k = log sum_j exp(z_j) - y . z, delta = a - y, for targets that sum to 1. Source: 002; 003, appendix."""

    def cost_and_delta(z: Array, y: Array, a: Array, delta: Array) -> Array:
        shifted = np.subtract(z, z.real.max(axis=0), out=delta)
        np.exp(shifted, out=a)
        total = a.sum(axis=0)
        cost: Array = np.log(total) - np.einsum("ij,ij->j", y, shifted)
        np.divide(a, total, out=a)
        np.subtract(a, y, out=delta)
        return cost

    return cost_and_delta


def sigmoid_binary_cross_entropy(reduction: Literal["sum", "mean"] = "sum", factor: float = 1.0) -> CostAndDelta:
    """C_k = factor sum_j (log(1 + exp(z_j)) - y_j z_j), delta = factor (a - y). Source: Nielsen, chapter 3."""
    softplus, sigmoid = activations.build("softplus"), activations.build("sigmoid")

    def cost_and_delta(z: Array, y: Array, a: Array, delta: Array) -> Array:
        constant = factor / z.shape[0] if reduction == "mean" else factor
        cost: Array = constant * (softplus.f(z) - y * z).sum(axis=0)
        a[...] = sigmoid.f(z)
        np.subtract(a, y, out=delta)
        np.multiply(delta, constant, out=delta)
        return cost

    return cost_and_delta


SHORTCUTS: dict[tuple[str, str], Callable[..., CostAndDelta]] = {
    ("softmax", "cross_entropy"): softmax_cross_entropy,
    ("sigmoid", "binary_cross_entropy"): sigmoid_binary_cross_entropy,
}
"""Pairings with a closed form of delta; a shortcut takes the parameters of its loss."""


def build_head(output: Any, loss: Any, *, batch: BatchReduction = "mean", shortcut: bool = True) -> Head:
    """Pair an output with a loss; raises ConfigError for a loss that is not defined on the output.

    Args:
        output: name, or {name, parameters}, of the last layer's function.
        loss: name, or {name, parameters}, of the cost of a sample.
        batch: mean (000, 002, the end of 003) or sum (the start of 003) over the samples of a batch.
        shortcut: use delta = a - y, computed from z, if the pairing allows it; false for the full chain rule of 002.
    """
    (output_name, _), (loss_name, loss_params) = outputs.parse(output), losses.parse(loss)
    f, c = outputs.from_config(output), losses.from_config(loss)
    if f.codomain not in c.needs:
        raise ConfigError(f"loss {loss_name!r} has no meaning on output {output_name!r}; it needs {_partners(c)}")
    short = SHORTCUTS.get((output_name, loss_name)) if shortcut else None
    cost_and_delta = short(**loss_params) if short else chain(f, c)
    return Head(f, c, cost_and_delta, name=f"{output_name}+{loss_name}", batch=batch, shortcut=short is not None)


def _partners(loss: Loss) -> str:
    """The outputs on which a loss is defined, without those that have a required parameter."""
    known = [name for name in outputs if not any(p.required for p in outputs.parameters(name).values())]
    return "output=" + " or output=".join(name for name in known if outputs[name]().codomain in loss.needs)
