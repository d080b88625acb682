"""Outputs, losses and closed forms of `bpexp.nn` for compiled code: loops over the samples of a batch.

A loss is `loss(a, y, slope, costs, p, rows, n)`: dC_k/da into `slope`, which may be a itself, and C_k into `costs`. Its
first parameter p[0] is the constant in front of the sum over the outputs, `_over_outputs` there. A closed form is
`closed(z, y, a, delta, costs, p, rows, n)`. Numbers are (rows, n), samples in rows.
"""

from __future__ import annotations

import math

from numba import njit

from bpexp.nn.arrays import Array
from bpexp.nn.compiled import Compiled
from bpexp.training.compiled.exponentials import decay, exp, log1p


@njit
def top_of(z, o, n):  # type: ignore[no-untyped-def]
    """The place of the largest of n numbers from place o on."""
    top = o
    for i in range(o + 1, o + n):
        if z[i] > z[top]:
            top = i
    return top


def softmax(z: Array, a: Array, p: Array, rows: int, n: int) -> None:
    for r in range(rows):
        top, total = z[top_of(z, r * n, n)], 0.0
        for i in range(r * n, r * n + n):
            a[i] = exp(z[i] - top)
            total += a[i]
        for i in range(r * n, r * n + n):
            a[i] /= total


def softmax_backward(z: Array, g: Array, p: Array, rows: int, n: int) -> None:
    for r in range(rows):
        top = top_of(z, r * n, n)
        shift, total, mean = g[top], 0.0, 0.0
        for i in range(r * n, r * n + n):
            e = exp(z[i] - z[top])
            total += e
            mean += e * (g[i] - shift)
        for i in range(r * n, r * n + n):
            g[i] = exp(z[i] - z[top]) / total * (g[i] - shift - mean / total)


def softmax_error(z: Array, y: Array, e: Array, p: Array, rows: int, n: int) -> None:
    for r in range(rows):
        top, rest = top_of(z, r * n, n), 0.0
        for i in range(r * n, r * n + n):
            if i != top:
                rest += exp(z[i] - z[top])
        for i in range(r * n, r * n + n):
            e[i] = exp(z[i] - z[top]) / (1 + rest) - y[i]
        if rest < 1:
            e[top] = ((1 - y[top]) - y[top] * rest) / (1 + rest)


def mse(a: Array, y: Array, slope: Array, costs: Array, p: Array, rows: int, n: int) -> None:
    for r in range(rows):
        total = 0.0
        for i in range(r * n, r * n + n):
            e = a[i] - y[i]
            total += e * e
            slope[i] = 2 * p[0] * e
        costs[r] = p[0] * total


def mae(a: Array, y: Array, slope: Array, costs: Array, p: Array, rows: int, n: int) -> None:
    for r in range(rows):
        total = 0.0
        for i in range(r * n, r * n + n):
            e = a[i] - y[i]
            total += abs(e)
            slope[i] = p[0] if e > 0 else -p[0] if e < 0 else 0 * e  # NaN where e is
        costs[r] = p[0] * total


def huber(a: Array, y: Array, slope: Array, costs: Array, p: Array, rows: int, n: int) -> None:
    for r in range(rows):
        total = 0.0
        for i in range(r * n, r * n + n):
            e = a[i] - y[i]
            inside = p[1] if abs(e) > p[1] else abs(e)
            total += inside * (abs(e) - 0.5 * inside)
            slope[i] = p[0] * (p[1] if e > p[1] else -p[1] if e < -p[1] else e)
        costs[r] = p[0] * total


def cross_entropy(a: Array, y: Array, slope: Array, costs: Array, p: Array, rows: int, n: int) -> None:
    for r in range(rows):
        total = 0.0
        for i in range(r * n, r * n + n):
            value, slope[i] = a[i], 0.0
            if y[i] != 0:
                total -= y[i] * math.log(value)
                slope[i] = -y[i] / value
        costs[r] = total


