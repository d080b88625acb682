"""The figures of a study's report: curves over epochs, layers or an ordered factor, and heat maps.

Every arm is drawn at its own best level of the tuned factor. Where the arms are too many for one figure, those that a
claim names are drawn, then the best ranked, and the caption says how many are not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bpexp.figures.bands import Band, BandPoint, Panels, Scales, bands_figure
from bpexp.figures.heat_map import heat_map_figure
from bpexp.figures.output import svg
from bpexp.figures.sheet import Wish
from bpexp.study.analysis import Analysis, RunRecord, at_best
from bpexp.study.design import spelt
from bpexp.study.facets import Facets, Levels, facets
from bpexp.study.measures import Measure, Series, bounds_of
from bpexp.study.measures import predicted as predicted_series
from bpexp.study.samples import select
from bpexp.study.scoring import ENDED, counted
from bpexp.study.statistics import mean_interval
from bpexp.training.metrics import Bounds

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Curve = dict[float, list[float]]
"""The values of all seeds by x."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One figure: the name of its file, without ending; what it shows; and what draws it, as large as it is wanted."""

    name: str
    caption: str
    draw: Callable[[Wish | None], Figure]

    @property
    def svg(self) -> bytes:
        """The figure of its own size as SVG."""
        return svg(self.draw(None))


def charts(analysis: Analysis, runs: Sequence[RunRecord]) -> list[Chart]:
    """Every chart that the study declares and the runs allow."""
    study, chosen = analysis.study, _chosen(analysis, runs)
    shown = facets([arm.levels for arm in analysis.best], _named(analysis, [arm.levels for arm in analysis.best]))
    drawn: list[Chart | None] = []
    tuned = f", each arm at its own best {study.tuned}" if study.tuned else ""
    for name in study.curves:
        curves = {arm: _over_epochs(chosen[arm], name) for arm in shown.arms}
        scales = Scales("epoch", name, log_up=name.startswith("loss"))
        drawn.append(_curves(shown, curves, {}, scales, f"{name} over the epochs", tuned, bounds_of(name)))
    for name in study.by_depth:
        curves = {arm: _over_layers(chosen[arm], name) for arm in shown.arms}
        predicted = {arm: _over_layers(chosen[arm], predicted_series(name)) for arm in shown.arms}
        scales = Scales("layer, counted from the input", name, log_up=True)
        what = f"{name} by layer at the first step"
        drawn.append(_curves(shown, curves, predicted, scales, what, tuned, bounds_of(name)))
    drawn += [_across(analysis, factor, measure) for factor, some in study.across.items() for measure in some]
    return [chart for chart in [*drawn, *_heat_maps(analysis)] if chart is not None]


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


def _curves(
    shown: Facets,
    curves: Mapping[int, Curve],
    predicted: Mapping[int, Curve],
    scales: Scales,
    what: str,
    tuned: str,
    bounds: Bounds,
) -> Chart | None:
    """A chart of one curve for each arm; None where no arm has a point."""
    if not any(curves.values()):
        return None
    panels: Panels = {
        title: {
            name: Band(_points(curves[arm], bounds), _points(predicted.get(arm, {}), bounds))
            for name, arm in arms.items()
        }
        for title, arms in shown.panels.items()
    }
    caption = f"{what}: mean and 95 % interval over seeds{tuned}"
    if any(predicted.values()):
        caption += "; dotted: predicted by mean-field theory"
    return Chart(_file_name(what), caption + _omission(shown), partial(bands_figure, panels, scales))


def _omission(shown: Facets) -> str:
    if not shown.omitted:
        return ""
    drawn = len(shown.arms)
    return f"; {drawn} of {drawn + shown.omitted} arms are drawn, those that claims name and the best ranked"


def _points(curve: Curve, bounds: Bounds) -> list[BandPoint]:
    """Mean and Student's interval over the seeds at each x, inside the bounds of what is drawn."""
    intervals = {x: mean_interval(curve[x]).inside(bounds) for x in sorted(curve)}
    return [BandPoint(x, i.mean, i.low, i.high) for x, i in intervals.items()]


def _gather(runs: Sequence[RunRecord], points: Callable[[Series], Iterable[tuple[float, float]]]) -> Curve:
    curve: Curve = {}
    for run in runs:
        for x, value in points(run.series):
            curve.setdefault(x, []).append(value)
    return curve


def _over_epochs(runs: Sequence[RunRecord], name: str) -> Curve:
    def points(series: Series) -> Iterable[tuple[float, float]]:
        epochs = dict(series.get("time/epoch", ()))
        return [(epochs[step], value) for step, value in series.get(name, ()) if step in epochs]

    return _gather(runs, points)


def _over_layers(runs: Sequence[RunRecord], name: str) -> Curve:
    """The first value of name/layer_1, name/layer_2, ..., or of name_layer_1, as the ledger has them."""
    layer = re.compile(rf"{re.escape(name)}[/_]layer_(\d+)")

    def points(series: Series) -> Iterable[tuple[float, float]]:
        found = ((layer.fullmatch(key), values) for key, values in series.items())
        return [(float(match[1]), values[0][1]) for match, values in found if match and values]

    return _gather(runs, points)


def _across(analysis: Analysis, factor: str, measure: Measure) -> Chart | None:
    """A measure over an ordered factor: at every level of the tuned factor, else at the best level of each arm."""
    study = analysis.study
    runs = counted(study, analysis.frame)
    if factor != study.tuned:
        runs = at_best(study, runs, analysis.levels)
    arms = list(dict.fromkeys(tuple((k, v) for k, v in arm.levels.items() if k != factor) for arm in analysis.best))
    levels = [dict(arm) for arm in arms]
    shown = facets(levels, _named(analysis, levels))
    theory = next((m for m in study.measures if m.text == measure.predicted), None)
    curves = {arm: _by_level(select(runs, levels[arm]), factor, measure) for arm in shown.arms}
    predicted = {arm: _by_level(select(runs, levels[arm]), factor, theory) if theory else {} for arm in shown.arms}
    ticks = sorted(float(level) for level in study.factors[factor])
    far = ticks[0] > 0 and ticks[-1] / ticks[0] >= 8
    scales = Scales(factor, measure.text, log_across=far, ticks=ticks)
    tuned = f", each arm at its own best {study.tuned}" if study.tuned and factor != study.tuned else ""
    return _curves(shown, curves, predicted, scales, f"{measure.text} over {factor}", tuned, measure.bounds)


def _by_level(runs: pd.DataFrame, factor: str, measure: Measure) -> Curve:
    known = runs[np.isfinite(runs[measure.text].astype(float))]
    return {float(str(level)): [float(v) for v in some[measure.text]] for level, some in known.groupby(factor)}


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
    return [Chart(_file_name(what), caption, partial(heat_map_figure, values, down, across, (rows, columns, measure)))]


def _file_name(what: str) -> str:
    """What a chart shows, in the letters of a file name."""
    return re.sub(r"[^A-Za-z0-9.]+", "_", what).strip("_").lower()
