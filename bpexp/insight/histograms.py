"""Histograms of gradients and activations over the steps of a run, with fixed bins, saved to one npz file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bpexp.files.whole import writing_whole
from bpexp.insight.pieces import Piece, Statistics, Total
from bpexp.insight.probes import View
from bpexp.nn.arrays import Array
from bpexp.training.events import State

FILE = "histograms.npz"
GRADIENT_EDGES = np.linspace(-12, 2, 57)
"""Bins of log10 |dC/dw|, a quarter of a decade wide; the end bins include values beyond them, the first also 0."""

ACTIVATION_EDGES = np.linspace(-6, 6, 61)
"""Bins of a, 0.2 wide; the end bins include values beyond them."""


class Histograms:
    """Counts by step: (steps, bins) for the gradient of every W and the activations of every layer.

    Gradients are of the whole batch of the step, activations of all units of a layer and all samples of the batch.
    """

    def __init__(self) -> None:
        self._steps: list[int] = []
        self._counts: dict[str, list[Array]] = {}

    @staticmethod
    def samples(piece: Piece) -> Statistics:
        """Counts (bins,) of the activations of each layer, over all units and samples."""
        counts = {f"layer_{l}": _count(a.ravel(), ACTIVATION_EDGES) for l, a in enumerate(piece.work.a, start=1)}
        return {name: Total(count, piece.samples) for name, count in counts.items()}

    def add(self, step: int, view: View) -> None:
        """Add the counts of one step; view.samples holds those of `samples` over the whole batch."""
        self._steps.append(step)
        for name, g in view.arrays(view.gradient):
            if name.startswith("W"):
                size = np.abs(g.ravel())
                logs = np.log10(size, out=np.full(size.shape, -np.inf, size.dtype), where=size != 0)
                self._counts.setdefault(f"gradient_{name}", []).append(_count(logs, GRADIENT_EDGES))
        for layer, count in view.samples.items():
            self._counts.setdefault(f"activation_{layer}", []).append(count.value.astype(np.intp))

    def state(self) -> State:
        """For a checkpoint: the steps, and the counts (steps, bins) by name."""
        return {"steps": np.array(self._steps, np.int64), "counts": self._stacked()}

    def load_state(self, state: State) -> None:
        """Take back what `state` gave."""
        self._steps = state["steps"].tolist()
        self._counts = {name: list(counts) for name, counts in state["counts"].items()}

    def _stacked(self) -> dict[str, Array]:
        return {name: np.stack(counts) for name, counts in self._counts.items()}

    def save(self, directory: Path) -> Path | None:
        """Write the counts to histograms.npz and return its path; None, and no file, if no step was added."""
        if not self._steps:
            return None
        path, arrays = directory / FILE, self._stacked()
        edges = {"gradient_edges": GRADIENT_EDGES, "activation_edges": ACTIVATION_EDGES}
        with writing_whole(path) as file:
            np.savez_compressed(file, allow_pickle=False, steps=np.array(self._steps), **edges, **arrays)
        return path


def _count(values: Array, edges: Array) -> Array:
    """Counts (bins,) in equal bins; the end bins include values outside, NaN is left out."""
    known = values[~np.isnan(values)]
    inside = np.clip(known, edges[0], edges[-1])
    per_unit = (len(edges) - 1) / (edges[-1] - edges[0])  # edges[1] - edges[0] is rounded, and would misplace 0
    bins = ((inside - edges[0]) * per_unit).astype(np.intp)
    return np.bincount(np.minimum(bins, len(edges) - 2), minlength=len(edges) - 1)
