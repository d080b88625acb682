"""The figure of the trust study: the worst error of an entry of delta, for every output with every loss.

python -m experiments.trust.figure     draw errors.svg from results.json
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from bpexp.figures.output import svg
from bpexp.figures.palette import BLACK, BLUE, SOFT, VERMILION
from experiments.dots import CROSS, RING, Dot, dots_figure

FOLDER = Path(__file__).parent
EXACT, INFINITE = 3e-18, 30.0
"""Where the axis, which is logarithmic, shows errors of 0 and errors that are not finite."""

SERIES = {
    "float32, bpexp": {"color": BLACK, "marker": "s", **RING, "markersize": 8.5},
    "float64, bpexp": {"color": BLUE, "marker": "o", **RING},
    "float64, the chain rule as it is written": {"color": VERMILION, **CROSS},
}


def dots(row: dict[str, Any]) -> list[Dot]:
    """The errors of a pairing; where the chain rule is as good as bpexp its cross lies in the ring."""
    through_a = INFINITE if row["through_a"] is None else row["through_a"]
    errors = (row["float32"]["delta"], row["float64"]["delta"], through_a)
    return [Dot(name, max(error, EXACT)) for name, error in zip(SERIES, errors, strict=True)]


def figure(results: dict[str, Any]) -> Figure:
    """A row for each pairing, in the order of the table."""
    rows = {f"{row['output']} + {row['loss']}": dots(row) for row in results["pairings"]}
    drawn = dots_figure({"": rows}, SERIES, "worst relative error of an entry of delta at the output", log=True)
    (axes,) = drawn.axes
    for dtype in ("float32", "float64"):
        eps = float(np.finfo(dtype).eps)
        axes.axvline(eps, color=SOFT, linewidth=0.8, linestyle="--", zorder=1)
        axes.annotate(
            f"eps of {dtype}", (eps, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=8.5
        )
    ticks = [10.0**power for power in range(-16, 1, 4)]
    names = [f"1e{power}" if power else "1" for power in range(-16, 1, 4)]
    axes.set_xticks([EXACT, *ticks, INFINITE], ["0", *names, "\nnot finite"], fontsize=9)
    axes.minorticks_off()
    axes.set_xlim(EXACT / 3, INFINITE * 3)
    return drawn


if __name__ == "__main__":
    found = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
    (FOLDER / "errors.svg").write_bytes(svg(figure(found)))
