"""The curves of a chart: the values of all seeds at each epoch, layer or level, and their means and intervals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

from bpexp.figures.bands import BandPoint
from bpexp.study.analysis import RunRecord
from bpexp.study.measures import Measure, Series
from bpexp.study.statistics import Interval, mean_interval
from bpexp.training.metrics import Bounds

Curve = dict[float, list[float]]
"""The values of all seeds by x."""


def intervals(curve: Curve, bounds: Bounds) -> dict[float, Interval]:
    """Mean and Student's interval over the seeds at each x, inside the bounds of what is drawn."""
    return {x: mean_interval(curve[x]).inside(bounds) for x in sorted(curve)}


def points(curve: Curve, bounds: Bounds) -> list[BandPoint]:
    """The same as the points of a band."""
    return [BandPoint(x, i.mean, i.low, i.high) for x, i in intervals(curve, bounds).items()]


def _gather(runs: Sequence[RunRecord], points: Callable[[Series], Iterable[tuple[float, float]]]) -> Curve:
    curve: Curve = {}
    for run in runs:
        for x, value in points(run.series):
            curve.setdefault(x, []).append(value)
    return curve


def over_epochs(runs: Sequence[RunRecord], name: str) -> Curve:
    """The values of a series by epoch."""

    def found(series: Series) -> Iterable[tuple[float, float]]:
        epochs = dict(series.get("time/epoch", ()))
        return [(epochs[step], value) for step, value in series.get(name, ()) if step in epochs]

    return _gather(runs, found)


def over_layers(runs: Sequence[RunRecord], name: str) -> Curve:
    """The first value of name/layer_1, name/layer_2, ..., or of name_layer_1, as the ledger has them."""
    layer = re.compile(rf"{re.escape(name)}[/_]layer_(\d+)")

    def found(series: Series) -> Iterable[tuple[float, float]]:
        layers = ((layer.fullmatch(key), values) for key, values in series.items())
        return [(float(match[1]), values[0][1]) for match, values in layers if match and values]

    return _gather(runs, found)


def by_level(runs: pd.DataFrame, factor: str, measure: Measure) -> Curve:
    """The values of a measure by the level of an ordered factor."""
    known = runs[np.isfinite(runs[measure.text].astype(float))]
    return {float(str(level)): [float(v) for v in some[measure.text]] for level, some in known.groupby(factor)}
