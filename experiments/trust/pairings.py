"""The relative error of cost and delta of every output with every loss, from small logits to 10 000.

The error of a number is |computed - exact| / |exact|, for the cost of every sample and for every single entry of delta.
Two things are left to it. An entry of a softmax's delta is a sum, delta_i = sum_j a_i a_j (g_i - g_j) with g = dC/da,
which may cross 0: its error is relative to the sum of the absolute values. And what is below ten times the smallest
normal number of the dtype, where numbers lose their digits, is held to an absolute error.

Targets are 0 and 1, the limits that an output approaches, and other values that differ from a by at least 5 %: nearer,
a - y loses the digits that a and y have in common, in any arithmetic that has a and y to a fixed number of digits.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpexp.nn.heads import build_head
from bpexp.nn.losses import losses
from bpexp.nn.outputs import outputs
from experiments.trust.exact import cost_and_delta, values

Array = NDArray[Any]
Node = tuple[str, dict[str, Any]]

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}

LOGITS = (
    (0, 0, 0, 0), (0.5, -1.25, 2, 0.125), (-3, 1.5, -0.25, 4), (2**-10, -(2**-10), 0.75, -0.5),
    (15, 0, 0, 1), (17.5, -17.5, 3, 0), (20, 1, -2, -20), (-30, 25, 24.5, 0), (40, 0, -40, 2), (60, -60, 55, -1),
    (80, 0, -7, 3), (-86, 0.5, -43, 1), (100, -100, 50, -50), (300, 290, -300, 0), (700, -700, 650, 20),
    (-9, -12.75, -88.5, -89.5), (-37, -36.5, 9, -710), (-103, -745, -708.25, 6), (-5, -6, -1.25, -0.75),
    (0, 0, -50, -60), (3, 3, 3, -75), (-1e4, 1e4, 0, 1), (1e4, 1e4, -1e4, -1e4), (1e4, 9990, 9985, -1e4),
    (-1e4, -1e4, -1e4, -1e4), (-9999, -1e4, -9998.5, -9990),
)  # fmt: skip
"""Samples of four logits, which float32 holds exactly: small, confident, tied, mixed, extreme."""

LIMITS = {"sigmoid": (1.0,), "tanh": (1.0, -1.0), "softmax": (1.0,), "elu": (-1.0,)}
"""Values other than 0 that an output approaches."""

VALUES = (0.3125, -0.75, 1.5, 3.0)
SHARES = (0.125, 0.0625, 0.75, 0.0625)
"""Targets that are values, for outputs of any sum and for those that sum to 1."""

NEAR = 0.05

LEAST = 10
"""In smallest normal numbers: below that the error is absolute."""


def accepted(output: str, loss: str) -> bool:
    """Whether a loss has a meaning on an output."""
    return outputs.build(output).codomain in losses.build(loss).needs


def pairings() -> Iterator[tuple[str, str]]:
    """Every output and loss that go together."""
    return ((output, loss) for output in outputs for loss in losses if accepted(output, loss))


def variants(loss: str) -> Iterator[dict[str, Any]]:
    """The defaults of a loss, then other values of the parameters that it has."""
    others: tuple[dict[str, Any], ...] = ({"reduction": "mean", "factor": 2.5}, {"threshold": 0.4375})
    yield {}
    yield from (other for other in others if set(other) <= set(inspect.signature(losses[loss]).parameters))


def targets(output: str, loss: str, z: tuple[float, ...]) -> Iterator[tuple[float, ...]]:
    """One-hot targets; for a loss that takes values also the limits of the output, and values away from a."""
    n, values_too = len(z), not losses.build(loss).classes
    yield from (tuple(float(j == c) for j in range(n)) for c in range(n))
    if values_too and outputs.build(output).codomain == "simplex":
        yield SHARES
    elif values_too:
        yield from ((limit,) * n for limit in (0.0, *LIMITS.get(output, ())))
        a, _ = values(output, (), z)
        yield tuple(y if abs(u - y) > NEAR * max(abs(u), abs(y)) else y + 1 for u, y in zip(a, VALUES, strict=True))


def away(output: str, z: tuple[float, ...], y: tuple[float, ...]) -> bool:
    """Whether every target is one that the output approaches or differs from it by at least 5 %."""
    a, _ = values(output, (), z)
    ends = (0.0, *LIMITS.get(output, ()))
    return all(v in ends or u == v or abs(u - v) > NEAR * max(abs(u), abs(v)) for u, v in zip(a, y, strict=True))


def samples(output: str, loss: str) -> tuple[Array, Array]:
    """Logits and targets (4, B) of a pairing."""
    logits = [tuple(map(float, z)) for z in LOGITS]
    pairs = [(z, y) for z in logits for y in dict.fromkeys(targets(output, loss, z)) if away(output, z, y)]
    z, y = zip(*pairs, strict=True)
    return np.array(z).T, np.array(y).T


def errors(output: Node, loss: Node, dtype: str, *, shortcut: bool = True) -> tuple[Array, Array, Array, Array]:
    """Relative errors of the costs (B,) and of delta (4, B) of a pairing; the samples z and y (4, B)."""
    z, y = samples(output[0], loss[0])
    head = build_head({"name": output[0], **output[1]}, {"name": loss[0], **loss[1]}, shortcut=shortcut)
    a, delta = (np.full(z.shape, np.nan, dtype) for _ in range(2))
    with np.errstate(all="ignore"):
        costs = head.cost_and_delta(z.astype(dtype), y.astype(dtype), a, delta)
    wrong = np.empty((1 + len(z), z.shape[1]))
    least = LEAST * float(np.finfo(dtype).tiny)
    for k in range(z.shape[1]):
        cost, exact, sizes = cost_and_delta(output, loss, z[:, k].tolist(), y[:, k].tolist())
        rows = zip([costs[k], *delta[:, k]], [cost, *exact], [abs(cost), *sizes], strict=True)
        for row, (ours, value, size) in enumerate(rows):
            wrong[row, k] = abs(float(ours) - value) / max(size, least) if np.isfinite(ours) else np.inf
    return wrong[0], wrong[1:], z, y


def worst(output: str, loss: str, dtype: str, *, shortcut: bool = True) -> dict[str, float]:
    """The largest relative error of cost and delta of a pairing, over all variants of the loss."""
    found = [errors((output, {}), (loss, variant), dtype, shortcut=shortcut) for variant in variants(loss)]
    return {"cost": max(float(e[0].max()) for e in found), "delta": max(float(e[1].max()) for e in found)}
