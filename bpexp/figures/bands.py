"""Curves with bands: a mean and its interval for each of several arms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bpexp.figures.output import plain, svg
from bpexp.figures.palette import GRID, arm_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class BandPoint:
    """A mean at x and the bounds of its interval, which are NaN where there is none."""

    x: float
    mean: float
    low: float
    high: float


def draw_bands(arms: Mapping[str, Sequence[BandPoint]], across: str, up: str, *, log: bool) -> bytes:
    """Draw a line with a band for each arm; returns SVG.

    Args:
        arms: the points of each arm, by its name.
        across: label of the horizontal axis.
        up: label of the vertical axis.
        log: use a logarithmic vertical axis if all means are positive.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    rows = -(-len(arms) // 2)
    height = 3.9 + 0.22 * rows
    figure = Figure(figsize=(8, height))
    figure.subplots_adjust(left=0.1, right=0.98, bottom=(0.65 + 0.22 * rows) / height, top=1 - 0.1 / height)
    axes = figure.subplots()
    for number, (arm, points) in enumerate(arms.items()):
        if points:
            _line(axes, arm, points, number)
    axes.set_xlabel(across)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(plain(up))
    finite = [point.mean for points in arms.values() for point in points if math.isfinite(point.mean)]
    if log and finite and min(finite) > 0:
        axes.set_yscale("log")
    axes.grid(color=GRID, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, ncol=2, loc="upper center", bbox_to_anchor=(0.5, -0.14))
    return svg(figure)


def _line(axes: Axes, arm: str, points: Sequence[BandPoint], number: int) -> None:
    style, x = arm_style(number), [point.x for point in points]
    every = max(1, len(x) // 10)
    means = [point.mean for point in points]
    axes.plot(x, means, label=plain(arm), markersize=4, linewidth=1.6, markevery=every, **style)
    low = np.array([point.mean if math.isnan(point.low) else point.low for point in points])
    high = np.array([point.mean if math.isnan(point.high) else point.high for point in points])
    axes.fill_between(x, low, high, color=style["color"], alpha=0.15, linewidth=0)
