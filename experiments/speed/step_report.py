"""Of the steps: from raw seconds to ratios, tables, verdicts on the targets and a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from experiments.speed.work import KINDS

TARGETS = (
    ("small_32", "bpexp", "PyTorch", 0.25),
    ("small_32", "bpexp", "products", 1.8),
    ("small_128", "bpexp", "JAX", 1.3),
    ("large_128", "bpexp", "JAX", 1.1),
    ("adam_128", "bpexp", "JAX", 1.15),
    ("full", "bpexp", "JAX", 0.9),
    ("small_1", "bpexp, numba", "JAX", 0.8),
    ("small_32", "bpexp, numba", "JAX", 0.9),
    ("small_128", "bpexp, numba", "JAX", 1.0),
    ("xor_4", "bpexp, numba", "JAX", 0.5),
)
"""Case, whose time, divided by whose, is at most this."""

COLOURS = {
    "products": "#999999",
    "bpexp": "#0072B2",
    "bpexp at once": "#56B4E9",
    "bpexp, numba": "#004B75",
    "PyTorch": "#D55E00",
    "torch.compile": "#f0a673",
    "JAX": "#E69F00",
    "JAX, a call a step": "#f4cf7c",
    "scikit-learn": "#009E73",
    "scikit-learn, no gather": "#8fd6bf",
}
OTHER = "#CC79A7"
"""Okabe and Ito's, which colour-blind readers can tell apart; every bar carries its name and number besides."""


def ratio(case: dict[str, Any], name: str, base: str) -> tuple[float, float, float]:
    """Median and quartiles over the rounds of the seconds of `name` divided by those of `base`."""
    times = case["seconds_a_step"]
    quotients = np.asarray(times[name]) / np.asarray(times[base])
    low, middle, high = np.percentile(quotients, [25, 50, 75])
    return float(middle), float(low), float(high)


def net(case: dict[str, Any]) -> str:
    """Widths, functions, and the optimizer where it is not plain gradient descent."""
    adam = ", Adam" if case.get("optimizer") == "adam" else ""
    return f"{'-'.join(map(str, case['sizes']))}, {KINDS[case['kind']].words}{adam}"


def title(case: dict[str, Any]) -> str:
    return f"{net(case)}, B = {case['B']:,}"


def rough(number: float) -> str:
    """Two digits, which is all that a single machine's microseconds are good for."""
    return f"{float(f'{number:.2g}'):,g}"


def table(results: dict[str, Any]) -> str:
    """Markdown: everyone against the products and against bpexp, the fastest first."""
    lines = [
        "| net and batch | who | time / products | quartiles | time / bpexp | quartiles | us a step, that run |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in results["cases"]:
        for name in _fastest_first(case):
            p, b = ratio(case, name, "products"), ratio(case, name, "bpexp")
            lines.append(
                f"| {title(case)} | {name} | {p[0]:.2f} | {p[1]:.2f} to {p[2]:.2f} "
                f"| {b[0]:.2f} | {b[1]:.2f} to {b[2]:.2f} | {_microseconds(case, name)} |"
            )
    return "\n".join(lines) + "\n"


def overview(results: dict[str, Any]) -> str:
    """Markdown: a row a net, the time of everyone divided by bpexp's; then who is left out, and the targets."""
    cases = results["cases"]
    names = list(dict.fromkeys(name for case in cases for name in case["seconds_a_step"] if name != "bpexp"))
    lines = [
        f"| net | B | {' | '.join(names)} | us of bpexp, that run |",
        "|---" * (len(names) + 3) + "|",
    ]
    for case in cases:
        found = [f"{ratio(case, name, 'bpexp')[0]:.2f}" if name in case["seconds_a_step"] else "" for name in names]
        lines.append(f"| {net(case)} | {case['B']:,} | {' | '.join(found)} | {_microseconds(case, 'bpexp')} |")
    return "\n".join([*lines, "", *verdicts(results)]) + "\n"


def _microseconds(case: dict[str, Any], name: str) -> str:
    return rough(float(np.median(case["seconds_a_step"][name])) * 1e6)


def _fastest_first(case: dict[str, Any]) -> list[str]:
    return sorted(case["seconds_a_step"], key=lambda name: ratio(case, name, "products")[0])


def verdicts(results: dict[str, Any]) -> list[str]:
    """The targets, met or not."""
    cases = {case["name"]: case for case in results["cases"]}
    lines = ["| target | measured | |", "|---|---|---|"]
    for case_name, name, base, bound in TARGETS:
        case = cases.get(case_name)
        if case is None or not {name, base} <= set(case["seconds_a_step"]):
            continue
        measured = ratio(case, name, base)[0]
        met = "met" if measured <= bound else "NOT met"
        lines.append(f"| {title(case)}: {name} / {base} at most {bound} | {measured:.3f} | {met} |")
    return lines


def figure(results: dict[str, Any], path: Path) -> None:
    """Horizontal bars, a panel a case: the time of a step in units of its bare matrix products."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    cases = results["cases"]
    heights = [len(case["seconds_a_step"]) + 1.6 for case in cases]
    half = -(-len(cases) // 2) if len(cases) > 1 else 1
    columns = [cases[:half], cases[half:]] if len(cases) > 1 else [cases]
    most = max(sum(heights[:half]), sum(heights[half:]))
    fig = Figure(figsize=(5.4 * len(columns), 0.24 * most + 0.5), layout="constrained")
    FigureCanvasAgg(fig)
    grids = np.atleast_1d(fig.subfigures(1, len(columns)))
    for grid, some, high in zip(grids, columns, (heights[:half], heights[half:]), strict=False):
        axes = grid.subplots(len(some), 1, height_ratios=high, squeeze=False)[:, 0]
        for ax, case in zip(axes, some, strict=True):
            _panel(ax, case)
    fig.supxlabel(
        "time of a step / time of its matrix products alone; shorter is faster (whiskers: quartiles)", fontsize=10
    )
    save(fig, path)


def save(fig: Any, path: Path) -> None:
    """As PNG of 128 colours, a third of the size."""
    from PIL import Image

    fig.set_dpi(100)
    fig.canvas.draw()
    Image.fromarray(np.asarray(fig.canvas.buffer_rgba())).convert("RGB").quantize(128).save(path, optimize=True)


def _panel(ax: Any, case: dict[str, Any]) -> None:
    names = _fastest_first(case)
    for y, name in enumerate(names):
        middle, low, high = ratio(case, name, "products")
        bold = name == "bpexp"
        error = [[middle - low], [high - middle]]
        ax.barh(
            y, middle, color=COLOURS.get(name, OTHER), edgecolor="black", linewidth=1.2 if bold else 0.4, height=0.72
        )
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
    ax.set_title(title(case), loc="left", x=-0.36, fontsize=9)
    ax.spines[["top", "right"]].set_visible(False)
