"""The figures of a search: history, what mattered, slices along each key, the front of two objectives, curves.

Complete trials are filled circles, pruned ones crosses, so that print in grey tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bpexp.figures.output import plain, svg
from bpexp.figures.palette import BLUE, GREY, GRID, MAP, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 3
"""Largest number of panels side by side."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The trials along one key.

    Args:
        key: its name.
        x: the value of each trial: a number, or the place of its choice in `choices`.
        y: the objective of each trial.
        numbers: of the trials.
        choices: the names of the choices; empty for numbers.
        log: whether the axis is logarithmic.
        ends: of the searched range.
    """

    key: str
    x: Sequence[float]
    y: Sequence[float]
    numbers: Sequence[int]
    choices: Sequence[str] = ()
    log: bool = False
    ends: tuple[float, float] = (0.0, 1.0)


def draw_history(
    complete: Sequence[tuple[int, float]],
    pruned: Sequence[tuple[int, float]],
    best: Sequence[tuple[int, float]],
    up: str,
) -> bytes:
    """Draw the objective of each trial by its number, (number, value), and the best so far; returns SVG."""
    figure, (axes,) = _panels(1, tall=3.4)
    if complete:
        axes.scatter(*_columns(complete), s=22, color=BLUE, label="complete", zorder=3)
    if pruned:
        axes.scatter(*_columns(pruned), s=26, color=GREY, marker="x", label="pruned, its last value", zorder=2)
    if best:
        axes.step(*_columns(best), where="post", color=VERMILION, label="best so far", zorder=4)
    _finish(axes, "trial", up)
    _count(axes)
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    return svg(figure)


def draw_importance(shares: Mapping[str, float], across: str) -> bytes:
    """Draw a bar for each key, the largest above; returns SVG."""
    figure, (axes,) = _panels(1, tall=0.9 + 0.32 * len(shares), left=2.2)
    keys = list(shares)[::-1]
    bars = axes.barh([plain(key) for key in keys], [shares[key] for key in keys], color=BLUE, height=0.6)
    axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
    _finish(axes, across, "")
    axes.set_xlim(0, 1.08 * max(shares.values(), default=1.0) or 1.0)
    axes.grid(visible=False, axis="y")
    return svg(figure)


def draw_slices(slices: Sequence[Slice], up: str) -> bytes:
    """Draw the objective over each key, a point for each complete trial, the later the lighter; returns SVG."""
    from matplotlib.ticker import NullFormatter

    figure, panels = _panels(len(slices), tall=2.5, level=True)
    for axes, one in zip(panels, slices, strict=False):
        axes.scatter(one.x, one.y, c=one.numbers, cmap=MAP, s=22, edgecolors="white", linewidths=0.4, zorder=3)
        if one.choices:
            axes.set_xticks(range(len(one.choices)), [_level(name) for name in one.choices], fontsize=8)
            axes.set_xlim(-0.5, len(one.choices) - 0.5)
        else:
            axes.set_xscale("log" if one.log else "linear")
            axes.set_xlim(*_margins(one))
        if one.log:
            axes.xaxis.set_minor_formatter(NullFormatter())
        _finish(axes, one.key, up if axes in panels[::COLUMNS] else "")
    return svg(figure)


def draw_front(
    points: Sequence[tuple[float, float]], front: Sequence[tuple[float, float]], names: tuple[str, str]
) -> bytes:
    """Draw complete trials by two objectives, and those that no other one beats in both; returns SVG."""
    figure, (axes,) = _panels(1, tall=3.6)
    if points:
        axes.scatter(*_columns(points), s=22, color=GREY, label="complete", zorder=2)
    if front:
        ordered = sorted(front)
        axes.plot(*_columns(ordered), "o-", color=VERMILION, label="beaten by no other in both", zorder=3)
    _finish(axes, names[0], names[1])
    axes.legend(frameon=False, fontsize=8)
    return svg(figure)


def draw_reports(complete: Sequence[Mapping[int, float]], pruned: Sequence[Mapping[int, float]], up: str) -> bytes:
    """Draw the objective of each trial over its epochs, of pruned ones to where they ended; returns SVG."""
    figure, (axes,) = _panels(1, tall=3.2)
    for reports in complete:
        axes.plot(list(reports), list(reports.values()), color=BLUE, linewidth=1.1, alpha=0.75)
    for reports in pruned:
        axes.plot(list(reports), list(reports.values()), color=GREY, linewidth=0.9, linestyle="--")
        axes.plot(*list(reports.items())[-1], "x", color=GREY, markersize=5)
    _finish(axes, "epoch", up)
    _count(axes)
    return svg(figure)


def _margins(one: Slice) -> tuple[float, float]:
    """The ends of a range, with room for the points on them."""
    low, high = one.ends
    if one.log:
        room = (high / low) ** 0.03
        return low / room, high * room
    return low - 0.03 * (high - low), high + 0.03 * (high - low)


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _panels(count: int, tall: float, left: float = 0.8, *, level: bool = False) -> tuple[Figure, list[Axes]]:
    """So many panels; with `level` all have one vertical axis."""
    from matplotlib.figure import Figure

    across = min(COLUMNS, count)
    down = -(-count // across)
    width = 8.0 if across == 1 else max(8.0, 3.4 * across)
    height = tall * down + 0.3
    figure = Figure(figsize=(width, height))
    figure.subplots_adjust(
        left=left / width, right=1 - 0.2 / width, bottom=0.55 / height, top=1 - 0.2 / height, hspace=0.45, wspace=0.25
    )
    grid = figure.subplots(down, across, squeeze=False, sharey=level)
    panels = [axes for row in grid for axes in row]
    for axes in panels[count:]:
        axes.set_axis_off()
    return figure, panels[:count]


def _finish(axes: Axes, across: str, up: str) -> None:
    axes.set_xlabel(plain(across))
    axes.set_ylabel(plain(up))
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _count(axes: Axes) -> None:
    """Whole numbers alone across."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _level(name: str) -> str:
    return plain(name if len(name) <= 14 else f"{name[:11]}...")
