"""Accuracy of 784-10-10 after 1 000 full-batch steps, by initialization.

python experiments/paper_003_mnist_10/analyse.py multirun/DATE/TIME [FIGURE.png]
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from bpexp.records.journal import history
from bpexp.records.outcome import Outcome, read_outcome

Runs = dict[str, list[tuple[Path, Outcome]]]


def label(outcome: Outcome) -> str:
    """The initialization with its parameters."""
    params = outcome.params
    text = {"uniform": "U({init.low}, {init.high})", "normal": "N(0, {init.std}^2)"}.get(params["init"], "{init}")
    for key, value in params.items():
        text = text.replace(f"{{{key}}}", str(value))
    return text + (", biases too" if params["init.biases"] == "drawn" else "")


def by_init(sweep: Path) -> Runs:
    """The runs of each initialization, in the order in which they were declared."""
    found: Runs = defaultdict(list)
    for path in sorted(sweep.glob("*/result.json"), key=lambda path: int(path.parent.name)):
        outcome = read_outcome(path.parent)
        found[label(outcome)].append((path.parent, outcome))
    return found


def table(runs: Runs) -> None:
    """Print a row an initialization."""
    print(
        "| init | runs | test accuracy, % | lowest | highest | training loss: first | step 50 | last | seconds a run |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, group in runs.items():
        accuracy = [100 * outcome.metrics["final/accuracy_test"] for _, outcome in group]
        curves = [[value for _, value in history(folder / "metrics.jsonl")["loss/train"]] for folder, _ in group]
        losses = " | ".join(f"{np.mean([curve[place] for curve in curves]):.2f}" for place in (0, 1, -1))
        seconds = np.mean([outcome.seconds for _, outcome in group])
        print(
            f"| {name} | {len(group)} | {np.mean(accuracy):.2f} | {min(accuracy):.2f} | {max(accuracy):.2f} | "
            f"{losses} | {seconds:.0f} |"
        )


def figure(runs: Runs, path: Path) -> None:
    """Draw test accuracy against the step: the mean over seeds, and the range behind it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(6.2, 3.8), dpi=120, layout="constrained")
    canvas = FigureCanvasAgg(drawing)
    axes = drawing.subplots()
    styles = [("#0072B2", "-"), ("#000000", "--"), ("#009E73", "-."), ("#E69F00", ":"), ("#D55E00", "-")]
    for (name, group), (colour, line) in zip(runs.items(), styles, strict=False):
        curves = np.array([history(folder / "metrics.jsonl")["accuracy/test"] for folder, _ in group])
        steps, values = curves[0, :, 0], 100 * curves[:, :, 1]
        axes.fill_between(steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        axes.plot(steps, values.mean(axis=0), color=colour, linestyle=line, label=name)
    axes.axhline(90, color="#707070", linewidth=0.8)
    axes.set_xlabel("step (full batch, lr 0.1)")
    axes.set_ylabel("test accuracy, %")
    axes.set_ylim(0, 100)
    axes.grid(True, color="#E6E6E6", linewidth=0.7)
    axes.legend(frameon=False, loc="lower right")
    canvas.print_png(str(path))


if __name__ == "__main__":
    found = by_init(Path(sys.argv[1]))
    table(found)
    if len(sys.argv) > 2:
        figure(found, Path(sys.argv[2]))
