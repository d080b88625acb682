"""What a network is worth on a part of the data: loss, and the measures of its task."""

from __future__ import annotations

import numpy as np

from bpexp.data.dataset import Part
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network

PIECE = 2048
"""Samples that are evaluated at once; memory does not grow with the data."""


def evaluate(network: Network, head: Head, part: Part, *, top: int = 3) -> dict[str, float]:
    """loss (mean C_k), then accuracy and top-k accuracy of classes, or r2 and rmse of values.

    accuracy is the share of samples whose largest output is the right class; of a single output, the share on the right
    side of 0.5. r2 = 1 - sum (a - y)^2 / sum (y - mean y)^2 and rmse = sqrt(mean (a - y)^2), over all outputs.
    """
    outputs = [_piece(network, head, part, part.rows[i : i + PIECE]) for i in range(0, len(part), PIECE)]
    costs, a, y = (np.concatenate(arrays, axis=-1) for arrays in zip(*outputs, strict=True))
    metrics = {"loss": float(costs.mean())}
    if part.labels is None:
        return metrics | regression(a, y)
    return metrics | classification(a, part.labels[part.rows], top)


def _piece(network: Network, head: Head, part: Part, rows: Array) -> tuple[Array, Array, Array]:
    x, y = part.batch(rows)
    z = network.logits(x)
    return head.cost(z, y).astype(np.float64), head.output.f(z), y


def classification(a: Array, labels: Array, top: int) -> dict[str, float]:
    """accuracy and top<k>_accuracy from outputs (n_L, N) and class numbers (N,)."""
    if a.shape[0] == 1:
        return {"accuracy": float(np.mean((a[0] > 0.5) == (labels == 1)))}
    measures = {"accuracy": float(np.mean(a.argmax(axis=0) == labels))}
    if a.shape[0] > top:
        first = np.argsort(-a, axis=0, kind="stable")[:top]  # ties as argmax breaks them: equal outputs know nothing
        measures[f"top{top}_accuracy"] = float(np.mean((first == labels).any(axis=0)))
    return measures


def regression(a: Array, y: Array) -> dict[str, float]:
    """r2 and rmse from outputs and targets (n_L, N); r2 is NaN where the targets do not vary."""
    error = np.square(a - y, dtype=np.float64)
    spread = np.square(y - y.mean(axis=1, keepdims=True), dtype=np.float64).sum()
    r2 = 1 - error.sum() / spread if spread > 0 else float("nan")
    return {"r2": float(r2), "rmse": float(np.sqrt(error.mean()))}
