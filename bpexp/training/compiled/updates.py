"""The optimizers of `bpexp.nn.optimizers` for compiled code: from the gradient to the update.

`rule(theta, g, first, second, r, size, t, apply, lr, decay, k0, k1, k2)` subtracts the update from theta, or, where
`apply` is 0, writes it over the gradient g, for `size` neighbouring parameters. `first` and `second` are the vectors of
the optimizer's memory, t counts the updates, this one included, `decay` is its weight_decay, and k0 to k2 are its
constants in the order of RULES. r is room for factors in the dtype of theta, to which NumPy rounds a factor, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from numba import njit

from bpexp.nn.arrays import Array
from bpexp.nn.optimizers import SGD, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSProp


@njit
def settle(theta, g, i, apply, step):  # type: ignore[no-untyped-def]
    """Subtract the update of parameter i from theta, or leave it in the gradient."""
    if apply:
        theta[i] -= step
    else:
        g[i] = step


def sgd(
    theta: Array, g: Array, first: Array, second: Array, r: Array, size: int, t: int, apply: int,
    lr: float, decay: float, k0: float, k1: float, k2: float,
) -> None:  # fmt: skip
    r[0], r[1] = lr, lr * decay
    rate, shrink = r[0], r[1]
    for i in range(size):
        settle(theta, g, i, apply, g[i] * rate + theta[i] * shrink)


def momentum(
    theta: Array, g: Array, first: Array, second: Array, r: Array, size: int, t: int, apply: int,
    lr: float, decay: float, k0: float, k1: float, k2: float,
) -> None:  # fmt: skip
    r[0], r[1], r[2] = lr, lr * decay, k0
    rate, shrink, keep = r[0], r[1], r[2]
    for i in range(size):
        first[i] = first[i] * keep + g[i]
        settle(theta, g, i, apply, first[i] * rate + theta[i] * shrink)


def nesterov(
    theta: Array, g: Array, first: Array, second: Array, r: Array, size: int, t: int, apply: int,
    lr: float, decay: float, k0: float, k1: float, k2: float,
) -> None:  # fmt: skip
    r[0], r[1], r[2] = lr, lr * decay, k0
    rate, shrink, keep = r[0], r[1], r[2]
    for i in range(size):
        first[i] = first[i] * keep + g[i]
        settle(theta, g, i, apply, (first[i] * keep + g[i]) * rate + theta[i] * shrink)


def rmsprop(
    theta: Array, g: Array, first: Array, second: Array, r: Array, size: int, t: int, apply: int,
    lr: float, decay: float, k0: float, k1: float, k2: float,
) -> None:  # fmt: skip
    r[0], r[1], r[2], r[3], r[4] = lr, lr * decay, k0, 1 - k0, k1
    rate, shrink, keep, new, eps = r[0], r[1], r[2], r[3], r[4]
    for i in range(size):
        first[i] = first[i] * keep + g[i] * g[i] * new
        settle(theta, g, i, apply, g[i] / (math.sqrt(first[i]) + eps) * rate + theta[i] * shrink)


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
        settle(theta, g, i, apply, first[i] / (math.sqrt(second[i] * correct) + eps) * rate + theta[i] * shrink)


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
