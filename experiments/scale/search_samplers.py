"""TPE beside random search, and what pruning saves and costs: 40 trials on mnist_5k, five seeds of the search.

`python -m experiments.scale.search_samplers FOLDER` runs what FOLDER lacks, and prints the table. Each search is
serial, so that its trials are those of its seed; processor time is that of its process.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bpexp.config.composition import CommandLine
from bpexp.running.plan import plan
from bpexp.running.sweep import run_sweep

SEEDS = range(1, 6)
TRIALS, EPOCHS = 40, 5
KINDS = {
    "random": ["search=random"],
    "tpe": ["search=tpe"],
    "tpe, median": ["search=tpe", "search.pruner=median"],
    "tpe, halving": ["search=tpe", "search.pruner=halving"],
    "tpe, hyperband": ["search=tpe", "search.pruner=hyperband"],
}
SPACE = ["lr=tag(log, interval(0.001, 1))", "model.width=interval(8,64)", "optimizer=choice(sgd,momentum,adam)"]
RUN = ["tracking=none", "launcher=serial", "progress=false"]


def searched(
    words: Sequence[str], folder: Path, trials: int = TRIALS, epochs: int = EPOCHS, data: str = "mnist_5k"
) -> dict[str, Any]:
    """Run one search in a folder: best validation and test accuracy, epochs trained, and processor time in seconds."""
    sizes = [f"search.trials={trials}", f"epochs={epochs}", f"data={data}", f"hydra.sweep.dir='{folder}'"]
    began = time.process_time()
    sweep = run_sweep(plan(CommandLine((*RUN, *SPACE, *words, *sizes), multirun=True)), [])
    used = time.process_time() - began
    found = sweep.found
    assert found is not None
    assert found.best is not None
    best = next(o for o in sweep.outcomes if Path(o.directory).name == str(found.best.number))
    return {
        "best": found.best.values[0],
        "test": best.metrics["final/accuracy_test"],
        "curve": found.best_so_far(),
        "epochs": sum(outcome.metrics["final/epoch"] for outcome in sweep.outcomes),
        "pruned": found.count("pruned"),
        "seconds": used,
    }


def table(results: dict[str, list[dict[str, Any]]]) -> str:
    """The results as a table in Markdown: the best validation accuracy of each seed, and means over the seeds."""
    head = ["search", "best validation accuracy, each seed", "mean", "test", "pruned", "epochs", "processor time / tpe"]
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    base = np.mean([row["seconds"] for row in results.get("tpe", [])] or [np.nan])
    for kind, rows in results.items():
        each = " ".join(f"{row['best']:.3f}" for row in rows)
        means = {key: np.mean([row[key] for row in rows]) for key in ("best", "test", "pruned", "epochs", "seconds")}
        cells = [
            each,
            f"{means['best']:.4f}",
            f"{means['test']:.4f}",
            f"{means['pruned']:.0f}",
            f"{means['epochs']:.0f}",
        ]
        lines.append(f"| {kind} | {' | '.join(cells)} | {means['seconds'] / base:.2f} |")
    return "\n".join(lines)


def main(folder: Path) -> None:
    """Run the searches that the folder lacks, and print the table of those that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    results: dict[str, list[dict[str, Any]]] = {}
    for kind, words in KINDS.items():
        for seed in SEEDS:
            name = f"{kind.replace(', ', '_')}_{seed}"
            file = folder / f"{name}.json"
            if not file.exists():
                found = searched([*words, f"search.seed={seed}"], (folder / name).absolute())
                file.write_text(json.dumps(found), encoding="utf-8")
            results.setdefault(kind, []).append(json.loads(file.read_text(encoding="utf-8")))
        print(table(results), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
