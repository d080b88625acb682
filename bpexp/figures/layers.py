"""Panels by layer: norms of gradient and delta over the steps, and the ledger of delta."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from bpexp.figures.page import (
    HALF,
    LEFT,
    MIDDLE,
    MOST,
    SMALL,
    STEP,
    Band,
    Points,
    Room,
    Series,
    dress,
    few_of,
    note,
    plural,
    positive,
    spread,
    whole_steps,
)
from bpexp.figures.palette import SLOPE, WEIGHTS, depth_style
from bpexp.figures.sheet import pt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKS = 8
LEGEND = 0.85
"""Width of the legend to the right of the lines, in inches."""

FLOOR = 30
"""Largest number of decades on the axis of a norm."""


@dataclass(frozen=True, slots=True)
class Norm:
    """A norm of every layer: its name, its title, its label on an axis, and the name of layer l and of its series."""

    short: str
    title: str
    up: str
    label: str
    name: str

    def lines(self, series: Series, depth: int) -> dict[str, Points]:
        """Recorded series by label."""
        names = {self.label.format(l=l): self.name.format(l=l) for l in range(1, depth + 1)}
        return {label: series[name] for label, name in names.items() if series.get(name)}


NORMS = {
    "gradient": Norm(
        short="Gradient norm",
        title="Gradient norm of each W",
        up=r"$\|\partial C/\partial W\|$",
        label="W{l}",
        name="grad_norm/W{l}",
    ),
    "delta": Norm(
        short="Delta norm",
        title="Delta norm of each layer",
        up="root mean square of $\\|\\delta\\|$",
        label="layer {l}",
        name="delta_norm/layer_{l}",
    ),
}


def norm_bands(series: Series, depth: int) -> list[Band]:
    """Gradient norm of every W and delta norm of every layer against the step."""
    found = [(norm, lines) for norm in NORMS.values() if (lines := norm.lines(series, depth))]
    return [Band(3.3, partial(_draw_norms, panels=found))] if found else []


def _draw_norms(room: Room, panels: list[tuple[Norm, dict[str, Points]]]) -> None:
    for left, (norm, lines) in zip((LEFT, MIDDLE), panels, strict=False):
        draw_norm(room.axes(left, 0.6, HALF - LEGEND, 2.35), norm, lines)


def draw_norm(axes: Axes, norm: Norm, lines: dict[str, Points]) -> None:
    """The norm of at most MOST layers against the step; the title says how many of how many."""
    dress(axes, title=norm.title + few_of(MOST, len(lines)), across=STEP, up=norm.up)
    named = list(lines.items())
    _lines(axes, dict(named[i] for i in spread(len(named), MOST)))
    whole_steps(axes)


def _lines(axes: Axes, lines: dict[str, Points]) -> None:
    """One line per layer on a logarithmic axis; zeros and values that are not finite leave gaps and are counted."""
    values: list[float] = []
    for index, (label, series) in enumerate(lines.items()):
        heights = [positive(value) for _, value in series]
        style = {**depth_style(index, len(lines)), "markersize": pt(4), "linewidth": pt(1.4)}
        axes.plot([step for step, _ in series], heights, label=label, markevery=max(1, len(series) // MARKS), **style)
        values += heights
    shown = [value for value in values if not math.isnan(value)]
    if len(shown) < len(values):
        note(axes, plural(len(values) - len(shown), "value") + " 0 or not finite")
    if shown:
        _log_axis(axes, min(shown), max(shown))
    axes.legend(frameon=False, fontsize=pt(SMALL), loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=2.6)


def _log_axis(axes: Axes, low: float, high: float) -> None:
    """Set limits of at least one and at most FLOOR decades, and ticks at decades, or at 1, 2, 5 below two decades."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    top = math.log10(high)
    bottom = max(math.log10(low), top - FLOOR)
    margin = max(0.08 * (top - bottom), (1.0 - (top - bottom)) / 2)
    axes.set_yscale("log")
    axes.set_ylim(10 ** max(-307.0, bottom - margin), 10 ** min(308.0, top + margin))
    subs = (1.0, 2.0, 5.0) if top - bottom < 2 else (1.0,)
    axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=8))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def ledger_bands(series: Series, depth: int) -> list[Band]:
    """The per-layer log change of delta at the first and at the last probed step."""
    accounts = ledger_accounts(series, depth)
    return [Band(3.5, partial(_draw_ledgers, accounts=accounts))] if accounts else []


