"""The figure of the README: how often what a study says is false, beside the 5 % that are promised.

python -m experiments.statistics.figure     draw false.svg from results.json
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from scipy import stats

from bpexp.figures.output import svg
from bpexp.figures.palette import BLACK, BLUE, VERMILION
from experiments.dots import CROSS, RING, Dot, dots_figure

FOLDER = Path(__file__).parent
BEFORE, NOW = "as it was tested before", "as bpexp tests it"
SERIES = {NOW: {"color": BLUE, "marker": "o", **RING}, BEFORE: {"color": VERMILION, **CROSS}}
PROMISED = 5.0

Row = dict[str, Any]
Results = dict[str, list[Row]]


def dot(series: str, count: int, studies: int) -> Dot:
    """A share in percent with its exact binomial 95 % interval."""
    interval = stats.binomtest(count, studies).proportion_ci(0.95, method="exact")
    return Dot(series, 100 * count / studies, 100 * interval.low, 100 * interval.high)


def pair(row: Row, before: int, now: int) -> list[Dot]:
    return [dot(NOW, now, row["studies"]), dot(BEFORE, before, row["studies"])]


def claims(results: Results) -> dict[str, list[Dot]]:
    """Any verdict on seven claims."""
    return {
        f"{row['noise'].replace(', spread 1 to 10 over the arms', ', unequal spreads')}, {row['seeds']} seeds": pair(
            row, row["alone"], row["family"]
        )
        for row in results["verdict_rates"]
        if row["truth"] == "null"
    }


def best(results: Results) -> dict[str, list[Dot]]:
    """Any arm that is called worse than the best, where all are equal."""
    return {
        f"{row['arms']} equal arms, {row['seeds']} seeds": pair(row, row["before"], row["now"])
        for row in results["best_rates"]
        if row["spread"] == "equal"
    }


def diverging(results: Results) -> dict[str, list[Dot]]:
    """An arm that diverges now and then and is called better."""
    return {
        f"diverges in {row['diverges']:.0%}, {row['seeds']} seeds": pair(
            row, row["before"]["supported"], row["chance"]["supported"]
        )
        for row in results["divergence"]
    }


def missing(results: Results) -> dict[str, list[Dot]]:
    """Student's interval of a mean that misses it; there is no other method, so there is no other dot."""
    return {
        f"{row['values'].replace('a run in ten lies 20 standard deviations off', 'one run in ten far off')}, "
        f"{row['seeds']} seeds": [dot(NOW, row["studies"] - row["Student"], row["studies"])]
        for row in results["coverage"]
    }


PANELS: dict[str, Callable[[Results], dict[str, list[Dot]]]] = {
    "any false verdict on seven claims, all at their bounds": claims,
    "any arm called worse than the best, where all are equal": best,
    "an arm called better that is worse, because it diverges": diverging,
    "the 95 % interval of a mean that misses it": missing,
}


def figure(results: Results) -> Figure:
    """A panel for each kind of false statement."""
    groups = {title: rows(results) for title, rows in PANELS.items()}
    drawn = dots_figure(groups, SERIES, "false, % of simulated studies (lines: 95 % intervals; dashed: 5 %)")
    for axes in drawn.axes:
        axes.axvline(PROMISED, color=BLACK, linewidth=0.9, linestyle="--", zorder=1)
    drawn.axes[-1].set_xlim(-2, 100)
    return drawn


if __name__ == "__main__":
    found = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
    (FOLDER / "false.svg").write_bytes(svg(figure(found)))
