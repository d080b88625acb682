"""What a run comes to: its last and its best metrics, out of its journal."""

from __future__ import annotations

import math

from bpexp.training.callbacks import better

Series = dict[str, list[tuple[int, float]]]


def chooser(series: Series) -> str | None:
    """The metric that tells which epoch was best: accuracy or r2 on validation, without one on test, then train."""
    for part in ("validation", "test", "train"):
        for measure in ("accuracy", "r2"):
            if f"{measure}/{part}" in series:
                return f"{measure}/{part}"
    return None


def summarize(series: Series) -> dict[str, float]:
    """final/<metric>_<part> after the last epoch, best/<metric>_<part> and best/epoch at the best one.

    The best epoch is chosen by `chooser`, so that the test part is not what chooses where there is a validation part.
    """
    measured = {name: dict(points) for name, points in series.items() if _of_an_epoch(name)}
    summary = {f"final/{_flat(name)}": points[max(points)] for name, points in measured.items()}
    key = chooser(series)
    if key is None:
        return summary
    sign = 1.0 if better(key) == "max" else -1.0
    ranked = {step: sign * value for step, value in measured[key].items() if math.isfinite(value)}
    if ranked:
        step = max(ranked, key=lambda s: (ranked[s], -s))
        summary |= {f"best/{_flat(name)}": points[step] for name, points in measured.items() if step in points}
        summary["best/epoch"] = dict(series["time/epoch"])[step]
    return summary


def _of_an_epoch(name: str) -> bool:
    return name.rpartition("/")[2] in ("train", "validation", "test")


def _flat(name: str) -> str:
    """accuracy/test as accuracy_test: the interface groups charts by what stands before the last slash."""
    return name.replace("/", "_")
