"""A norm by depth over time, as a heat map: where a gradient vanishes, and when."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from bpexp.figures.histograms import unit
from bpexp.figures.layers import FLOOR, Norm
from bpexp.figures.page import SMALL, STEP, Points, dress, plural, positive, spread
from bpexp.figures.palette import MAP
from bpexp.figures.sheet import pt
from bpexp.nn.arrays import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TICKS = 12
"""Largest number of layers that are named on the axis."""


def draw_depth_map(figure: Figure, norm: Norm, lines: dict[str, Points]) -> None:
    """log10 of the norm, the layer next to the input below; what is 0, not finite or was not measured stays white."""
    steps, values = table(lines)
    shown = values[np.isfinite(values)]
    high = float(shown.max()) if shown.size else 0.0
    low = max(float(shown.min()), high - FLOOR) if shown.size else -1.0
    axes = figure.subplots()
    lost = values.size - shown.size
    white = f"\n(white: {plural(lost, 'value')} 0, not finite or not measured)" if lost else ""
    dress(axes, title=f"{norm.short} by depth and step", across=STEP + white)
    axes.grid(False)
    span = float(max(1, steps[-1] - steps[0]))
    colours: dict[str, Any] = {"cmap": MAP, "vmin": low, "vmax": high if high > low else low + 1.0}
    edges = steps[0] + span * unit(steps)
    image = axes.pcolorfast(edges, np.arange(len(lines) + 1) + 0.5, np.ma.masked_invalid(values), **colours)
    names = list(lines)
    ticks = spread(len(names), TICKS)
    axes.set_yticks([i + 1 for i in ticks], [names[i] for i in ticks])
    axes.locator_params(axis="x", nbins=6, integer=True)
    bar = figure.colorbar(image, ax=axes, pad=0.02)
    bar.set_label(f"log10 of {norm.up}", fontsize=pt(9))
    bar.ax.tick_params(labelsize=pt(SMALL))


def table(lines: dict[str, Points]) -> tuple[Array, Array]:
    """Steps (n,), and log10 of the norms (layers, n); NaN where a norm has no logarithm."""
    steps = sorted({step for points in lines.values() for step, _ in points})
    columns = {step: place for place, step in enumerate(steps)}
    values = np.full((len(lines), len(steps)), math.nan)
    for row, points in enumerate(lines.values()):
        for step, value in points:
            values[row, columns[step]] = math.log10(positive(value))
    return np.array(steps), values
