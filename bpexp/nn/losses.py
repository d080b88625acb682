"""Losses: the cost of each sample and its derivative with respect to the network's output.

Shapes: a and y are (n_L, B); `cost` returns C_k (B,), one cost for each sample; `slope` returns dC_k/da (n_L, B).
The head (`bpexp.nn.heads`) takes the mean or the sum over the batch, for all losses alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bpexp.nn.activations import Codomain
from bpexp.nn.arrays import Array
from bpexp.registry import Positive, Registry

Reduction = Literal["sum", "mean"]


@dataclass(frozen=True, slots=True, eq=False)
class Loss:
    """C_k and dC_k/da.

    Args:
        cost: C_k (B,) from a and y (n_L, B).
        slope: dC_k/da (n_L, B) from a and y.
        needs: codomains of the outputs on which the loss is defined.
        classes: whether the loss requires 0/1 targets.
        kinks: the values of a_j - y_j at which the cost or one of its derivatives jumps.
        analytic: the cost accepts complex a and is analytic there, so that the complex step gives its derivative.
        of_error: cost and slope depend on a and y through a - y alone. The head may then take a - y from z, and call
            them with a - y and 0.
    """

    cost: Callable[[Array, Array], Array]
    slope: Callable[[Array, Array], Array]
    needs: tuple[Codomain, ...] = ("real", "unit", "simplex")
    classes: bool = False
    kinks: tuple[float, ...] = ()
    analytic: bool = False
    of_error: bool = False


losses: Registry[Loss] = Registry("loss")


def _sum(values: Array) -> Array:
    return np.asarray(values.sum(axis=0))


def _quotient(weight: Array, p: Array) -> Array:
    """weight / p; 0 where the weight is 0, infinite where p underflows to 0."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(np.divide(weight, p, where=weight != 0, out=np.zeros_like(p)))


def _over_outputs(reduction: Reduction, factor: float) -> Callable[[Array], float]:
    """The constant in front of the sum over outputs: factor, or factor / n_L."""
    return lambda a: factor / a.shape[0] if reduction == "mean" else factor


@losses.register("mse")
def mse(reduction: Reduction = "sum", factor: Positive = 1.0) -> Loss:
    """C_k = factor sum_j (a_j - y_j)^2, slope 2 factor (a - y).

    reduction=sum, factor=1 is the cost of 000 and 003; reduction=mean (1/n_L) is that of 002; factor=0.5 is Nielsen's.

    Args:
        reduction: sum or mean (1/n_L) over the outputs.
        factor: constant in front of the cost.
    """
    constant = _over_outputs(reduction, factor)
    return Loss(
        cost=lambda a, y: constant(a) * _sum(np.square(a - y)),
        slope=lambda a, y: 2 * constant(a) * (a - y),
        analytic=True,
        of_error=True,
    )


@losses.register("mae")
def mae(reduction: Reduction = "sum", factor: Positive = 1.0) -> Loss:
    """C_k = factor sum_j |a_j - y_j|, slope factor sign(a - y), 0 where a = y.

    Args:
        reduction: sum or mean (1/n_L) over the outputs.
        factor: constant in front of the cost.
    """
    constant = _over_outputs(reduction, factor)
    return Loss(
        cost=lambda a, y: constant(a) * _sum(np.abs(a - y)),
        slope=lambda a, y: constant(a) * np.sign(a - y),
        kinks=(0.0,),
        of_error=True,
    )


@losses.register("huber")
def huber(threshold: Positive = 1.0, reduction: Reduction = "sum", factor: Positive = 1.0) -> Loss:
    """C_k = factor sum_j h(a_j - y_j), h(e) = e^2 / 2 up to |e| = d, then d (|e| - d / 2). Source: Huber (1964).

    Args:
        threshold: d, the error up to which the cost is quadratic.
        reduction: sum or mean (1/n_L) over the outputs.
        factor: constant in front of the cost.
    """
    constant = _over_outputs(reduction, factor)

    def cost(a: Array, y: Array) -> Array:
        inside = np.minimum(np.abs(a - y), threshold)
        return constant(a) * _sum(inside * (np.abs(a - y) - 0.5 * inside))

    def slope(a: Array, y: Array) -> Array:
        return np.asarray(constant(a) * np.clip(a - y, -threshold, threshold))

    return Loss(cost, slope, kinks=(-threshold, threshold), of_error=True)


@losses.register("cross_entropy")
def cross_entropy() -> Loss:
    """C_k = -sum_j y_j log a_j, slope -y_j / a_j, for outputs that sum to 1. Source: 002, 003."""

    def cost(a: Array, y: Array) -> Array:
        with np.errstate(divide="ignore"):  # a_j = 0 where y_j = 1: the cost is infinite
            return -_sum(np.multiply(y, np.log(a), where=y != 0, out=np.zeros_like(a)))

    return Loss(cost, slope=lambda a, y: -_quotient(y, a), needs=("simplex",), classes=True, analytic=True)


@losses.register("binary_cross_entropy")
def binary_cross_entropy(reduction: Reduction = "sum", factor: Positive = 1.0) -> Loss:
    """C_k = -factor sum_j (y_j log a_j + (1 - y_j) log(1 - a_j)), slope factor (a - y) / (a (1 - a)).

    Source: Nielsen, Neural Networks and Deep Learning, chapter 3, there with factor 1 and the sum over outputs.

    Args:
        reduction: sum or mean (1/n_L) over the outputs.
        factor: constant in front of the cost.
    """
    constant = _over_outputs(reduction, factor)

    def log_part(weight: Array, p: Array) -> Array:
        return np.multiply(weight, np.log(p), where=weight != 0, out=np.zeros_like(p))

    def cost(a: Array, y: Array) -> Array:
        with np.errstate(divide="ignore"):
            return -constant(a) * _sum(log_part(y, a) + log_part(1 - y, 1 - a))

    def slope(a: Array, y: Array) -> Array:
        # (a - y) / (a (1 - a)) is 0 / 0 for a saturated output that equals its target
        return np.asarray(constant(a) * (_quotient(1 - y, 1 - a) - _quotient(y, a)))

    return Loss(cost, slope, needs=("unit", "simplex"), classes=True, analytic=True)
