"""The metrics of a stack of networks: one forward pass of all over the parts of the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bpexp.data.dataset import Part
from bpexp.nn.arrays import Array
from bpexp.nn.stack import Stack, runs, side_by_side
from bpexp.training.fused.member import Member
from bpexp.training.metrics import PENALTY, PIECE, measures

LEAST = 256
"""Samples of a piece at least."""


def evaluate_all(stack: Stack, members: Sequence[Member]) -> list[dict[str, float]]:
    """What `Trainer.evaluate` gives for each member."""
    found: list[dict[str, float]] = [{} for _ in members]
    for name in members[0].trainer.parts:
        parts = [member.trainer.parts[name] for member in members]
        for metrics, values in zip(found, _evaluate(stack, members, parts), strict=True):
            metrics |= {f"{metric}/{name}": value for metric, value in values.items()}
    for member, metrics in zip(members, found, strict=True):
        if member.trainer.penalty:
            metrics[PENALTY] = member.trainer.penalty.cost(member.trainer.network)
    return found


def _evaluate(stack: Stack, members: Sequence[Member], parts: Sequence[Part]) -> Iterator[dict[str, float]]:
    size = max(LEAST, PIECE // len(members))
    one = same_samples(parts)
    pieces = [
        _piece(stack, members, [part.batch(part.rows[start : start + size]) for part in (parts[:1] if one else parts)])
        for start in range(0, len(parts[0]), size)
    ]
    costs, a, y = (np.concatenate(arrays, axis=-1) for arrays in zip(*pieces, strict=True))
    for k, part in enumerate(parts):
        yield measures(part, costs[k], a[k], y[k if len(y) > 1 else 0])


def _piece(stack: Stack, members: Sequence[Member], batches: Sequence[tuple[Array, Array]]) -> tuple[Array, ...]:
    """Costs (K, B), outputs (K, n_L, B) and targets (K, n_L, B), or (1, n_L, B) where one batch is that of all."""
    x = batches[0][0] if len(batches) == 1 else np.stack([x.T for x, _ in batches]).mT
    targets = np.stack([y for _, y in batches])
    z = stack.logits(x)
    every = np.broadcast_to(targets, z.shape)
    costs, a = np.empty((len(z), z.shape[-1])), np.empty_like(z)
    for rows, first in runs([member.kinds.head for member in members]):
        head, columns = members[first].trainer.head, side_by_side(z[rows])
        costs[rows] = head.cost(columns, side_by_side(every[rows])).reshape(-1, z.shape[-1])
        a[rows] = head.output.f(columns).reshape(z.shape[1], -1, z.shape[-1]).transpose(1, 0, 2)
    return costs, a, targets


def same_samples(parts: Sequence[Part]) -> bool:
    """Whether the parts hold the same samples in the same order."""
    first = parts[0]
    return all(part.X is first.X and part.Y is first.Y and np.array_equal(part.rows, first.rows) for part in parts)
