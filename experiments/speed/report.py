"""From raw seconds to ratios, a table, a verdict on the targets and a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

TARGETS = (
    ("small_32", "PyTorch", "bpexp", 3.8, "at least"),
    ("small_32", "scikit-learn", "bpexp", 3.0, "at least"),
    ("small_32", "scikit-learn, no gather", "bpexp", 3.0, "at least"),
    ("small_32", "JAX", "bpexp", 1.0, "at least"),
    ("small_32", "bpexp", "products", 2.5, "at most"),
    ("small_128", "PyTorch", "bpexp", 2.3, "at least"),
    ("small_128", "bpexp", "products", 2.0, "at most"),
)
"""Case, whose time, divided by whose, and the bound on the ratio."""

COLOURS = {
    "products": "#999999",
    "bpexp": "#0072B2",
    "bpexp at once": "#56B4E9",
    "bpexp, numba": "#CC79A7",
    "PyTorch": "#D55E00",
    "JAX": "#E69F00",
    "scikit-learn": "#009E73",
    "scikit-learn, no gather": "#8fd6bf",
}
"""Okabe and Ito's, which colour-blind readers can tell apart; every bar carries its name and number besides."""


def ratio(case: dict[str, Any], name: str, base: str) -> tuple[float, float, float]:
    """Median and quartiles over the rounds of the seconds of `name` divided by those of `base`."""
    times = case["seconds_a_step"]
    quotients = np.asarray(times[name]) / np.asarray(times[base])
    low, middle, high = np.percentile(quotients, [25, 50, 75])
    return float(middle), float(low), float(high)


def title(case: dict[str, Any]) -> str:
    net = "-".join(map(str, case["sizes"]))
    kind = "sigmoid + MSE" if case["kind"] == "sigmoid_mse" else "ReLU + softmax + cross-entropy"
    return f"{net}, {kind}, B = {case['B']}"


def rough(number: float) -> str:
    """Two digits, which is all that a single machine's microseconds are good for."""
    return f"{float(f'{number:.2g}'):g}"


def table(results: dict[str, Any]) -> str:
    """Markdown: everyone against the products and against bpexp, then the targets."""
    lines = [
        "| net and batch | who | time / products | quartiles | time / bpexp | quartiles | us a step, that run |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in results["cases"]:
        for name, seconds in case["seconds_a_step"].items():
            p, b = ratio(case, name, "products"), ratio(case, name, "bpexp")
            lines.append(
                f"| {title(case)} | {name} | {p[0]:.2f} | {p[1]:.2f} to {p[2]:.2f} "
                f"| {b[0]:.2f} | {b[1]:.2f} to {b[2]:.2f} | {rough(float(np.median(seconds)) * 1e6)} |"
            )
    return "\n".join([*lines, "", *verdicts(results)]) + "\n"


def verdicts(results: dict[str, Any]) -> list[str]:
    """The targets, met or not."""
    cases = {case["name"]: case for case in results["cases"]}
    lines = ["| target | measured | |", "|---|---|---|"]
    for case_name, name, base, bound, sense in TARGETS:
        case = cases.get(case_name)
        if case is None or name not in case["seconds_a_step"]:
            continue
        measured = ratio(case, name, base)[0]
        met = measured >= bound if sense == "at least" else measured <= bound
        lines.append(
            f"| {title(case)}: {name} / {base} {sense} {bound} | {measured:.2f} | {'met' if met else 'NOT met'} |"
        )
    return lines


def figure(results: dict[str, Any], path: Path) -> None:
    """Horizontal bars, a panel a case: the time of a step in units of its bare matrix products."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    cases = results["cases"]
    heights = [len(case["seconds_a_step"]) + 1.2 for case in cases]
    fig = Figure(figsize=(7.5, 0.3 * sum(heights) + 0.5), layout="constrained")
    FigureCanvasAgg(fig)
    axes = fig.subplots(len(cases), 1, height_ratios=heights, squeeze=False)[:, 0]
    for ax, case in zip(axes, cases, strict=True):
        _panel(ax, case)
    fig.supxlabel("time of a step / time of its matrix products alone (whiskers: quartiles)", fontsize=10)
    fig.savefig(path, dpi=150)


def _panel(ax: Any, case: dict[str, Any]) -> None:
    names = sorted(case["seconds_a_step"], key=lambda name: ratio(case, name, "products")[0])
    for y, name in enumerate(names):
        middle, low, high = ratio(case, name, "products")
        bold = name == "bpexp"
        error = [[middle - low], [high - middle]]
        ax.barh(y, middle, color=COLOURS[name], edgecolor="black", linewidth=1.2 if bold else 0.4, height=0.72)
        ax.errorbar(middle, y, xerr=error, color="black", capsize=2, linewidth=0.8)
        ax.annotate(
            f"{middle:.2f}",
            (high, y),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            fontweight="bold" if bold else "normal",
        )
    ax.set_yticks(range(len(names)), names, fontsize=9)
    for label, name in zip(ax.get_yticklabels(), names, strict=True):
        label.set_fontweight("bold" if name == "bpexp" else "normal")
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set_xlim(left=0)
    ax.set_title(title(case), loc="left", fontsize=10)
    ax.spines[["top", "right"]].set_visible(False)
