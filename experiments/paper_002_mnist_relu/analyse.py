"""Accuracy over seeds, after the last epoch and at the epoch that was best on the validation part.

python experiments/paper_002_mnist_relu/analyse.py multirun/DATE/TIME
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from bpexp.records.outcome import read_outcome


def main(sweep: Path) -> None:
    """Print mean, standard deviation and range of the test accuracy, the loss and the time."""
    runs = [read_outcome(path.parent) for path in sweep.glob("*/result.json")]
    columns = {
        "test accuracy after the last epoch, %": [100 * run.metrics["final/accuracy_test"] for run in runs],
        "at the best epoch on validation, %": [100 * run.metrics["best/accuracy_test"] for run in runs],
        "training accuracy after the last epoch, %": [100 * run.metrics["final/accuracy_train"] for run in runs],
        "test loss after the last epoch": [run.metrics["final/loss_test"] for run in runs],
        "seconds": [run.seconds for run in runs],
    }
    print(f"{len(runs)} runs\n\n| measure | mean | standard deviation | range |\n|---|---|---|---|")
    for name, values in columns.items():
        low, high = min(values), max(values)
        print(f"| {name} | {np.mean(values):.3f} | {np.std(values, ddof=1):.3f} | {low:.3f} to {high:.3f} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
