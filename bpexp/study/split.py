"""A factor that is told apart as several: a swept option, such as a pairing, that stands for a level of each of them.

    split:
      pairing:
        sigmoid_mse: {output: sigmoid, cost: squared error}
        softmax_cross_entropy: {output: softmax, cost: cross-entropy}

The sweep goes over `pairing`; claims, arms, charts and shares speak of `output` and `cost`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bpexp.errors import ConfigError

Split = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Swept factor -> its level, as text -> factor -> level."""


def read_split(node: Any, swept: Mapping[str, Sequence[str]], tuned: str | None) -> Split:
    """Read `study.split`; raises ConfigError. `swept` are the factors that are swept, with their levels as text."""
    if not isinstance(node or {}, Mapping):
        raise ConfigError(f"study.split must give a factor's levels their factors, not {node!r}")
    found: dict[str, dict[str, dict[str, str]]] = {}
    for factor, table in (node or {}).items():
        if factor not in swept or factor == tuned:
            able = ", ".join(name for name in swept if name != tuned)
            raise ConfigError(f"study.split: {factor!r} is no factor that can be split; choose from: {able}")
        found[str(factor)] = _table(str(factor), table, swept[factor])
    _refuse_twins(found, swept)
    return found


def _table(factor: str, table: Any, levels: Sequence[str]) -> dict[str, dict[str, str]]:
    where = f"study.split.{factor}"
    if not isinstance(table, Mapping) or sorted(map(str, table)) != sorted(levels):
        raise ConfigError(f"{where} must say what each of the levels {', '.join(levels)} stands for, not {table!r}")
    rows = {str(level): row for level, row in table.items()}
    if not all(isinstance(row, Mapping) and row for row in rows.values()):
        raise ConfigError(f"{where} must give each level a mapping of factors to levels, not {table!r}")
    if len({tuple(row) for row in rows.values()}) > 1:
        raise ConfigError(f"{where}: every level must name the same factors, in the same order")
    if len({tuple(map(str, row.values())) for row in rows.values()}) < len(rows):
        raise ConfigError(f"{where}: two levels stand for the same; they could not be told apart")
    return {level: {str(name): str(value) for name, value in row.items()} for level, row in rows.items()}


def _refuse_twins(split: Split, swept: Mapping[str, Sequence[str]]) -> None:
    names = [name for table in split.values() for name in next(iter(table.values()))]
    for name in names:
        if name in swept or name == "seed" or names.count(name) > 1:
            raise ConfigError(f"study.split: {name!r} is the name of another factor; choose another one")


def told_apart(swept: Mapping[str, Sequence[Any]], split: Split) -> dict[str, list[Any]]:
    """The factors of the analysis: a split factor is replaced by those that it stands for, in its place."""
    factors: dict[str, list[Any]] = {}
    for name, levels in swept.items():
        if name not in split:
            factors[name] = list(levels)
            continue
        for level in levels:
            for part, value in split[name][str(level)].items():
                known = factors.setdefault(part, [])
                if value not in known:
                    known.append(value)
    return factors


def levels_of(params: Mapping[str, str], split: Split) -> dict[str, str]:
    """The levels of one run, by factor of the analysis, from those that were swept; an unknown level stays as it is."""
    found: dict[str, str] = {}
    for name, level in params.items():
        table = split.get(name)
        if table is None:
            found[name] = level
        else:
            found |= table.get(level) or dict.fromkeys(next(iter(table.values())), level)
    return found
