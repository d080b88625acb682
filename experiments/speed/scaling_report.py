"""Slopes, a table and a figure of what grows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from experiments.speed.step_report import COLOURS, OTHER, save

LARGEST = 3
"""Sizes of the second fit, where overhead that does not grow weighs least."""

STYLES = {
    "bpexp, one by one": {"color": COLOURS["bpexp"], "linestyle": "--"},
    "bpexp, fused": {"color": COLOURS["bpexp"]},
    "JAX, one by one": {"color": COLOURS["JAX"], "linestyle": "--"},
    "JAX, vmap": {"color": COLOURS["JAX"]},
}


def slope(sizes: list[int], seconds: list[list[float]], last: int = 0) -> tuple[float, float, float]:
    """Median over the rounds of the slope of log(seconds) on log(size), and its bootstrap interval of 95 %.

    Args:
        sizes: (S,).
        seconds: (S, R), a row a size, a column a round.
        last: how many of the largest sizes are fitted; 0 for all.
    """
    x, y = np.log(sizes[-last:]), np.log(np.asarray(seconds)[-last:])
    slopes = np.polyfit(x, y, 1)[0]
    drawn = np.random.default_rng(0).choice(slopes, (2_000, len(slopes)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    return float(np.median(slopes)), float(low), float(high)


def table(results: dict[str, Any]) -> str:
    """Markdown: the slopes of everyone on every axis, and by what factor the time grows over all of it."""
    lines = [
        "| what, by | who | slope, all sizes | interval | slope, largest three | interval | largest / smallest |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, axis in results["axes"].items():
        sizes = axis["sizes"]
        for who, seconds in axis["seconds"].items():
            every, largest = slope(sizes, seconds), slope(sizes, seconds, LARGEST)
            growth = float(np.median(np.asarray(seconds[-1]) / np.asarray(seconds[0])))
            lines.append(
                f"| {axis['what']}, by {name} {sizes[0]:,} to {sizes[-1]:,} | {who} | {every[0]:.2f} "
                f"| {every[1]:.2f} to {every[2]:.2f} | {largest[0]:.2f} | {largest[1]:.2f} to {largest[2]:.2f} "
                f"| {growth:.3g} |"
            )
    return "\n".join(lines) + "\n"


def block(results: dict[str, Any]) -> str:
    """The figure and the table, for a page beside them."""
    return f"![Time on logarithmic axes, by {', '.join(results['axes'])}](scaling.png)\n\n{table(results)}"


def figure(results: dict[str, Any], path: Path) -> None:
    """A panel an axis: time in units of bpexp's at the smallest size, with the quartiles over the rounds."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    axes = results["axes"]
    rows = -(-len(axes) // 2)
    fig = Figure(figsize=(9, 3.2 * rows), layout="constrained")
    FigureCanvasAgg(fig)
    panels = fig.subplots(rows, 2, squeeze=False).ravel()
    for panel in panels[len(axes) :]:
        panel.set_axis_off()
    for panel, (name, axis) in zip(panels, axes.items(), strict=False):
        _panel(panel, name, axis)
    save(fig, path)


def _panel(panel: Any, name: str, axis: dict[str, Any]) -> None:
    unit = np.median(next(iter(axis["seconds"].values()))[0])
    for who, seconds in axis["seconds"].items():
        low, middle, high = np.percentile(np.asarray(seconds) / unit, [25, 50, 75], axis=1)
        style = STYLES.get(who) or {"color": COLOURS.get(who, OTHER)}
        panel.plot(axis["sizes"], middle, marker="o", markersize=3.5, label=who, **style)
        panel.fill_between(axis["sizes"], low, high, alpha=0.2, linewidth=0, color=style["color"])
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.set_xlabel(name)
    panel.set_ylabel("time / bpexp's at the smallest size")
    panel.set_title(axis["what"], loc="left", fontsize=10)
    panel.set_xticks(axis["sizes"], [f"{size:,}" for size in axis["sizes"]], fontsize=8)
    panel.minorticks_off()
    panel.legend(fontsize=8, frameon=False)
    panel.spines[["top", "right"]].set_visible(False)
