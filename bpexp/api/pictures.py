"""Figures of matplotlib of a run by name, and of the runs of a sweep."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bpexp.errors import BpexpError, nearest
from bpexp.figures.bands import Band, BandPoint, Scales, bands_figure
from bpexp.figures.learning_curve import draw_panel, panels_of
from bpexp.nn.column import listed
from bpexp.training.metrics import metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bpexp.api.result import SweepResult

Points = Sequence[tuple[int, float]]
Series = Mapping[str, Points]

MOST = 8
"""Most lines of a figure: the palette has as many colours."""

SHOWS = "_repr_png_"
"""The method by which IPython shows an object as a picture; matplotlib gives figures one only beside pyplot."""


class Pictures(Mapping[str, "Figure"]):
    """The figures of a run by name; each is drawn when it is asked for."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._names = panels_of(series)

    def __getitem__(self, name: str) -> Figure:
        if name not in self._names:
            raise KeyError(f"no figure {name!r}; {nearest(name, self._names)}there are: {', '.join(self._names)}")
        return run_figure(self._series, [name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"Pictures({', '.join(self._names)})"


def run_figure(series: Series, names: Sequence[str] | None = None) -> Figure:
    """The learning curves of a run: a panel for each name, None for all that it recorded."""
    from matplotlib.figure import Figure

    names = panels_of(series) if names is None else names
    figure = Figure(figsize=(5.2 * len(names), 3.6), dpi=100, layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        draw_panel(axes, name, series)
        axes.set_title(metrics[name].title, loc="left", fontsize=10, fontweight="bold")
    return shown(figure)


def sweep_figure(sweep: SweepResult, measure: str | None = None) -> Figure:
    """One measure of the runs of a sweep against the step: for each arm the mean of its seeds, and their range.

    Of many arms the best are drawn. Raises BpexpError for a measure that no run has.
    """
    measure = measure or sweep.ranking.key or "loss/train"
    arms: dict[str, list[Points]] = {}
    for run in sweep.runs:
        if points := run.history_of(measure):
            arms.setdefault(_arm(sweep.ranking.varied, run.outcome.params), []).append(points)
    if not arms:
        known = sorted({str(name) for run in sweep.runs for name in run.history})
        raise BpexpError(f"no run has {measure!r}; {nearest(measure, known)}they have: {listed(known)}")
    best = {name: _band(lines) for name, lines in list(arms.items())[:MOST]}
    told = [f"the best {MOST} of {len(arms)}"] if len(arms) > MOST else []
    told += ["mean and range of the seeds"] if max(map(len, arms.values())) > 1 else []
    scales = Scales("step (updates of the parameters)", _label(measure))
    return shown(bands_figure({"; ".join(told): best}, scales))


def _label(measure: str) -> str:
    """The label of a recorded series, with the part of the data."""
    name, _, part = measure.partition("/")
    return f"{metrics[name].label}, {part}" if name in metrics else measure


def _arm(varied: Sequence[str], params: Mapping[str, object]) -> str:
    """What the runs of an arm have in common: all that varied but the seed."""
    return " ".join(f"{key}={params.get(key)}" for key in varied if key != "seed") or "all runs"


def _band(lines: Sequence[Points]) -> Band:
    """Mean, lowest and highest of the lines; a gap where one of them has no finite value, as one that diverged has not.

    A mean of the others would be that of another experiment.
    """
    at = [{step: value for step, value in points if math.isfinite(value)} for points in lines]
    points = []
    for step in sorted(set().union(*at)):
        values = [line[step] for line in at if step in line]
        whole = len(values) == len(at)
        mean, low, high = (float(np.mean(values)), min(values), max(values)) if whole else (math.nan,) * 3
        points.append(BandPoint(step, mean, low, high))
    return Band(points)


def shown(figure: Figure) -> Figure:
    """The figure, which a notebook shows as a picture."""
    setattr(figure, SHOWS, partial(_png, figure))
    return figure


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
