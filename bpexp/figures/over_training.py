"""How a network changed: first-layer weights, boundary and curve at several epochs, as a strip and as an animation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bpexp.figures.boundary import class_legend, draw_boundary, not_a_plane
from bpexp.figures.data_view import inputs_of, sample_range, targets_of
from bpexp.figures.images import UNITS, mosaic, weight_limit
from bpexp.figures.material import Material, Need, RunFigure, Snapshot, moving, trained
from bpexp.figures.page import SMALL, dress, few_of, spread
from bpexp.figures.regression import draw_curve, not_a_curve
from bpexp.figures.sheet import Sheet, pt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STRIP, COLUMNS = 6, 3
"""Largest number of moments in a strip, the first and the last among them, and of those side by side."""

FRAMES = 60
"""Largest number of pictures of an animation."""

Moment = Callable[["Axes", Material, Snapshot], None]
"""Draws the network at one moment; the scale is the same at all moments."""

Key = Callable[["Figure", Material], None]
"""Gives a figure its title and its legend."""


def _strip(material: Material, sheet: Sheet, moment: Moment, key: Key) -> Figure:
    """Several moments side by side."""
    figure, chosen = sheet.blank(), spread(len(material.snapshots), STRIP)
    down = -(-len(chosen) // COLUMNS)
    panels = figure.subplots(down, -(-len(chosen) // down), squeeze=False).ravel()
    for axes, place in zip(panels, chosen, strict=False):
        moment(axes, material, material.snapshots[place])
        axes.label_outer()
    for axes in panels[len(chosen) :]:
        axes.set_axis_off()
    key(figure, material)
    return figure


def _frames(material: Material, sheet: Sheet, moment: Moment, key: Key) -> Iterator[Figure]:
    """One picture for each moment."""
    for place in spread(len(material.snapshots), FRAMES):
        figure = sheet.blank()
        moment(figure.subplots(), material, material.snapshots[place])
        key(figure, material)
        yield figure


def _when(snapshot: Snapshot) -> str:
    return f"epoch {snapshot.epoch}" if snapshot.step else "untrained"


def _boundary(axes: Axes, material: Material, snapshot: Snapshot) -> None:
    assert material.data is not None
    assert material.network is not None
    dress(axes, title=_when(snapshot), across=inputs_of(material.data)[0], up=inputs_of(material.data)[1])
    axes.grid(False)
    draw_boundary(axes, material.network.at(snapshot.theta), material.data)


def _curve(axes: Axes, material: Material, snapshot: Snapshot) -> None:
    assert material.data is not None
    assert material.network is not None
    dress(axes, title=_when(snapshot), across=inputs_of(material.data)[0], up=", ".join(targets_of(material.data)))
    draw_curve(axes, material.network.at(snapshot.theta), material.data)
    axes.set_ylim(*sample_range(material.data))


def _weights(axes: Axes, material: Material, snapshot: Snapshot) -> None:
    """The rows of W^1 as images, on the scale of the trained weights."""
    assert material.data is not None
    assert material.data.image_shape is not None
    assert material.network is not None
    limit = weight_limit(material.network.layers[0].W)
    W = material.network.at(snapshot.theta).layers[0].W[:UNITS].astype(np.float64)
    images = np.where(np.isfinite(W), W, np.nan).reshape(len(W), *material.data.image_shape)
    columns = int(np.ceil(np.sqrt(1.7 * len(W))))
    axes.imshow(mosaic(images, columns), cmap="gray", vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set_title(_when(snapshot), loc="left", fontsize=pt(9))
    axes.set_axis_off()


def _titled(figure: Figure, title: str) -> None:
    figure.suptitle(title, fontsize=pt(10), fontweight="bold")


def _classes(figure: Figure, material: Material) -> None:
    assert material.data is not None
    _titled(figure, "Decision boundary")
    class_legend(figure, material.data)


def _lines(figure: Figure, material: Material) -> None:
    _titled(figure, "Fitted curve")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=pt(SMALL))


def _shades(figure: Figure, material: Material) -> None:
    assert material.network is not None
    W = material.network.layers[0].W
    limit = weight_limit(W)
    units = few_of(UNITS, len(W))
    _titled(figure, f"First-layer weights{units}, from {-limit:.2g} (black) to {limit:.2g} (white)")


def _not_images(material: Material) -> str:
    shape = material.data.image_shape if material.data is not None else None
    fits = shape is not None and material.network is not None and shape[0] * shape[1] == material.network.sizes[0]
    return "" if fits else "it needs images as inputs"


def _moving(name: str, shows: str, size: tuple[float, float], need: Need, moment: Moment, key: Key) -> RunFigure:
    paint, frames = partial(_strip, moment=moment, key=key), partial(_frames, moment=moment, key=key)
    return RunFigure(name, f"{shows} at several epochs; also as gif", size, [trained, need, moving], paint, frames)


TRAINING = (
    _moving("boundary_over_training", "the decision boundary", (8.0, 4.6), not_a_plane, _boundary, _classes),
    _moving("curve_over_training", "the fitted curve", (8.0, 4.4), not_a_curve, _curve, _lines),
    _moving("weights_over_training", "first-layer weights", (7.5, 3.8), _not_images, _weights, _shades),
)
