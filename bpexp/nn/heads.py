"""The head of a network: output activation and loss as one function of z^L.

delta^L = dC/dz^L is computed in one of three ways, and the cost with it:

    closed  a closed form of the pairing, from z (`bpexp.nn.closed_forms`), such as delta = a - y
    error   the chain rule, with a - y computed from z: for losses of a - y
    chain   the chain rule of 002 as it is written: a = f(z), dC/da, and the output's vector-Jacobian product

The first two neither overflow nor cancel. The chain is for `shortcut: false` and for components of plug-ins that
declare neither `of_error` nor a closed form. It costs digits: a and y cancel as a approaches y, and where a rounds to 0
or 1 the logarithms are infinite and delta is 0 or NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from bpexp.errors import ConfigError
from bpexp.nn.arrays import Array
from bpexp.nn.closed_forms import OF_ERROR, SHORTCUTS, CostAndDelta
from bpexp.nn.losses import Loss, losses
from bpexp.nn.outputs import Output, outputs

BatchReduction = Literal["mean", "sum"]
Form = Literal["closed", "error", "chain"]


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """Output, loss, cost and delta of the last layer.

    `cost_and_delta(z, y, a, delta)` takes z^L, y (n_L, B) and two buffers; it fills a with a^L, delta with dC_k/dz^L of
    each sample, and returns the costs C_k (B,). `batch` says whether the cost of a batch is the mean of the C_k
    (000, 002, the end of 003) or their sum (the start of 003); `form` says which of the three ways is taken.
    """

    output: Output
    loss: Loss
    cost_and_delta: CostAndDelta
    name: str
    batch: BatchReduction = "mean"
    form: Form = "chain"

    def cost(self, z: Array, y: Array) -> Array:
        """C_k (B,) of each sample."""
        if self.form == "error":
            error = error_of(self.output, z, y)
            return self.loss.cost(error, np.zeros_like(error))
        return self.cost_and_delta(z, y, np.empty_like(z), np.empty_like(z))

    def cost_and_output(self, z: Array, y: Array, a: Array) -> Array:
        """C_k (B,) of each sample; a is filled with a^L. For who needs no delta."""
        if self.form == "closed":
            return self.cost_and_delta(z, y, a, np.empty_like(z))
        a[...] = self.output.f(z)
        return self.cost(z, y) if self.form == "error" else self.loss.cost(a, y)

    def slope(self, z: Array, y: Array) -> Array:
        """dC_k/da^L (n_L, B) of each sample. For losses with logarithms it is infinite where a^L rounds to 0 or 1."""
        if self.form == "error":
            error = error_of(self.output, z, y)
            return self.loss.slope(error, np.zeros_like(error))
        return self.loss.slope(self.output.f(z), y)

    def weight(self, B: int) -> float:
        """The factor of a sample in the cost of a batch of B: 1/B for the mean, 1 for the sum."""
        return 1.0 / B if self.batch == "mean" else 1.0


def error_of(output: Output, z: Array, y: Array) -> Array:
    """a - y (n_L, B), from z where the output declares how."""
    return output.f(z) - y if output.error is None else output.error(z, y)


def from_error(output: Output, loss: Loss) -> CostAndDelta:
    """delta_i = sum_j dC/da_j da_j/dz_i for a loss of a - y, taken from z. Source: 002, the full chain rule."""

    def cost_and_delta(z: Array, y: Array, a: Array, delta: Array) -> Array:
        if (values := output.f(z, a)) is not a:
            a[...] = values
        error = a - y if output.error is None else output.error(z, y)
        zero = np.zeros_like(error)
        delta[...] = output.vjp(z, loss.slope(error, zero))
        return loss.cost(error, zero)

    return cost_and_delta


def chain(output: Output, loss: Loss) -> CostAndDelta:
    """delta_i = sum_j dC/da_j da_j/dz_i, for any pairing. Source: 002, "in full generality, using the chain rule"."""

    def cost_and_delta(z: Array, y: Array, a: Array, delta: Array) -> Array:
        a[...] = output.f(z)
        delta[...] = output.vjp(z, loss.slope(a, y))
        return loss.cost(a, y)

    return cost_and_delta


def build_head(output: Any, loss: Any, *, batch: BatchReduction = "mean", shortcut: bool = True) -> Head:
    """Pair an output with a loss; raises ConfigError for a loss that is not defined on the output.

    Args:
        output: name, or {name, parameters}, of the last layer's function.
        loss: name, or {name, parameters}, of the cost of a sample.
        batch: mean (000, 002, the end of 003) or sum (the start of 003) over the samples of a batch.
        shortcut: compute cost and delta from z, where they keep their digits; false for the full chain rule of 002
            through a, which loses them as an output saturates.
    """
    (output_name, _), (loss_name, loss_params) = outputs.parse(output), losses.parse(loss)
    f, c = outputs.from_config(output), losses.from_config(loss)
    if f.codomain not in c.needs:
        raise ConfigError(f"loss {loss_name!r} has no meaning on output {output_name!r}; it needs {_partners(c)}")
    name = f"{output_name}+{loss_name}"
    if shortcut and (closed := SHORTCUTS.get((output_name, loss_name))):
        return Head(f, c, closed(**loss_params), name, batch, "closed")
    if shortcut and c.of_error:
        fused = OF_ERROR.get((output_name, loss_name))
        return Head(f, c, fused(**loss_params) if fused else from_error(f, c), name, batch, "error")
    return Head(f, c, chain(f, c), name, batch, "chain")


def _partners(loss: Loss) -> str:
    """The outputs on which a loss is defined, without those that have a required parameter."""
    known = [name for name in outputs if not any(p.required for p in outputs.parameters(name).values())]
    return "output=" + " or output=".join(name for name in known if outputs[name]().codomain in loss.needs)
