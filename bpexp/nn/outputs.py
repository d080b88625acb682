"""Output functions: every activation, and functions whose units depend on each other, such as softmax."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpexp.nn.activations import Activation, Codomain, Elementwise, activations
from bpexp.nn.arrays import Array
from bpexp.registry import Registry


@dataclass(frozen=True, slots=True, eq=False)
class JointOutput:
    """An output whose units depend on every z of the layer, as softmax: it has a full Jacobian and no f'.

    Args:
        f: the function, (n_L, B) to (n_L, B).
        vjp: dC/dz_i = sum_j dC/da_j da_j/dz_i from z and dC/da, both (n_L, B): the full chain rule of 002.
        codomain: the set of values f(z).
        analytic: f accepts complex z and is analytic there.
        kinks: the z at which a derivative of f jumps.
        error: a - y from z and y, where f(z) - y would lose its digits; None for f(z) - y.
    """

    f: Elementwise
    vjp: Callable[[Array, Array], Array]
    codomain: Codomain = "real"
    analytic: bool = False
    kinks: tuple[float, ...] = ()
    error: Callable[[Array, Array], Array] | None = None

    def jacobian(self, z: Array) -> Array:
        """da_j/dz_i of every sample, (B, n_L, n_L), row j by the vector-Jacobian product with e_j. Source: 002, 003."""
        n, B = z.shape
        jacobian = np.zeros((B, n, n), z.dtype)
        for j in range(n):
            e_j = np.zeros_like(z)
            e_j[j] = 1
            jacobian[:, j, :] = self.vjp(z, e_j).T
        return jacobian


Output = Activation | JointOutput
"""The function of the last layer."""


class Outputs(Registry[Output]):
    """Every activation, and the functions that serve as an output only."""

    def __getitem__(self, name: str) -> Callable[..., Output]:
        return self._factories[name] if name in self._factories else activations[name]

    def __iter__(self) -> Iterator[str]:
        yield from {**activations, **self._factories}  # a plug-in may give an activation the name of an output

    def __len__(self) -> int:
        return len({**activations, **self._factories})

    def __contains__(self, name: Any) -> bool:
        return name in self._factories or name in activations


outputs: Registry[Output] = Outputs("output")


@outputs.register("softmax")
def softmax() -> JointOutput:
    """a_j = exp(z_j) / sum_k exp(z_k), as an output only; da_j/dz_i = a_j ([i = j] - a_i). Source: 002, 003."""

    def f(z: Array, out: Array | None = None) -> Array:
        shifted = np.subtract(z, z.real.max(axis=0), out=out)  # the shift cancels, and exp cannot overflow
        e = np.exp(shifted, out=out)
        a: Array = np.divide(e, e.sum(axis=0), out=out)
        return a

    def vjp(z: Array, g: Array) -> Array:
        # sum_j a_j = 1, so g may be shifted: with g_k = 0 for the largest a_k the sum has no two terms that cancel
        a, top = f(z), (z.real.argmax(axis=0), np.arange(z.shape[1]))
        h = g - g[top]
        return np.asarray(a * (h - (h * a).sum(axis=0)))

    def error(z: Array, y: Array) -> Array:
        top = z.real.argmax(axis=0), np.arange(z.shape[1])
        e = np.exp(z - z[top])
        e[top] = 0
        rest = e.sum(axis=0)
        e[top] = 1
        errors: Array = e / (1 + rest) - y
        precise = ((1 - y[top]) - y[top] * rest) / (1 + rest)  # from 1 - a_k = rest / (1 + rest), for the largest a_k
        errors[top] = np.where(rest.real < 1, precise, errors[top])  # equal logits get equal a: then rest is at least 1
        return errors

    return JointOutput(f, vjp, codomain="simplex", analytic=True, error=error)
