"""The costs of 002 by learning rate: each at its tuned rate, the whole grid, and the factor 1/n_L against the rate.

python experiments/paper_002_mnist_relu/analyse.py multirun/DATE/TIME [FIGURE.svg]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from bpexp.figures.bands import Band, BandPoint, Scales, draw_bands
from bpexp.records.outcome import Outcome, read_outcome
from bpexp.study.statistics import Interval, mean_interval

COSTS = ("cross_entropy", "mse sum", "mse mean")
LABELS = {
    "cross_entropy": "cross-entropy, summed over the classes",
    "mse sum": "squared error, summed over the outputs",
    "mse mean": "squared error, mean over the outputs",
}
OUTPUTS = 10
TEST, VALIDATION = "final/accuracy_test", "final/accuracy_validation"


def row(run: Outcome) -> dict[str, object]:
    """Cost, learning rate, seed and the accuracies of one run, in percent."""
    cost = " ".join(str(run.params[key]) for key in ("loss", "loss.reduction") if key in run.params)
    accuracies = {key: 100 * value for key, value in run.metrics.items() if key.split("/")[1].startswith("accuracy_")}
    return {"cost": cost, "lr": run.params["lr"], "seed": run.params["seed"], "status": run.status, **accuracies}


def read(sweep: Path) -> pd.DataFrame:
    """One row a run; a run that diverged is at chance level, so that it cannot raise a mean by being left out."""
    runs = pd.DataFrame([row(read_outcome(path.parent)) for path in sorted(sweep.glob("*/result.json"))])
    diverged = runs["status"] == "diverged"
    runs.loc[diverged, [name for name in runs if "/accuracy" in str(name)]] = 100 / OUTPUTS
    return runs


def best_rates(runs: pd.DataFrame) -> pd.Series:
    """For each cost the learning rate with the highest mean accuracy on the validation part after the last epoch."""
    means = runs.groupby(["cost", "lr"])[VALIDATION].mean()
    return means.groupby("cost").idxmax().map(lambda pair: pair[1])


def tuned(runs: pd.DataFrame) -> str:
    """Each cost at its best rate: mean and 95 % interval over the seeds; a rate at the edge of the grid is flagged."""
    columns = [TEST, "best/accuracy_test", "final/accuracy_train"]
    lines = [
        "| cost | best lr | test, last epoch, % | test, best epoch, % | training, last epoch, % |",
        "|---" * 5 + "|",
    ]
    rates, grid = best_rates(runs), sorted(runs["lr"].unique())
    for cost in COSTS:
        own = runs[(runs["cost"] == cost) & (runs["lr"] == rates[cost])]
        edge = " (edge of the grid)" if rates[cost] in (grid[0], grid[-1]) else ""
        cells = [shown(mean_interval(own[column])) for column in columns]
        lines.append(f"| {cost} | {rates[cost]:g}{edge} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def shown(interval: Interval) -> str:
    """Mean and 95 % interval, to two decimals."""
    return f"{interval.mean:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def difference(runs: pd.DataFrame, of: str, against: str) -> Interval:
    """The paired difference in test accuracy after the last epoch, each cost at its best rate."""
    rates = best_rates(runs)
    pair = [runs[(runs["cost"] == c) & (runs["lr"] == rates[c])].set_index("seed")[TEST] for c in (of, against)]
    return mean_interval(pair[0] - pair[1])


def grid(runs: pd.DataFrame) -> str:
    """Mean test accuracy after the last epoch by cost and learning rate."""
    means = runs.pivot_table(index="cost", columns="lr", values=TEST).loc[list(COSTS)]
    lines = ["| cost | " + " | ".join(f"{lr:g}" for lr in means) + " |", "|---" * (1 + means.shape[1]) + "|"]
    lines += [f"| {cost} | " + " | ".join(f"{value:.1f}" for value in means.loc[cost]) + " |" for cost in COSTS]
    return "\n".join(lines)


def factor_against_rate(runs: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy of the mean at 10 lr less that of the sum at lr, by learning rate of the sum and seed."""
    by = runs.set_index(["cost", "seed", "lr"])[TEST]
    total, mean = by["mse sum"].unstack("lr"), by["mse mean"].unstack("lr")
    rates = [lr for lr in total if any(np.isclose(OUTPUTS * lr, other) for other in mean)]
    return pd.DataFrame(
        {lr: mean.loc[:, np.isclose(OUTPUTS * lr, mean.columns)].iloc[:, 0] - total[lr] for lr in rates}
    )


def figure(runs: pd.DataFrame) -> bytes:
    """Draw test accuracy after the last epoch against the learning rate: mean of each cost and range of its seeds."""
    found = runs.groupby(["cost", "lr"])[TEST].agg(["mean", "min", "max"])
    arms = {
        LABELS[cost]: Band([BandPoint(float(lr), *map(float, row)) for lr, row in found.loc[cost].iterrows()])
        for cost in COSTS
    }
    rates = sorted(float(lr) for lr in runs["lr"].unique())
    up = "test accuracy, %: mean and range of the seeds"
    return draw_bands({"": arms}, Scales("learning rate", up, log_across=True, ticks=rates))


def main(sweep: Path, drawn: Path | None = None) -> None:
    """Print the tables of the README, and draw its figure."""
    runs = read(sweep)
    print(f"{len(runs)} runs, {(runs['status'] == 'diverged').sum()} diverged\n\n{tuned(runs)}\n\n{grid(runs)}\n")
    for of, against in (("cross_entropy", "mse sum"), ("cross_entropy", "mse mean"), ("mse mean", "mse sum")):
        print(f"{of} less {against}, each at its best rate: {shown(difference(runs, of, against))} points")
    gaps = factor_against_rate(runs)
    print("\nmean at 10 lr less sum at lr, points, mean and largest size over the seeds:")
    print(pd.DataFrame({"mean": gaps.mean(), "largest": gaps.abs().max()}).round(2).to_string())
    if drawn is not None:
        drawn.write_bytes(figure(runs))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
