"""What everyone who is measured is given: the net, the same weights, the same samples in the same order."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bpexp.data.dataset import Part
from bpexp.data.mnist import mnist
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.initializers import initializers
from bpexp.nn.network import Network
from bpexp.nn.outputs import outputs

Array = NDArray[Any]
Kind = Literal["relu_cross_entropy", "sigmoid_mse"]

NAMES: dict[Kind, tuple[str, str, str]] = {
    "relu_cross_entropy": ("relu", "softmax", "cross_entropy"),
    "sigmoid_mse": ("sigmoid", "sigmoid", "mse"),
}
"""Hidden activation, output and loss."""

LR = 0.01
"""Small, so that rounding does not grow into different weights within a turn; no step takes longer for it."""


@dataclass(frozen=True, slots=True)
class Case:
    """One net at one batch size B; B = None is the full batch."""

    name: str
    sizes: tuple[int, ...]
    B: int | None
    kind: Kind = "relu_cross_entropy"


CASES = (
    Case("small_32", (784, 32, 32, 10), 32),
    Case("small_128", (784, 32, 32, 10), 128),
    Case("large_128", (784, 256, 128, 10), 128),
    Case("sigmoid_32", (784, 32, 32, 10), 32, "sigmoid_mse"),
    Case("full", (784, 10, 10), None),
)


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """X (N, 784) float32, one-hot Y (N, 10) float32, class numbers (N,); `source` says what they are.

    X is `bytes` / 255. bpexp holds the bytes, as it does of every image, and the others X: that is faster for them.
    """

    bytes: Array
    X: Array
    Y: Array
    labels: Array
    source: str

    def __len__(self) -> int:
        return len(self.X)

    def part(self, rows: Array) -> Part:
        """Some rows as bpexp holds them."""
        return Part(self.bytes, self.Y, rows, self.labels, divisor=255.0)


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """The work of one turn: samples `rows`, which `seed` puts in order, in batches of B."""

    rows: Array
    seed: int
    B: int

    @property
    def steps(self) -> int:
        return -(-len(self.rows) // self.B)

    @property
    def order(self) -> Array:
        """The samples in the order in which `Batches` walks them; a full batch is not shuffled."""
        return self.rows if self.steps == 1 else np.random.default_rng(self.seed).permutation(self.rows)


def samples(n: int, *, synthetic: bool = False) -> Samples:
    """MNIST, where BPEXP_DATA names its folder, else uniform numbers of that shape."""
    folder = os.environ.get("BPEXP_DATA")
    rng = np.random.default_rng(0)
    if folder and not synthetic:
        raw = mnist(root=str(Path(folder)))(rng)
        pixels, labels, source = raw.X[:n], raw.y[:n], "MNIST"
    else:
        pixels = rng.integers(256, size=(n, 784), dtype=np.uint8)
        labels, source = rng.integers(10, size=n), "synthetic, uniform"
    X = pixels.astype(np.float32) / np.float32(255)
    return Samples(pixels, X, np.eye(10, dtype=np.float32)[labels], labels, source)


def network(case: Case) -> Network:
    """The untrained network, the same for everyone."""
    kind = case.kind == "relu_cross_entropy"
    hidden = [activations.build("relu" if kind else "sigmoid")] * (len(case.sizes) - 2)
    net = Network(case.sizes, hidden, outputs.build("softmax" if kind else "sigmoid"), "float32")
    net.initialize(initializers.build("he_normal" if kind else "xavier_normal"), np.random.default_rng(1))
    return net


def head(case: Case) -> Any:
    """Softmax + cross-entropy by its shortcut, or sigmoid + MSE (summed over outputs) by the chain; batch mean."""
    if case.kind == "relu_cross_entropy":
        return build_head({"name": "softmax"}, {"name": "cross_entropy"})
    return build_head({"name": "sigmoid"}, {"name": "mse"})


def split(theta: Array, sizes: tuple[int, ...]) -> list[tuple[Array, Array]]:
    """W (n_l, n_{l-1}) and b (n_l,) of each layer, as views into theta."""
    parts, start = [], 0
    for n_in, n_out in pairwise(sizes):
        W = theta[start : start + n_out * n_in].reshape(n_out, n_in)
        start += n_out * n_in
        parts.append((W, theta[start : start + n_out]))
        start += n_out
    return parts


def joined(layers: list[tuple[Array, Array]]) -> Array:
    """The inverse of `split`."""
    return np.concatenate([np.ravel(array) for layer in layers for array in layer]).astype(np.float32)


def require_equal(name: str, difference: float, tolerance: float) -> None:
    if not difference <= tolerance:
        raise SystemExit(f"{name} does not do the same work: its loss differs from bpexp's by {difference:.1e}")
