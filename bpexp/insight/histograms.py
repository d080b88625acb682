"""Histograms of gradients and activations over the steps of a run, in bins that never move, kept in one file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bpexp.insight.probes import View
from bpexp.nn.arrays import Array

FILE = "histograms.npz"
GRADIENT_EDGES = np.linspace(-12, 2, 57)
"""log10 |dC/dw|, a quarter of a decade a bin; smaller ones, 0 among them, and larger ones count in the end bins."""

ACTIVATION_EDGES = np.linspace(-6, 6, 61)
"""a, in fifths; what lies outside counts in the end bins."""


class Histograms:
    """Counts by step: (steps, bins) for the gradient of every W and the activations of every layer."""

    def __init__(self) -> None:
        self._steps: list[int] = []
        self._counts: dict[str, list[Array]] = {}

    def add(self, step: int, view: View) -> None:
        """Count one step."""
        self._steps.append(step)
        for name, g in view.arrays(view.gradient):
            if name.startswith("W"):
                size = np.abs(g.ravel())
                logs = np.log10(size, out=np.full(size.shape, -np.inf, size.dtype), where=size != 0)
                self._counts.setdefault(f"gradient_{name}", []).append(_count(logs, GRADIENT_EDGES))
        for l, a in enumerate(view.workspace.a, start=1):
            self._counts.setdefault(f"activation_layer_{l}", []).append(_count(a.ravel(), ACTIVATION_EDGES))

    def save(self, directory: Path) -> Path | None:
        """Write what was counted; nothing where nothing was."""
        if not self._steps:
            return None
        path = directory / FILE
        arrays = {name: np.stack(counts) for name, counts in self._counts.items()}
        edges = {"gradient_edges": GRADIENT_EDGES, "activation_edges": ACTIVATION_EDGES}
        np.savez_compressed(path, allow_pickle=False, steps=np.array(self._steps), **edges, **arrays)
        return path


def _count(values: Array, edges: Array) -> Array:
    """Counts in equal bins, the ends taking what lies outside; NaN is left out."""
    known = values[~np.isnan(values)]
    inside = np.clip(known, edges[0], edges[-1])
    per_unit = (len(edges) - 1) / (edges[-1] - edges[0])  # edges[1] - edges[0] is rounded, and would misplace 0
    bins = ((inside - edges[0]) * per_unit).astype(np.intp)
    return np.bincount(np.minimum(bins, len(edges) - 2), minlength=len(edges) - 1)
