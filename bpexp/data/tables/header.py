"""Whether the first record of a table holds the names of its columns: decided where it is clear, else asked for."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from bpexp.errors import DataError
from bpexp.nn.column import listed

ENOUGH = 4
"""Numbers that count up from 0 in the first record, from which on they are taken for names and not for a sample."""

GROWING = 5
"""Numbers that grow from left to right, from which on they may be names (years, wavelengths): 1 sample in 120 does."""

EVEN = 3
"""Whole numbers in equal steps, from which on they may be names: 2020, 2021, 2022 say."""

BLANK = frozenset({"", "?", "-", ".", "na", "n/a", "nan", "null", "none"})
"""Cells, in lower case, that say nothing about whether a record is a header."""

Number = Callable[[str], float | None]


def has_header(first: list[str], rest: list[list[str]], number: Number, where: str) -> bool:
    """Whether `first` holds names and not a sample.

    - It holds names if it has no number, and a text stands above nothing but numbers, or none of its texts comes again.
    - It holds names if its numbers are 0, 1, 2, ..., as pandas writes names that were never given.
    - It is a sample if its texts come again in their columns, or if it has numbers, which neither count nor grow nor
      go in equal steps.

    Args:
        first: the cells of the first record.
        rest: those of records after it.
        number: the number that a cell spells, or None.
        where: the file, for messages.

    Raises DataError where both are possible.
    """
    below = [[row[i] for row in rest if i < len(row) and row[i].lower() not in BLANK] for i in range(len(first))]
    texts = [i for i, cell in enumerate(first) if cell.lower() not in BLANK and number(cell) is None]
    values = {i: value for i, cell in enumerate(first) if (value := number(cell)) is not None}
    above = any(below[i] and all(number(cell) is not None for cell in below[i]) for i in texts)
    again = [i for i in texts if first[i] in below[i]]
    offset = 0 if first[0] else 1  # pandas leaves the name of its index empty
    counts = bool(values) and all(value == i - offset for i, value in values.items())
    if above and (not values or counts):
        return True
    if not values and len(again) in (0, len(texts)):
        return not again
    if counts and len(values) >= ENOUGH and not again:
        return True
    if values and not above and not counts and (again or _is_sample(list(values.values()), rest, number, bool(texts))):
        return False
    raise DataError(
        f"{where}: the first line ({listed(first)}) may hold names or a sample; "
        "declare data.header=true or data.header=false"
    )


def _is_sample(values: list[float], rest: list[list[str]], number: Number, texts: bool) -> bool:
    """Whether the numbers of the first record can only be values; whole ones beside texts may be names."""
    if (len(values) >= GROWING and _grow(values)) or _even(values):
        rows = [[value for cell in row if (value := number(cell)) is not None] for row in rest]
        return bool(rows) and 2 * sum(_grow(row) or _even(row) for row in rows) > len(rows)
    return not texts or not all(value.is_integer() for value in values)


def _grow(values: list[float]) -> bool:
    return all(a < b for a, b in pairwise(values))


def _even(values: list[float]) -> bool:
    """Whether the numbers are whole and go up or down in equal steps."""
    steps = {b - a for a, b in pairwise(values)}
    return len(values) >= EVEN and len(steps) == 1 and steps != {0} and all(value.is_integer() for value in values)
