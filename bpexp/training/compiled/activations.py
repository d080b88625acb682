"""The activations of `bpexp.nn.activations` for compiled code: loops over the numbers of a layer.

`forward(z, a, p, rows, n)` writes f(z) into a, `backward(z, g, p, rows, n)` multiplies g = dC/da by f'(z) in place, and
`error(z, y, e, p, rows, n)` writes a - y into e, all for (rows, n) numbers in a row, samples in rows. p holds the
parameters of the activation in the order of its signature. A form must keep its digits where the one in NumPy does.
"""

from __future__ import annotations

import math

from bpexp.nn.arrays import Array
from bpexp.nn.compiled import Compiled
from bpexp.training.compiled.exponentials import (
    bell,
    decay,
    exp,
    expm1,
    log1p,
    logistic,
    tanh_of,
    tanh_slope,
    to_the_end,
)


def identity(z: Array, a: Array, p: Array, rows: int, n: int) -> None:
    for i in range(rows * n):
        a[i] = z[i]


def identity_backward(z: Array, g: Array, p: Array, rows: int, n: int) -> None:
    pass


def sigmoid(z: Array, a: Array, p: Array, rows: int, n: int) -> None:
    for i in range(rows * n):
        a[i] = logistic(z[i])


def sigmoid_backward(z: Array, g: Array, p: Array, rows: int, n: int) -> None:
    for i in range(rows * n):
        g[i] *= bell(z[i])


def sigmoid_error(z: Array, y: Array, e: Array, p: Array, rows: int, n: int) -> None:
    for i in range(rows * n):
        t = decay(z[i])
        s = t / (1 + t)
        e[i] = (1 - y[i]) - s if z[i] > 0 else s - y[i]


def tanh(z: Array, a: Array, p: Array, rows: int, n: int) -> None:
    for i in range(rows * n):
        a[i] = tanh_of(z[i])


def tanh_backward(z: Array, g: Array, p: Array, rows: int, n: int) -> None:
    for i in range(rows * n):
        g[i] *= tanh_slope(z[i])


def tanh_error(z: Array, y: Array, e: Array, p: Array, rows: int, n: int) -> None:
    for i in range(rows * n):
        if abs(z[i]) > 0.5:
            t = decay(z[i] + z[i])
            s = 2 * t / (1 + t)
            e[i] = (1 - y[i]) - s if z[i] > 0 else s - (1 + y[i])
        else:
            e[i] = tanh_of(z[i]) - y[i]


def relu(z: Array, a: Array, p: Array, rows: int, n: int) -> None:
    for i in range(rows * n):
        a[i] = z[i] if not z[i] <= 0 else 0.0  # NaN stays NaN, as in NumPy's maximum


def relu_backward(z: Array, g: Array, p: Array, rows: int, n: int) -> None:
    for i in range(rows * n):
        g[i] *= 1.0 if z[i] > 0 else 0.0


def leaky_relu(z: Array, a: Array, p: Array, rows: int, n: int) -> None:
    for i in range(rows * n):
        a[i] = z[i] if z[i] > 0 else p[0] * z[i]


def leaky_relu_backward(z: Array, g: Array, p: Array, rows: int, n: int) -> None:
    for i in range(rows * n):
        g[i] *= 1 if z[i] > 0 else p[0]


def elu(z: Array, a: Array, p: Array, rows: int, n: int) -> None:
    for i in range(rows * n):
        a[i] = z[i] if z[i] > 0 else p[0] * expm1(z[i])


def elu_backward(z: Array, g: Array, p: Array, rows: int, n: int) -> None:
    for i in range(rows * n):
        g[i] *= 1 if z[i] > 0 else p[0] * exp(z[i])


def elu_error(z: Array, y: Array, e: Array, p: Array, rows: int, n: int) -> None:
    for i in range(rows * n):
        if z[i] > 0:
            e[i] = z[i] - y[i]
        elif z[i] < -0.5:
            e[i] = p[0] * exp(z[i]) - (p[0] + y[i])
        else:
            e[i] = p[0] * expm1(z[i]) - y[i]


def gelu(z: Array, a: Array, p: Array, rows: int, n: int) -> None:
    for i in range(rows * n):
        a[i] = z[i] * (0.5 * math.erfc(-float(z[i]) * math.sqrt(0.5)))


def gelu_backward(z: Array, g: Array, p: Array, rows: int, n: int) -> None:
    for i in range(rows * n):
        z64 = float(z[i])
        density = math.exp(-0.5 * z64 * z64) * math.sqrt(0.5 / math.pi)
        g[i] *= 0.5 * math.erfc(-z64 * math.sqrt(0.5)) + z64 * density


def silu(z: Array, a: Array, p: Array, rows: int, n: int) -> None:
    for i in range(rows * n):
        a[i] = z[i] * to_the_end(z[i])


def silu_backward(z: Array, g: Array, p: Array, rows: int, n: int) -> None:
    for i in range(rows * n):
        g[i] *= to_the_end(z[i]) + z[i] * bell(z[i])


def softplus(z: Array, a: Array, p: Array, rows: int, n: int) -> None:
    for i in range(rows * n):
        a[i] = (z[i] if not z[i] <= 0 else 0.0) + log1p(decay(z[i]))


def softplus_backward(z: Array, g: Array, p: Array, rows: int, n: int) -> None:
    for i in range(rows * n):
        g[i] *= to_the_end(z[i])


ACTIVATIONS = {
    "identity": Compiled(identity, identity_backward),
    "sigmoid": Compiled(sigmoid, sigmoid_backward, sigmoid_error),
    "tanh": Compiled(tanh, tanh_backward, tanh_error),
    "relu": Compiled(relu, relu_backward),
    "leaky_relu": Compiled(leaky_relu, leaky_relu_backward),
    "elu": Compiled(elu, elu_backward, elu_error),
    "gelu": Compiled(gelu, gelu_backward),
    "silu": Compiled(silu, silu_backward),
    "softplus": Compiled(softplus, softplus_backward),
}
