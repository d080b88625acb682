"""The figures of a search's report, from what it found."""

from __future__ import annotations

from dataclasses import dataclass

from bpexp.figures.trials import Slice, draw_front, draw_history, draw_importance, draw_reports, draw_slices
from bpexp.search.found import Found, Tried
from bpexp.search.space import Dimension


@dataclass(frozen=True, slots=True)
class Chart:
    """One figure: its name; what it shows; the SVG."""

    name: str
    caption: str
    svg: bytes


def charts(found: Found) -> list[Chart]:
    """Every figure that the trials of a search allow."""
    complete = [trial for trial in found.trials if trial.state == "complete"]
    names = found.search.objectives
    made = [_front(found, complete)] if len(names) > 1 and complete else []
    for place, name in enumerate(names if complete else ()):
        made += [_history(found, complete)] if place == 0 else []
        made += _importance(found, name)
        made += _slices(found.search.space, complete, place, name)
    return made + _reports(found, complete)


def _history(found: Found, complete: list[Tried]) -> Chart:
    name = found.search.objectives[0]
    pruned = [(t.number, list(t.reports.values())[-1]) for t in found.trials if t.state == "pruned" and t.reports]
    points = [(t.number, t.values[0]) for t in complete]
    told = "each trial in its order, and the best so far"
    return Chart("history", f"{name}: {told}", draw_history(points, pruned, found.best_so_far(), name))


def _importance(found: Found, name: str) -> list[Chart]:
    shares = found.importance.get(name)
    if not shares:
        return []
    caption = (
        f"Share of the variance of {name} over the space that each key explains by itself (fANOVA), "
        f"from {sum(bool(trial.values) for trial in found.trials)} trials; of few trials it is rough"
    )
    return [Chart(f"importance_{name.replace('/', '_')}", caption, draw_importance(shares, f"share, {name}"))]


def _slices(space: tuple[Dimension, ...], complete: list[Tried], place: int, name: str) -> list[Chart]:
    slices = [one for dimension in space if (one := _slice(dimension, complete, place)).x]
    caption = f"{name} of the complete trials along each key; later trials are lighter"
    return [Chart(f"slices_{name.replace('/', '_')}", caption, draw_slices(slices, name))] if slices else []


def _slice(dimension: Dimension, complete: list[Tried], place: int) -> Slice:
    with_it = [trial for trial in complete if dimension.key in trial.said]
    said = [trial.said[dimension.key] for trial in with_it]
    x = [float(dimension.choices.index(text)) if dimension.choices else float(text) for text in said]
    values, ends = [trial.values[place] for trial in with_it], (float(dimension.low), float(dimension.high))
    return Slice(dimension.key, x, values, [t.number for t in with_it], dimension.choices, dimension.log, ends)


def _front(found: Found, complete: list[Tried]) -> Chart:
    first, second = found.search.objectives
    points = [(trial.values[0], trial.values[1]) for trial in complete]
    front = [(trial.values[0], trial.values[1]) for trial in found.front]
    caption = f"{first} and {second} of the complete trials; the line joins those that no other one beats in both"
    return Chart("front", caption, draw_front(points, front, (first, second)))


def _reports(found: Found, complete: list[Tried]) -> list[Chart]:
    pruned = [trial.reports for trial in found.trials if trial.state == "pruned" and trial.reports]
    whole = [trial.reports for trial in complete if trial.reports]
    if not pruned and not whole:
        return []
    name = found.search.objectives[0]
    epochs = sum(len(reports) for reports in [*pruned, *whole])
    every = found.search.epochs * (len(pruned) + len(whole))
    caption = f"{name} over the epochs; trials pruned: {len(pruned)} (dashed, to the cross): {epochs} epochs of {every}"
    return [Chart("epochs", caption, draw_reports(whole, pruned, name))]
