"""Gradient descent beside least squares: coefficients, and the rate past which it diverges.

python experiments/paper_003_polynomial/analyse.py multirun/DATE/TIME [FIGURE.png]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from bpexp.records.journal import history
from bpexp.records.network_file import load_network
from bpexp.records.outcome import read_outcome
from bpexp.running.build import Experiment
from bpexp.running.drawing import experiment_of

SEEN = 300
"""Steps in which a cost that grows or falls without end shows its ratio, before rounding or overflow."""


def samples(experiment: Experiment) -> tuple[Any, Any]:
    """x (N,) and y (N,) of the training part."""
    x, y = experiment.data.train.batch()
    return x[0], y[0]


def eigenvalues(x: Any, degree: int, *, mean: bool) -> Any:
    """Of the Hessian of C = sum (p(x_i) - y_i)^2, which is 2 V^T V with V_ij = x_i^j; divided by N for a mean."""
    V = np.polynomial.polynomial.polyvander(x, degree)
    return np.linalg.eigvalsh(2 * V.T @ V / (len(x) if mean else 1))


def trained(folder: Path) -> Any:
    """k_0, ..., k_d of a run: theta is W = (k_1, ..., k_d) and then b = k_0."""
    return np.roll(load_network(folder).weights["last"], 1)


def growth(losses: list[tuple[int, float]], least: float) -> float:
    """The factor by which the distance to the minimum changes a step, from the excess cost, which is its square."""
    values = np.array([loss for _, loss in losses[: SEEN + 1]]) - least
    k = int(np.argmax(values < 1e-10)) or len(values) - 1  # beyond it is rounding
    return float((values[k] / values[k // 2]) ** (0.5 / (k - k // 2)))


def table(sweep: Path) -> None:
    """Print the threshold, then a row a rate: how it ended, and how far from least squares."""
    folders = sorted((path.parent for path in sweep.glob("*/result.json")), key=lambda path: int(path.name))
    first = experiment_of(folders[0])
    x, y = samples(first)
    degree = first.data.n_inputs
    lam = eigenvalues(x, degree, mean=first.config.loss["batch"] == "mean")
    best = np.polynomial.polynomial.polyfit(x, y, degree)
    least = float(np.mean((np.polynomial.polynomial.polyval(x, best) - y) ** 2))
    print(f"N = {len(x)}, eigenvalues {lam}, threshold 2 / max = {2 / lam[-1]:.6f}, least squares {best}\n")
    print("| lr | of the threshold | predicted factor | measured | status | final loss | max difference |")
    print("|---|---|---|---|---|---|---|")
    for folder in folders:
        outcome = read_outcome(folder)
        rate = float(outcome.params["lr"])
        loss = history(folder / "metrics.jsonl")["loss/batch"]
        factor = np.abs(1 - rate * lam).max()
        gap = np.abs(trained(folder) - best).max()
        print(
            f"| {rate} | {rate * lam[-1] / 2:.3f} | {factor:.4f} | {growth(loss, least):.4f} | {outcome.status} | "
            f"{loss[-1][1]:.4g} | {gap:.1e} |"
        )


def figure(sweep: Path, path: Path) -> None:
    """Draw the cost above its least value against the step, a line a rate."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    folders = sorted((path.parent for path in sweep.glob("*/result.json")), key=lambda path: int(path.name))
    first = experiment_of(folders[0])
    x, y = samples(first)
    lam = eigenvalues(x, first.data.n_inputs, mean=first.config.loss["batch"] == "mean")
    best = np.polynomial.polynomial.polyfit(x, y, first.data.n_inputs)
    least = float(np.mean((np.polynomial.polynomial.polyval(x, best) - y) ** 2))
    drawing = Figure(figsize=(6.2, 3.8), dpi=120, layout="constrained")
    canvas = FigureCanvasAgg(drawing)
    axes = drawing.subplots()
    styles = [("#000000", ":"), ("#0072B2", "-"), ("#009E73", "--"), ("#E69F00", "-."), ("#D55E00", "-")]
    for folder, (colour, line) in zip(folders, styles, strict=False):
        steps, values = np.array(history(folder / "metrics.jsonl")["loss/batch"]).T
        rate = float(read_outcome(folder).params["lr"]) * lam[-1] / 2
        excess = np.where(values - least > 1e-15, values - least, np.nan)
        axes.semilogy(steps[:1001], excess[:1001], color=colour, linestyle=line, label=f"{rate:.2f} of the threshold")
    axes.set_xlabel("step")
    axes.set_ylabel("mean squared error above least squares")
    axes.set_ylim(1e-15, 1e15)
    axes.grid(True, color="#E6E6E6", linewidth=0.7)
    axes.legend(frameon=False)
    canvas.print_png(str(path))


if __name__ == "__main__":
    table(Path(sys.argv[1]))
    if len(sys.argv) > 2:
        figure(Path(sys.argv[1]), Path(sys.argv[2]))
