"""The figures of the README, from the folder of the study's sweep: twelve layers by sigma_w, and the share by depth.

python -m experiments.vanishing_gradients.figures multirun/DATE/TIME [--depth 12] [--out FOLDER]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bpexp.figures.bands import Band, BandPoint, Panels, Scales, draw_bands
from bpexp.study.sources import from_folder
from bpexp.study.statistics import mean_interval
from experiments.vanishing_gradients.layers import ARM, FOLDER, SERIES, rows

DELTA, SPREAD = "delta", "spread of a"
LEDGER = {"the factor of W^T": "ledger, W^T", "the factor of f'": "ledger, f'"}


def logarithms(table: pd.DataFrame) -> pd.DataFrame:
    """Delta and the spread of the table of every layer and seed as decimal logarithms; the ledger has them already."""
    labels = [label for label in SERIES if label.startswith((DELTA, SPREAD))]
    return table.assign(**{label: np.log10(table[label]) for label in labels})


def points(table: pd.DataFrame, x: str, y: str) -> list[BandPoint]:
    """Mean of y and Student's 95 % interval over the seeds, by x."""
    found = {float(str(at)): mean_interval([float(v) for v in some[y]]) for at, some in table.groupby(x)}
    return [BandPoint(at, i.mean, i.low, i.high) for at, i in sorted(found.items())]


def by_gain(table: pd.DataFrame, x: str, y: str) -> dict[str, Band]:
    """A curve of y over x for every sigma_w, with the prediction where there is one."""
    theory = f"{y}, mean field"
    return {
        f"sigma_w = {gain:.3g}": Band(points(some, x, y), points(some, x, theory) if theory in some else ())
        for gain, some in table.groupby(table["init.gain"].astype(float))
    }


def _panels(table: pd.DataFrame, x: str, y: str) -> Panels:
    return {str(name): by_gain(some, x, y) for name, some in table.groupby("activation", sort=False)}


def over_layers(table: pd.DataFrame, y: str, up: str) -> bytes:
    """A panel for every activation."""
    return draw_bands(_panels(table, "layer", y), Scales("hidden layer, counted from the input", up))


def over_depth(table: pd.DataFrame) -> bytes:
    """The share of the output layer's delta that reaches layer 1, over the number of hidden layers."""
    first = table[table["layer"] == 1]
    depths: Sequence[float] = sorted({float(depth) for depth in first["model.depth"]})
    return draw_bands(
        _panels(first, "model.depth", DELTA), Scales("hidden layers", "log10 of delta_1 / delta_last", ticks=depths)
    )


def the_ledger(table: pd.DataFrame) -> bytes:
    """Both entries of the ledger in every sigmoid layer."""
    sigmoid = table[table["activation"] == "sigmoid"]
    panels: Panels = {title: by_gain(sigmoid, "layer", label) for title, label in LEDGER.items()}
    return draw_bands(panels, Scales("hidden layer, counted from the input", "log10 of the factor"))


def main() -> None:
    """Write delta.svg, spread.svg and ledger.svg (the layers of one depth) and share.svg (all depths)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sweep", type=Path)
    parser.add_argument("--depth", type=int, default=12)
    parser.add_argument("--out", type=Path, default=FOLDER)
    said = parser.parse_args()
    runs = [run for run in from_folder(said.sweep) if run.status in ("finished", "stopped")]
    table = logarithms(pd.DataFrame([row for run in runs for row in rows(run)]))
    table[ARM[1:]] = table[ARM[1:]].astype(float)
    deep = table[table["model.depth"] == said.depth]
    drawn = {
        "share": over_depth(table),
        "delta": over_layers(deep, DELTA, "log10 of delta_l / delta_last"),
        "spread": over_layers(deep, SPREAD, "log10 of the spread of a_l"),
        "ledger": the_ledger(deep),
    }
    for name, svg in drawn.items():
        (said.out / f"{name}.svg").write_bytes(svg)


if __name__ == "__main__":
    main()
