"""What to do about a cell that is no number, or a column of text: one line with what to type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from bpexp.data.tables.dialect import Dialect
from bpexp.data.tables.header import BLANK
from bpexp.data.tables.selection import simplified
from bpexp.data.tables.source import Source
from bpexp.errors import DataError
from bpexp.nn.arrays import Array
from bpexp.nn.column import SHOWN, listed

if TYPE_CHECKING:
    import pandas as pd

DATE = re.compile(r"\d{4}-\d\d?-\d\d?.*|\d\d?[./]\d\d?[./]\d{2,4}.*|\d{4}/\d\d?/\d\d?.*")
GROUPED = re.compile(r"[+-]?\d{1,3}([,. ']\d{3})+([.,]\d+)?")
NO_TEXT = ("null", "true", "false", "inf", "nan")
"""Words that Hydra reads as values of another type."""

MEND = "; mend the cell"
FEW = 20
"""The largest number of different texts for which a message proposes categories."""


def refuse_cell(source: Source, record: int, column: int, cell: Any) -> NoReturn:
    """Raise DataError for a cell of a column of numbers that is text or infinite."""
    text = str(cell).strip()
    hint = _hint(source, text)
    if record == 0 and not source.header and hint.startswith(MEND):
        hint = "; if the first line holds names, declare data.header=true"
    raise DataError(f"{source.place(record, column)}: expected a finite number, found {text!r}{hint}")


def refuse_texts(source: Source, bad: Mapping[int, Array], piece: pd.DataFrame) -> None:
    """Raise DataError for the columns that mostly hold text.

    Args:
        source: the file.
        bad: (n,) which cells of a column are text, by the column's position.
        piece: the first rows of the file.
    """
    texts = [i for i, cells in bad.items() if cells.any() and 2 * cells.sum() > piece[i].notna().sum()]
    if not texts:
        return
    names = source.selection.names
    examples = {i: str(piece[i][bad[i]].iloc[0]).strip() for i in texts}
    if source.selection.index in texts:
        i = source.selection.index
        raise DataError(
            f"{source.where}: the first column has no name and holds text ({examples[i]!r}), as an index of pandas "
            "does; leave it out by data.drop=0"
        )
    hint = _hint(source, examples[texts[0]]) if len(texts) == 1 else ""
    if hint and "categorical" not in hint:
        raise DataError(f"{source.where}: column {names[texts[0]]!r} holds text ({examples[texts[0]]!r}){hint}")
    told = ", ".join(f"{names[i]} ({examples[i]!r})" for i in texts[:SHOWN]) + (", ..." if len(texts) > SHOWN else "")
    few = [i for i in texts if piece[i].nunique() <= FEW]
    many = [i for i in texts if i not in few]
    ways = [f"data.categorical={_typed(source, few)} makes an input of each category"] if few else []
    ways.append(f"data.drop={_typed(source, many or texts)} leaves the text out")
    raise DataError(f"{source.where}: text in the columns {told}; {', '.join(ways)}")


def _typed(source: Source, columns: list[int]) -> str:
    """The columns as one can type them after an equals sign, without quotes."""
    return "[" + ",".join(typed(source.selection.names, i) for i in columns) + "]"


def typed(names: tuple[str, ...], column: int) -> str:
    """A column as one can type it without quotes: its name, its simplified name, or else its number."""
    simple = simplified(names[column])
    for text in (names[column], simple):
        known = [i for i, name in enumerate(names) if text in (name, simplified(name))]
        if known == [column] and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) and text.lower() not in NO_TEXT:
            return text
    return str(column)


def _hint(source: Source, text: str) -> str:
    """What to do about a cell."""
    if sign := _sign(source.dialect, text):
        return sign
    if text.lower() in BLANK:
        return f"; if it stands for a missing value, declare data.na_values={text}"
    if DATE.fullmatch(text):
        return "; write a date as a number, such as days since the first one, or leave the column out by data.drop"
    if "inf" in text.lower():
        return "; put a number in its place"
    return f"{MEND}, or declare the column in data.categorical or data.drop"


def _sign(dialect: Dialect, text: str) -> str:
    """A declaration by which the cell would be a number; empty if there is none."""
    if not GROUPED.fullmatch(text) and text.count(",") + text.count(".") != 1:
        return ""
    declared = {"decimal": dialect.decimal, "thousands": dialect.thousands}
    for key, sign, name in (
        ("decimal", ",", "comma"),
        ("decimal", ".", "point"),
        ("thousands", ",", "comma"),
        ("thousands", ".", "point"),
        ("thousands", " ", "space"),
        ("thousands", "'", "quote"),
    ):
        other = Dialect(**declared | {key: sign})  # type: ignore[arg-type]
        if other.decimal != other.thousands and other.number(text) is not None:
            return f"; if its sign {sign!r} is meant so, declare data.{key}={name}"
    return ""


def refuse_missing(source: Source, counts: Mapping[int, int], record: int, column: int, *, imputing: bool) -> NoReturn:
    """Raise DataError for missing values.

    Args:
        source: the file.
        counts: how many are missing in a column, by its position, where there are any.
        record: that of the first missing value.
        column: its column.
        imputing: whether the values of features are imputed, so that all these are of targets.
    """
    names = source.selection.names
    told = listed([f"{names[i]} {count}" for i, count in counts.items()])
    total = sum(counts.values())
    place = source.place(record, column)
    if imputing or set(counts) <= set(source.selection.targets):
        raise DataError(
            f"{place}: the target is missing ({total} in all); a target is never filled in, so remove the lines, "
            "or declare data.missing=drop_rows"
        )
    raise DataError(
        f"{place}: a value is missing ({total} in all: {told}); declare data.missing=median (or mean, most_frequent, "
        "a number) to fill in, or data.missing=drop_rows"
    )
