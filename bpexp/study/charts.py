"""The figures of a study's report: which arms are drawn, and their curves with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bpexp.figures.bands import BandPoint, draw_bands
from bpexp.figures.heat_map import draw_heat_map
from bpexp.study.analysis import Analysis, RunRecord, at_best
from bpexp.study.design import spelt
from bpexp.study.statistics import mean_interval
from bpexp.study.words import label

MOST = 8
"""Largest number of arms in one chart: the best ranked."""

Curve = dict[float, list[float]]
"""The values of all seeds by x."""


def charts(analysis: Analysis, runs: Sequence[RunRecord]) -> list[tuple[str, bytes]]:
    """(caption, SVG) of every chart that the study declares and the runs allow."""
    chosen = _chosen(analysis, runs)
    drawn = []
    for name in analysis.study.curves:
        curves = {arm: _over_epochs(mine, name) for arm, mine in chosen.items()}
        if any(curves.values()):
            caption = f"{name} over the epochs: mean and 95 % interval over seeds, each arm at its own best level"
            drawn.append((caption, draw_bands(_bands(curves), "epoch", name, log=name.startswith("loss"))))
    for name in analysis.study.by_depth:
        curves = {arm: _over_layers(mine, name) for arm, mine in chosen.items()}
        if any(curves.values()):
            caption = f"{name} by layer at the first step: mean and 95 % interval over seeds"
            drawn.append((caption, draw_bands(_bands(curves), "layer, counted from the input", name, log=True)))
    if analysis.study.heat_map:
        rows, columns = analysis.study.heat_map
        measure = analysis.study.measures[0].text
        caption = f"{measure} by {rows} and {columns}: mean over seeds; a cross where every run failed or diverged"
        drawn.append((caption, _heat_map(analysis, rows, columns, measure)))
    return drawn


def _heat_map(analysis: Analysis, rows: str, columns: str, measure: str) -> bytes:
    study = analysis.study
    good = analysis.frame[analysis.frame["status"].isin(["finished", "stopped"])]
    down, across = ([spelt(level) for level in study.factors[name]] for name in (rows, columns))
    table = good.pivot_table(index=rows, columns=columns, values=measure, aggfunc="mean").reindex(down, columns=across)
    return draw_heat_map(table.to_numpy(dtype=float), down, across, (rows, columns, measure))


def _chosen(analysis: Analysis, runs: Sequence[RunRecord]) -> dict[str, list[RunRecord]]:
    """The good runs of the best ranked arms, each at its own level of the tuned factor."""
    study = analysis.study
    good = analysis.frame[analysis.frame["status"].isin(["finished", "stopped"])]
    rows = at_best(study, good, analysis.levels)
    wanted = {tuple(row[f] for f in [*study.factors, "seed"]) for _, row in rows.iterrows()}
    arms: dict[str, dict[Any, RunRecord]] = {label(arm.levels): {} for arm in analysis.best[:MOST]}
    for run in runs:
        levels = {factor: spelt(run.params.get(factor)) for factor in study.factors}
        key = (*levels.values(), int(run.params.get("seed", 0)))
        name = label({factor: levels[factor] for factor in study.arm_factors})
        if key in wanted and name in arms:
            arms[name][key] = run  # of runs with the same levels and seed the last counts, as in the analysis
    return {name: list(mine.values()) for name, mine in arms.items()}


def _bands(curves: Mapping[str, Curve]) -> dict[str, list[BandPoint]]:
    """Mean and Student's interval over the seeds at each x."""
    bands: dict[str, list[BandPoint]] = {}
    for arm, curve in curves.items():
        intervals = {x: mean_interval(curve[x]) for x in sorted(curve)}
        bands[arm] = [BandPoint(x, i.mean, i.low, i.high) for x, i in intervals.items()]
    return bands


def _over_epochs(runs: Sequence[RunRecord], name: str) -> Curve:
    curve: Curve = {}
    for run in runs:
        epochs = dict(run.series.get("time/epoch", ()))
        for step, value in run.series.get(name, ()):
            if step in epochs:
                curve.setdefault(epochs[step], []).append(value)
    return curve


def _over_layers(runs: Sequence[RunRecord], name: str) -> Curve:
    """The first value of name/layer_1, name/layer_2, ..."""
    curve: Curve = {}
    for run in runs:
        for key, points in run.series.items():
            number = key.removeprefix(f"{name}/layer_")
            if number != key and number.isdigit() and points:
                curve.setdefault(float(number), []).append(points[0][1])
    return curve
