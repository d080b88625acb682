"""Test accuracy beside Nielsen's: after the last epoch, and at the peak, which is what he quotes.

python experiments/nielsen/analyse.py multirun/DATE/TIME [multirun/DATE/TIME ...] [FIGURE.svg]
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from bpexp.figures.output import svg
from bpexp.figures.palette import BLUE, GRID, VERMILION
from bpexp.figures.sheet import Wish
from bpexp.records.journal import history
from bpexp.records.outcome import read_outcome
from bpexp.running.drawing import trained_experiment

CROSS_ENTROPY = "binary_cross_entropy"
TICKS = (70, 80, 90, 95, 96, 97, 98)
"""Accuracies in percent that the axis names."""

RING: dict[str, Any] = {
    "color": BLUE,
    "linestyle": "none",
    "marker": "o",
    "markersize": 7,
    "markerfacecolor": "none",
    "markeredgewidth": 1.5,
}
CROSS: dict[str, Any] = {"color": VERMILION, "linestyle": "none", "marker": "X", "markersize": 6, "zorder": 3}
"""The marks of our runs and of Nielsen's."""


def spread(values: list[float]) -> str:
    """Mean and range."""
    return f"{np.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def lost(folder: Path) -> list[int]:
    """The digits of which a trained network knows fewer than one test image in a hundred."""
    experiment = trained_experiment(folder, read_outcome(folder))
    network, test = experiment.trainer.network, experiment.data.test
    assert test is not None
    assert test.labels is not None
    labels, said = test.labels[test.rows], network.forward(test.batch()[0]).argmax(axis=0)
    return [digit for digit in range(10) if np.mean(said[labels == digit] == digit) < 0.01]


Key = tuple[str, str, str, str]
"""Loss, learning rate, hidden layers and initializer."""

MEASURED = ("first epoch", "last epoch", "peak")
PUBLISHED = {
    ("mse", "[30]"): 95.42,
    ("mse", "[100]"): 96.59,
    (CROSS_ENTROPY, "[30]"): 95.49,
    (CROSS_ENTROPY, "[100]"): 96.82,
}
"""Nielsen's peaks, each the best of three runs, with weights N(0, 1)."""


def read(sweeps: list[Path]) -> tuple[dict[Key, dict[str, list[float]]], list[str]]:
    """What was measured of the runs, by setting, in percent; and, in words, the runs that lost digits."""
    found: dict[Key, dict[str, list[float]]] = defaultdict(lambda: {name: [] for name in MEASURED})
    losers: list[str] = []
    for path in (path for sweep in sweeps for path in sweep.glob("*/result.json")):
        params = read_outcome(path.parent).params
        key = str(params["loss"]), str(params["lr"]), str(params["model.hidden"]), str(params["init"])
        values = [100 * value for _, value in history(path.parent / "metrics.jsonl")["accuracy/test"]]
        for name, value in zip(MEASURED, (values[1], values[-1], max(values)), strict=True):
            found[key][name].append(value)
        if digits := lost(path.parent):
            losers.append(f"seed {params['seed']}, {' '.join(key)}: {values[-1]:.2f} %, never says {digits}")
    return {key: found[key] for key in sorted(found, key=order)}, losers


def order(key: Key) -> tuple[bool, int, bool]:
    """The squared error first, then the smaller network, then weights N(0, 1)."""
    return key[0] != "mse", len(key[2]), key[3] != "normal"


def table(found: dict[Key, dict[str, list[float]]]) -> None:
    """Print a row for each loss, width and initialization."""
    print("| loss | eta | hidden | init | runs | first epoch | last epoch | peak |\n|---|---|---|---|---|---|---|---|")
    for key, values in found.items():
        cells = " | ".join(spread(values[name]) for name in MEASURED)
        print(f"| {' | '.join(key)} | {len(values['peak'])} | {cells} |")


def figure(found: dict[Key, dict[str, list[float]]]) -> Figure:
    """The peak of every run, a row for each setting, beside Nielsen's; its axis is logarithmic in the errors."""
    drawn = Wish(dpi=100).sheet((7.0, 0.34 * len(found) + 1.3)).blank()
    axes = drawn.subplots()
    for row, (key, values) in enumerate(found.items()):
        errors = [100 - peak for peak in values["peak"]]
        axes.plot(errors, [row] * len(errors), label="a run of ours, peak" if row == 0 else None, **RING)
        if key[3] == "normal" and (theirs := PUBLISHED.get((key[0], key[2]))):
            axes.plot(100 - theirs, row, label="Nielsen, best of three runs" if row == 0 else None, **CROSS)
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.set_xticks([100 - tick for tick in TICKS], [str(tick) for tick in TICKS])
    axes.minorticks_off()
    axes.set_yticks(range(len(found)), [name(key) for key in found])
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.set_xlabel("peak of the test accuracy over the epochs, %", fontsize=9)
    axes.tick_params(labelsize=9)
    axes.grid(color=GRID, linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    drawn.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return drawn


def name(key: Key) -> str:
    """A setting in words."""
    cost = "squared error" if key[0] == "mse" else "cross-entropy"
    return f"{cost}, {key[2].strip('[]')} hidden, weights {'N(0, 1)' if key[3] == 'normal' else 'N(0, 1/n_in)'}"


if __name__ == "__main__":
    paths = [Path(argument) for argument in sys.argv[1:]]
    measured, losers = read([path for path in paths if path.suffix != ".svg"])
    table(measured)
    print("\nruns that lost digits: " + ("; ".join(losers) or "none"))
    for path in (path for path in paths if path.suffix == ".svg"):
        path.write_bytes(svg(figure(measured)))
