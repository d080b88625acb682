"""The summary of a run: its last and its best metrics, read from its journal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bpexp.training.metrics import PARTS, PENALTY, better, metrics

Series = dict[str, list[tuple[int, float]]]


def chooser(series: Series) -> str | None:
    """The metric that determines the best epoch: accuracy or r2 on validation, else on test, else on train."""
    names = [f"{metric.name}/{part}" for part in PARTS for metric in metrics.values() if metric.chooses]
    return next((name for name in names if name in series), None)


def summarize(series: Series, averaged: Sequence[str] = ()) -> dict[str, float]:
    """final/<metric>_<part> after the last epoch, best/<metric>_<part> and best/epoch at the best one.

    The best epoch is that of the best value of `chooser(series)`, the first one in case of ties. `averaged` names
    series whose last value speaks of the whole run, which are added as final/... if they were recorded.
    """
    measured = {name: dict(points) for name, points in series.items() if _is_evaluated(name)}
    whole = {name: dict(series[name]) for name in averaged if name in series}
    summary = {f"final/{_flat(name)}": points[max(points)] for name, points in (measured | whole).items()}
    key = chooser(series)
    if key is None:
        return summary
    sign = 1.0 if better(key) == "higher" else -1.0
    ranked = {step: sign * value for step, value in measured[key].items() if math.isfinite(value)}
    if ranked:
        step = max(ranked, key=lambda s: (ranked[s], -s))
        summary |= {f"best/{_flat(name)}": points[step] for name, points in measured.items() if step in points}
        summary["best/epoch"] = dict(series["time/epoch"])[step]
    return summary


def _is_evaluated(name: str) -> bool:
    """Whether a series has a value for every evaluated epoch."""
    return name == PENALTY or name.rpartition("/")[2] in PARTS


def _flat(name: str) -> str:
    """accuracy/test as accuracy_test, because MLflow groups charts by the text before the last slash."""
    return name.replace("/", "_")
