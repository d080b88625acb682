"""Figures of measured numbers as dots: a row for each thing that was measured, in groups, several series in a row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bpexp.figures.output import plain
from bpexp.figures.palette import GRID
from bpexp.figures.sheet import Wish

ROW, HEAD = 0.23, 0.42
"""Inches of a row, and of what a group takes beside its rows."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A number of a series, the interval around it, and a text at its right end."""

    series: str
    x: float
    low: float = math.nan
    high: float = math.nan
    text: str = ""


Groups = Mapping[str, Mapping[str, Sequence[Dot]]]
"""Title of a group -> label of a row -> dots."""

Styles = Mapping[str, Mapping[str, Any]]
"""Series -> colour and marker, which tells it apart in grey; in a row those that come first lie below the others."""

RING: dict[str, Any] = {"markersize": 7.5, "markerfacecolor": "white", "markeredgewidth": 1.5}
CROSS: dict[str, Any] = {"marker": "X", "markersize": 5, "markeredgewidth": 0.3}
"""A ring, and a cross that leaves the ring around it visible where two numbers are equal."""


def dots_figure(groups: Groups, styles: Styles, across: str, *, width: float = 7.0, log: bool = False) -> Figure:
    """A panel for each group, one below the other, with one horizontal axis; the legend is below them."""
    rows = [len(group) * ROW + HEAD for group in groups.values()]
    figure = Wish(dpi=100).sheet((width, sum(rows) + 0.75)).blank()
    panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False, height_ratios=rows)[:, 0]
    for axes, (title, group) in zip(panels, groups.items(), strict=True):
        _group(axes, title, group, styles)
    if log:
        panels[-1].set_xscale("log")
    panels[-1].set_xlabel(across, fontsize=9)
    handles = {name: handle for axes in panels for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    named = [handles[name] for name in styles if name in handles]
    figure.legend(handles=named, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure


def _group(axes: Axes, title: str, group: Mapping[str, Sequence[Dot]], styles: Styles) -> None:
    named: set[str] = set()
    for place, dots in enumerate(group.values()):
        for dot in dots:
            label = None if dot.series in named else dot.series
            named.add(dot.series)
            _dot(axes, place, dot, dict(styles[dot.series]), label)
    axes.set_yticks(range(len(group)), [plain(row) for row in group], fontsize=9)
    axes.set_ylim(len(group) - 0.4, -0.6)
    axes.set_title(title, loc="left", fontsize=9.5, fontweight="bold")
    axes.tick_params(axis="x", labelsize=9)
    axes.tick_params(axis="y", length=0)
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _dot(axes: Axes, place: int, dot: Dot, style: dict[str, Any], label: str | None) -> None:
    if math.isfinite(dot.low):
        axes.plot([dot.low, dot.high], [place, place], color=style["color"], linewidth=1.4, solid_capstyle="butt")
    axes.plot([dot.x], [place], linestyle="none", label=label, clip_on=False, zorder=3, **style)
    if dot.text:
        end = dot.high if math.isfinite(dot.high) else dot.x
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
        beside: dict[str, Any] = {"xytext": (6, 0), "textcoords": "offset points", "va": "center"}
        axes.annotate(dot.text, (end, place), fontsize=8.5, zorder=1.5, bbox=paper, **beside)
