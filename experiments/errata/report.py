"""The tables and the figure of training with wrong formulas.

python -m experiments.errata.report     write the tables of results_*.json into the README, draw accuracy.png
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from bpexp.papers.errata import FORMULAS, READINGS
from bpexp.papers.literal_pass import Lines
from experiments.errata.measure import TRAINED

FOLDER = Path(__file__).parent
BEGIN, END = "<!-- runs: python -m experiments.errata.report -->", "<!-- end of runs -->"
NAMES = {"he_normal": "He, biases 0", "uniform": "U(-0.5, 0.5), biases too"}
DRAWN = {
    "002-final": ("correct", "#000000", "-"),
    "003-db2-from-Delta1": ("dC/db2 from Delta1 (003)", "#56B4E9", "--"),
    "003-slope-index": ("mu'(z^l) for mu'(z^(l-1)) (003)", "#D55E00", "-."),
    "002-expanded": ("expanded delta (002)", "#009E73", ":"),
    "003-bias-in-sum": ("bias inside the sum (003)", "#CC79A7", (0, (5, 1, 1, 1, 1, 1))),
}
"""The printed formulas drawn: label, colour (Okabe and Ito's palette), line style, which tells them apart in grey."""

Groups = dict[tuple[str, str], list[dict[str, Any]]]


def load(folder: Path = FOLDER) -> tuple[Groups, dict[str, Any]]:
    """The runs by formula and initializer, and the settings that all of them share."""
    groups: Groups = defaultdict(list)
    common: dict[str, Any] = {}
    for path in sorted(folder.glob("results_*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        for run in content.pop("runs"):
            if run not in groups[run["formula"], run["init"]]:  # the correct formula is in every file
                groups[run["formula"], run["init"]].append(run)
        common = content
    return groups, common


def cell(runs: list[dict[str, Any]], right: list[dict[str, Any]], place: int) -> str:
    """Cosine at the initial weights, mean and range of the accuracy at a later step, and the mean paired difference."""
    cosine = [run["cosine"] for run in runs]
    accuracy, pair = (100 * np.array([run["accuracy"][place] for run in group]) for group in (runs, right))
    span = f"{min(cosine):.3f} to {max(cosine):.3f}" if max(cosine) - min(cosine) >= 5e-4 else f"{max(cosine):.3f}"
    low, mean, high = accuracy.min(), accuracy.mean(), accuracy.max()
    return f"{span} | {mean:.1f} ({low:.1f} to {high:.1f}) | {(accuracy - pair).mean():+.1f}"


def table(groups: Groups, common: dict[str, Any], step: int) -> str:
    """One row for each formula trained up to `step`, three columns for each initializer.

    Formulas that change the forward pass have a second row, in which their networks are evaluated with z = W a + b.
    """
    place = step // common["every"]
    columns = f"cosine | accuracy after {step}, % | against correct"
    lines = ["| formula | " + " | ".join(f"{name}: {columns}" for name in NAMES.values()) + " |", "|---" * 7 + "|"]
    for formula in TRAINED:
        if any(
            len(run["accuracy"]) <= place for init in NAMES for run in groups.get((formula, init), [{"accuracy": []}])
        ):
            continue
        shown = {formula + (", a reading" if formula in READINGS else ""): groups}
        if FORMULAS[formula].code.z != Lines().z:  # type: ignore[union-attr]
            shown[f"{formula}, evaluated with z = W a + b"] = with_right_forward(groups)
        for name, of in shown.items():
            cells = [cell(of[formula, init], groups["002-final", init], place) for init in NAMES]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def with_right_forward(groups: Groups) -> Groups:
    """The same runs, their networks evaluated by the correct forward pass."""
    return {
        key: [{**run, "accuracy": run.get("with_right_forward", run["accuracy"])} for run in runs]
        for key, runs in groups.items()
    }


def tables(groups: Groups, common: dict[str, Any]) -> str:
    """One table for each step at which the training of a formula ended, with all formulas that got there."""
    ends = {common["every"] * (len(run["accuracy"]) - 1) for runs in groups.values() for run in runs}
    return "\n\n".join(table(groups, common, step) for step in sorted(ends))


def figure(groups: Groups, common: dict[str, Any], path: Path) -> None:
    """Draw test accuracy against the step: mean and range over the seeds, one panel for each initializer."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(9.6, 4.4), dpi=120, layout="constrained")
    canvas = FigureCanvasAgg(drawing)
    for axes, (init, name) in zip(drawing.subplots(1, 2, sharey=True), NAMES.items(), strict=True):
        for formula, (label, colour, line) in DRAWN.items():
            if not groups.get((formula, init)):
                continue
            curves = 100 * np.array([run["accuracy"] for run in groups[formula, init]])
            steps = common["every"] * np.arange(curves.shape[1])
            axes.fill_between(steps, curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.15, linewidth=0)
            axes.plot(steps, curves.mean(axis=0), color=colour, linestyle=line, linewidth=1.6, label=label)
        axes.set_title(name, fontsize=10)
        axes.set_xlabel(f"step (full batch, lr {common['lr']})")
        axes.set_ylim(0, 100)
        axes.grid(True, color="#E6E6E6", linewidth=0.7)
    drawing.axes[0].set_ylabel("test accuracy, %")
    drawing.legend(*drawing.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    canvas.print_png(str(path))  # type: ignore[no-untyped-call]


def inside(text: str) -> str:
    """The tables in the text of a README."""
    return text.split(BEGIN)[1].split(END)[0].strip()


if __name__ == "__main__":
    found, shared = load()
    figure(found, shared, FOLDER / "accuracy.png")
    readme = FOLDER / "README.md"
    content = readme.read_text(encoding="utf-8")
    before, after = content.split(BEGIN)[0], content.split(END)[1]
    readme.write_text(f"{before}{BEGIN}\n{tables(found, shared)}\n{END}{after}", encoding="utf-8")
