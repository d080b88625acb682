"""Learning curves: a panel for each metric that declares one, with a line for each part of the data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bpexp.figures.output import write_png
from bpexp.figures.page import Points, Series
from bpexp.figures.palette import BATCH, GRID, NOTE, PARTS, SOFT
from bpexp.figures.sheet import pt
from bpexp.training.metrics import metrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKS = 12
BATCHES = 4000  # most points drawn: more points than pixels only slow the drawing down
TOGETHER = 500
"""Points of one piece of the line through the losses of batches."""

DECADES = 2.0


def learning_curve(history: Mapping[str, Points], path: Path) -> None:
    """Draw the loss and the other metrics that declare a panel against the step into a PNG file.

    `history` maps metric names (`loss/train`, `loss/batch`, `accuracy/test`, ...) to (step, value) pairs. Values that
    are not finite leave a gap; their number is printed in the panel.
    """
    from matplotlib.figure import Figure

    panels = panels_of(history)
    figure = Figure(figsize=(5.2 * len(panels), 3.9), dpi=120)
    # fixed margins: a layout engine draws every label twice, which doubles the time
    figure.subplots_adjust(left=0.75 / (5.2 * len(panels)), right=0.985, bottom=0.13, top=0.91, wspace=0.2)
    for axes, name in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        draw_panel(axes, name, history)
    write_png(figure, path)


def panels_of(history: Series) -> list[str]:
    """The loss, and every other metric that declares a panel and was measured."""
    return ["loss", *[m.name for m in metrics.values() if m.drawn and m.name != "loss" and _by_part(history, m.name)]]


def _by_part(history: Mapping[str, Points], measure: str) -> dict[str, Points]:
    """The series of one measure by data part, in the order of PARTS, without the empty ones."""
    return {part: series for part in PARTS if (series := history.get(f"{measure}/{part}"))}


def draw_panel(axes: Axes, measure: str, history: Mapping[str, Points]) -> None:
    """Plot one measure against the step: a line for each part of the data, the batch losses behind them."""
    parts = _by_part(history, measure)
    batch = history.get("loss/batch", ()) if measure == "loss" else ()
    stride = max(1, math.ceil(len(batch) / BATCHES))
    if batch:
        _draw_batches(axes, batch[::stride], "batch" if stride == 1 else f"batch (1 of {stride})")
    for part, series in parts.items():
        steps, values = _columns(series)
        every = max(1, math.ceil(len(steps) / MARKS))
        style = {**PARTS[part], "markersize": pt(4), "linewidth": pt(1.6), "markevery": every}
        axes.plot(steps, values, label=part, **style)
    _dress(axes, measure, filled=bool(parts or batch))
    everything = [value for series in (batch, *parts.values()) for _, value in series]
    _scale(axes, measure, [value for value in everything if math.isfinite(value)])
    _note_gaps(axes, len([value for value in everything if not math.isfinite(value)]))


def _draw_batches(axes: Axes, batch: Points, label: str) -> None:
    """A line through the losses of batches, in pieces: Agg keeps all pixels of one that goes up and down, 5 MB here."""
    for start in range(0, max(1, len(batch) - 1), TOGETHER):
        piece = batch[start : start + TOGETHER + 1]  # which ends where the next begins
        axes.plot(*_columns(piece), label=None if start else label, linewidth=pt(0.7), **BATCH)


def _columns(series: Points) -> tuple[list[int], list[float]]:
    """Steps and values, with NaN, which leaves a gap, in place of infinity."""
    return [step for step, _ in series], [value if math.isfinite(value) else math.nan for _, value in series]


def _dress(axes: Axes, measure: str, *, filled: bool) -> None:
    """Labels, grid, legend."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("step (updates of the parameters)", fontsize=pt(10))
    axes.set_ylabel(metrics[measure].label, fontsize=pt(10))
    axes.tick_params(labelsize=pt(10))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.grid(True, color=GRID, linewidth=pt(0.7))
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if filled:
        legend_above(axes)
    else:
        axes.text(
            0.5,
            0.5,
            "nothing recorded",
            ha="center",
            va="center",
            transform=axes.transAxes,
            color=SOFT,
            fontsize=pt(10),
        )


def legend_above(axes: Axes, size: float = 9) -> None:
    """A legend above the axes in one row: the lines may be anywhere inside them."""
    axes.legend(frameon=False, fontsize=pt(size), loc="lower left", bbox_to_anchor=(-0.02, 0.97), ncols=4)


def _scale(axes: Axes, measure: str, values: list[float]) -> None:
    """Logarithmic where a positive loss spans more than two decades; an accuracy stays inside 0 and 1."""
    if measure == "accuracy" and values:
        low, high = min(values), max(values)
        margin = max(0.02, 0.05 * (high - low))
        axes.set_ylim(max(-0.02, low - margin), min(1.02, high + margin))
    if measure == "loss" and values and min(values) > 0 and math.log10(max(values)) - math.log10(min(values)) > DECADES:
        axes.set_yscale("log")


def _note_gaps(axes: Axes, count: int) -> None:
    """Print how many values are not finite; without it, a gap at the end would look like an early stop."""
    if count:
        text = f"{count} value{'s' if count > 1 else ''} not finite"
        axes.set_title(text, loc="right", fontsize=pt(9), color=NOTE)
