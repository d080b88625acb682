"""A run in pictures, readable in grey and by every eye: its learning curve alone, and the page of all its figures."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpexp.figures.histograms import histogram_bands
from bpexp.figures.images import image_bands
from bpexp.figures.layers import ledger_bands, norm_bands
from bpexp.figures.page import HALF, LEFT, MIDDLE, SMALL, WIDTH, Band, Points, Room, Series, tame, whole_steps
from bpexp.insight.samples import Samples
from bpexp.nn.network import Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind eyes tell apart; line style and marker say the same once more.
STYLES: dict[str, dict[str, Any]] = {
    "train": {"color": "#0072B2", "linestyle": "-", "marker": "o"},
    "validation": {"color": "#D55E00", "linestyle": "--", "marker": "s"},
    "test": {"color": "#000000", "linestyle": "-.", "marker": "^"},
}
BATCH: dict[str, Any] = {"color": "#C8C8C8", "linewidth": 0.7, "zorder": 1}
QUALITIES = {"accuracy": "accuracy", "r2": "$R^2$", "rmse": "root mean squared error"}
TITLES = {"loss": "Loss", "accuracy": "Accuracy", "r2": "Variance explained", "rmse": "Error"}
MARKS = 12
LETTERS = 90  # of a heading, as wide as the page
BATCHES = 4000  # more points than pixels slow the drawing down and show nothing
DECADES = 2.0


def learning_curve(history: Mapping[str, Points], path: Path) -> None:
    """Draw loss and, where there is one, accuracy, R2 or RMSE against the step into a PNG file.

    `history` maps metric names (`loss/train`, `loss/batch`, `accuracy/test`, ...) to (step, value) pairs. Values that
    are not finite leave a gap, and the picture says how many there are.
    """
    from matplotlib.figure import Figure

    panels = _panels(history)
    figure = Figure(figsize=(5.2 * len(panels), 3.9), dpi=120)
    # margins by hand: a layout engine draws every label once more, which doubles the time
    figure.subplots_adjust(left=0.75 / (5.2 * len(panels)), right=0.985, bottom=0.13, top=0.97, wspace=0.2)
    for axes, name in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        _panel(axes, name, history)
    _write(figure, path)


def figure_page(
    series: Series,
    path: Path,
    *,
    network: Network,
    histograms: Path | None = None,
    samples: Samples | None = None,
    title: str = "",
) -> None:
    """Draw everything a run left material for into one PNG file, after training.

    From the top: loss and accuracy or R2 against the step; norms of gradient and delta by layer; the ledger at the
    first and the last probed step; histograms over the steps; first-layer weights, confusion matrix, worst samples.
    `series` maps metric names to (step, value) pairs; `histograms` is the file that `Histograms` writes.
    """
    from matplotlib.figure import Figure

    bands = _bands(tame(series), network, histograms, samples)
    if title:
        bands.insert(0, Band(0.4, partial(_draw_title, title=title)))
    bottom = sum(band.height for band in bands)
    figure = Figure(figsize=(WIDTH, bottom), dpi=100)
    for band in bands:
        bottom -= band.height
        band.draw(Room(figure, bottom))
    _write(figure, path)


def _bands(series: Series, network: Network, histograms: Path | None, samples: Samples | None) -> list[Band]:
    """What there is material for, from the top."""
    depth = len(network.layers)
    return [
        Band(3.5, partial(_draw_curves, series=series)),
        *norm_bands(series, depth),
        *ledger_bands(series, depth),
        *histogram_bands(histograms, depth),
        *image_bands(network, samples),
    ]


def _draw_title(room: Room, title: str) -> None:
    shown = title if len(title) <= LETTERS else title[: LETTERS - 3] + "..."
    room.text(LEFT, 0.08, shown, fontsize=13, parse_math=False)


def _draw_curves(room: Room, series: Series) -> None:
    """The panels of the learning curve, over the whole width."""
    panels = _panels(series)
    for left, name in zip((LEFT, MIDDLE), panels, strict=False):
        axes = room.axes(left, 0.6, HALF if len(panels) > 1 else WIDTH - LEFT - 0.15, 2.4)
        _panel(axes, name, series)
        axes.set_title(TITLES[name], loc="left", fontsize=10, fontweight="bold", pad=18)
        axes.tick_params(labelsize=SMALL)
        whole_steps(axes)
        if axes.get_legend():  # above the lines, for a run may be anywhere in the panel
            axes.legend(frameon=False, fontsize=SMALL, loc="lower left", bbox_to_anchor=(-0.02, 0.97), ncols=4)


def _panels(history: Series) -> list[str]:
    """Loss, and the measure of quality that there is."""
    return ["loss", *[name for name in QUALITIES if _parts(history, name)][:1]]


def _write(figure: Figure, path: Path) -> None:
    """The picture appears whole or not at all."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
    unfinished = path.with_name(path.name + ".new")
    unfinished.write_bytes(buffer.getvalue())
    os.replace(unfinished, path)


