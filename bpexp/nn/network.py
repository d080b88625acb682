"""A feed-forward network over one flat parameter vector. Source: 000 to 003, "notations" and "set up"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from bpexp.nn.activations import Activation
from bpexp.nn.arrays import DTYPES, Array
from bpexp.nn.initializers import Initializer
from bpexp.nn.outputs import Output
from bpexp.nn.products import Blocks, Products, product
from bpexp.registry import NonNegative

Biases = Literal["zero", "drawn"]


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """z^l = W a^{l-1} + b, a^l = f(z^l), with W (n_l, n_{l-1}) and b (n_l, 1) views into theta."""

    W: Array
    b: Array
    f: Output


@dataclass(slots=True, eq=False)
class Workspace:
    """The arrays of one forward and backward pass, for a batch of B samples in columns.

    x is (n_0, B); z, a, slope = f'(z) and delta hold one (n_l, B) array per layer, first to last; slope omits the last.
    delta = dC/dz^l for the cost C of the batch; dC_k/dz^l of a sample is delta / weight, with weight = 1/B for a mean.
    slope and delta are filled by a backward pass. All are buffers: the next pass over B samples overwrites them.
    `products` is how the pass multiplies.
    """

    x: Array
    z: list[Array]
    a: list[Array]
    slope: list[Array]
    delta: list[Array]
    products: Products
    weight: float = 1.0

    def below(self, l: int) -> Array:
        """The input of layer l, counted from 0: x for l = 0, else the activations below it."""
        return self.a[l - 1] if l else self.x


class Network:
    """Layers of n_0, n_1, ..., n_L units whose parameters are views into `theta`, a vector of P numbers.

    `hidden` holds the functions of layers 1 to L - 1, `output` that of layer L; `layers` has both, with W and b.
    """

    def __init__(self, sizes: Sequence[int], hidden: Sequence[Activation], output: Output, dtype: str) -> None:
        self.sizes = tuple(sizes)
        self.hidden, self.output = tuple(hidden), output
        self.dtype = DTYPES[dtype]
        self.live_in(np.zeros(count_parameters(self.sizes), self.dtype))

    def live_in(self, theta: Array) -> None:
        """Have the parameters in theta (P,), with the values that it holds, from now on."""
        self.theta = theta
        functions: list[Output] = [*self.hidden, self.output]
        self.layers = tuple(Layer(W, b, f) for (W, b), f in zip(self.parameters(theta), functions, strict=True))

    def parameters(self, vector: Array) -> Iterator[tuple[Array, Array]]:
        """W and b of each layer as views into a vector (P,): theta itself, a gradient or an update.

        Views into a stack of vectors (K, P) are (K, n_l, n_{l-1}) and (K, n_l, 1).
        """
        start, stack = 0, vector.shape[:-1]
        for n_in, n_out in pairwise(self.sizes):
            W = vector[..., start : start + n_out * n_in].reshape(*stack, n_out, n_in)
            start += n_out * n_in
            b = vector[..., start : start + n_out].reshape(*stack, n_out, 1)
            start += n_out
            yield W, b

    def names(self) -> list[str]:
        """W1, b1, W2, b2, ...: the parameters in the order of theta."""
        return [f"{letter}{l}" for l in range(1, len(self.sizes)) for letter in "Wb"]

    def initialize(
        self, init: Initializer, rng: np.random.Generator, *, biases: Biases = "zero", bias_std: NonNegative = 0.0
    ) -> None:
        """Draw every W, then set or draw every b.

        Args:
            init: draws a matrix (n_l, n_{l-1}).
            rng: its random generator.
            biases: zero sets every b to 0; drawn draws b as the first column of a second matrix.
            bias_std: sigma_b, standard deviation of normal numbers that are added to every b.
        """
        for layer in self.layers:
            n_out, n_in = layer.W.shape
            layer.W[...] = init((n_out, n_in), rng)
            layer.b[...] = init((n_out, n_in), rng)[:, :1] if biases == "drawn" else 0.0
        if bias_std:  # after all weights, which then are the same for every bias_std
            for layer in self.layers:
                layer.b[...] += rng.normal(0.0, bias_std, layer.b.shape)

    def at(self, theta: Array) -> Network:
        """The same network at other parameters (P,), in their dtype."""
        other = Network(self.sizes, self.hidden, self.output, theta.dtype.name)
        other.theta[...] = theta
        return other

    def workspace(self, B: int, blocks: Blocks = 0) -> Workspace:
        """Buffers for a batch of B samples; `blocks` are those in which the pass multiplies."""

        def buffers() -> list[Array]:
            return [np.empty((n, B), self.theta.dtype) for n in self.sizes[1:]]

        x, products = np.empty((self.sizes[0], B), self.theta.dtype), Products(self.sizes, B, np.dot, blocks)
        return Workspace(x, buffers(), buffers(), buffers()[:-1], buffers(), products)

    def logits(self, x: Array) -> Array:
        """z^L (n_L, B) for x (n_0, B): the last layer before its activation, from which costs are computed."""
        a = x
        for layer in self.layers[:-1]:
            z = product(layer.W, a)
            z += layer.b
            a = layer.f.f(z, np.empty_like(z))
        z = product(self.layers[-1].W, a)
        z += self.layers[-1].b
        return z

    def forward(self, x: Array) -> Array:
        """a^L (n_L, B) for x (n_0, B)."""
        return self.layers[-1].f.f(self.logits(x))


def count_parameters(sizes: Sequence[int]) -> int:
    """P = sum_l n_l (n_{l-1} + 1)."""
    return sum(n_out * (n_in + 1) for n_in, n_out in pairwise(sizes))
