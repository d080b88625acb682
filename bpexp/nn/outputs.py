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
    """

    f: Elementwise
    vjp: Callable[[Array, Array], Array]
    codomain: Codomain = "real"
    analytic: bool = False
    kinks: tuple[float, ...] = ()

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
        a = f(z)
        return np.asarray(a * (g - (g * a).sum(axis=0)))

    return JointOutput(f, vjp, codomain="simplex", analytic=True)
