"""Outputs, losses and their derivatives by their definitions, with as many digits as it takes: the reference.

Nothing here is written with care for rounding: 1 - a is 1 - a. mpmath carries enough digits instead, more than 8 700
for a softmax whose logits are 20 000 apart. A component that is not listed, such as one of a plug-in, is evaluated by
its own functions, on `Number`s.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from math import ceil, log
from typing import Any

import numpy as np
from mpmath import mp, mpf

from bpexp.nn.losses import losses
from bpexp.nn.outputs import outputs
from bpexp.registry import Registry

DIGITS = 60
"""Digits of every result."""

SPAN = {"sigmoid": 1, "tanh": 2, "elu": 1, "softmax": 2}
"""1 - a, or another difference of the definition, is as small as exp(-SPAN max |z|)."""


def _sigmoid(z: Any) -> Any:
    return 1 / (1 + mp.exp(-z))


def _tanh(z: Any) -> Any:
    return (mp.exp(2 * z) - 1) / (mp.exp(2 * z) + 1)


FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "identity": (lambda z: z, lambda z: mpf(1)),
    "sigmoid": (_sigmoid, lambda z: _sigmoid(z) * (1 - _sigmoid(z))),
    "tanh": (_tanh, lambda z: 1 - _tanh(z) ** 2),
    "relu": (lambda z: max(z, mpf(0)), lambda z: mpf(z > 0)),
    "leaky_relu": (lambda z, slope: z if z > 0 else slope * z, lambda z, slope: mpf(1) if z > 0 else mpf(slope)),
    "elu": (
        lambda z, alpha: z if z > 0 else alpha * (mp.exp(z) - 1),
        lambda z, alpha: 1 if z > 0 else alpha * mp.exp(z),
    ),
    "gelu": (lambda z: z * mp.ncdf(z), lambda z: mp.ncdf(z) + z * mp.npdf(z)),
    "silu": (lambda z: z * _sigmoid(z), lambda z: _sigmoid(z) * (1 + z * (1 - _sigmoid(z)))),
    "softplus": (lambda z: mp.log1p(mp.exp(z)), _sigmoid),
}
"""f and f' of a number."""


def _log(value: Any) -> Any:
    with mp.workdps(DIGITS):
        return mp.log(value)


def _binary(a: Any, y: Any) -> Any:
    return -(y * _log(a) if y else 0) - ((1 - y) * _log(1 - a) if y != 1 else 0)


def _huber(a: Any, y: Any, threshold: float) -> Any:
    e = abs(a - y)
    return e**2 / 2 if e <= threshold else threshold * (e - mpf(threshold) / 2)


COSTS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "mse": (lambda a, y: (a - y) ** 2, lambda a, y: 2 * (a - y)),
    "mae": (lambda a, y: abs(a - y), lambda a, y: mp.sign(a - y)),
    "huber": (_huber, lambda a, y, threshold: max(-mpf(threshold), min(mpf(threshold), a - y))),
    "cross_entropy": (lambda a, y: -y * _log(a) if y else 0, lambda a, y: -y / a),
    "binary_cross_entropy": (_binary, lambda a, y: ((1 - y) / (1 - a) if y != 1 else 0) - (y / a if y else 0)),
}
"""The term of one unit in the cost, and its derivative by a; without reduction and factor."""


class Number:
    """A number of many digits that NumPy can calculate with: np.exp of an object array calls the method `exp`."""

    def __init__(self, value: Any) -> None:
        self.value = value.value if isinstance(value, Number) else mpf(value)

    def __getattr__(self, name: str) -> Callable[[], Number]:
        if name.startswith("_"):
            raise AttributeError(name)  # NumPy asks whether it is an array
        return lambda: Number(getattr(mp, name)(self.value))

    def __neg__(self) -> Number:
        return Number(-self.value)

    def __abs__(self) -> Number:
        return Number(abs(self.value))


def _operation(function: Callable[[Any, Any], Any], turned: bool, wrap: Callable[[Any], Any]) -> Callable[..., Any]:
    def operation(self: Number, other: Any) -> Any:
        pair = self.value, Number(other).value
        return wrap(function(*(pair[::-1] if turned else pair)))

    return operation


