"""Outputs and costs of single samples, for the confusion matrix and the samples with the largest loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bpexp.data.dataset import Part
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network
from bpexp.training.evaluation import PIECE

CAP = 10_000
"""Largest number of samples evaluated; of a larger part, this many, evenly spaced."""

WORST = 10


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Outputs and costs of N samples of one part of the data, and the inputs of those with the largest costs."""

    labels: Array | None
    """(N,) class numbers; None for a regression."""
    outputs: Array
    """a (n_L, N)."""
    costs: Array
    """C_k (N,)."""
    classes: tuple[str, ...]
    """The names of the classes."""
    worst: Array
    """Indices, into the N samples, of the largest finite costs, in descending order."""
    X: Array
    """(len(worst), n_0), the inputs of these samples."""
    image_shape: tuple[int, int] | None
    part: str = "test"
    """Name of the part of the data."""

    def predicted(self) -> Array:
        """(N,) class numbers: argmax of the outputs, or a > 0.5 for a single output; -1 where one is not finite."""
        a = self.outputs
        numbers = (a[0] > 0.5).astype(np.intp) if len(a) == 1 else a.argmax(axis=0)
        return np.where(np.isfinite(a).all(axis=0), numbers, -1)

    def confusion(self) -> Array:
        """Confusion matrix (classes, classes): true class by row, predicted by column; finite outputs only."""
        assert self.labels is not None
        n, predicted = max(len(self.classes), len(self.outputs), 2), self.predicted()
        known = predicted >= 0
        return np.bincount(self.labels[known] * n + predicted[known], minlength=n * n).reshape(n, n)


def collect_samples(
    network: Network,
    head: Head,
    part: Part,
    classes: tuple[str, ...] = (),
    image_shape: tuple[int, int] | None = None,
    *,
    name: str = "test",
) -> Samples:
    """Outputs and costs of at most CAP samples of a part of the data, also of a network that has diverged."""
    rows = part.rows
    if len(rows) > CAP:
        rows = rows[np.linspace(0, len(rows) - 1, CAP).astype(np.intp)]
    with np.errstate(all="ignore"):
        pieces = [_piece(network, head, part, rows[i : i + PIECE]) for i in range(0, len(rows), PIECE)]
    outputs = np.concatenate([a for a, _ in pieces], axis=1)
    costs = np.concatenate([cost for _, cost in pieces])
    finite = np.flatnonzero(np.isfinite(costs))
    worst = finite[np.argsort(-costs[finite], kind="stable")[:WORST]]
    labels = None if part.labels is None else part.labels[rows]
    return Samples(labels, outputs, costs, classes, worst, part.inputs(rows[worst]), image_shape, name)


def _piece(network: Network, head: Head, part: Part, rows: Array) -> tuple[Array, Array]:
    x, y = part.batch(rows)
    z = network.logits(x)
    return head.output.f(z), head.cost(z, y).astype(np.float64)
