"""Closed forms: cost and delta^L of a loss with logarithms, computed from z^L, without cancellation or overflow.

log a is -infinity and log(1 - a) is 0 as soon as a rounds to 0 or 1, which a float32 sigmoid does at z = 17. Their
values follow from z: with t = exp(-|z|) a sigmoid has -log a = log(1 + t) + max(-z, 0), and with e_j = exp(z_j - max z)
a softmax has 1 - a_k = (sum of the other e_j) / sum e_j. For 0/1 targets no term is the difference of two larger ones.

Shapes: z, y, a and delta are (n_L, B); a form fills a with a^L and delta with dC_k/dz^L, and returns the C_k (B,).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from bpexp.nn.activations import decay
from bpexp.nn.arrays import Array

CostAndDelta = Callable[[Array, Array, Array, Array], Array]


def softmax_cross_entropy() -> CostAndDelta:
    """C_k = log sum_j exp(z_j) - y . z, delta = a - y, for targets that sum to 1. Source: 002; 003, appendix.

    With e_j = exp(z_j - max z), sum_j e_j - 1 = sum_j (e_j - y_j) has all its digits where the target is the largest
    e_j = 1 = y_j, which is where the cost is small.
    """

    def cost_and_delta(z: Array, y: Array, a: Array, delta: Array) -> Array:
        shifted = np.subtract(z, np.maximum.reduce(z.real), out=delta)
        e = np.exp(shifted, out=a)
        apart = e - y
        rest = np.add.reduce(apart)
        cost: Array = np.log1p(rest) - np.vecdot(y.T, shifted.T)
        total = rest + 1
        np.subtract(apart, np.multiply(y, rest, out=delta), out=delta)  # a - y = (e - y - y rest) / total
        np.divide(delta, total, out=delta)
        np.divide(e, total, out=a)
        return cost

    return cost_and_delta


def sigmoid_binary_cross_entropy(reduction: Literal["sum", "mean"] = "sum", factor: float = 1.0) -> CostAndDelta:
    """C_k = factor sum_j (log(1 + exp(z_j)) - y_j z_j), delta = factor (a - y). Source: Nielsen, chapter 3.

    With t = exp(-|z|) and s = t / (1 + t): C = log(1 + t) + |z| |[z > 0] - y|, and a - y = ([z > 0] - y) -+ s.
    """

    def cost_and_delta(z: Array, y: Array, a: Array, delta: Array) -> Array:
        constant = factor / z.shape[0] if reduction == "mean" else factor
        t = decay(z, out=delta)
        positive = z.real > 0
        apart: Array = positive - y
        cost: Array = constant * (np.log1p(t) + apart * z).sum(axis=0)
        s = np.divide(t, 1 + t, out=t)
        np.negative(s, out=s, where=positive)
        np.add(s, positive, out=a)
        np.add(s, apart, out=delta)
        if constant != 1:
            np.multiply(delta, constant, out=delta)
        return cost

    return cost_and_delta


def sigmoid_mse(reduction: Literal["sum", "mean"] = "sum", factor: float = 1.0) -> CostAndDelta:
    """C_k = factor sum_j (a_j - y_j)^2, delta = 2 factor (a - y) f'(z), with one exponential of z for all three.

    With t = exp(-|z|) and s = t / (1 + t): a - y = ([z > 0] - y) -+ s, and f'(z) = t / (1 + t)^2 = s / (1 + t).
    """

    def cost_and_delta(z: Array, y: Array, a: Array, delta: Array) -> Array:
        constant = factor / z.shape[0] if reduction == "mean" else factor
        t = decay(z, out=delta)
        total = t + 1
        s = np.divide(t, total, out=t)
        slope = np.divide(s, total, out=total)
        positive = np.greater(z.real, 0, out=a)
        error = positive - y
        s *= 1 - 2 * positive
        a += s
        error += s
        np.multiply(error, slope, out=delta)
        delta *= 2 * constant
        return np.asarray(constant * np.add.reduce(np.square(error, out=error)))

    return cost_and_delta


def softmax_binary_cross_entropy(reduction: Literal["sum", "mean"] = "sum", factor: float = 1.0) -> CostAndDelta:
    """C_k = -factor sum_j (y_j log a_j + (1 - y_j) log(1 - a_j)) for two classes or more.

    With the odds o_j = a_j / (1 - a_j),
    delta_i = factor (a_i (1 - 2 y_i + sum_j y_j) - y_i (1 - a_i) - a_i sum_{j != i} (1 - y_j) o_j).
    The largest a_k may round to 1: a_i o_k = a_k q_i, where q is the softmax of the other units.
    """

    def cost_and_delta(z: Array, y: Array, a: Array, delta: Array) -> Array:
        constant = factor / z.shape[0] if reduction == "mean" else factor
        top, shifted, q, log_rest = _largest_and_others(z)
        rest = np.exp(log_rest)
        np.divide(np.exp(shifted), 1 + rest, out=a)
        costs = y * (np.log1p(rest) - shifted) - (1 - y) * _log_complement(a, top, log_rest)
        shared = (1 - y[top]) * a[top] * q
        small = a.copy()
        small[top] = 0
        odds = (1 - y) * small / (1 - small)
        others = odds.sum(axis=0) - odds
        complement = 1 - small
        complement[top] = rest / (1 + rest)
        delta[...] = constant * (a * (1 - 2 * y + y.sum(axis=0)) - y * complement - a * others - shared)
        return np.asarray(constant * costs.sum(axis=0))

    return cost_and_delta


def _largest_and_others(z: Array) -> tuple[tuple[Array, Array], Array, Array, Array]:
    """Index of the largest z_k, z - z_k, the softmax q of the others (0 at k), and log sum_{j != k} exp(z_j - z_k)."""
    top = z.real.argmax(axis=0), np.arange(z.shape[1])
    others = z.copy()
    others[top] = -np.inf
    second = others.real.max(axis=0)
    q = np.exp(others - second)
    total = q.sum(axis=0)
    return top, z - z[top], q / total, second - z[top] + np.log(total)


def _log_complement(a: Array, top: tuple[Array, Array], log_rest: Array) -> Array:
    """log(1 - a), for the largest a_k from log((1 - a_k) / a_k) where a_k > 1/2."""
    large = a[top].real > 0.5
    halved = a.copy()
    halved[top] = np.where(large, 0, a[top])
    logs: Array = np.log1p(-halved)
    logs[top] += np.where(large, log_rest - np.log1p(np.exp(log_rest)), 0)
    return logs


SHORTCUTS: dict[tuple[str, str], Callable[..., CostAndDelta]] = {
    ("softmax", "cross_entropy"): softmax_cross_entropy,
    ("sigmoid", "binary_cross_entropy"): sigmoid_binary_cross_entropy,
    ("softmax", "binary_cross_entropy"): softmax_binary_cross_entropy,
}
"""The closed form of each pairing of an output with a loss that has one; it takes the parameters of its loss."""

OF_ERROR: dict[tuple[str, str], Callable[..., CostAndDelta]] = {("sigmoid", "mse"): sigmoid_mse}
"""The chain rule of a pairing with a loss of a - y, in fewer passes; it takes the parameters of its loss."""
