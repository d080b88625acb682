"""The noise scale of the gradient by epoch, from the folder of the study's sweep: a table to read.

python -m experiments.batch_size_and_lr.noise multirun/DATE/TIME

tr(S) and |G|^2 are averaged over the probed steps of an epoch and over the seeds before they are divided; an estimate
of one epoch of one seed is often too rough to divide by.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from bpexp.study.scoring import RunRecord
from bpexp.study.sources import from_folder

NOISE, SIGNAL = "gradient_noise/variance", "gradient_noise/signal"
ARM = ["batch_size", "lr"]


def by_epoch(run: RunRecord) -> list[dict[str, Any]]:
    """The means of tr(S) and |G|^2 in each epoch of a run.

    Steps count from 0, and an evaluation at step n follows step n - 1.
    """
    evaluations = [step for step, _ in run.series["time/epoch"]]
    noise, signal = (pd.Series(dict(run.series[name])) for name in (NOISE, SIGNAL))
    rows = []
    for epoch, (start, end) in enumerate(pairwise(evaluations), start=1):
        inside = (noise.index >= start) & (noise.index < end)
        arm = {"batch_size": int(run.params["batch_size"]), "lr": float(run.params["lr"])}
        rows.append(arm | {"epoch": epoch, "tr(S)": noise[inside].mean(), "|G|^2": signal[inside].mean()})
    return rows


def scales(runs: Sequence[RunRecord]) -> pd.DataFrame:
    """The noise scale, in samples, of each batch size and rate (rows) and epoch (columns); NaN where |G|^2 <= 0."""
    table = pd.DataFrame([row for run in runs for row in by_epoch(run)])
    means = table.groupby([*ARM, "epoch"])[["tr(S)", "|G|^2"]].mean()
    return (means["tr(S)"] / means["|G|^2"].where(means["|G|^2"] > 0)).unstack("epoch")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sweep", type=Path)
    runs = [run for run in from_folder(parser.parse_args().sweep) if run.status in ("finished", "stopped")]
    print(scales(runs).round(0).to_string())


if __name__ == "__main__":
    main()
