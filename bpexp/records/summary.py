"""The summary of a run: the metrics of its saved network and those of its best epoch, read from its journal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bpexp.training.metrics import PARTS, PENALTY, better, chooser

Series = dict[str, list[tuple[int, float]]]


def summarize(series: Series, averaged: Sequence[str] = (), *, restored: bool = False) -> dict[str, float]:
    """final/<metric>_<part> and final/epoch of the saved network, best/... the same at the best epoch.

    The best epoch is that of the best value of `chooser(series)`, the first one in case of ties. The saved network is
    that of the last evaluated epoch or, where its weights were restored, of the best one. `averaged` names series whose
    last value speaks of the whole run, which are added as final/... if they were recorded.
    """
    measured = {name: dict(points) for name, points in series.items() if _is_evaluated(name)}
    summary = {f"final/{_flat(name)}": series[name][-1][1] for name in averaged if name in series}
    if not measured:
        return summary
    best = best_step(series)
    final = best if restored and best is not None else max(max(points) for points in measured.values())
    chosen = {"final": final} if best is None else {"final": final, "best": best}
    epochs = dict(series["time/epoch"])
    for when, step in chosen.items():
        summary |= {f"{when}/{_flat(name)}": points[step] for name, points in measured.items() if step in points}
        summary[f"{when}/epoch"] = epochs[step]
    return summary


def best_step(series: Series) -> int | None:
    """The number of updates before the best evaluated epoch; None where no metric can choose one."""
    key = chooser(series)
    if key is None:
        return None
    sign = 1.0 if better(key) == "higher" else -1.0
    ranked = {step: sign * value for step, value in series[key] if math.isfinite(value)}
    return max(ranked, key=lambda step: (ranked[step], -step)) if ranked else None


def last_step(series: Series) -> int | None:
    """The number of updates before the last evaluated epoch; None where none was evaluated."""
    return max((step for step, _ in series.get("time/epoch", ())), default=None)


def _is_evaluated(name: str) -> bool:
    """Whether a series has a value for every evaluated epoch."""
    return name == PENALTY or name.rpartition("/")[2] in PARTS


def _flat(name: str) -> str:
    """accuracy/test as accuracy_test, because MLflow groups charts by the text before the last slash."""
    return name.replace("/", "_")
