"""What a trained network makes of single samples: the material of the confusion matrix and of the worst ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bpexp.data.dataset import Part
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network
from bpexp.training.metrics import PIECE

CAP = 10_000
"""Samples that are looked at; of a larger part, so many that are spread evenly over it."""

WORST = 10


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """N samples of one part of the data, and the inputs of the few that cost most."""

    labels: Array | None
    """(N,) class numbers; None for a regression."""
    outputs: Array
    """a (n_L, N)."""
    costs: Array
    """C_k (N,)."""
    classes: tuple[str, ...]
    """The names of the classes."""
    worst: Array
    """Which of the N cost most, the worst first; none whose cost is not finite."""
    X: Array
    """(len(worst), n_0), the inputs of the worst."""
    image_shape: tuple[int, int] | None
    part: str = "test"
    """Which part of the data this is, for a reader."""

    def predicted(self) -> Array:
        """(N,) class numbers: the largest output, or of a single one the side of 0.5; -1 where it is not finite."""
        a = self.outputs
        numbers = (a[0] > 0.5).astype(np.intp) if len(a) == 1 else a.argmax(axis=0)
        return np.where(np.isfinite(a).all(axis=0), numbers, -1)

    def confusion(self) -> Array:
        """Counts (classes, classes), true by row and predicted by column, of the samples with a finite output."""
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
    """Outputs and costs of a part of the data, in pieces; of a broken network too."""
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
    return Samples(labels, outputs, costs, classes, worst, part.X[rows[worst]], image_shape, name)


def _piece(network: Network, head: Head, part: Part, rows: Array) -> tuple[Array, Array]:
    x, y = part.batch(rows)
    z = network.logits(x)
    return head.output.f(z), head.cost(z, y).astype(np.float64)
