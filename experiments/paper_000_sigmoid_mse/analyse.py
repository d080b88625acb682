"""The recursion of Jacobians beside the delta recursion: accuracy, and how far the final weights are apart.

python experiments/paper_000_sigmoid_mse/analyse.py multirun/DATE/TIME [FIGURE.svg]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from bpexp.figures.output import svg
from bpexp.figures.palette import BLACK, BLUE, GRID, VERMILION
from bpexp.figures.sheet import Wish
from bpexp.records.journal import history
from bpexp.records.network_file import load_network
from bpexp.records.outcome import Outcome, read_outcome

METHODS = ("backprop", "jacobian")
STYLES = {"float32": {"color": VERMILION, "linestyle": "--"}, "float64": {"color": BLUE, "linestyle": "-"}}
BINS = 100
"""Stretches of the training of which the figure shows one value each."""

Runs = dict[tuple[str, str, int], tuple[Path, Outcome]]


def outcomes(sweep: Path) -> Runs:
    """The runs by dtype, method and seed."""
    found = {}
    for path in sweep.glob("*/result.json"):
        outcome = read_outcome(path.parent)
        params = outcome.params
        found[params["dtype"], params["gradient"], int(params["seed"])] = path.parent, outcome
    return dict(sorted(found.items()))


def spread(values: list[float], digits: int = 2) -> str:
    """Mean and range."""
    return f"{np.mean(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def losses(runs: Runs, dtype: str, method: str) -> Any:
    """The loss of every batch, (seeds, steps)."""
    folders = [folder for (d, m, _), (folder, _) in runs.items() if (d, m) == (dtype, method)]
    return np.array([history(folder / "metrics.jsonl")["loss/batch"] for folder in folders])[:, :, 1]


def figure(runs: Runs) -> Figure:
    """The loss of a batch over the steps, and by how much the two recursions differ in it."""
    drawn = Wish(dpi=100).sheet((7.0, 3.8)).blank()
    axes = drawn.subplots()
    for number, dtype in enumerate(sorted({dtype for dtype, _, _ in runs})):
        both = [losses(runs, dtype, method) for method in METHODS]
        stretches = np.array_split(np.arange(steps := both[0].shape[1]), min(BINS, steps))
        at = [stretch.mean() for stretch in stretches]
        if number == 0:
            axes.plot(
                at, [both[0][:, s].mean() for s in stretches], color=BLACK, linewidth=1.8, label="the loss itself"
            )
        apart = [np.abs(both[0] - both[1])[:, s].max() for s in stretches]
        axes.plot(at, apart, linewidth=1.4, label=f"difference between the recursions, {dtype}", **STYLES[dtype])
    axes.set_yscale("log")
    axes.set_xlabel(f"step (means, and largest differences, over all seeds and {len(stretches[0])} steps)", fontsize=9)
    axes.set_ylabel("loss of a batch", fontsize=9)
    axes.tick_params(labelsize=9)
    axes.grid(color=GRID, linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    drawn.legend(loc="outside lower center", ncols=1, frameon=False, fontsize=9)
    return drawn


def main(runs: Runs) -> None:
    """Print a row a dtype and seed, then accuracy and time of each method."""
    print("| dtype | seed | largest weight | max difference of theta | test accuracy of both, % |")
    print("|---|---|---|---|---|")
    for dtype, seed in sorted({(dtype, seed) for dtype, _, seed in runs}):
        pair = [runs[dtype, method, seed] for method in METHODS]
        a, b = (load_network(folder).weights["last"].astype(np.float64) for folder, _ in pair)
        accuracy = " / ".join(f"{100 * outcome.metrics['final/accuracy_test']:.2f}" for _, outcome in pair)
        print(f"| {dtype} | {seed} | {np.abs(a).max():.2f} | {np.abs(a - b).max():.1e} | {accuracy} |")
    print("\n| dtype | gradient | test accuracy, % | seconds |\n|---|---|---|---|")
    for dtype, method in sorted({(dtype, method) for dtype, method, _ in runs}):
        same = [outcome for (d, m, _), (_, outcome) in runs.items() if (d, m) == (dtype, method)]
        accuracy = spread([100 * outcome.metrics["final/accuracy_test"] for outcome in same])
        print(f"| {dtype} | {method} | {accuracy} | {spread([o.seconds for o in same], 1)} |")


if __name__ == "__main__":
    found = outcomes(Path(sys.argv[1]))
    main(found)
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_bytes(svg(figure(found)))
