"""A heat map of one number over two factors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bpexp.figures.output import plain, svg
from bpexp.figures.palette import MAP
from bpexp.nn.arrays import Array


def draw_heat_map(values: Array, down: Sequence[str], across: Sequence[str], names: tuple[str, str, str]) -> bytes:
    """Draw values (rows, columns), NaN as a cross; returns SVG. `names` are those of rows, columns and values."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 1.2 + 0.55 * len(down)))
    figure.subplots_adjust(left=0.14, right=0.98, bottom=0.28, top=0.96)
    axes = figure.subplots()
    image = axes.imshow(values, cmap=MAP, aspect="auto")
    axes.set_xticks(range(len(across)), [plain(level) for level in across])
    axes.set_yticks(range(len(down)), [plain(level) for level in down])
    axes.set_xlabel(plain(names[1]))
    axes.set_ylabel(plain(names[0]))
    figure.colorbar(image, ax=axes, label=plain(names[2]), pad=0.02)
    middle = float(np.nanmean(values)) if np.isfinite(values).any() else 0.0
    for i, j in np.ndindex(values.shape):
        known = bool(np.isfinite(values[i, j]))
        ink = "black" if known and values[i, j] > middle else "white"
        text = f"{values[i, j]:.3f}" if known else "x"
        axes.text(j, i, text, ha="center", va="center", color=ink if known else "black", fontsize=9)
    return svg(figure)
