"""The figures of a study's report: curves over epochs, layers or an ordered factor, and heat maps, with their numbers.

Every arm is drawn at its own best level of the tuned factor. Where the arms are too many for one figure, there are
several; where they are too many for those, the caption says how many are not drawn. The numbers are those of all arms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from bpexp.figures.bands import Band, Panels, Scales, bands_figure
from bpexp.figures.heat_map import heat_map_figure
from bpexp.figures.output import svg
from bpexp.figures.sheet import Wish
from bpexp.records.escaping import csv_table
from bpexp.study.analysis import Analysis, RunRecord, at_best
from bpexp.study.curves import Curve, by_level, intervals, over_epochs, over_layers, points
from bpexp.study.design import spelt
from bpexp.study.facets import Facets, Levels, facets, shortened
from bpexp.study.measures import Measure, bounds_of
from bpexp.study.measures import predicted as predicted_series
from bpexp.study.samples import select
from bpexp.study.scoring import ENDED, counted
from bpexp.training.metrics import Bounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """What one chart shows of every arm.

    Args:
        what: it shows, in words.
        arms: by their levels, best first.
        named: the places of those that a claim names.
        measured: the curve of each arm.
        scales: the axes.
        bounds: of what is drawn.
        predicted: by a theory, the curve of each arm, if it predicts one.
        tuned: how the level of the tuned factor was chosen, in words.
    """

    what: str
    arms: Sequence[Levels]
    named: Sequence[int]
    measured: Sequence[Curve]
    scales: Scales
    bounds: Bounds
    predicted: Sequence[Curve] = field(default_factory=list)
    tuned: str = ""

    def theory(self, arm: int) -> Curve:
        """What is predicted for an arm."""
        return self.predicted[arm] if self.predicted else {}


@dataclass(frozen=True, slots=True)
class Chart:
    """One figure: the name of its file, without ending; what it shows; and what draws it, as large as it is wanted.

    `csv` holds its numbers, for a file of the name `csv_name`; figures that show parts of the same numbers share it.
    """

    name: str
    caption: str
    draw: Callable[[Wish | None], Figure]
    csv: str
    csv_name: str

    @property
    def svg(self) -> bytes:
        """The figure of its own size as SVG."""
        return svg(self.draw(None))


def charts(analysis: Analysis, runs: Sequence[RunRecord]) -> list[Chart]:
    """Every chart that the study declares and the runs allow."""
    study, chosen = analysis.study, _chosen(analysis, runs)
    arms = [arm.levels for arm in analysis.best]
    named, tuned = _named(analysis, arms), f", each arm at its own best {study.tuned}" if study.tuned else ""
    found = []
    for name in study.curves:
        curves, scales = [over_epochs(some, name) for some in chosen], Scales("epoch", name, log_up=_is_loss(name))
        found.append(Curves(f"{name} over the epochs", arms, named, curves, scales, bounds_of(name), tuned=tuned))
    for name in study.by_depth:
        curves, theory = ([over_layers(some, n) for some in chosen] for n in (name, predicted_series(name)))
        scales, what = Scales("layer, counted from the input", name, log_up=True), f"{name} by layer at the first step"
        found.append(Curves(what, arms, named, curves, scales, bounds_of(name), theory, tuned))
    found += [_across(analysis, factor, measure) for factor, some in study.across.items() for measure in some]
    return [*(chart for one in found for chart in _drawn(one)), *_heat_maps(analysis)]


def _is_loss(name: str) -> bool:
    return name.startswith("loss")


def _named(analysis: Analysis, arms: Sequence[Levels]) -> list[int]:
    """The places of the arms that a claim or the gap names."""
    wanted = [arm for claim in analysis.study.claims for arm in (claim.of, claim.against) if arm]
    if analysis.study.gap:
        wanted += [analysis.study.gap.start, analysis.study.gap.end]
    return [
        place
        for place, arm in enumerate(arms)
        if any(all(arm.get(key, spelt(level)) == spelt(level) for key, level in named.items()) for named in wanted)
    ]


def _chosen(analysis: Analysis, runs: Sequence[RunRecord]) -> list[list[RunRecord]]:
    """The runs of each arm that ended well, at its own level of the tuned factor; arms as in `analysis.best`."""
    study = analysis.study
    good = analysis.frame[analysis.frame["status"].isin(ENDED)]
    rows = at_best(study, good, analysis.levels)
    wanted = {tuple(row) for row in rows[[*study.factors, "seed"]].itertuples(index=False)}
    places = {tuple(arm.levels.values()): place for place, arm in enumerate(analysis.best)}
    arms: list[dict[Any, RunRecord]] = [{} for _ in analysis.best]
    for run in runs:
        levels = study.levels(run.params)
        key = (*levels.values(), int(run.params.get("seed", 0)))
        place = places.get(tuple(levels[factor] for factor in study.arm_factors))
        if key in wanted and place is not None:
            arms[place][key] = run  # of runs with the same levels and seed the last counts, as in the analysis
    return [list(mine.values()) for mine in arms]


def _drawn(found: Curves) -> list[Chart]:
    """The figures of a chart; none where no arm has a point."""
    if not any(found.measured):
        return []
    figures = facets(found.arms, found.named)
    numbers, name = _numbers(found), _file_name(found.what)
    caption = f"{found.what}: mean and 95 % interval over seeds{found.tuned}"
    if any(found.predicted):
        caption += "; dotted: predicted by mean-field theory"
    drawn = len({arm for one in figures for arm in one.arms})
    if drawn < len(found.arms):
        caption += f"; {drawn} of {len(found.arms)} arms are drawn, and the numbers are of all"
    made = []
    for place, one in enumerate(figures):
        own = name if place == 0 else f"{name}_{place + 1}"
        told = f"{one.title}: {caption}" if one.title else caption
        if len(figures) > 1:
            told += f" (figure {place + 1} of {len(figures)})"
        made.append(Chart(own, told, partial(bands_figure, _bands(found, one), found.scales), numbers, f"{name}.csv"))
    return made


def _bands(found: Curves, shown: Facets) -> Panels:
    """The bands of one figure."""

    def band(arm: int | None) -> Band:
        if arm is None:
            return Band([])  # it keeps the places of the arms behind it
        return Band(points(found.measured[arm], found.bounds), points(found.theory(arm), found.bounds))

    return {title: {name: band(arms.get(name)) for name in shown.names} for title, arms in shown.panels.items()}


def _numbers(found: Curves) -> str:
    """Every point of every arm as CSV."""
    theory = any(found.predicted)
    head = [*(found.arms[0] if found.arms else ()), found.scales.across, "mean", "low", "high", "n"]
    rows: list[list[Any]] = [[*head, *(["predicted"] if theory else [])]]
    for arm, levels in enumerate(found.arms):
        expected = intervals(found.theory(arm), found.bounds)
        for x, one in intervals(found.measured[arm], found.bounds).items():
            row = [*levels.values(), f"{x:g}", one.mean, one.low, one.high, one.n]
            rows.append([*row, *([expected[x].mean if x in expected else None] if theory else [])])
    return csv_table(rows)


def _across(analysis: Analysis, factor: str, measure: Measure) -> Curves:
    """A measure over an ordered factor: at every level of the tuned factor, else at the best level of each arm.

    A factor of which one level ran has no curve.
    """
    study = analysis.study
    runs = counted(study, analysis.frame)
    if factor != study.tuned:
        runs = at_best(study, runs, analysis.levels)
    unique = list(dict.fromkeys(tuple((k, v) for k, v in arm.levels.items() if k != factor) for arm in analysis.best))
    arms = [dict(arm) for arm in unique]
    ticks = sorted(float(level) for level in study.factors[factor])
    theory = next((m for m in study.measures if m.text == measure.predicted), None)
    curves, predicted = (
        [by_level(select(runs, arm), factor, one) if one and len(ticks) > 1 else {} for arm in arms]
        for one in (measure, theory)
    )
    far = ticks[0] > 0 and ticks[-1] / ticks[0] >= 8
    scales = Scales(factor, measure.text, log_across=far, ticks=ticks)
    tuned = f", each arm at its own best {study.tuned}" if study.tuned and factor != study.tuned else ""
    what = f"{measure.text} over {factor}"
    return Curves(what, arms, _named(analysis, arms), curves, scales, measure.bounds, predicted, tuned)


def _heat_maps(analysis: Analysis) -> list[Chart]:
    if not analysis.study.heat_map:
        return []
    study = analysis.study
    rows, columns = study.heat_map
    measure = study.measures[0].text
    good = counted(study, analysis.frame)
    down, across = ([spelt(level) for level in study.factors[name]] for name in (rows, columns))
    table = good.pivot_table(index=rows, columns=columns, values=measure, aggfunc="mean").reindex(down, columns=across)
    what = f"{measure} by {rows} and {columns}"
    caption = f"{what}: mean over seeds; a cross where there is no run with a value"
    values = table.to_numpy(dtype=float)
    cells = [[row, column, table.loc[row, column]] for row in down for column in across]
    numbers, name = csv_table([[rows, columns, f"mean of {measure}"], *cells]), _file_name(what)
    draw = partial(heat_map_figure, values, shortened(down), shortened(across), (rows, columns, measure))
    return [Chart(name, caption, draw, numbers, f"{name}.csv")]


def _file_name(what: str) -> str:
    """What a chart shows, in the letters of a file name."""
    return re.sub(r"[^A-Za-z0-9.]+", "_", what).strip("_").lower()