def binary_cross_entropy(a: Array, y: Array, slope: Array, costs: Array, p: Array, rows: int, n: int) -> None:
    for r in range(rows):
        total = 0.0
        for i in range(r * n, r * n + n):
            value, found = a[i], 0.0
            if y[i] != 0:
                total += y[i] * math.log(value)
                found -= y[i] / value
            if y[i] != 1:
                total += (1 - y[i]) * math.log(1 - value)
                found += (1 - y[i]) / (1 - value)
            slope[i] = p[0] * found
        costs[r] = -p[0] * total


def softmax_with_cross_entropy(
    z: Array, y: Array, a: Array, delta: Array, costs: Array, p: Array, rows: int, n: int
) -> None:
    for r in range(rows):
        top = z[top_of(z, r * n, n)]
        for i in range(r * n, r * n + n):
            delta[i] = z[i] - top
    for i in range(rows * n):
        a[i] = exp(delta[i])
    for r in range(rows):
        rest, cost = 0.0, 0.0
        for i in range(r * n, r * n + n):
            rest += a[i] - y[i]
            cost -= y[i] * delta[i]
        for i in range(r * n, r * n + n):
            delta[i] = (a[i] - y[i] - y[i] * rest) / (1 + rest)
            a[i] /= 1 + rest
        costs[r] = cost + math.log1p(rest)


def sigmoid_with_binary_cross_entropy(
    z: Array, y: Array, a: Array, delta: Array, costs: Array, p: Array, rows: int, n: int
) -> None:
    factor = p[0]
    for i in range(rows * n):
        positive = 1.0 if z[i] > 0 else 0.0
        delta[i] = log1p(decay(z[i])) + (positive - y[i]) * z[i]  # the cost of one output
    for r in range(rows):
        cost = 0.0
        for i in range(r * n, r * n + n):
            cost += delta[i]
        costs[r] = factor * cost
    for i in range(rows * n):
        t, positive = decay(z[i]), 1.0 if z[i] > 0 else 0.0
        s = -t / (1 + t) if z[i] > 0 else t / (1 + t)
        a[i] = s + positive
        delta[i] = factor * (s + (positive - y[i]))


def softmax_with_binary_cross_entropy(
    z: Array, y: Array, a: Array, delta: Array, costs: Array, p: Array, rows: int, n: int
) -> None:
    for r in range(rows):
        top = top_of(z, r * n, n)
        second, total, targets = -math.inf, 0.0, 0.0
        for i in range(r * n, r * n + n):
            targets += y[i]
            if i != top and z[i] > second:
                second = z[i]
        for i in range(r * n, r * n + n):
            if i != top:
                total += exp(z[i] - second)
        log_rest = second - z[top] + math.log(total)
        rest, cost, odds = exp(log_rest), 0.0, 0.0
        for i in range(r * n, r * n + n):
            a[i] = exp(z[i] - z[top]) / (1 + rest)
            complement = log_rest - math.log1p(rest) if i == top and a[i] > 0.5 else math.log1p(-a[i])
            cost += y[i] * (math.log1p(rest) - (z[i] - z[top])) - (1 - y[i]) * complement
            if i != top:
                odds += (1 - y[i]) * a[i] / (1 - a[i])
        for i in range(r * n, r * n + n):
            if i == top:
                apart, own, shared = rest / (1 + rest), 0.0, 0.0
            else:
                apart, own = 1 - a[i], (1 - y[i]) * a[i] / (1 - a[i])
                shared = (1 - y[top]) * a[top] * exp(z[i] - second) / total
            delta[i] = p[0] * (a[i] * (1 - 2 * y[i] + targets) - y[i] * apart - a[i] * (odds - own) - shared)
        costs[r] = p[0] * cost


OUTPUTS = {"softmax": Compiled(softmax, softmax_backward, softmax_error)}

LOSSES = {
    "mse": mse,
    "mae": mae,
    "huber": huber,
    "cross_entropy": cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
}

CLOSED = {
    ("softmax", "cross_entropy"): softmax_with_cross_entropy,
    ("sigmoid", "binary_cross_entropy"): sigmoid_with_binary_cross_entropy,
    ("softmax", "binary_cross_entropy"): softmax_with_binary_cross_entropy,
}
