"""Curves with bands: a mean and its interval for each of several arms, in one panel or in several that share axes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bpexp.figures.output import plain, svg
from bpexp.figures.palette import GRID, PREDICTED, arm_style
from bpexp.figures.sheet import Sheet, Wish, finish, pt, scaled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 3
"""Largest number of panels side by side."""

LETTERS, TICKS = 12, 14
"""Letters of a label in an inch, and those of a tick."""

LEGEND_ROW = 0.17
"""Height of a row of the legend, in inches."""


@dataclass(frozen=True, slots=True)
class BandPoint:
    """A mean at x and the bounds of its interval, which are NaN where there is none."""

    x: float
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Band:
    """The measured points of an arm, and those that a theory predicts for it, which are drawn without an interval."""

    points: Sequence[BandPoint]
    predicted: Sequence[BandPoint] = ()


Panels = Mapping[str, Mapping[str, Band]]
"""Panel title -> arm -> band; an arm has one style in all panels."""


@dataclass(frozen=True, slots=True)
class Scales:
    """The axes of a chart.

    Args:
        across: label of the horizontal axis.
        up: label of the vertical axis.
        log_across: use a logarithmic horizontal axis if all x are positive.
        log_up: use a logarithmic vertical axis if all means are positive.
        ticks: the x that have a tick, such as the levels of a factor, written with three digits; empty for whole
            numbers.
    """

    across: str
    up: str
    log_across: bool = False
    log_up: bool = False
    ticks: Sequence[float] = ()


def draw_bands(panels: Panels, scales: Scales) -> bytes:
    """The figure as SVG."""
    return svg(bands_figure(panels, scales))


def bands_figure(panels: Panels, scales: Scales, wish: Wish | None = None) -> Figure:
    """Draw a line with a band for each arm, and a dotted line for what is predicted."""
    names = list(dict.fromkeys(arm for arms in panels.values() for arm in arms))
    across = min(COLUMNS, len(panels)) or 1
    down = -(-len(panels) // across) or 1
    columns = 1 if len(names) > 1 and max(map(len, names)) > 56 else 2
    legend = LEGEND_ROW * (-(-(len(names) + _predicts(panels)) // columns) + 1)
    width, tall = (8.0, 3.3) if across == 1 else (max(8.0, 3.4 * across), 2.7)
    sheet = (wish or Wish(dpi=100)).sheet((width, tall * down + 0.6 + legend))
    with scaled(sheet.scale):
        figure, axes = _axes(sheet, across, down, legend)
        room = TICKS * sheet.canvas[0] * axes[0].get_position().width
        for place, (title, arms) in zip(axes, panels.items(), strict=False):
            for arm, band in arms.items():
                _line(place, band, names.index(arm))
            _finish(place, title, panels, scales, room)
        for place in axes[len(panels) :]:
            place.set_axis_off()
        _label(sheet, figure, axes[: len(panels)], scales.up)
        _legend(figure, panels, names, columns)
        return finish(figure)


def _predicts(panels: Panels) -> bool:
    return any(band.predicted for arms in panels.values() for band in arms.values())


def _axes(sheet: Sheet, across: int, down: int, legend: float) -> tuple[Figure, list[Axes]]:
    """The panels, above a strip of `legend` inches."""
    figure = sheet.bare()
    width, height = sheet.canvas
    figure.subplots_adjust(
        left=0.8 / width, right=1 - 0.15 / width, bottom=(0.55 + legend) / height, top=1 - 0.3 / height, hspace=0.4
    )
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    return figure, [place for row in grid for place in row]


def _label(sheet: Sheet, figure: Figure, axes: Sequence[Axes], up: str) -> None:
    """The label of the vertical axes, in as many lines as their height takes, or smaller where a word is longer."""
    if not axes:
        return
    width, height = sheet.canvas
    room = max(10, int(LETTERS * height * axes[0].get_position().height))
    lines = textwrap.wrap(plain(up), room, break_long_words=False)
    size = 10 * min(1.0, room / max(map(len, lines), default=1))
    figure.subplots_adjust(left=(0.8 + 0.17 * (len(lines) - 1)) / width)
    for place in axes:
        place.set_ylabel("\n".join(lines), fontsize=pt(size))
        place.label_outer()


def _finish(axes: Axes, title: str, panels: Panels, scales: Scales, room: float) -> None:
    """Title, labels and ticks of a panel on whose horizontal axis `room` letters of ticks find place."""
    from matplotlib.ticker import MaxNLocator, NullLocator

    shown = [point for arms in panels.values() for band in arms.values() for point in [*band.points, *band.predicted]]
    if scales.log_across and shown and min(point.x for point in shown) > 0:
        axes.set_xscale("log")
    if scales.ticks:
        ticks = _apart(scales.ticks, room, log=axes.get_xscale() == "log")
        axes.set_xticks(ticks, [_tick(x) for x in ticks], fontsize=pt(8))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    finite = [point.mean for point in shown if math.isfinite(point.mean)]
    if scales.log_up and finite and min(finite) > 0:
        axes.set_yscale("log")
    axes.set_title(plain(title), fontsize=pt(9))
    axes.set_xlabel(plain(scales.across), fontsize=pt(10))
    axes.tick_params(labelsize=pt(8 if scales.ticks else 10))
    axes.grid(color=GRID, linewidth=pt(0.8))
    axes.spines[["top", "right"]].set_visible(False)


def _tick(x: float) -> str:
    return f"{x:.3g}"


def _apart(ticks: Sequence[float], room: float, *, log: bool) -> list[float]:
    """Those of the ticks whose labels do not cover one another, from the left, where there is room for some letters."""
    places = [math.log(tick) if log else tick for tick in ticks]
    letter = (places[-1] - places[0]) / room
    kept: list[int] = []
    for i, place in enumerate(places):
        wide = 1 + len(_tick(ticks[i])) / 2 + (len(_tick(ticks[kept[-1]])) / 2 if kept else 0)
        if not kept or place - places[kept[-1]] >= letter * wide:
            kept.append(i)
    return [ticks[i] for i in kept]


def _line(axes: Axes, band: Band, number: int) -> None:
    if not band.points:
        return
    style, x = arm_style(number), [point.x for point in band.points]
    every = max(1, len(x) // 10)
    means = [point.mean for point in band.points]
    axes.plot(x, means, markersize=pt(4), linewidth=pt(1.6), markevery=every, **style)
    low = np.array([point.mean if math.isnan(point.low) else point.low for point in band.points])
    high = np.array([point.mean if math.isnan(point.high) else point.high for point in band.points])
    axes.fill_between(x, low, high, color=style["color"], alpha=0.15, linewidth=0)
    if band.predicted:
        line = [point.mean for point in band.predicted]
        axes.plot([p.x for p in band.predicted], line, color=style["color"], linewidth=pt(1.0), **PREDICTED, alpha=0.9)


def _legend(figure: Figure, panels: Panels, names: Sequence[str], columns: int) -> None:
    """One legend below all panels."""
    from matplotlib.lines import Line2D

    drawn = {arm for arms in panels.values() for arm, band in arms.items() if band.points}
    handles = [
        Line2D([], [], label=plain(name), markersize=pt(4), linewidth=pt(1.6), **arm_style(number))
        for number, name in enumerate(names)
        if name in drawn
    ]
    if _predicts(panels):
        handles.append(Line2D([], [], label="predicted", color="black", linewidth=pt(1.0), **PREDICTED))
    if handles:
        figure.legend(handles=handles, frameon=False, fontsize=pt(8), ncol=columns, loc="lower center")
