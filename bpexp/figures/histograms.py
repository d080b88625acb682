"""Panels of histograms over the steps: one heat map per layer, all on one scale."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bpexp.errors import RecordError
from bpexp.figures.page import LEFT, MOST, SMALL, STEP, Band, Room, few_of, spread
from bpexp.figures.palette import MAP
from bpexp.figures.sheet import pt
from bpexp.files.npz import open_npz
from bpexp.nn.arrays import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RIGHT = 0.95
"""Inches at the right for the colour bar."""

BOTTOM, HEIGHT = 0.55, 1.5
NARROW = 0.95
"""Smallest width of a map, in inches."""

GAP = 0.07
"""Gap between two maps, in widths of a map."""

MOST_BYTES = 1 << 27
"""Largest size of all counts, unpacked."""

COLOURS: dict[str, Any] = {"cmap": f"{MAP}_r", "vmin": -4.0, "vmax": 0.0}
"""log10 of the share of entries: paler is rarer, down to one entry in 10 000; empty bins stay white."""


def histogram_bands(path: Path | None, depth: int) -> list[Band]:
    """A row of maps for the gradients of each W and one for the activations of each layer; [] without a file."""
    if path is None or not path.is_file():
        return []
    return [Band(2.5, partial(draw_maps, **maps)) for maps in histogram_maps(path, depth).values()]


def histogram_maps(path: Path, depth: int) -> dict[str, dict[str, Any]]:
    """The arguments of `draw_maps` for the gradients and the activations, those that were recorded."""
    counts, layers = read_counts(path), range(1, depth + 1)
    gradients = _chosen(counts, {f"W{l}": f"gradient_W{l}" for l in layers})
    activations = _chosen(counts, {f"layer {l}": f"activation_layer_{l}" for l in layers})
    rows = {
        "gradient": ("Gradient entries of each W, over the steps", "log10 of |entry|", gradients),
        "activation": ("Activations of each layer, over the steps", "activation", activations),
    }
    return {
        kind: {"title": title, "up": up, "steps": counts["steps"], "edges": counts[f"{kind}_edges"], "maps": maps}
        for kind, (title, up, maps) in rows.items()
        if maps
    }


def read_counts(path: Path) -> dict[str, Array]:
    """The arrays of `Histograms.save`; raises RecordError for a file that is damaged, or whose arrays do not fit."""
    with open_npz(path, error=RecordError) as archive:
        size = sum(archive.header(name).nbytes for name in archive.names)
        if size > MOST_BYTES:
            raise RecordError(f"{str(path)!r}: the arrays announce {size} bytes; expected at most {MOST_BYTES}")
        numbers = {name: archive.read(name, "iu" if name == "steps" else "iuf") for name in archive.names}
    for name in ("steps", "gradient_edges", "activation_edges"):
        known = numbers.get(name, np.empty(0))
        if (
            known.ndim != 1
            or not known.size
            or not np.isfinite(known).all()
            or (np.diff(known.astype(float)) < 0).any()
        ):
            raise RecordError(f"{str(path)!r}: {name}: found the shape {known.shape}; expected numbers that grow")
    for name, table in numbers.items():
        kind = name.partition("_")[0]
        edges = numbers.get(f"{kind}_edges")
        if edges is None or name == f"{kind}_edges":
            continue
        wanted = (len(numbers["steps"]), len(edges) - 1)
        if table.shape != wanted or not np.isfinite(table).all() or table.min(initial=0) < 0:
            raise RecordError(f"{str(path)!r}: {name}: found the shape {table.shape}; expected counts {wanted}")
    return numbers


def _chosen(counts: dict[str, Array], names: dict[str, str]) -> dict[str, Array]:
    """Tables of counts by label, without those that are empty."""
    return {label: counts[name] for label, name in names.items() if name in counts and counts[name].any()}


def draw_maps(
    room: Room, title: str, up: str, steps: Array, edges: Array, maps: dict[str, Array], height: float = HEIGHT
) -> None:
    """Draw the maps in one pair of axes, each one unit wide, because creating axes is slow.

    Where the room is too narrow for all layers, or they are more than MOST, some are drawn, evenly spaced.
    """
    labels = list(maps)
    shown = spread(len(labels), max(2, min(MOST, int((room.width - LEFT - RIGHT) / NARROW))))
    title += few_of(len(shown), len(labels))
    maps = {labels[i]: maps[labels[i]] for i in shown}
    used = np.flatnonzero(sum(table.sum(axis=0) for table in maps.values()))
    bins = slice(int(used[0]), int(used[-1]) + 1)
    heights = edges[bins.start : bins.stop + 1]
    axes = room.axes(LEFT, BOTTOM, room.width - LEFT - RIGHT, height)
    image: Any = None
    for left, (name, table) in zip(np.arange(len(maps)) * (1 + GAP), maps.items(), strict=True):
        image = axes.pcolorfast(left + unit(steps), heights, share(table)[:, bins].T, **COLOURS)
        _frame(axes, left, name, steps, few=(room.width - LEFT - RIGHT) / len(maps) < 2.5)
    axes.set_xlim(0, len(maps) * (1 + GAP) - GAP)
    axes.set_ylim(heights[0], heights[-1])
    axes.set_xticks([])
    axes.locator_params(axis="y", nbins=7, steps=[1, 2, 5, 10])
    axes.tick_params(labelsize=pt(SMALL))
    axes.spines[:].set_visible(False)
    axes.set_ylabel(up + _ends(bins, edges), fontsize=pt(9))
    room.text(LEFT, BOTTOM + height + 0.25, title, fontsize=pt(10), fontweight="bold")
    room.text((LEFT + room.width - RIGHT) / 2, 0.18, STEP, fontsize=pt(9), ha="center")
    bar = room.figure.colorbar(image, cax=room.axes(room.width - RIGHT + 0.15, BOTTOM, 0.13, height))
    bar.set_label("log10 of share of entries", fontsize=pt(SMALL))
    bar.ax.tick_params(labelsize=pt(SMALL))


def _ends(bins: slice, edges: Array) -> str:
    """The note on what the end bins also count, if one of them is shown."""
    if bins.start and bins.stop < len(edges) - 1:
        return ""
    return "\n(lowest row: 0 as well)" if edges[-1] < -edges[0] else "\n(end rows: beyond as well)"


def _frame(axes: Axes, left: float, name: str, steps: Array, *, few: bool) -> None:
    """A box, the layer's name above, the first and the last step below, and a middle step if there is room."""
    style: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "clip_on": False}
    corners = [left, left + 1, left + 1, left, left], [0, 0, 1, 1, 0]
    axes.plot(*corners, color="black", linewidth=pt(0.8), scalex=False, scaley=False, **style)
    axes.text(left + 0.5, 1.02, name, ha="center", va="bottom", fontsize=pt(SMALL), **style)
    if len(steps) < 2:
        axes.text(left + 0.5, -0.03, f"{steps[0]:,}", ha="center", va="top", fontsize=pt(SMALL), **style)
        return
    axes.text(left, -0.03, f"{steps[0]:,}", ha="left", va="top", fontsize=pt(SMALL), **style)
    axes.text(left + 1, -0.03, f"{steps[-1]:,}", ha="right", va="top", fontsize=pt(SMALL), **style)
    if not few and len(steps) > 2:
        middle = steps[len(steps) // 2]
        place = left + (middle - steps[0]) / (steps[-1] - steps[0])
        axes.text(place, -0.03, f"{middle:,}", ha="center", va="top", fontsize=pt(SMALL), **style)


def share(table: Array) -> Array:
    """log10 of the share of each bin in the counts of its step, (steps, bins); masked where the bin is empty."""
    total = np.maximum(table.sum(axis=1, keepdims=True), 1)
    logs: Array = np.ma.log10(np.ma.masked_equal(table, 0) / total)
    return logs


def unit(steps: Array) -> Array:
    """(steps + 1,) borders of the columns, half-way between steps, from 0 at the first step to 1 at the last."""
    if len(steps) < 2:
        return np.array([0.0, 1.0])
    meets = (steps[1:] + steps[:-1]) / 2
    borders: Array = (np.concatenate([steps[:1], meets, steps[-1:]]) - steps[0]) / (steps[-1] - steps[0])
    return borders
