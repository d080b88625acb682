"""Which arms a chart shows, in which panels, under which names: all of them where a reader can tell them apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

CURVES = 8
"""Largest number of curves in one panel: the number of styles that can be told apart."""

PANELS = 9
"""Largest number of panels in one chart."""

Levels = Mapping[str, str]
"""An arm: its factors with their levels."""


@dataclass(frozen=True, slots=True)
class Facets:
    """The arms of a chart.

    Args:
        panels: for each panel, by its title, the arms in it by their names; an arm is its place in the list of all.
        omitted: number of arms that are not drawn.
    """

    panels: dict[str, dict[str, int]]
    omitted: int = 0

    @property
    def arms(self) -> list[int]:
        """The places of the arms that are drawn."""
        return [place for panel in self.panels.values() for place in panel.values()]


def facets(arms: Sequence[Levels], named: Sequence[int] = ()) -> Facets:
    """Distribute arms over panels of at most CURVES; a panel holds the arms that share the levels in its title.

    Where PANELS are not enough, the `named` arms are drawn, and of the others the first.

    Args:
        arms: the arms, best first.
        named: the places of arms that must be drawn.
    """
    shown = list(range(len(arms)))
    by = _panel_factors(arms, shown)
    if by is None:
        rest = [place for place in shown if place not in set(named)]
        shown = sorted([*named, *rest[: max(0, CURVES - len(named))]])
        by = _panel_factors(arms, shown) or ()
    return Facets(_panels(arms, shown, by), len(arms) - len(shown))


def _panel_factors(arms: Sequence[Levels], shown: Sequence[int]) -> tuple[str, ...] | None:
    """The fewest factors whose levels divide the arms into panels that are small and few enough; None if none do."""
    varied = varying([arms[place] for place in shown])
    for count in range(len(varied) + 1):
        fitting = []
        for by in combinations(varied, count):
            sizes: dict[tuple[str, ...], int] = {}
            for place in shown:
                key = tuple(arms[place][factor] for factor in by)
                sizes[key] = sizes.get(key, 0) + 1
            if max(sizes.values(), default=0) <= CURVES and len(sizes) <= PANELS:
                fitting.append((len(sizes), by))
        if fitting:
            return min(fitting, key=lambda found: found[0])[1]
    return None


def varying(arms: Sequence[Levels]) -> list[str]:
    """The factors that have several levels among the arms."""
    factors = arms[0] if arms else {}
    return [factor for factor in factors if len({arm[factor] for arm in arms}) > 1]


def _panels(arms: Sequence[Levels], shown: Sequence[int], by: Sequence[str]) -> dict[str, dict[str, int]]:
    told = [factor for factor in varying([arms[place] for place in shown]) if factor not in by]
    panels: dict[str, dict[str, int]] = {}
    for place in shown:
        panel = panels.setdefault(spelled_arm({factor: arms[place][factor] for factor in by}), {})
        panel[spelled_arm({factor: arms[place][factor] for factor in told}) or "all runs"] = place
    return panels


def spelled_arm(levels: Mapping[str, str]) -> str:
    """The name of an arm: its factors with their levels, as they are typed."""
    return ", ".join(f"{factor}={level}" for factor, level in levels.items())
