"""Fits, table and figure of the cost of a gradient.

python -m experiments.gradient_methods.report     write the tables of results.json into the README, draw cost.png
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

STYLES: dict[str, dict[str, str]] = {
    "path_sum": {"color": "#D55E00", "linestyle": "-", "marker": "o"},
    "complex_step": {"color": "#56B4E9", "linestyle": ":", "marker": "v"},
    "central_difference": {"color": "#009E73", "linestyle": "--", "marker": "s"},
    "jacobian": {"color": "#CC79A7", "linestyle": "-.", "marker": "^"},
    "backprop": {"color": "#000000", "linestyle": "-", "marker": "D"},
}
"""Colours of Okabe and Ito's palette; line style and marker tell the methods apart in grey."""

Results = dict[str, Any]

BEGIN, END = "<!-- tables: python -m experiments.gradient_methods.report -->", "<!-- end of tables -->"


def series(results: Results, along: str, method: str, what: str, B: str = "1") -> tuple[list[float], list[float]]:
    """Depths or widths, and the seconds or multiplications of a method at each."""
    at, values = [], []
    for case in results["cases"]:
        if case["along"] == along and method in case["seconds"]:
            at.append(float(case["at"]))
            values.append(float(case[what][method][B] if what == "seconds" else case[what][method]))
    return at, values


def slope(at: list[float], values: list[float], *, points: int = 4, log: bool) -> float:
    """The least-squares slope of log values over the last points, against log `at` or `at` itself."""
    x = np.log(at) if log else np.asarray(at)
    return float(np.polyfit(x[-points:], np.log(values)[-points:], 1)[0])


def fits(results: Results) -> dict[str, dict[str, float]]:
    """For counts and times: the factor of one more layer (path_sum) or the power of depth, and the power of width."""
    found = {}
    for method in STYLES:
        row = {}
        for what in ("multiplications", "seconds"):
            depth, width = (series(results, along, method, what) for along in ("depth", "width"))
            if method == "path_sum":
                row[f"{what}_factor_a_layer"] = float(np.exp(slope(*depth, log=False)))
            else:
                row[f"{what}_power_of_depth"] = slope(*depth, log=True)
            row[f"{what}_power_of_width"] = slope(*width, points=3, log=True)
        found[method] = row
    return found


def spell(seconds: float) -> str:
    """A time with its unit, with three significant digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def name(results: Results, case: dict[str, Any]) -> str:
    """The depth and width of a network in words."""
    depth, width = (case["at"], results["width"]) if case["along"] == "depth" else (results["depth"], case["at"])
    return f"{depth} deep, {width} wide"


def count(number: float) -> str:
    """A count, in full below a million."""
    return f"{number:,}".replace(",", " ") if number < 1e6 else f"{number:.2g}"


def tables(results: Results) -> str:
    """Counts of one sample, times of 1 and of 32 samples, and the fits."""
    head = ["network", "paths", *STYLES]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for case in results["cases"]:
        cells = [count(number) for number in (case["paths"], *(case["multiplications"][method] for method in STYLES))]
        lines.append(f"| {name(results, case)} | " + " | ".join(cells) + " |")
    lines += ["", "| network | " + " | ".join(STYLES) + " |", "|---" * (1 + len(STYLES)) + "|"]
    for case in results["cases"]:
        pairs = [case["seconds"].get(method) for method in STYLES]
        cells = [f"{spell(pair['1'])}, {spell(pair['32'])}" if pair else "-" for pair in pairs]
        lines.append(f"| {name(results, case)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n\n" + fit_table(results)


def fit_table(results: Results) -> str:
    """The fits, multiplications beside time."""
    lines = ["| method | multiplications: depth | width | time: depth | width |", "|---|---|---|---|---|"]
    for method, row in results["fits"].items():
        cells = []
        for what in ("multiplications", "seconds"):
            factor = row.get(f"{what}_factor_a_layer")
            depth = f"x {factor:.2f} a layer" if factor else f"L^{row[f'{what}_power_of_depth']:.2f}"
            cells += [depth, f"n^{row[f'{what}_power_of_width']:.2f}"]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def figure(results: Results, path: Path) -> None:
    """Draw multiplications and time of one sample against depth and against width."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(9.4, 6.8), dpi=120, layout="constrained")
    canvas = FigureCanvasAgg(drawing)
    grid = drawing.subplots(2, 2)
    labels = {"multiplications": "multiplications a gradient", "seconds": "processor time a gradient, s"}
    for row, what in zip(grid, labels, strict=True):
        for axes, along in zip(row, ("depth", "width"), strict=True):
            for method, style in STYLES.items():
                axes.plot(*series(results, along, method, what), label=method, markersize=4.5, linewidth=1.4, **style)
            axes.set_yscale("log")
            axes.set_xscale("log", base=2)
            ticks = [case["at"] for case in results["cases"] if case["along"] == along]
            axes.set_xticks(ticks if along == "width" else [t for t in ticks if t not in (5, 7)])
            axes.xaxis.set_major_formatter("{x:.0f}")
            axes.minorticks_off()
            fixed = f"{results['width']} units wide" if along == "depth" else f"{results['depth']} layers deep"
            axes.set_xlabel(f"{along}, {'layers' if along == 'depth' else 'units'} ({fixed})")
            axes.set_ylabel(labels[what])
            axes.grid(True, color="#E6E6E6", linewidth=0.7)
    grid[0][0].legend(frameon=False, fontsize=9)
    canvas.print_png(str(path))  # type: ignore[no-untyped-call]


def inside(text: str) -> str:
    """The tables in the text of a README."""
    return text.split(BEGIN)[1].split(END)[0].strip()


if __name__ == "__main__":
    folder = Path(__file__).parent
    found = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    figure(found, folder / "cost.png")
    readme = folder / "README.md"
    content = readme.read_text(encoding="utf-8")
    before, after = content.split(BEGIN)[0], content.split(END)[1]
    readme.write_text(f"{before}{BEGIN}\n{tables(found)}\n{END}{after}", encoding="utf-8")
