"""The metrics of a stack of networks: one forward pass of all over the parts of the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bpexp.data.dataset import Part, gather
from bpexp.nn.arrays import Array
from bpexp.nn.stack import Stack, apart, runs, side_by_side
from bpexp.training.evaluation import PIECE, measures
from bpexp.training.fused.member import Member
from bpexp.training.metrics import PENALTY

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
    own = parts[:1] if same_samples(parts) else parts  # one batch is that of all
    y = np.stack([gather(part.Y, part.rows).T for part in own])
    shape = len(parts), *y.shape[1:]
    costs, a, every = np.empty(shape[::2]), np.empty(shape, stack.dtype), np.broadcast_to(y, shape)
    for start in range(0, shape[-1], size):
        some = slice(start, start + size)
        z = stack.logits(_inputs([part.inputs(part.rows[some]) for part in own]))
        _fill(members, z, every[..., some], costs[:, some], a[..., some])
    for k, part in enumerate(parts):
        yield measures(part, costs[k], a[k], every[k])


def _inputs(rows: Sequence[Array]) -> Array:
    """x (n_0, B), or (K, n_0, B) where there are several."""
    return rows[0].T if len(rows) == 1 else np.stack(rows).mT


def _fill(members: Sequence[Member], z: Array, y: Array, costs: Array, a: Array) -> None:
    """Costs (K, B) and outputs (K, n_L, B) from z and targets (K, n_L, B)."""
    for rows, first in runs([member.kinds.head for member in members]):
        head, columns = members[first].trainer.head, side_by_side(z[rows])
        values = np.empty_like(columns)
        costs[rows] = head.cost_and_output(columns, side_by_side(y[rows]), values).reshape(-1, z.shape[-1])
        a[rows] = apart(values, z.shape[-1])


def same_samples(parts: Sequence[Part]) -> bool:
    """Whether the parts hold the same samples in the same order."""
    first = parts[0]
    return all(part.X is first.X and part.Y is first.Y and np.array_equal(part.rows, first.rows) for part in parts)
