"""A literal pass through a network, one replaceable line for each formula of it, so that a misprint is one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bpexp.nn.activations import Activation
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network
from bpexp.nn.outputs import Output


@dataclass(slots=True, eq=False)
class Walk:
    """What a pass knows, under the papers' indices: W[1..L], b[1..L], a[0..L], z[1..L], delta[1..L]; N columns."""

    head: Head
    y: Array
    L: int
    N: int
    share: float
    W: dict[int, Array]
    b: dict[int, Array]
    f: dict[int, Output]
    a: dict[int, Array]
    z: dict[int, Array] = field(default_factory=dict)
    delta: dict[int, Array] = field(default_factory=dict)

    def slope(self, l: int, z: Array) -> Array:
        """mu'(z) with the function of layer l; of a softmax the diagonal of its Jacobian, a (1 - a)."""
        f = self.f[l]
        return f.df(z) if isinstance(f, Activation) else f.f(z) * (1 - f.f(z))

    def cost_slope(self) -> Array:
        """dC_k/da^L (n_L, N) of each sample."""
        return self.head.loss.slope(self.a[self.L], self.y)


Line = Callable[[Walk, int], Array]


def _z(s: Walk, l: int) -> Array:
    return s.W[l] @ s.a[l - 1] + s.b[l]


def _last(s: Walk, l: int) -> Array:
    a, delta = np.empty_like(s.z[l]), np.empty_like(s.z[l])
    s.head.cost_and_delta(s.z[l], s.y, a, delta)
    return delta


def _carry(s: Walk, l: int) -> Array:
    return s.W[l].T @ s.delta[l] * s.slope(l - 1, s.z[l - 1])


def _weight(s: Walk, l: int) -> Array:
    return s.share * (s.delta[l] @ s.a[l - 1].T)


def _bias(s: Walk, l: int) -> Array:
    return np.asarray(s.share * s.delta[l].sum(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """The five lines of back-propagation; each is right unless it is replaced.

    z: z^l. last: delta^L of each sample. carry: delta^{l-1} from delta^l. weight, bias: dC/dW^l, dC/db^l of the batch.
    """

    z: Line = _z
    last: Line = _last
    carry: Line = _carry
    weight: Line = _weight
    bias: Line = _bias


class ShapeError(ValueError):
    """A formula's result that is not of the shape that it stands for."""


def fit(array: Array, like: tuple[int, ...], what: str) -> Array:
    """The array, if it has the shape it must have; broadcasting would hide that it has not."""
    if array.shape != like:
        raise ShapeError(f"{what} comes out as {array.shape}, not {like}")
    return array


def walk(network: Network, head: Head, x: Array, y: Array, steps: Steps) -> tuple[Walk, list[tuple[Array, Array]]]:
    """Run the lines for x (n_0, N) and y (n_L, N); returns the pass, and dC/dW^l, dC/db^l from the first layer on."""
    layers = dict(enumerate(network.layers, start=1))
    L, N, n = len(layers), x.shape[1], network.sizes
    W, b, f = ({l: getattr(layer, name) for l, layer in layers.items()} for name in "Wbf")
    s = Walk(head, y, L, N, head.weight(N), W, b, f, {0: x})
    for l in range(1, L + 1):
        s.z[l] = fit(steps.z(s, l), (n[l], N), f"z^{l}")
        s.a[l] = f[l].f(s.z[l])
    s.delta[L] = fit(steps.last(s, L), (n[L], N), f"delta^{L}")
    for l in range(L, 1, -1):
        s.delta[l - 1] = fit(steps.carry(s, l), (n[l - 1], N), f"delta^{l - 1}")
    slots = []
    for l in range(1, L + 1):
        dW = fit(steps.weight(s, l), W[l].shape, f"dC/dW^{l}")
        slots.append((dW, fit(steps.bias(s, l), b[l].shape, f"dC/db^{l}")))
    return s, slots
