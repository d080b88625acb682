"""Tables that fit the terminal: which columns a narrow one goes without, and a list in place of a table in need."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bpexp.cli.rows import row
from bpexp.errors import visible
from bpexp.running.fitting import columns

MOST = 30
"""Rows that are printed of a longer table, the first ones."""

LISTED = 120
"""Letters of a list of columns; of a longer one, their number is told."""

NARROWEST = 10
"""Columns that the heading of a column may take, though its cells be narrower."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A ranked table.

    Args:
        title: the line above it.
        cells: the cells of each column, in the order in which the columns are shown.
        swept: the columns that tell the rows apart.
        decisive: the column that decides the order; None for none.
        dispensable: the columns that a narrow terminal goes without, the first of them first.
        heading: the words above a column.
    """

    title: str
    cells: Mapping[str, Sequence[str]]
    swept: Sequence[str]
    decisive: str | None
    dispensable: Sequence[str]
    heading: Callable[[str], str] = field(default=str)


def print_ranked(console: Console, ranked: Ranked) -> list[str]:
    """Print a table, or a list where no table fits; returns the columns that are not shown."""
    console.print(Text(visible(ranked.title), "bold"))
    kept = list(ranked.cells)
    for column in ["", *ranked.dispensable]:
        kept = [name for name in kept if name != column]
        table = _table(ranked, kept)
        if console.measure(table, options=console.options.update(width=10_000)).maximum <= console.width:
            console.print(table)
            break
    else:
        kept = _print_list(console, ranked)
    if (rows := _rows(ranked)) > MOST:
        console.print(f"and {rows - MOST} more rows")
    console.print()
    return [name for name in ranked.cells if name not in kept]


def _rows(ranked: Ranked) -> int:
    return max(map(len, ranked.cells.values()), default=0)


def _table(ranked: Ranked, names: Sequence[str]) -> Table:
    """Some columns of the table: numbers to the right, headings in as many lines as their cells are narrow."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    shown = {name: [visible(cell) for cell in ranked.cells[name][:MOST]] for name in names}
    for name, cells in shown.items():
        room = max([NARROWEST, *map(columns, cells)])
        head = "\n".join(headings(visible(ranked.heading(name)), room))
        table.add_column(Text(head), justify="right" if all(map(numeric, cells)) else "left", no_wrap=True)
    for line in zip(*shown.values(), strict=True):
        table.add_row(*map(Text, line))
    return table


def _print_list(console: Console, ranked: Ranked) -> list[str]:
    """Print a row in as many lines as it needs: its rank, the decisive measure, what was swept; what is shown."""
    shown = [*([ranked.decisive] if ranked.decisive else []), *ranked.swept]
    for place, cells in enumerate(zip(*(ranked.cells[name][:MOST] for name in shown), strict=True), start=1):
        named = dict(zip(shown, cells, strict=True))
        words = [f"{key}={named[key]}" for key in ranked.swept]
        row(console, f"{place}.", "  ".join([*([named[ranked.decisive]] if ranked.decisive else []), *words]), width=5)
    return ["rank", *shown]


def alike(cells: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The columns of several rows whose cells are the same, which tell nothing apart, with what they hold."""
    return {name: held[0] for name, held in cells.items() if len(held) > 1 and len(set(held)) == 1}


def listed(names: Sequence[str]) -> str:
    """The names of columns, or the number of many."""
    return told if len(told := ", ".join(names)) <= LISTED else f"{len(names)} columns"


def headings(text: str, room: int) -> list[str]:
    """A heading in lines of at most `room` columns, broken at blanks and behind slashes and points if possible."""
    lines = [""]
    for part in re.findall(r"[^ /.]*[/.]|[^ /.]+ ?| ", text):
        if lines[-1] and columns(lines[-1] + part.rstrip()) > room:
            lines.append("")
        lines[-1] += part
    return [line.strip() for line in lines]


def numeric(cell: str) -> bool:
    """Whether a cell is a number, or empty."""
    return bool(re.fullmatch(r"([+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(inf|nan))?", cell, re.ASCII | re.IGNORECASE))


def numbers_first(names: Sequence[str], cells: Mapping[str, Sequence[str]]) -> list[str]:
    """Columns in their order, those of numbers before those of names, which are wider."""
    return sorted(names, key=lambda name: not all(map(numeric, cells[name])))
