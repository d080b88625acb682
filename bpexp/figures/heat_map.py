"""A heat map of one number over two factors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bpexp.figures.output import plain
from bpexp.figures.palette import MAP
from bpexp.figures.sheet import Wish, finish, pt, scaled
from bpexp.nn.arrays import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def heat_map_figure(
    values: Array, down: Sequence[str], across: Sequence[str], names: tuple[str, str, str], wish: Wish | None = None
) -> Figure:
    """Draw values (rows, columns), NaN as a cross. `names` are those of rows, columns and values."""
    sheet = (wish or Wish(dpi=100)).sheet((8, 1.2 + 0.55 * len(down)))
    with scaled(sheet.scale):
        return finish(_drawn(sheet.blank(), values, down, across, names))


def _drawn(
    figure: Figure, values: Array, down: Sequence[str], across: Sequence[str], names: tuple[str, str, str]
) -> Figure:
    axes = figure.subplots()
    image = axes.imshow(values, cmap=MAP, aspect="auto")
    axes.set_xticks(range(len(across)), [plain(level) for level in across], fontsize=pt(10))
    axes.set_yticks(range(len(down)), [plain(level) for level in down], fontsize=pt(10))
    axes.set_xlabel(plain(names[1]), fontsize=pt(10))
    axes.set_ylabel(plain(names[0]), fontsize=pt(10))
    bar = figure.colorbar(image, ax=axes, pad=0.02)
    bar.set_label(plain(names[2]), fontsize=pt(10))
    bar.ax.tick_params(labelsize=pt(10))
    middle = float(np.nanmean(values)) if np.isfinite(values).any() else 0.0
    for i, j in np.ndindex(values.shape):
        known = bool(np.isfinite(values[i, j]))
        ink = "black" if known and values[i, j] > middle else "white"
        text = f"{values[i, j]:.3f}" if known else "x"
        axes.text(j, i, text, ha="center", va="center", color=ink if known else "black", fontsize=pt(9))
    return figure
