"""Small networks with random parameters and data, drawn so that no kink lies where differences would step over it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from bpexp.errors import ConfigError
from bpexp.gradients import path_sum
from bpexp.gradients.method import GradientMethod
from bpexp.nn.activations import Activation, activations
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head, build_head
from bpexp.nn.losses import losses
from bpexp.nn.network import Network
from bpexp.nn.outputs import Output, outputs

CLEAR = 1e-3
"""How far every z and every a - y stays from a kink; a difference steps 6e-6."""

HIDDEN = list(activations)
"""The activations that can serve in a hidden layer."""


class Case(NamedTuple):
    """A network, its head and a batch x (n_0, B), y (n_L, B)."""

    network: Network
    head: Head
    x: Array
    y: Array


def accepted(output: str, loss: str) -> bool:
    """Whether a pairing has a meaning: the output's codomain is one that the loss needs."""
    return outputs.build(output).codomain in losses.build(loss).needs


def pairings() -> Iterator[tuple[str, str]]:
    """Every output and loss that go together."""
    return ((output, loss) for output in outputs for loss in losses if accepted(output, loss))


def draw(
    rng: np.random.Generator,
    *,
    hidden: list[str],
    output: str,
    loss: str | dict[str, Any],
    batch: str = "mean",
    shortcut: bool = True,
    sizes: list[int] | None = None,
    B: int = 5,
) -> Case:
    """Draw parameters, all of them non-zero, and data until they are clear of kinks.

    B is odd so that the signs of mae, which are all of its slope, cannot cancel to a gradient of 0.
    """
    node = {"name": loss} if isinstance(loss, str) else loss
    head = build_head({"name": output}, node, batch=batch, shortcut=shortcut)
    sizes = sizes or [3, *[4] * len(hidden), 3]
    network = Network(sizes, [activations.build(name) for name in hidden], head.output, "float64")
    for _ in range(500):
        for layer in network.layers:
            layer.W[...] = rng.normal(0, 1.3 / np.sqrt(layer.W.shape[1]), layer.W.shape)
            layer.b[...] = rng.uniform(-0.2, 0.6, layer.b.shape)
        x, y = rng.normal(size=(sizes[0], B)), targets(rng, head, losses.build(node["name"]).classes, sizes[-1], B)
        if clear(network, x, y, loss_kinks(node)):
            return Case(network, head, x, y)
    raise AssertionError("no draw is clear of the kinks")


def targets(rng: np.random.Generator, head: Head, classes: bool, n: int, B: int) -> Array:
    """One-hot columns where the loss wants classes, else values; a single output has 0 or 1 for classes.

    The values of a simplex sum to 1, so that a - y has both signs: a slope that is the same for all outputs has no
    effect on a softmax.
    """
    if not classes and head.output.codomain == "simplex":
        return rng.dirichlet(np.ones(n), B).T
    if not classes:
        return rng.uniform(-1, 2, (n, B))
    if n == 1:
        return rng.integers(0, 2, (1, B)).astype(float)
    return np.eye(n)[:, rng.integers(0, n, B)]


def loss_kinks(node: dict[str, Any]) -> list[float]:
    """Where a loss can have a kink in |a - y|: at 0 and at any of its numbers, such as huber's threshold."""
    parameters = inspect.signature(losses.require(node["name"])).parameters
    values = [node.get(key, parameter.default) for key, parameter in parameters.items()]
    return [0.0, *(float(value) for value in values if isinstance(value, int | float))]


def clear(network: Network, x: Array, y: Array, kinks: list[float]) -> bool:
    """Whether every z is away from its activation's kinks, every |a - y| from the loss's, and no layer is all dead."""
    a = x
    for layer in network.layers:
        z = layer.W @ a + layer.b
        if near(z, layer.f.kinks) or dead(layer.f, z):
            return False
        a = layer.f.f(z)
    return not near(np.abs(a - y), kinks)


def near(values: Array, kinks: list[float] | tuple[float, ...]) -> bool:
    """Whether a value lies within CLEAR of a kink."""
    return any(bool((np.abs(values - kink) < CLEAR).any()) for kink in kinks)


def dead(f: Output, z: Array) -> bool:
    """Whether a sample has fewer than two units of a layer that pass a slope on."""
    if not isinstance(f, Activation) or len(z) == 1:
        return False
    return bool(((np.abs(f.df(z)) > 0.05).sum(axis=0) < 2).any())


def refusal(output: str, loss: str) -> str:
    """The line with which a pairing is refused."""
    try:
        build_head({"name": output}, {"name": loss})
    except ConfigError as error:
        return str(error)
    return ""


@contextmanager
def walked() -> Iterator[list[tuple[int, ...]]]:
    """The paths that path_sum walks inside the block, one entry a path."""
    walk: list[tuple[int, ...]] = []
    enumerate_paths = path_sum.paths

    def noted(widths: Sequence[int]) -> Iterator[tuple[int, ...]]:
        for path in enumerate_paths(widths):
            walk.append(path)
            yield path

    path_sum.paths = noted
    try:
        yield walk
    finally:
        path_sum.paths = enumerate_paths


def multiplications(walk: Sequence[tuple[int, ...]], sizes: Sequence[int]) -> int:
    """A weight and a slope for each layer that a path crosses, and one product for each weight."""
    return sum(2 * len(path) for path in walk) + sum(a * b for a, b in pairwise(sizes))


def make_ready(method: GradientMethod, network: Network, head: Head, rng: np.random.Generator) -> None:
    """What is done with a method before training: it may refuse the network, then draws what it needs."""
    method.refuse(network, head)
    method.prepare(network, head, rng)
