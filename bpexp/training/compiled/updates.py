"""The optimizers of `bpexp.nn.optimizers` for compiled code: from the gradient to the update.

`rule(theta, g, first, second, r, size, t, apply, lr, decay, k0, k1, k2)` subtracts the update from theta, or, where
`apply` is 0, writes it over the gradient g, for `size` neighbouring parameters. `first` and `second` are the vectors of
the optimizer's memory, t counts the updates, this one included, `decay` is its weight_decay, and k0 to k2 are its
constants in the order of RULES. r is room for factors in the dtype of theta, to which NumPy rounds a factor, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from bpexp.nn.arrays import Array
from bpexp.nn.optimizers import SGD, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSProp


def sgd(
    theta: Array, g: Array, first: Array, second: Array, r: Array, size: int, t: int, apply: int,
    lr: float, decay: float, k0: float, k1: float, k2: float,
) -> None:  # fmt: skip
    r[0], r[1] = lr, lr * decay
    rate, shrink = r[0], r[1]
    for i in range(size):
        step = g[i] * rate + theta[i] * shrink
        if apply:
            theta[i] -= step
        else:
            g[i] = step


def momentum(
    theta: Array, g: Array, first: Array, second: Array, r: Array, size: int, t: int, apply: int,
    lr: float, decay: float, k0: float, k1: float, k2: float,
) -> None:  # fmt: skip
    r[0], r[1], r[2] = lr, lr * decay, k0
    rate, shrink, keep = r[0], r[1], r[2]
    for i in range(size):
        first[i] = first[i] * keep + g[i]
        step = first[i] * rate + theta[i] * shrink
        if apply:
            theta[i] -= step
        else:
            g[i] = step


def nesterov(
    theta: Array, g: Array, first: Array, second: Array, r: Array, size: int, t: int, apply: int,
    lr: float, decay: float, k0: float, k1: float, k2: float,
) -> None:  # fmt: skip
    r[0], r[1], r[2] = lr, lr * decay, k0
    rate, shrink, keep = r[0], r[1], r[2]
    for i in range(size):
        first[i] = first[i] * keep + g[i]
        step = (first[i] * keep + g[i]) * rate + theta[i] * shrink
        if apply:
            theta[i] -= step
        else:
            g[i] = step


def rmsprop(
    theta: Array, g: Array, first: Array, second: Array, r: Array, size: int, t: int, apply: int,
    lr: float, decay: float, k0: float, k1: float, k2: float,
) -> None:  # fmt: skip
    r[0], r[1], r[2], r[3], r[4] = lr, lr * decay, k0, 1 - k0, k1
    rate, shrink, keep, new, eps = r[0], r[1], r[2], r[3], r[4]
    for i in range(size):
        first[i] = first[i] * keep + g[i] * g[i] * new
        step = g[i] / (math.sqrt(first[i]) + eps) * rate + theta[i] * shrink
        if apply:
            theta[i] -= step
        else:
            g[i] = step


def adam(
    theta: Array, g: Array, first: Array, second: Array, r: Array, size: int, t: int, apply: int,
    lr: float, decay: float, k0: float, k1: float, k2: float,
) -> None:  # fmt: skip
    r[0], r[1], r[2], r[3], r[4] = lr / (1 - k0**t), lr * decay, k0, 1 - k0, k1
    r[5], r[6], r[7] = 1 - k1, 1 / (1 - k1**t), k2
    rate, shrink, keep, new, keep2, new2, correct, eps = r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7]
    for i in range(size):
        first[i] = first[i] * keep + g[i] * new
        second[i] = second[i] * keep2 + g[i] * g[i] * new2
        step = first[i] / (math.sqrt(second[i] * correct) + eps) * rate + theta[i] * shrink
        if apply:
            theta[i] -= step
        else:
            g[i] = step


ROOM = 8
"""Numbers in r."""

RULES: dict[type[Optimizer], tuple[Callable[..., None], tuple[str, ...]]] = {
    SGD: (sgd, ()),
    Momentum: (momentum, ("momentum",)),
    Nesterov: (nesterov, ("momentum",)),
    RMSProp: (rmsprop, ("rho", "eps")),
    Adam: (adam, ("beta1", "beta2", "eps")),
    AdamW: (adam, ("beta1", "beta2", "eps")),
}
"""Rule and the names of its constants, for each optimizer; one that is derived from these has a rule of its own."""
