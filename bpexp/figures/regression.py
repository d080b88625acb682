"""What a network of a regression has learned: its curve over one input, and its predictions against the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bpexp.data.dataset import DataSet
from bpexp.figures.data_view import extent, in_units, inputs_of, outputs, parts_of, raw, rows_of, targets_of, told
from bpexp.figures.material import Material, RunFigure, trained
from bpexp.figures.page import SMALL, dress, plural, spread
from bpexp.figures.palette import BLACK, BLUE, COLOURS, PARTS, SOFT, STROKES
from bpexp.figures.sheet import Sheet, pt
from bpexp.nn.network import Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OUTPUTS = 6
"""Largest number of outputs that are drawn."""

PREDICTED = 2000
"""Largest number of samples of a part whose predictions are drawn."""

HOLLOW: dict[str, Any] = {"facecolors": "none", "edgecolors": SOFT}
SOLID: dict[str, Any] = {"facecolors": BLACK, "edgecolors": BLACK}
LOOK = {"train": HOLLOW, "test": SOLID}
"""Samples of the training part are hollow and grey, those of the test part are filled."""


def draw_curve(axes: Axes, network: Network, data: DataSet) -> None:
    """The outputs of the network over its one input, and the samples."""
    ((low, high),) = extent(data, 0.03)
    x = np.linspace(low, high, 400)
    y = in_units(data, outputs(network, x[None]))
    shown = spread(data.n_outputs, OUTPUTS)
    for name, part in parts_of(data).items():
        rows = rows_of(part)
        at, found = raw(data, part.inputs(rows))[:, 0], in_units(data, part.batch(rows)[1])
        for i in shown:
            label = f"{name} part{told(part)}" if i == shown[0] else None
            _points(axes, name, at, found[:, i], label=label)
    across = raw(data, x[:, None])[:, 0]
    for i, column in enumerate(shown):
        label = "network" if len(shown) == 1 else f"network, {targets_of(data)[column]}"
        style: dict[str, Any] = {"color": COLOURS[1 + i], "linestyle": STROKES[i], "linewidth": pt(2)}
        axes.plot(across, np.where(np.isfinite(y[:, column]), y[:, column], np.nan), label=label, zorder=4, **style)


def _points(axes: Axes, part: str, x: Any, y: Any, label: str | None) -> None:
    style = {"s": pt(pt(14)), "marker": PARTS[part]["marker"], "linewidths": pt(0.8), "zorder": 2}
    axes.scatter(x, y, label=label, **style, **LOOK[part])


def _curve(material: Material, sheet: Sheet) -> Figure:
    data, network = material.data, material.network
    assert data is not None
    assert network is not None
    figure = sheet.blank()
    axes = figure.subplots()
    up = ", ".join(targets_of(data)[i] for i in spread(data.n_outputs, OUTPUTS))
    dress(axes, title="Fitted curve", across=inputs_of(data)[0], up=up)
    draw_curve(axes, network, data)
    axes.legend(frameon=False, fontsize=pt(SMALL), loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def not_a_curve(material: Material) -> str:
    """It needs a regression of one input."""
    data = material.data
    if data is None:
        return "the data are not there"
    if data.task != "regression" or data.n_inputs != 1:
        return f"it needs a regression of one input, and this is a {data.task} of {data.n_inputs}"
    return ""


def _prediction(material: Material, sheet: Sheet) -> Figure:
    data = material.data
    assert data is not None
    figure = sheet.blank()
    shown = spread(data.n_outputs, OUTPUTS)
    across = min(len(shown), 3)
    panels = figure.subplots(-(-len(shown) // across), across, squeeze=False).ravel()
    for axes, column in zip(panels, shown, strict=False):
        _against_truth(axes, material, column)
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=pt(SMALL))
    return figure


def _against_truth(axes: Axes, material: Material, column: int) -> None:
    """One output: predicted over true values, and the line on which they are equal."""
    data, network = material.data, material.network
    assert data is not None
    assert network is not None
    name, ends, lost = targets_of(data)[column], [], 0
    dress(axes, title="Prediction against truth", across=f"{name}, true", up=f"{name}, predicted")
    for part_name, part in parts_of(data).items():
        x, y = part.batch(rows_of(part, PREDICTED))
        truth, found = in_units(data, y)[:, column], in_units(data, outputs(network, x))[:, column]
        known = np.isfinite(found)
        lost += int((~known).sum())
        _points(axes, part_name, truth[known], found[known], label=f"{part_name} part{told(part, PREDICTED)}")
        ends += [truth.min(), truth.max()]
    axes.plot([min(ends), max(ends)], [min(ends), max(ends)], color=BLUE, linewidth=pt(1.4), zorder=4, label="equal")
    if lost:
        axes.set_xlabel(f"{axes.get_xlabel()}\n({plural(lost, 'prediction')} not finite)", fontsize=pt(9))


def _no_regression(material: Material) -> str:
    data = material.data
    return "" if data is not None and data.task == "regression" else "it needs a regression"


REGRESSION = (
    RunFigure("curve", "the fitted curve over one input, and the samples", (5.2, 3.2), [trained, not_a_curve], _curve),
    RunFigure(
        "prediction", "predicted over true values of a regression", (5.2, 3.6), [trained, _no_regression], _prediction
    ),
)
