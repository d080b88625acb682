"""The panels of a run's page as figures of their own, the page itself, and a norm by depth over the steps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from bpexp.figures.depth_map import draw_depth_map
from bpexp.figures.histograms import BOTTOM, draw_maps, histogram_maps
from bpexp.figures.images import TALL, image_panels
from bpexp.figures.layers import NORMS, draw_ledgers, draw_norm, ledger_accounts
from bpexp.figures.learning_curve import draw_panel, legend_above, panels_of
from bpexp.figures.material import Material, Need, RunFigure, trained
from bpexp.figures.page import SMALL, Band, Room, tame, whole_steps
from bpexp.figures.run_page import draw_page, page_bands, size_of
from bpexp.figures.sheet import Sheet, pt
from bpexp.training.metrics import metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SIZE = (4.8, 3.1)
"""Inches of a panel of lines."""

PROBED = re.compile(r"(?:grad_norm/W|delta_norm/layer_)(\d{1,6})")


def depth_of(material: Material) -> int:
    """L, the number of layers; as far as the series tell where there is no network."""
    if material.network is not None:
        return len(material.network.layers)
    found = (PROBED.fullmatch(name) for name in material.series)
    return max((int(match[1]) for match in found if match), default=0)


def metric_figures() -> Iterator[RunFigure]:
    """A figure for each metric that has a panel."""
    for metric in metrics.values():
        if metric.drawn:
            shows = f"{metric.title} of each part of the data over the steps"
            needs = [partial(_not_measured, name=metric.name)]
            yield RunFigure(metric.name, shows, SIZE, needs, partial(_metric, name=metric.name))


def _not_measured(material: Material, name: str) -> str:
    found = name in panels_of(material.series) and any(key.startswith(f"{name}/") for key in material.series)
    return "" if found else f"the run did not measure {name}"


def _metric(material: Material, sheet: Sheet, name: str) -> Figure:
    figure = sheet.blank()
    axes = figure.subplots()
    draw_panel(axes, name, tame(material.series))
    axes.set_title(metrics[name].title, loc="left", fontsize=pt(10), fontweight="bold", pad=pt(18))
    axes.tick_params(labelsize=pt(SMALL))
    whole_steps(axes)
    if axes.get_legend():
        legend_above(axes, SMALL)
    return figure


def _norm(material: Material, sheet: Sheet, key: str) -> Figure:
    figure = sheet.blank()
    draw_norm(figure.subplots(), NORMS[key], NORMS[key].lines(tame(material.series), depth_of(material)))
    return figure


def _by_depth(material: Material, sheet: Sheet, key: str) -> Figure:
    norm = NORMS[key]
    figure = sheet.blank()
    draw_depth_map(figure, norm, norm.lines(tame(material.series), depth_of(material)))
    return figure


def _not_probed(material: Material, key: str) -> str:
    return "" if NORMS[key].lines(material.series, depth_of(material)) else f"the probe did not measure {PROBES[key]}"


PROBES = {"gradient": "grad_norm", "delta": "delta_norm"}


def _ledger(material: Material, sheet: Sheet) -> Figure:
    """The accounts side by side, with one legend below and short titles: those of the page are wider than a panel."""
    accounts = ledger_accounts(tame(material.series), depth_of(material))
    figure = sheet.blank()
    panels = figure.subplots(1, len(accounts), squeeze=False)[0]
    draw_ledgers(panels, accounts)
    handles, labels = panels[0].get_legend_handles_labels()
    for axes, step, when in zip(panels, accounts, ("first", "last"), strict=False):
        axes.get_legend().remove()
        axes.set_title(f"{when} probe, step {step:,}", loc="left", fontsize=pt(9))
        axes.set_xlabel("layer, counted from the input", fontsize=pt(9))
    figure.suptitle("Log change of delta per layer", fontsize=pt(10), fontweight="bold")
    columns = 3 if sheet.canvas[0] > 6 else 1
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False, fontsize=pt(SMALL))
    return figure


def _no_ledger(material: Material) -> str:
    found = ledger_accounts(material.series, depth_of(material))
    return "" if found else "the probe did not measure the ledger of a hidden layer; run it with probe=full"


def _histogram(material: Material, sheet: Sheet, kind: str) -> Figure:
    assert material.histograms is not None
    figure, (width, height) = sheet.bare(), sheet.canvas
    drawn = histogram_maps(material.histograms, depth_of(material))[kind]
    draw_maps(Room(figure, 0.0, width), **drawn, height=height - BOTTOM - 0.55)
    return figure


def _no_histogram(material: Material, kind: str) -> str:
    if material.histograms is None or not material.histograms.is_file():
        return "the run recorded no histograms; run it with probe=full"
    found = histogram_maps(material.histograms, depth_of(material))
    return "" if kind in found else f"the histograms of the run have none of the {kind}s"


def _image(material: Material, sheet: Sheet, name: str) -> Figure:
    """A panel in the middle of the sheet."""
    assert material.network is not None
    assert material.samples is not None
    figure = sheet.bare()
    width, draw = image_panels(material.network, material.samples)[name]
    across, up = sheet.canvas
    draw(Room(figure, up - TALL), max(0.1, (across - width) / 2))
    return figure


def _no_image(material: Material, name: str) -> str:
    if material.network is None or material.samples is None:
        return "there are no samples"
    found = image_panels(material.network, material.samples)
    words = "a classification" if name == "confusion" else "images as inputs"
    return "" if name in found else f"it needs {words}{' and classes' if name == 'worst' else ''}"


def _bands(material: Material) -> list[Band]:
    assert material.network is not None
    return page_bands(
        material.series,
        network=material.network,
        histograms=material.histograms,
        samples=material.samples,
        title=material.title,
    )


def _page(material: Material, sheet: Sheet) -> Figure:
    return draw_page(_bands(material), sheet)


def _probed(name: str, shows: str, key: str, paint: Callable[..., Figure]) -> RunFigure:
    return RunFigure(name, shows, SIZE, [partial(_not_probed, key=key)], partial(paint, key=key))


def _recorded(name: str, shows: str, kind: str) -> RunFigure:
    return RunFigure(name, shows, (8.0, 3.2), [partial(_no_histogram, kind=kind)], partial(_histogram, kind=kind))


def _panel(name: str, shows: str, width: float, height: float = TALL) -> RunFigure:
    needs: list[Need] = [trained, partial(_no_image, name=name)]
    return RunFigure(name, shows, (width, height), needs, partial(_image, name=name), whole=True)


PANELS = (
    _probed("gradient", "gradient norm of each W over the steps", "gradient", _norm),
    _probed("delta", "delta norm of each layer over the steps", "delta", _norm),
    _probed("gradient_by_depth", "gradient norm by depth and step, as a heat map", "gradient", _by_depth),
    _probed("delta_by_depth", "delta norm by depth and step, as a heat map", "delta", _by_depth),
    RunFigure("ledger", "what weights and slopes do to delta, layer by layer", (7.5, 3.6), [_no_ledger], _ledger),
    _recorded("gradient_histogram", "gradient entries of each W over the steps", "gradient"),
    _recorded("activation_histogram", "activations of each layer over the steps", "activation"),
    _panel("weights", "first-layer weights as images", 4.4),
    _panel("confusion", "true and predicted classes", 4.0),
    _panel("worst", "the samples with the largest loss", 3.8, 3.2),
    RunFigure(
        "page", "the page of the run: all of its panels", lambda m: size_of(_bands(m)), [trained], _page, whole=True
    ),
)
