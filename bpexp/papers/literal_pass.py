"""Back-propagation as five separate lines, any of which can be replaced by a line as printed in a paper."""

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
class LiteralPass:
    """The arrays of one pass over N samples, under the papers' indices.

    W[l] (n_l, n_{l-1}), b[l] (n_l, 1) and f[l] for l = 1, ..., L; a[l] (n_l, N) from a[0] = x on; z[l] and delta[l]
    (n_l, N) from l = 1 on, delta of each sample by itself. `share` is the factor of one sample in the cost of the
    batch: 1/N for a mean, 1 for a sum.
    """

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
        """f'(z) with the activation of layer l; for a softmax the diagonal of its Jacobian, a (1 - a)."""
        f = self.f[l]
        return f.df(z) if isinstance(f, Activation) else f.f(z) * (1 - f.f(z))

    def cost_slope(self) -> Array:
        """dC_k/da^L (n_L, N) of each sample k."""
        return self.head.loss.slope(self.a[self.L], self.y)


Line = Callable[[LiteralPass, int], Array]
"""One line of the algorithm: from the pass so far and the layer l to the array on the left of the formula."""


def _z(p: LiteralPass, l: int) -> Array:
    return p.W[l] @ p.a[l - 1] + p.b[l]


def _last(p: LiteralPass, l: int) -> Array:
    a, delta = np.empty_like(p.z[l]), np.empty_like(p.z[l])
    p.head.cost_and_delta(p.z[l], p.y, a, delta)
    return delta


def _carry(p: LiteralPass, l: int) -> Array:
    return p.W[l].T @ p.delta[l] * p.slope(l - 1, p.z[l - 1])


def _weight(p: LiteralPass, l: int) -> Array:
    return p.share * (p.delta[l] @ p.a[l - 1].T)


def _bias(p: LiteralPass, l: int) -> Array:
    return np.asarray(p.share * p.delta[l].sum(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """The five lines of back-propagation; each is the correct one unless it is replaced. Source: 002, "Final 3".

    z: z^l = W^l a^{l-1} + b^l.
    last: delta^L = dC_k/dz^L of each sample k.
    carry: delta^{l-1} = (W^l)^T delta^l * f'(z^{l-1}); it is called with l.
    weight: dC/dW^l = share delta^l (a^{l-1})^T.
    bias: dC/db^l = share delta^l 1.
    """

    z: Line = _z
    last: Line = _last
    carry: Line = _carry
    weight: Line = _weight
    bias: Line = _bias


class ShapeError(ValueError):
    """A line returned an array of another shape than the quantity it computes."""


def require_shape(array: Array, shape: tuple[int, ...], name: str) -> Array:
    """Return the array; raises ShapeError unless it has the given shape, which broadcasting could hide."""
    if array.shape != shape:
        raise ShapeError(f"{name} comes out as {array.shape}, not {shape}")
    return array


def run_lines(
    network: Network, head: Head, x: Array, y: Array, lines: Lines
) -> tuple[LiteralPass, list[tuple[Array, Array]]]:
    """Run the lines for x (n_0, N) and y (n_L, N).

    Returns the pass, and dC/dW^l, dC/db^l for l = 1, ..., L. Raises ShapeError, or whatever NumPy raises for arrays
    that do not fit (ValueError, IndexError), where the lines cannot run on this network.
    """
    layers = dict(enumerate(network.layers, start=1))
    L, N, n = len(layers), x.shape[1], network.sizes
    W, b, f = ({l: getattr(layer, name) for l, layer in layers.items()} for name in "Wbf")
    p = LiteralPass(head, y, L, N, head.weight(N), W, b, f, {0: x})
    for l in range(1, L + 1):
        p.z[l] = require_shape(lines.z(p, l), (n[l], N), f"z^{l}")
        p.a[l] = f[l].f(p.z[l])
    p.delta[L] = require_shape(lines.last(p, L), (n[L], N), f"delta^{L}")
    for l in range(L, 1, -1):
        p.delta[l - 1] = require_shape(lines.carry(p, l), (n[l - 1], N), f"delta^{l - 1}")
    gradients = []
    for l in range(1, L + 1):
        dW = require_shape(lines.weight(p, l), W[l].shape, f"dC/dW^{l}")
        gradients.append((dW, require_shape(lines.bias(p, l), b[l].shape, f"dC/db^{l}")))
    return p, gradients
