"""Test accuracy beside Nielsen's: after the last epoch, and at the peak, which is what he quotes.

python experiments/nielsen/analyse.py multirun/DATE/TIME [multirun/DATE/TIME ...]
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from omegaconf import DictConfig, OmegaConf

from bpexp.config.composition import typed
from bpexp.records.journal import history
from bpexp.records.outcome import read_outcome
from bpexp.running.build import build


def spread(values: list[float]) -> str:
    """Mean and range."""
    return f"{np.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def lost(folder: Path) -> list[int]:
    """The digits of which a trained network knows fewer than one test image in a hundred."""
    config = OmegaConf.load(folder / "config.yaml")
    assert isinstance(config, DictConfig)
    experiment = build(typed(config))
    network, test = experiment.trainer.network, experiment.data.test
    assert test is not None
    assert test.labels is not None
    network.theta[...] = np.load(folder / "network.npz")["theta"]
    labels, said = test.labels[test.rows], network.forward(test.batch()[0]).argmax(axis=0)
    return [digit for digit in range(10) if np.mean(said[labels == digit] == digit) < 0.01]


def main(sweeps: list[Path]) -> None:
    """Print a row for each loss, width and initialization."""
    final: dict[tuple[str, str, str, str], list[float]] = defaultdict(list)
    first, peak = defaultdict(list), defaultdict(list)
    losers: list[str] = []
    for path in (path for sweep in sweeps for path in sweep.glob("*/result.json")):
        params = read_outcome(path.parent).params
        key = str(params["loss"]), str(params["lr"]), str(params["model.hidden"]), str(params["init"])
        values = [100 * value for _, value in history(path.parent / "metrics.jsonl")["accuracy/test"]]
        first[key].append(values[1])
        final[key].append(values[-1])
        peak[key].append(max(values))
        if digits := lost(path.parent):
            losers.append(f"seed {params['seed']}, {' '.join(key)}: {values[-1]:.2f} %, never says {digits}")
    print("| loss | eta | hidden | init | runs | first epoch | last epoch | peak |\n|---|---|---|---|---|---|---|---|")
    for key in sorted(final, key=lambda key: (key[0] != "mse", len(key[2]), key[3] != "normal")):
        cells = " | ".join(spread(values[key]) for values in (first, final, peak))
        print(f"| {' | '.join(key)} | {len(final[key])} | {cells} |")
    print("\nruns that lost digits: " + ("; ".join(losers) or "none"))


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