def ledger_accounts(series: Series, depth: int) -> dict[int, Account]:
    """The accounts of the first and the last probed step; {} where nothing was recorded."""
    steps = [step for step, _ in series.get("ledger/top", ())]
    if not steps or depth < 2 or "ledger/slope_layer_1" not in series:
        return {}
    return {step: _account(series, depth, step) for step in (min(steps), max(steps))}


Account = tuple[list[float], list[float], list[float]]
"""Entries of weights and slope of layers 1 to L - 1, and log10 of the delta norm of layers 1 to L."""


def _account(series: Series, depth: int, step: int) -> Account:
    def entry(name: str) -> float:
        return dict(series.get(name, ())).get(step, math.nan)

    layers = range(1, depth)
    weights = [entry(f"ledger/weights_layer_{l}") for l in layers]
    slope = [entry(f"ledger/slope_layer_{l}") for l in layers]
    taken = [w + s for w, s in zip(weights, slope, strict=True)]
    delta = list(accumulate(reversed(taken), initial=entry("ledger/top")))
    return weights, slope, delta[::-1]


def _draw_ledgers(room: Room, accounts: dict[int, Account]) -> None:
    draw_ledgers([room.axes(left, 0.6, HALF, 2.45) for left in (LEFT, MIDDLE)[: len(accounts)]], accounts)


def draw_ledgers(panels: Sequence[Axes], accounts: dict[int, Account]) -> None:
    """Draw each account into axes of its own, on one scale."""
    for axes, (step, account), when in zip(panels, accounts.items(), ("first", "last"), strict=False):
        title = f"Log change of delta per layer ({when} probe, step {step:,})"
        dress(
            axes,
            title=title,
            across="layer, counted from the input; delta is propagated from the right",
            up="log10",
            lift=18,
        )
        _ledger(axes, *account)
    low, high = min(axes.get_ylim()[0] for axes in panels), max(axes.get_ylim()[1] for axes in panels)
    for axes in panels:
        axes.set_ylim(low, high)


def _ledger(axes: Axes, weights: list[float], slope: list[float], delta: list[float]) -> None:
    """Signed bars stacked away from 0, and the running sum of the bars from the right as a line."""
    layers = range(1, len(weights) + 1)
    w, s = _finite(weights), _finite(slope)
    feet = [a if a * b > 0 else 0.0 for a, b in zip(w, s, strict=True)]
    axes.bar(layers, w, width=0.62, color=WEIGHTS, edgecolor="black", linewidth=pt(0.6), label="weights (W transposed)")
    hatched: dict[str, Any] = {"color": SLOPE, "edgecolor": "black", "linewidth": pt(0.6), "hatch": "////"}
    axes.bar(layers, s, width=0.62, bottom=feet, label="slope (f')", **hatched)
    heights = [value if math.isfinite(value) else math.nan for value in delta]
    depths = range(1, len(delta) + 1)
    axes.plot(depths, heights, "k-o", markersize=pt(4), linewidth=pt(1.4), label="sum so far: log10 of delta")
    axes.axhline(0, color="black", linewidth=pt(0.8))
    axes.set_xlim(0.4, len(delta) + 0.6)
    axes.set_xticks([i + 1 for i in spread(len(delta), 12)])
    axes.legend(
        frameon=False, fontsize=pt(SMALL), loc="lower left", bbox_to_anchor=(-0.02, 0.97), columnspacing=1.2, ncols=3
    )
    gone = [l for l, value in enumerate(delta, start=1) if not math.isfinite(value)]
    if gone:
        note(axes, f"delta is 0 or not finite at layer {max(gone)}" + (" and below" if len(gone) > 1 else ""))


def _finite(values: list[float]) -> list[float]:
    return [value if math.isfinite(value) else 0.0 for value in values]