def _parts(history: Mapping[str, Points], measure: str) -> dict[str, Points]:
    """The series of one measure by data part, in the order of STYLES, without the empty ones."""
    return {part: series for part in STYLES if (series := history.get(f"{measure}/{part}"))}


def _panel(axes: Axes, measure: str, history: Mapping[str, Points]) -> None:
    """One measure over the steps: a line a part, the batches behind them."""
    parts = _parts(history, measure)
    batch = history.get("loss/batch", ()) if measure == "loss" else ()
    stride = max(1, math.ceil(len(batch) / BATCHES))
    if batch:
        axes.plot(*_columns(batch[::stride]), label="batch" if stride == 1 else f"batch (1 of {stride})", **BATCH)
    for part, series in parts.items():
        steps, values = _columns(series)
        every = max(1, math.ceil(len(steps) / MARKS))
        style = {**STYLES[part], "markersize": 4, "linewidth": 1.6, "markevery": every}
        axes.plot(steps, values, label=part, **style)
    _dress(axes, measure, filled=bool(parts or batch))
    everything = [value for series in (batch, *parts.values()) for _, value in series]
    _scale(axes, measure, [value for value in everything if math.isfinite(value)])
    _tell_gaps(axes, len([value for value in everything if not math.isfinite(value)]))


def _columns(series: Points) -> tuple[list[int], list[float]]:
    """Steps and values; infinities become gaps, as NaN are."""
    return [step for step, _ in series], [value if math.isfinite(value) else math.nan for _, value in series]


def _dress(axes: Axes, measure: str, *, filled: bool) -> None:
    """Labels, grid, legend."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("step (updates of the parameters)")
    axes.set_ylabel(QUALITIES.get(measure, measure))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.grid(True, color="#E6E6E6", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if filled:
        axes.legend(frameon=False, loc="lower right" if measure in ("accuracy", "r2") else "upper right")
    else:
        axes.text(0.5, 0.5, "nothing recorded", ha="center", va="center", transform=axes.transAxes, color="#707070")


def _scale(axes: Axes, measure: str, values: list[float]) -> None:
    """Logarithmic where a positive loss spans more than two decades; an accuracy stays inside 0 and 1."""
    if measure == "accuracy" and values:
        low, high = min(values), max(values)
        margin = max(0.02, 0.05 * (high - low))
        axes.set_ylim(max(-0.02, low - margin), min(1.02, high + margin))
    if measure == "loss" and values and min(values) > 0 and math.log10(max(values)) - math.log10(min(values)) > DECADES:
        axes.set_yscale("log")


def _tell_gaps(axes: Axes, count: int) -> None:
    """Say that values are missing in the picture, which would otherwise look like an early end."""
    if count:
        text = f"{count} value{'s' if count > 1 else ''} not finite"
        axes.set_title(text, loc="right", fontsize=9, color="#A03000")
