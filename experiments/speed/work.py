"""What everyone who is measured is given: the net, the same weights, the same samples in the same order."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bpexp.data.dataset import Part, datasets
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.initializers import initializers
from bpexp.nn.network import Network
from bpexp.nn.outputs import outputs

Array = NDArray[Any]
Kind = Literal["relu_cross_entropy", "sigmoid_mse", "tanh_binary"]
Source = Literal["mnist", "digits", "xor"]

LR = {"sgd": 0.01, "adam": 1e-4}
"""Small, so that rounding does not grow into different weights within a turn; no step takes longer for it."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a kind of net is made of, by the names of bpexp; the squared error is summed over the outputs."""

    hidden: str
    output: str
    loss: str
    init: str
    words: str


KINDS: dict[Kind, Parts] = {
    "relu_cross_entropy": Parts("relu", "softmax", "cross_entropy", "he_normal", "ReLU + softmax + cross-entropy"),
    "sigmoid_mse": Parts("sigmoid", "sigmoid", "mse", "xavier_normal", "sigmoid + MSE"),
    "tanh_binary": Parts("tanh", "sigmoid", "binary_cross_entropy", "xavier_normal", "tanh + binary cross-entropy"),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One net at one batch size B, the full batch for None; `rate` is another learning rate than that of `LR`."""

    name: str
    sizes: tuple[int, ...]
    B: int | None
    kind: Kind = "relu_cross_entropy"
    optimizer: str = "sgd"
    source: Source = "mnist"
    rate: float | None = None

    @property
    def parts(self) -> Parts:
        return KINDS[self.kind]

    @property
    def lr(self) -> float:
        return LR[self.optimizer] if self.rate is None else self.rate


CASES = (
    Case("small_32", (784, 32, 32, 10), 32),
    Case("small_128", (784, 32, 32, 10), 128),
    Case("small_1", (784, 32, 32, 10), 1),
    Case("large_128", (784, 256, 128, 10), 128),
    Case("sigmoid_32", (784, 32, 32, 10), 32, "sigmoid_mse"),
    Case("digits_32", (64, 32, 32, 10), 32, source="digits"),
    Case("xor_4", (2, 8, 1), 4, "tanh_binary", source="xor"),
    Case("adam_32", (784, 32, 32, 10), 32, optimizer="adam"),
    Case("adam_128", (784, 256, 128, 10), 128, optimizer="adam"),
    Case("full", (784, 10, 10), None),
)


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """X (N, n_0) float32, targets Y (N, n_L) float32, class numbers (N,); `source` says what they are.

    For images X is `bytes` / 255. bpexp holds the bytes, as it does of every image, and the others X: that is faster
    for them.
    """

    X: Array
    Y: Array
    labels: Array
    source: str
    bytes: Array | None = None

    def __len__(self) -> int:
        return len(self.X)

    def part(self, rows: Array) -> Part:
        """Some rows as bpexp holds them."""
        if self.bytes is None:
            return Part(self.X, self.Y, rows, self.labels)
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


def samples(n: int, source: Source = "mnist", *, synthetic: bool = False) -> Samples:
    """At most n samples; in place of MNIST, where BPEXP_DATA names no folder with it, uniform numbers of its shape."""
    rng = np.random.default_rng(0)
    folder = os.environ.get("BPEXP_DATA")
    if source == "mnist":
        if synthetic or not folder:
            pixels, labels = rng.integers(256, size=(n, 784), dtype=np.uint8), rng.integers(10, size=n)
        else:
            raw = datasets.build(source, root=folder)(rng)
            pixels, labels = raw.X[:n], raw.y[:n].astype(np.int64)
        said = "synthetic, uniform" if synthetic or not folder else "MNIST"
        X = pixels.astype(np.float32) / np.float32(255)
        return Samples(X, np.eye(10, dtype=np.float32)[labels], labels, said, pixels)
    if source == "digits":
        raw = datasets.build(source)(rng)
        X, labels = raw.X[:n].astype(np.float32) / np.float32(16), raw.y[:n].astype(np.int64)
        return Samples(X, np.eye(10, dtype=np.float32)[labels], labels, "digits")
    raw = datasets.build(source, n=n)(rng)
    X, labels = raw.X.astype(np.float32), raw.y.astype(np.int64)
    return Samples(X, labels[:, None].astype(np.float32), labels, "xor with noise")


def network(case: Case) -> Network:
    """The untrained network, the same for everyone."""
    hidden = [activations.build(case.parts.hidden)] * (len(case.sizes) - 2)
    net = Network(case.sizes, hidden, outputs.build(case.parts.output), "float32")
    net.initialize(initializers.build(case.parts.init), np.random.default_rng(1))
    return net


def head(case: Case) -> Any:
    """Output and loss: by their shortcut where there is one, else by the chain; batch mean."""
    return build_head({"name": case.parts.output}, {"name": case.parts.loss})


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
