"""The decision boundary of a network with two inputs: the class that it answers at each point of the plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bpexp.data.dataset import DataSet
from bpexp.figures.data_view import extent, inputs_of, outputs, parts_of, raw, rows_of, short, told
from bpexp.figures.material import Material, RunFigure, trained
from bpexp.figures.page import SMALL, dress
from bpexp.figures.palette import BLACK, COLOURS, MARKERS
from bpexp.figures.sheet import Sheet, pt
from bpexp.nn.arrays import Array
from bpexp.nn.network import Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GRID = 160
"""Points of the grid along each input."""

CLASSES = 8
"""Largest number of classes: the number of colours."""


def draw_boundary(axes: Axes, network: Network, data: DataSet, *, points: bool = True) -> None:
    """The class that the network answers at each point of the plane, lines between the classes, and the samples.

    Colours, shades of grey and markers tell the classes apart; samples of the test part are ringed in black.
    """
    from matplotlib.colors import ListedColormap

    box = extent(data)
    x1, x2 = (np.linspace(low, high, GRID) for low, high in box)
    a = outputs(network, np.stack([grid.ravel() for grid in np.meshgrid(x1, x2)]))
    numbers = (a[0] > 0.5).astype(int) if len(a) == 1 else a.argmax(axis=0)
    count = max(2, len(data.classes), len(a))
    known = np.where(np.isfinite(a).all(axis=0), numbers, -1).reshape(GRID, GRID)
    across, up = raw(data, np.stack([x1, x2], axis=1)).T
    pale = ListedColormap([_pale(i, count) for i in range(count)])
    image = np.ma.masked_less(known, 0)
    axes.pcolormesh(across, up, image, cmap=pale, vmin=-0.5, vmax=count - 0.5, shading="nearest", rasterized=True)
    for number in range(count):
        inside = known == number
        if inside.any() and not inside.all():
            lead = _lead(a, number).reshape(GRID, GRID)
            axes.contour(across, up, lead, levels=[0.0], colors=BLACK, linewidths=pt(0.8))
    if points:
        _samples(axes, data)
    axes.set_xlim(across[0], across[-1])
    axes.set_ylim(up[0], up[-1])


def _lead(a: Array, number: int) -> Array:
    """By how much the output of a class is above all others, which is 0 on its boundary; NaN where an output is."""
    if len(a) == 1:
        lead = a[0] - 0.5 if number == 1 else 0.5 - a[0]
    else:
        lead = a[number] - np.delete(a, number, axis=0).max(axis=0)
    return np.where(np.isfinite(a).all(axis=0), lead, np.nan)


def _pale(number: int, count: int) -> tuple[float, float, float]:
    """A pale colour of a class, whose lightness differs from that of the others, for print in grey."""
    from matplotlib.colors import to_rgb

    rgb = np.array(to_rgb(COLOURS[number]))
    grey = float(rgb @ (0.299, 0.587, 0.114))
    wanted = 0.96 - 0.2 * number / max(1, count - 1)
    pale = 1 - (1 - rgb) * (1 - wanted) / max(1e-6, 1 - grey)
    red, green, blue = np.clip(pale, 0, 1)
    return float(red), float(green), float(blue)


def _samples(axes: Axes, data: DataSet) -> None:
    for part_name, part in parts_of(data).items():
        rows = rows_of(part)
        assert part.labels is not None
        labels, at = part.labels[rows], raw(data, part.inputs(rows))
        edge = BLACK if part_name == "test" else "white"
        for number in np.unique(labels):
            mine = at[labels == number]
            marker, colour = MARKERS[number % len(MARKERS)], COLOURS[number % CLASSES]
            style: dict[str, Any] = {"s": pt(pt(16)), "marker": marker, "color": colour, "edgecolors": edge}
            axes.scatter(mine[:, 0], mine[:, 1], linewidths=pt(0.6), zorder=3, **style)


def class_legend(figure: Figure, data: DataSet) -> None:
    """Which class has which marker, beside the axes."""
    from matplotlib.lines import Line2D

    names = data.classes or tuple(str(i) for i in range(max(2, data.n_outputs)))
    look: dict[str, Any] = {"linestyle": "", "markersize": pt(5), "markeredgewidth": pt(0.6)}
    handles = []
    for name, marker, colour in zip(names, MARKERS, COLOURS, strict=False):
        kind = {"label": f"class {short(name)}", "marker": marker, "color": colour, "markeredgecolor": "white"}
        handles.append(Line2D([], [], **(kind | look)))
    if test := parts_of(data).get("test"):
        ring = {
            "label": f"black ring: test part{told(test)}",
            "marker": "o",
            "color": "white",
            "markeredgecolor": BLACK,
        }
        handles.append(Line2D([], [], **(ring | look)))
    if few := told(data.train):
        handles.append(Line2D([], [], label=f"white ring: training part{few}", color="none"))
    figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=pt(SMALL))


def _boundary(material: Material, sheet: Sheet) -> Figure:
    data, network = material.data, material.network
    assert data is not None
    assert network is not None
    figure = sheet.blank()
    axes = figure.subplots()
    dress(axes, title="Decision boundary", across=inputs_of(data)[0], up=inputs_of(data)[1])
    axes.grid(False)
    draw_boundary(axes, network, data)
    class_legend(figure, data)
    return figure


def not_a_plane(material: Material) -> str:
    data = material.data
    if data is None:
        return "the data are not there"
    if data.task != "classification" or data.n_inputs != 2:
        return f"it needs a classification of two inputs, and this is a {data.task} of {data.n_inputs}"
    count = max(len(data.classes), data.n_outputs)
    return "" if count <= CLASSES else f"it tells at most {CLASSES} classes apart, and there are {count}"


BOUNDARY = RunFigure(
    "boundary", "the class at each point of two inputs, and the samples", (5.2, 3.6), [trained, not_a_plane], _boundary
)
