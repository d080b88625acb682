"""The evaluation of a part of the data: one forward pass in pieces, and every metric that is defined for the part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from bpexp.data.dataset import Part, Task, gather
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network
from bpexp.nn.penalties import Penalty
from bpexp.registry import Count, Range
from bpexp.training.metrics import PENALTY, Evaluated, metrics

PIECE = 512
"""Samples that are evaluated at once: few enough for the cache, so that their inputs are not written to memory."""

NUMBERS = 100_000
"""Outputs that are computed at once from the last z, at least of so many samples: few enough for the cache, and enough
that the calls take less time than the work."""


@dataclass(frozen=True)
class Evaluation:
    """How often the parts are evaluated; validation and test part are always evaluated in full.

    Args:
        every: epochs between two evaluations; the last epoch is always evaluated.
        train_samples: largest number of evaluated samples of the training part, spread over the whole part.
    """

    every: Count = 1
    train_samples: Annotated[int, Range(least=1)] = 10_000


def evaluate_parts(network: Network, head: Head, parts: Mapping[str, Part], penalty: Penalty) -> dict[str, float]:
    """The metrics of every part, as `loss/train`, `accuracy/test`, ..., and the penalty where there is one."""
    found = {
        f"{metric}/{name}": value
        for name, part in parts.items()
        for metric, value in evaluate(network, head, part).items()
    }
    return found | {PENALTY: penalty.cost(network)} if penalty else found


def evaluate(network: Network, head: Head, part: Part) -> dict[str, float]:
    """Every metric that is defined for one part of the data, by name."""
    y = gather(part.Y, part.rows).T
    costs, a = np.empty(len(part)), np.empty(y.shape, network.dtype)
    for some in pieces(len(part), max(PIECE, NUMBERS // len(y))):
        z = logits(network, part, part.rows[some])
        costs[some] = head.cost_and_output(z, np.ascontiguousarray(y[:, some]), a[:, some])
    return measures(part, costs, a, y)


def logits(network: Network, part: Part, rows: Array) -> Array:
    """z^L (n_L, B) of `rows` of the part, which pass through the layers in pieces."""
    if len(rows) <= PIECE:
        return network.logits(part.inputs(rows).T)
    z = np.empty((network.sizes[-1], len(rows)), network.dtype)
    for some in pieces(len(rows), PIECE):
        z[:, some] = network.logits(part.inputs(rows[some]).T)
    return z


def pieces(N: int, size: int) -> Iterator[slice]:
    """N samples in pieces, of which the last may be smaller."""
    return (slice(start, start + size) for start in range(0, N, size))


def measures(part: Part, costs: Array, a: Array, y: Array) -> dict[str, float]:
    """Every metric that is defined for one part, from costs (N,) in float64, outputs and targets (n_L, N)."""
    if part.target_scaling is not None:
        a, y = (part.target_scaling.undo(values.T).T for values in (a, y))
    labels = None if part.labels is None else part.labels[part.rows]
    task: Task = "regression" if labels is None else "classification"
    evaluated = Evaluated(costs, a, y, labels)
    return {name: float(m.measure(evaluated)) for name, m in metrics.items() if m.applies(task, a.shape[0])}
