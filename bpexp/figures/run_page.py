"""The page of a run: all of its figures in one PNG file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bpexp.errors import visible
from bpexp.figures.histograms import histogram_bands
from bpexp.figures.images import image_bands
from bpexp.figures.layers import ledger_bands, norm_bands
from bpexp.figures.learning_curve import draw_panel, legend_above, panels_of
from bpexp.figures.output import write_png
from bpexp.figures.page import HALF, LEFT, MIDDLE, SMALL, WIDTH, Band, Room, Series, tame, whole_steps
from bpexp.figures.sheet import Sheet, Wish, pt
from bpexp.insight.samples import Samples
from bpexp.nn.network import Network
from bpexp.training.metrics import metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LETTERS = 90  # largest length of a title: the width of the page


def figure_page(
    series: Series,
    path: Path,
    *,
    network: Network,
    histograms: Path | None = None,
    samples: Samples | None = None,
    title: str = "",
) -> None:
    """Draw everything that a run recorded into one PNG file, after training.

    From the top: learning curves; norms of gradient and delta by layer; the ledger at the first and the last probed
    step; histograms over the steps; first-layer weights, confusion matrix, samples with the largest loss.

    Args:
        series: (step, value) pairs by metric name.
        path: the PNG file.
        network: the trained network.
        histograms: the file that `Histograms.save` wrote; None for none.
        samples: outputs and costs on one part of the data; None for none.
        title: heading of the page.
    """
    bands = page_bands(series, network=network, histograms=histograms, samples=samples, title=title)
    sheet = Wish(dpi=100).whole(size_of(bands))
    write_png(draw_page(bands, sheet), path)


def page_bands(
    series: Series, *, network: Network, histograms: Path | None, samples: Samples | None, title: str
) -> list[Band]:
    """The strips of the page from the top; arguments as in `figure_page`."""
    bands = _bands(tame(series), network, histograms, samples)
    return [Band(0.4, partial(_draw_title, title=title)), *bands] if title else bands


def size_of(bands: Sequence[Band]) -> tuple[float, float]:
    """Width and height of a page in inches."""
    return WIDTH, sum(band.height for band in bands)


def draw_page(bands: Sequence[Band], sheet: Sheet) -> Figure:
    """The page on a sheet."""
    figure, bottom = sheet.bare(), sheet.canvas[1]
    for band in bands:
        bottom -= band.height
        band.draw(Room(figure, bottom))
    return figure


def _bands(series: Series, network: Network, histograms: Path | None, samples: Samples | None) -> list[Band]:
    """The bands for which something was recorded, from the top."""
    depth = len(network.layers)
    return [
        *_curve_bands(series),
        *norm_bands(series, depth),
        *ledger_bands(series, depth),
        *histogram_bands(histograms, depth),
        *image_bands(network, samples),
    ]


def _draw_title(room: Room, title: str) -> None:
    shown = visible(title)
    shown = shown if len(shown) <= LETTERS else shown[: LETTERS - 3] + "..."
    room.text(LEFT, 0.08, shown, fontsize=pt(13), parse_math=False)


def _curve_bands(series: Series) -> list[Band]:
    """The panels of the learning curves, two side by side."""
    names = panels_of(series)
    return [Band(3.5, partial(_draw_curves, series=series, names=names[i : i + 2])) for i in range(0, len(names), 2)]


def _draw_curves(room: Room, series: Series, names: list[str]) -> None:
    for left, name in zip((LEFT, MIDDLE), names, strict=False):
        axes = room.axes(left, 0.6, HALF if len(names) > 1 or name != "loss" else WIDTH - LEFT - 0.15, 2.4)
        draw_panel(axes, name, series)
        axes.set_title(metrics[name].title, loc="left", fontsize=pt(10), fontweight="bold", pad=pt(18))
        axes.tick_params(labelsize=pt(SMALL))
        whole_steps(axes)
        if axes.get_legend():
            legend_above(axes, SMALL)
