"""Figures of matplotlib of a run by name, and of the runs of a sweep."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bpexp.errors import BpexpError, nearest
from bpexp.figures.bands import Band, BandPoint, Scales, bands_figure
from bpexp.figures.learning_curve import draw_panel, panels_of
from bpexp.figures.output import png
from bpexp.figures.page import tame
from bpexp.figures.sheet import Sheet, Wish
from bpexp.nn.column import listed
from bpexp.training.metrics import metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bpexp.api.result import SweepResult
    from bpexp.running.tasks.draw_task import Drawable

Points = Sequence[tuple[int, float]]
Series = Mapping[str, Points]

MOST = 8
"""Most lines of a figure: the palette has as many colours."""

SCREEN = Wish(dpi=100)
"""How large figures are: on paper they have three times as many dots."""

SHOWS = "_repr_png_"
"""The method by which IPython shows an object as a picture; matplotlib gives figures one only beside pyplot."""


class Pictures(Mapping[str, "Figure"]):
    """The figures of a run or a sweep by name, those of `task=figures`; each is drawn when it is asked for.

    `missing` says of every other figure why it cannot be drawn, by its name.
    """

    def __init__(self, known: Mapping[str, Drawable]) -> None:
        self._known = {name: figure for name, figure in known.items() if not figure.missing}
        self.missing = {name: figure.missing for name, figure in known.items() if figure.missing}

    def __getitem__(self, name: str) -> Figure:
        if name in self.missing:
            raise KeyError(f"the figure {name!r} cannot be drawn: {self.missing[name]}")
        if name not in self._known:
            raise KeyError(f"no figure {name!r}; {nearest(name, self._known)}there are: {', '.join(self._known)}")
        return shown(self._known[name].draw(SCREEN))

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def __repr__(self) -> str:
        return f"Pictures({', '.join(self._known)})"


def run_figure(series: Series) -> Figure:
    """The learning curves of a run: a panel for the loss, and for each other metric that has one."""
    names = panels_of(series)
    figure = Sheet(5.2 * len(names), 3.6, dpi=SCREEN.dpi or 100).blank()
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        draw_panel(axes, name, tame(series))
        axes.set_title(metrics[name].title, loc="left", fontsize=10, fontweight="bold", pad=18)
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
    return shown(bands_figure({"; ".join(told): best}, scales, SCREEN))


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
    setattr(figure, SHOWS, partial(png, figure))
    return figure
