"""The gap of a study: two arms whose difference is shared out among the factors in which they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bpexp.errors import ConfigError
from bpexp.study.claims import known_keys, levels
from bpexp.study.measures import Measure, parse

MOST = 8
"""Largest number of parts: their 2^8 arms are the corners between the two."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Two arms and the parts, each one factor or several together, that lead from one to the other.

    A factor that neither arm names is averaged over; one with the same level in both is fixed.
    """

    start: Mapping[str, Any]
    end: Mapping[str, Any]
    parts: Sequence[Sequence[str]]
    measure: Measure


def read_gap(node: Any, factors: Mapping[str, Sequence[Any]], tuned: str | None, first: Measure) -> Gap | None:
    """Read `study.gap`: from, to, and optionally together and measure; raises ConfigError."""
    if node is None:
        return None
    if not isinstance(node, Mapping):
        raise ConfigError(f"study.gap must have from and to, not {node!r}")
    known_keys("study.gap", node, ["from", "to", "together", "measure"])
    start, end = (levels("study.gap", key, node.get(key), factors) for key in ("from", "to"))
    if not start or start.keys() != end.keys():
        raise ConfigError(f"study.gap: from and to must name the same factors, not {list(start)} and {list(end)}")
    if tuned in start:
        raise ConfigError(f"study.gap: every arm chooses its own {tuned}; leave {tuned!r} out")
    different = [factor for factor in start if start[factor] != end[factor]]
    parts = _parts(node.get("together"), different)
    if not 2 <= len(parts) <= MOST:
        raise ConfigError(f"study.gap: from and to must differ in 2 to {MOST} parts, not in {len(parts)}")
    return Gap(start, end, parts, parse(node["measure"]) if "measure" in node else first)


def _parts(together: Any, different: Sequence[str]) -> list[tuple[str, ...]]:
    """The factors that differ, those that are named together as one part."""
    groups = together or []
    if not isinstance(groups, list | tuple) or not all(isinstance(group, list | tuple) for group in groups):
        raise ConfigError(f"study.gap.together must be a list of lists of factors, not {together!r}")
    named = [factor for group in groups for factor in group]
    for factor in named:
        if factor not in different or named.count(factor) > 1:
            raise ConfigError(f"study.gap.together: {factor!r} must differ between from and to, and stand in one list")
    alone = [(factor,) for factor in different if factor not in named]
    return [*(tuple(group) for group in groups if group), *alone]
