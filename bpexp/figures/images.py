"""Panels of images and classes: first-layer weights, confusion matrix, and the samples of the largest loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bpexp.errors import visible
from bpexp.figures.output import plain
from bpexp.figures.page import DRAWABLE, SMALL, Band, Room, dress, note, plural, spread
from bpexp.figures.sheet import pt
from bpexp.insight.samples import Samples
from bpexp.nn.arrays import Array
from bpexp.nn.network import Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes

UNITS = 32
COUNTED = 12
"""Largest number of classes for which the counts are printed into the confusion matrix."""

NAME = 8
"""Largest number of letters shown of a class name."""

COLUMNS = 5
TALL = 4.0
"""Height of a panel in inches."""

Panel = tuple[float, Callable[[Room, float], None]]
"""A width in inches, and a function that draws the panel from a left edge, in inches."""


def image_bands(network: Network, samples: Samples | None) -> list[Band]:
    """First-layer weights, confusion matrix and largest losses side by side, those that the data allow."""
    panels = image_panels(network, samples) if samples is not None else {}
    return [Band(TALL, partial(_draw, panels=list(panels.values())))] if panels else []


def image_panels(network: Network, samples: Samples) -> dict[str, Panel]:
    """The panels that the data allow, by name: weights, confusion, worst."""
    panels: dict[str, Panel] = {}
    shape = samples.image_shape
    images = shape is not None and shape[0] * shape[1] == network.sizes[0]
    if images and shape is not None:
        panels["weights"] = (4.2, partial(draw_weights, W=network.layers[0].W, shape=shape))
    if samples.labels is not None and len(samples.labels):
        panels["confusion"] = (3.75, partial(_confusion, samples=samples))
        if images and len(samples.worst):
            panels["worst"] = (3.6, partial(_worst, samples=samples))
    return panels


def _draw(room: Room, panels: list[Panel]) -> None:
    left = 0.3
    for width, draw in panels:
        draw(room, left)
        left += width


def mosaic(images: Array, columns: int) -> Array:
    """Images (n, height, width) in rows of `columns`, with a gap of NaN between them."""
    n, height, width = images.shape
    gap = max(1, round(0.07 * width))
    rows = math.ceil(n / columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan, images.dtype)
    for i, image in enumerate(images):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet


def weight_limit(W: Array) -> float:
    """The weight that is white, and black with the other sign: only one of 1 000 shown weights is larger."""
    shown = W[:UNITS].astype(np.float64)
    finite = np.abs(shown[np.isfinite(shown)])
    limit = float(np.quantile(finite, 0.999)) if finite.size else 0.0
    return limit if 0 < limit < DRAWABLE else 1.0


def draw_weights(room: Room, left: float, W: Array, shape: tuple[int, int], limit: float | None = None) -> None:
    """The rows of W^1 as images on one scale: mid-grey is 0, black the most negative, white the most positive."""
    shown, n = W[:UNITS], min(UNITS, len(W))
    limit = weight_limit(W) if limit is None else limit
    sheet = mosaic(np.where(np.isfinite(shown), shown, np.nan).reshape(n, *shape), math.ceil(math.sqrt(1.7 * n)))
    width, height = 4.0, 2.65
    height = min(height, width * sheet.shape[0] / sheet.shape[1])
    axes = room.axes(left, 3.5 - height, width, height)
    image = axes.imshow(
        sheet,
        cmap="gray",
        vmin=-limit,
        vmax=limit,
        interpolation="nearest",
        interpolation_stage="data",  # of colours it would take 10 MB in between
        filternorm=False,
    )
    axes.set_axis_off()
    room.text(left, 3.62, "First-layer weights", fontsize=pt(10), fontweight="bold")
    bar = room.figure.colorbar(image, cax=room.axes(left + 0.7, 3.33 - height, 2.6, 0.1), orientation="horizontal")
    bar.set_ticks([-limit, 0, limit], labels=[f"{-limit:.2g}", "0", f"{limit:.2g}"])
    bar.ax.tick_params(labelsize=pt(SMALL))
    units = f"all {n} units" if n == len(W) else f"the first {n} of {len(W)} units"
    bar.set_label(f"entries of W1, by input pixel; {units}", fontsize=pt(SMALL))
    if broken := int((~np.isfinite(shown)).sum()):
        note(axes, plural(broken, "weight") + " not finite")


def _confusion(room: Room, left: float, samples: Samples) -> None:
    """Rows are true classes, columns predicted ones; the shade is the share of the row."""
    counts = samples.confusion()
    n, total = len(counts), len(samples.costs)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ticks = spread(n, COUNTED)
    names = [_name(samples, i) for i in ticks]
    turned = n > 3 and max(map(len, names)) > 2
    side = 2.4 if turned else 2.75
    axes = room.axes(left + 0.85, 3.5 - side, side, side)
    axes.imshow(np.sqrt(shares), cmap="Greys", vmin=0, vmax=1.1, interpolation="nearest", aspect="equal")
    dress(axes, title="", up="true class")
    axes.grid(False)
    room.text(left + 0.4, 3.62, f"Confusion matrix ({samples.part})", fontsize=pt(10), fontweight="bold")
    axes.set_xticks(ticks, labels=names, rotation=90 if turned else 0)
    axes.set_yticks(ticks, labels=names)
    if n <= COUNTED:
        _print_counts(axes, counts, shares)
    lost = total - int(counts.sum())
    tail = f"; {plural(lost, 'output')} not finite" if lost else ""
    axes.set_xlabel(f"predicted class\n({np.trace(counts):,} of {total:,} right{tail})", fontsize=pt(9))


def _print_counts(axes: Axes, counts: Array, shares: Array) -> None:
    size = 11 if len(counts) < 5 else 7
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.35 else "black"
            axes.text(column, row, str(count), ha="center", va="center", fontsize=pt(size), color=colour)


def _worst(room: Room, left: float, samples: Samples) -> None:
    """The samples with the largest loss, each above its true and its predicted class."""
    assert samples.image_shape is not None
    assert samples.labels is not None
    height, width = samples.image_shape
    predicted, size = samples.predicted(), max(height, width)
    axes = room.axes(left, 0.2, 3.6, 3.3)
    axes.set_axis_off()
    axes.set_xlim(0, COLUMNS * 1.08 * size)
    axes.set_ylim(3.3 / 3.6 * COLUMNS * 1.08 * size, 0)
    for rank, (k, x) in enumerate(zip(samples.worst, samples.X, strict=True)):
        up, across = (rank // COLUMNS * 1.95 + 0.05) * size, rank % COLUMNS * 1.08 * size
        box = (across, across + width, up + height, up)
        axes.imshow(x.reshape(height, width), cmap="gray_r", interpolation="nearest", extent=box, aspect="auto")
        words = _caption(samples, samples.labels[k], predicted[k], samples.costs[k])
        axes.text(across + width / 2, up + height * 1.06, words, fontsize=pt(SMALL), ha="center", va="top")
    room.text(left, 3.62, f"Largest losses ({samples.part}): true -> predicted", fontsize=pt(10), fontweight="bold")


def _caption(samples: Samples, true: int, predicted: int, cost: float) -> str:
    """True and predicted class, and the loss; long names on separate lines."""
    first, second = _name(samples, true), _name(samples, predicted)
    between = "\n" if len(first) + len(second) > 4 else " "
    return f"{first}{between}-> {second}\nloss {cost:.3g}"


def _name(samples: Samples, number: int) -> str:
    """The name of a class, truncated to NAME letters."""
    if number < 0:
        return "?"
    name = visible(samples.classes[number] if number < len(samples.classes) else str(number))
    return plain(name if len(name) <= NAME else name[: NAME - 1] + ".")
