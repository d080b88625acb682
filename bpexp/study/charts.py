"""The figures of a study's report: curves with bands, and what reaches each layer, arm by arm."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bpexp.study.analysis import Analysis, RunRecord, at_best, tuned_levels
from bpexp.study.design import spelt
from bpexp.study.statistics import mean_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, with line styles and markers that tell the arms apart in grey
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00", "#56b4e9", "#7f7f7f"]
STYLES: list[Any] = ["-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 2))]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*"]
MOST = 8
"""Arms in one chart; of more the best ranked are drawn."""

Curve = dict[float, list[float]]


def charts(analysis: Analysis, runs: Sequence[RunRecord]) -> list[tuple[str, bytes]]:
    """(caption, SVG) of every chart that the study declares and the runs allow."""
    chosen = _chosen(analysis, runs)
    drawn = []
    for name in analysis.study.curves:
        curves = {arm: _over_epochs(mine, name) for arm, mine in chosen.items()}
        if any(curves.values()):
            caption = f"{name} over the epochs: mean and 95 % interval over seeds, each arm at its own best level"
            drawn.append((caption, _draw(curves, "epoch", name, log=name.startswith("loss"))))
    for name in analysis.study.by_depth:
        curves = {arm: _over_layers(mine, name) for arm, mine in chosen.items()}
        if any(curves.values()):
            caption = f"{name} by layer at the first step: mean and 95 % interval over seeds"
            drawn.append((caption, _draw(curves, "layer, counted from the input", name, log=True)))
    if analysis.study.heat_map:
        rows, columns = analysis.study.heat_map
        measure = analysis.study.measures[0].text
        caption = f"{measure} by {rows} and {columns}: mean over seeds; crosses stand where every run was lost"
        drawn.append((caption, _heat_map(analysis, rows, columns, measure)))
    return drawn


def _heat_map(analysis: Analysis, rows: str, columns: str, measure: str) -> bytes:
    from matplotlib.figure import Figure

    study = analysis.study
    good = analysis.frame[analysis.frame["status"].isin(["finished", "stopped"])]
    down, across = ([spelt(level) for level in study.factors[name]] for name in (rows, columns))
    table = good.pivot_table(index=rows, columns=columns, values=measure, aggfunc="mean").reindex(down, columns=across)
    figure = Figure(figsize=(8, 1.2 + 0.55 * len(down)))
    figure.subplots_adjust(left=0.14, right=0.98, bottom=0.28, top=0.96)
    axes = figure.subplots()
    values = table.to_numpy(dtype=float)
    image = axes.imshow(values, cmap="cividis", aspect="auto")
    axes.set_xticks(range(len(across)), [_plain(level) for level in across])
    axes.set_yticks(range(len(down)), [_plain(level) for level in down])
    axes.set_xlabel(_plain(columns))
    axes.set_ylabel(_plain(rows))
    figure.colorbar(image, ax=axes, label=_plain(measure), pad=0.02)
    middle = float(np.nanmean(values)) if np.isfinite(values).any() else 0.0
    for i, j in np.ndindex(values.shape):
        known = bool(np.isfinite(values[i, j]))
        ink = "black" if known and values[i, j] > middle else "white"
        text = f"{values[i, j]:.3f}" if known else "x"
        axes.text(j, i, text, ha="center", va="center", color=ink if known else "black", fontsize=9)
    return _svg(figure)


def _chosen(analysis: Analysis, runs: Sequence[RunRecord]) -> dict[str, list[RunRecord]]:
    """The good runs of the best ranked arms, each at its own level of the tuned factor."""
    study = analysis.study
    good = analysis.frame[analysis.frame["status"].isin(["finished", "stopped"])]
    rows = at_best(study, good, tuned_levels(study, good))
    wanted = {tuple(row[f] for f in [*study.factors, "seed"]) for _, row in rows.iterrows()}
    arms: dict[str, dict[Any, RunRecord]] = {label(arm.levels): {} for arm in analysis.best[:MOST]}
    for run in runs:
        levels = {factor: spelt(run.params.get(factor)) for factor in study.factors}
        key = (*levels.values(), int(run.params.get("seed", 0)))
        name = label({factor: levels[factor] for factor in study.arm_factors})
        if key in wanted and name in arms:
            arms[name][key] = run  # of runs with the same levels and seed the last counts, as in the analysis
    return {name: list(mine.values()) for name, mine in arms.items()}


def label(levels: Mapping[str, str]) -> str:
    """An arm in words."""
    return ", ".join(levels.values()) or "all runs"


def _over_epochs(runs: Sequence[RunRecord], name: str) -> Curve:
    curve: Curve = {}
    for run in runs:
        epochs = dict(run.series.get("time/epoch", ()))
        for step, value in run.series.get(name, ()):
            if step in epochs:
                curve.setdefault(epochs[step], []).append(value)
    return curve


def _over_layers(runs: Sequence[RunRecord], name: str) -> Curve:
    """The first value of name/layer_1, name/layer_2, ..."""
    curve: Curve = {}
    for run in runs:
        for key, points in run.series.items():
            number = key.removeprefix(f"{name}/layer_")
            if number != key and number.isdigit() and points:
                curve.setdefault(float(number), []).append(points[0][1])
    return curve


def _draw(curves: Mapping[str, Curve], across: str, up: str, *, log: bool) -> bytes:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    rows = -(-len(curves) // 2)
    height = 3.9 + 0.22 * rows
    figure = Figure(figsize=(8, height))
    figure.subplots_adjust(left=0.1, right=0.98, bottom=(0.65 + 0.22 * rows) / height, top=1 - 0.1 / height)
    axes = figure.subplots()
    for number, (arm, curve) in enumerate(curves.items()):
        if curve:
            _line(axes, arm, curve, number)
    axes.set_xlabel(across)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(_plain(up))
    finite = [v for curve in curves.values() for values in curve.values() for v in values if math.isfinite(v)]
    if log and finite and min(finite) > 0:
        axes.set_yscale("log")
    axes.grid(color="#e5e5e5", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, ncol=2, loc="upper center", bbox_to_anchor=(0.5, -0.14))
    return _svg(figure)


def _svg(figure: Figure) -> bytes:
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph|Matplotlib currently", UserWarning)  # letters that the font has not
        FigureCanvasSVG(figure).print_svg(buffer)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def _plain(text: str) -> str:
    """Text that matplotlib takes neither for mathematics nor for a hidden label, and that leaves room for the chart."""
    text = text if len(text) <= 60 else f"{text[:57]}..."
    return (" " + text if text.startswith("_") else text).replace("$", r"\$")


def _line(axes: Axes, arm: str, curve: Curve, number: int) -> None:
    x = sorted(curve)
    intervals = [mean_interval(curve[at]) for at in x]
    number %= len(COLOURS)
    every = max(1, len(x) // 10)
    style: dict[str, Any] = {"color": COLOURS[number], "linestyle": STYLES[number], "marker": MARKERS[number]}
    axes.plot(x, [i.mean for i in intervals], label=_plain(arm), markersize=4, linewidth=1.6, markevery=every, **style)
    finite: Callable[[float, float], float] = lambda bound, mean: mean if math.isnan(bound) else bound  # noqa: E731
    low = np.array([finite(i.low, i.mean) for i in intervals])
    high = np.array([finite(i.high, i.mean) for i in intervals])
    axes.fill_between(x, low, high, color=COLOURS[number], alpha=0.15, linewidth=0)