for _name in ("add", "sub", "mul", "truediv", "pow"):
    setattr(Number, f"__{_name}__", _operation(getattr(operator, _name), False, Number))
    setattr(Number, f"__r{_name}__", _operation(getattr(operator, _name), True, Number))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Number, f"__{_name}__", _operation(getattr(operator, _name), False, bool))


def complete(registry: Registry[Any], name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a component, the defaults included."""
    return {key: declared.default for key, declared in registry.parameters(name).items()} | dict(parameters)


def digits(output: str, z: Sequence[float]) -> int:
    """Decimal digits that hold every difference of the definition of an output at z."""
    return DIGITS + ceil(SPAN.get(output, 0) * max(map(abs, z)) / log(10))


def _own(function: Callable[..., Any], *columns: Sequence[Any]) -> list[Any]:
    """A component's own function of columns, evaluated on Numbers."""
    arrays = [np.array([[Number(value)] for value in column], dtype=object) for column in columns]
    return [Number(value).value for value in np.ravel(function(*arrays))]


@cache
def values(output: str, parameters: tuple[tuple[str, float], ...], z: tuple[float, ...]) -> tuple[list[Any], list[Any]]:
    """a_j and the rows da_j/dz_i of the Jacobian at one sample z."""
    with mp.workdps(digits(output, z)):
        points, n = [mpf(value) for value in z], len(z)
        if output == "softmax":
            e = [mp.exp(value) for value in points]
            a = [value / sum(e) for value in e]
            return a, [[a[j] * ((i == j) - a[i]) for i in range(n)] for j in range(n)]
        if output in FUNCTIONS:
            declared = complete(outputs, output, dict(parameters))
            f, df = (partial(function, **declared) for function in FUNCTIONS[output])
            a, slopes = [f(value) for value in points], [df(value) for value in points]
        else:
            own: Any = outputs.build(output, **dict(parameters))
            a, slopes = _own(own.f, points), _own(own.df, points)
        return a, [[slopes[j] if i == j else mpf(0) for i in range(n)] for j in range(n)]


def cost_and_delta(
    output: tuple[str, dict[str, Any]], loss: tuple[str, dict[str, Any]], z: Sequence[float], y: Sequence[float]
) -> tuple[Any, list[Any], list[Any]]:
    """C, delta_i = sum_j dC/da_j da_j/dz_i and the size of each delta_i, of one sample.

    The size of an elementwise output's delta_i is |delta_i|. That of a softmax's is sum_j a_i a_j |g_i - g_j| with
    g = dC/da, since delta_i = sum_j a_i a_j (g_i - g_j): it is |delta_i| too, unless terms of both signs cancel.

    Args:
        output: name and parameters.
        loss: name and parameters.
        z: the n_L logits.
        y: the n_L targets.
    """
    name, parameters = loss[0], complete(losses, *loss)
    constant = mpf(parameters.pop("factor", 1)) / (len(z) if parameters.pop("reduction", "") == "mean" else 1)
    cost, *rows = _plain((output[0], _frozen(output[1])), (name, _frozen(parameters)), tuple(z), tuple(y))
    with mp.workdps(DIGITS):
        delta, sizes = ([constant * value for value in row] for row in rows)
        return constant * cost, delta, sizes


def _frozen(parameters: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(parameters.items()))


@cache
def _plain(output: Any, loss: Any, z: tuple[float, ...], y: tuple[float, ...]) -> tuple[Any, list[Any], list[Any]]:
    """The same with factor 1 and the sum over outputs."""
    a, jacobian = values(*output, z)
    with mp.workdps(digits(output[0], z)):
        if loss[0] in COSTS:
            rules = (partial(rule, **dict(loss[1])) for rule in COSTS[loss[0]])
            terms, g = ([rule(u, mpf(v)) for u, v in zip(a, y, strict=True)] for rule in rules)
            cost = sum(terms)
        else:
            own = losses.build(loss[0], **dict(loss[1]))
            (cost,), g = _own(own.cost, a, y), _own(own.slope, a, y)
        if output[0] != "softmax":
            delta = [row[j] * g[j] for j, row in enumerate(jacobian)]
            return cost, delta, [abs(value) for value in delta]
        terms = [[u * v * (g[i] - g[j]) for j, v in enumerate(a)] for i, u in enumerate(a)]
        return cost, [sum(row) for row in terms], [sum(map(abs, row)) for row in terms]
