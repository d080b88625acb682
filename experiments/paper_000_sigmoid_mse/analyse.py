"""The recursion of Jacobians beside the delta recursion: accuracy, and how far the final weights are apart.

python experiments/paper_000_sigmoid_mse/analyse.py multirun/DATE/TIME
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from bpexp.records.outcome import Outcome, read_outcome


def outcomes(sweep: Path) -> dict[tuple[str, str, int], tuple[Path, Outcome]]:
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


def main(sweep: Path) -> None:
    """Print a row a dtype and seed, then accuracy and time of each method."""
    runs = outcomes(sweep)
    print("| dtype | seed | largest weight | max difference of theta | test accuracy of both, % |")
    print("|---|---|---|---|---|")
    for dtype, seed in sorted({(dtype, seed) for dtype, _, seed in runs}):
        pair = [runs[dtype, method, seed] for method in ("backprop", "jacobian")]
        a, b = (np.load(folder / "network.npz")["theta"].astype(np.float64) for folder, _ in pair)
        accuracy = " / ".join(f"{100 * outcome.metrics['final/accuracy_test']:.2f}" for _, outcome in pair)
        print(f"| {dtype} | {seed} | {np.abs(a).max():.2f} | {np.abs(a - b).max():.1e} | {accuracy} |")
    print("\n| dtype | gradient | test accuracy, % | seconds |\n|---|---|---|---|")
    for dtype, method in sorted({(dtype, method) for dtype, method, _ in runs}):
        same = [outcome for (d, m, _), (_, outcome) in runs.items() if (d, m) == (dtype, method)]
        accuracy = spread([100 * outcome.metrics["final/accuracy_test"] for outcome in same])
        print(f"| {dtype} | {method} | {accuracy} | {spread([o.seconds for o in same], 1)} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
