"""Which arms a chart shows, in which figures and panels, under which names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

CURVES = 8
"""Largest number of curves in one panel: the number of styles that can be told apart."""

PANELS = 12
"""Largest number of panels in one figure."""

FIGURES = 6
"""Largest number of figures of one chart."""

DIGITS, EXACT = 4, 17
"""Digits to which a long number is rounded, and those that tell any two numbers apart."""

SHORT = 8
"""Letters of a number that is left as it is."""

Levels = Mapping[str, str]
"""An arm: its factors with their levels."""


@dataclass(frozen=True, slots=True)
class Facets:
    """The arms of one figure.

    Args:
        panels: for each panel, by its title, the arms in it by their names; an arm is its place in the list of all.
        names: of the arms, in the order of their levels, whatever their ranks: an arm has the place, and so the style,
            that it has in the other charts of a study.
        title: the levels that all arms of the figure share, where a chart has several figures.
    """

    panels: dict[str, dict[str, int]]
    names: list[str]
    title: str = ""

    @property
    def arms(self) -> list[int]:
        """The places of the arms that are drawn."""
        return [place for panel in self.panels.values() for place in panel.values()]


def facets(arms: Sequence[Levels], named: Sequence[int] = ()) -> list[Facets]:
    """Distribute arms over figures of at most PANELS panels of at most CURVES arms.

    A panel holds the arms that share the levels in its title, and so does a figure, where one is not enough. Where no
    factors divide the arms so, each panel holds the next ones in their order. Of more than FIGURES figures the first
    are left, those with arms that are `named` before the others. Long numbers are shortened in titles and names.

    Args:
        arms: the arms, best first.
        named: the places of arms that must be drawn.
    """
    arms, everything = _shortened(arms), list(range(len(arms)))
    if (by := _panel_factors(arms, everything)) is not None:
        return [_figure(arms, everything, by)]
    found = _by_factors(arms, everything) or _by_order(arms, everything)
    wanted = set(named)
    return sorted(found, key=lambda one: (wanted.isdisjoint(one.arms), min(one.arms)))[:FIGURES]


def _by_factors(arms: Sequence[Levels], shown: Sequence[int]) -> list[Facets]:
    """The fewest figures, each of the arms that share the levels of some factors; none if FIGURES are not enough."""
    varied = varying(arms)
    for count in range(1, len(varied)):
        fitting = []
        for outer in combinations(varied, count):
            groups: dict[str, list[int]] = {}
            for place in shown:
                groups.setdefault(spelled_arm({factor: arms[place][factor] for factor in outer}), []).append(place)
            if len(groups) > FIGURES:
                continue
            inner = {title: _panel_factors(arms, mine) for title, mine in groups.items()}
            if all(by is not None for by in inner.values()):
                fitting.append([_figure(arms, groups[t], by or (), t) for t, by in inner.items()])
        if fitting:
            return min(fitting, key=len)
    return []


def _by_order(arms: Sequence[Levels], shown: Sequence[int]) -> list[Facets]:
    """Panels of the arms in their order."""
    names = {place: spelled_arm({factor: arms[place][factor] for factor in varying(arms)}) for place in shown}
    panels = [
        (f"arms {start + 1} to {min(start + CURVES, len(shown))}", shown[start : start + CURVES])
        for start in range(0, len(shown), CURVES)
    ]
    return [
        Facets(
            {title: {names[place]: place for place in mine} for title, mine in panels[start : start + PANELS]},
            [names[place] for _, mine in panels[start : start + PANELS] for place in mine],
        )
        for start in range(0, len(panels), PANELS)
    ]


def _panel_factors(arms: Sequence[Levels], shown: Sequence[int]) -> tuple[str, ...] | None:
    """The fewest factors whose levels divide the arms into panels that are small and few enough; None if none do.

    Panels of one arm each would compare nothing.
    """
    varied = varying([arms[place] for place in shown])
    for count in range(len(varied) + 1):
        fitting = []
        for by in combinations(varied, count):
            sizes: dict[tuple[str, ...], int] = {}
            for place in shown:
                key = tuple(arms[place][factor] for factor in by)
                sizes[key] = sizes.get(key, 0) + 1
            alone = 1 < len(sizes) == len(shown)
            if max(sizes.values(), default=0) <= CURVES and len(sizes) <= PANELS and not alone:
                fitting.append((len(sizes), by))
        if fitting:
            return min(fitting, key=lambda found: found[0])[1]
    return None


def varying(arms: Sequence[Levels]) -> list[str]:
    """The factors that have several levels among the arms."""
    factors = arms[0] if arms else {}
    return [factor for factor in factors if len({arm[factor] for arm in arms}) > 1]


def _figure(arms: Sequence[Levels], shown: Sequence[int], by: Sequence[str], title: str = "") -> Facets:
    """The figure of some arms, with a panel for each combination of levels of the factors `by`."""
    told = [factor for factor in varying([arms[place] for place in shown]) if factor not in by]
    order = {factor: _order([arm[factor] for arm in arms]) for factor in (*by, *told)}

    def named(place: int, factors: Sequence[str]) -> str:
        return spelled_arm({factor: arms[place][factor] for factor in factors})

    def placed(factors: Sequence[str]) -> list[int]:
        return sorted(shown, key=lambda place: [order[factor][arms[place][factor]] for factor in factors])

    panels: dict[str, dict[str, int]] = {}
    for place in placed([*by, *told]):
        panels.setdefault(named(place, by), {})[named(place, told) or "all runs"] = place
    return Facets(panels, list(dict.fromkeys(named(place, told) or "all runs" for place in placed(told))), title)


def _order(levels: Sequence[str]) -> dict[str, int]:
    """The place of each level: numbers by their size, then the others as they first come."""

    def size(level: str) -> float:
        try:
            return float(level)
        except ValueError:
            return math.inf

    return {level: place for place, level in enumerate(sorted(dict.fromkeys(levels), key=size))}


def _shortened(arms: Sequence[Levels]) -> list[Levels]:
    """The arms with long numbers among their levels as a reader needs them."""
    columns = {factor: shortened([arm[factor] for arm in arms]) for factor in (arms[0] if arms else ())}
    return [{factor: levels[place] for factor, levels in columns.items()} for place in range(len(arms))]


def shortened(cells: Sequence[str]) -> list[str]:
    """Cells with long numbers rounded to four digits, or to as many more as tell them apart."""
    for digits in range(DIGITS, EXACT):
        short = [_short(cell, digits) for cell in cells]
        if len(set(short)) == len(set(cells)):
            return short
    return list(cells)


def _short(cell: str, digits: int) -> str:
    try:
        return cell if len(cell) <= SHORT else min(f"{float(cell):.{digits}g}", cell, key=len)
    except ValueError:
        return cell


def spelled_arm(levels: Mapping[str, str]) -> str:
    """The name of an arm: its factors with their levels, as they are typed."""
    return ", ".join(f"{factor}={level}" for factor, level in levels.items())
