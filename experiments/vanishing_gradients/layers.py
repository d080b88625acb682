"""Every layer of the ledger beside mean field, from the folder of the study's sweep: layers.csv, and a table to read.

python -m experiments.vanishing_gradients.layers multirun/DATE/TIME [--depth 12] [--out FOLDER]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bpexp.study.scoring import RunRecord
from bpexp.study.sources import from_folder

FOLDER = Path(__file__).parent
ARM = ["activation", "init.gain", "model.depth"]
SERIES = {
    "delta": "delta_norm/layer_{}",
    "delta, mean field": "mean_field/delta_norm/layer_{}",
    "ledger, W^T": "ledger/weights_layer_{}",
    "ledger, f'": "ledger/slope_layer_{}",
    "spread of a": "forward/sample_spread/layer_{}",
    "spread of a, mean field": "mean_field/forward/sample_spread/layer_{}",
    "chi": "mean_field/chi/layer_{}",
}
"""Recorded series by what they are called in the table; all but the ledger and chi are turned into log10."""

LINEAR = ("ledger, W^T", "ledger, f'", "chi")


def rows(run: RunRecord) -> Iterator[dict[str, Any]]:
    """One row for each layer of a run, from its first step; delta relative to the output layer."""
    depth = int(run.params["model.depth"])
    arm = {name: run.params[name] for name in ARM} | {"seed": int(run.params["seed"])}
    last = {label: _first(run, name.format(depth + 1)) for label, name in SERIES.items() if label.startswith("delta")}
    for layer in range(1, depth + 1):
        values = {label: _first(run, name.format(layer)) for label, name in SERIES.items()}
        relative = {label: values[label] / last[label] for label in last}
        yield arm | {"layer": layer} | values | relative


def _first(run: RunRecord, name: str) -> float:
    points = run.series.get(name, ())
    return float(points[0][1]) if points else np.nan


def by_layer(runs: list[RunRecord]) -> pd.DataFrame:
    """Mean over the seeds of every quantity, of logarithms where it is no logarithm yet; one row for arm and layer."""
    table = pd.DataFrame([row for run in runs for row in rows(run)])
    logs = [label for label in SERIES if label not in LINEAR]
    table[logs] = np.log10(table[logs].where(table[logs] > 0))
    means = table.groupby([*ARM, "layer"], sort=False)[list(SERIES)].mean()
    return means.rename(columns={label: f"log10 {label}" for label in logs}).reset_index()


def markdown(table: pd.DataFrame, depth: int) -> str:
    """The layers of one depth: a block for each activation and sigma_w, a row for each quantity."""
    lines: list[str] = []
    for (activation, gain), arm in table[table["model.depth"].astype(int) == depth].groupby(ARM[:2], sort=False):
        head = [f"{activation}, sigma_w = {float(gain):.3g}: layer", *map(str, arm["layer"])]
        lines += ["", "| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
        for label in arm.columns[len(ARM) + 1 :]:
            lines.append(f"| {label} | " + " | ".join(f"{value:+.2f}" for value in arm[label]) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write layers.csv and print the tables of one depth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sweep", type=Path)
    parser.add_argument("--depth", type=int, default=12)
    parser.add_argument("--out", type=Path, default=FOLDER)
    said = parser.parse_args()
    table = by_layer([run for run in from_folder(said.sweep) if run.status in ("finished", "stopped")])
    table.to_csv(said.out / "layers.csv", index=False, float_format="%.6g")
    print(markdown(table, said.depth))


if __name__ == "__main__":
    main()
