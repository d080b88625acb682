"""The features of a table: from cells to inputs, with the index of pandas, missing values and categories dealt with."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from bpexp.data.tables.advice import refuse_missing, typed
from bpexp.data.tables.cells import Cells
from bpexp.data.tables.selection import NAMELESS
from bpexp.data.tables.source import Source
from bpexp.errors import DataError
from bpexp.nn.arrays import Array
from bpexp.nn.column import Column, Impute, listed, number_of
from bpexp.nn.columns import Columns

Missing = float | Literal["error", "drop_rows", "mean", "median", "most_frequent"]

COUNTING = 10
"""Rows from which on a column that counts them is no accident."""

ABSENT = "missing"
"""The category of a missing value where a number is declared for missing ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """The inputs of a table.

    Args:
        X: (N, n_0); NaN where a value is missing, in each input of a category.
        columns: what they are made of.
        targets: one series for each target.
        records: (N,) which record of the file each row is.
        notes: what was decided.
    """

    X: Array
    columns: Columns
    targets: list[Any]
    records: Array
    notes: list[str]


def features_of(cells: Cells, source: Source, missing: Missing, most: int) -> Features:
    """The inputs of the cells.

    Args:
        cells: of the selected columns.
        source: the file.
        missing: what is declared about missing values.
        most: largest number of categories of a column.

    Raises DataError for a column that counts the rows, one without any value, missing values that are not declared, and
    for a column of too many categories.
    """
    notes = [f"{cells.blank} lines without any value left out"] * bool(cells.blank)
    kept = _kept_columns(cells, source, notes)
    features = [source.selection.features[j] for j in kept]
    X = cells.X if len(kept) == cells.X.shape[1] else cells.X[:, kept]
    for i, known in cells.levels.items():
        if len(known) > most:
            name = source.selection.names[i]
            raise DataError(
                f"{source.where}: column {name!r} has {len(known)} categories, more than data.most_categories={most}; "
                f"leave it out by data.drop={typed(source.selection.names, i)}, or allow more"
            )
    rows = _kept_rows(X, cells, features, source, missing, notes)
    records, targets = cells.records, cells.targets
    if not rows.all():  # a copy of a large table is made only where it has to be
        X, records, targets = X[rows], records[rows], [series[rows] for series in targets]
    names = [source.selection.names[i] for i in features]
    constant = [name for name, x in zip(names, X.T, strict=True) if (x == x[0]).all()]
    if constant:
        notes.append(f"one value only in {listed(constant)}")
    levels = [_present(cells.levels[i], x) if i in cells.levels else None for i, x in zip(features, X.T, strict=True)]
    columns = Columns(tuple(declared_column(name, known, missing) for name, known in zip(names, levels, strict=True)))
    return Features(_inputs(X, columns, levels), columns, targets, records, notes)


def _kept_columns(cells: Cells, source: Source, notes: list[str]) -> list[int]:
    """The places in X of the features that stay: pandas' index, and a nameless column without values, go."""
    names, kept = source.selection.names, []
    for j, i in enumerate(source.selection.features):
        x = cells.X[:, j]
        nameless = source.header and names[i] == NAMELESS.format(i)
        if np.isnan(x).all():
            if not nameless:
                way = f"leave it out by data.drop={typed(names, i)}"
                raise DataError(f"{source.where}: column {names[i]!r} has no value at all; {way}")
            notes.append(f"column {i} left out: it has neither a name nor values")
        elif i == source.selection.index and len(np.unique(x)) == len(x) and (x == np.round(x)).all():
            notes.append("the first column left out: it has no name and numbers the rows, as an index of pandas does")
        elif i == 0 and source.selection.proposed and i not in cells.levels and _counts(x):
            raise DataError(
                f"{source.where}: column {names[i]!r} counts the rows from {x[0]:.0f}, as an index does; leave it out "
                f"by data.drop={typed(names, i)}, or choose the features by data.columns"
            )
        else:
            kept.append(j)
    if not kept:
        raise DataError(f"{source.where}: no feature is left beside the target")
    return kept


def _counts(x: Array) -> bool:
    return len(x) >= COUNTING and x[0] in (0, 1) and bool((x == x[0] + np.arange(len(x))).all())


def _kept_rows(
    X: Array, cells: Cells, features: list[int], source: Source, missing: Missing, notes: list[str]
) -> Array:
    """(N,) which rows stay; raises DataError for missing values that no declaration covers."""
    gaps = {i: np.isnan(X[:, j]) for j, i in enumerate(features)} if missing in ("error", "drop_rows") else {}
    gaps |= {i: series.isna().to_numpy() for i, series in zip(source.selection.targets, cells.targets, strict=True)}
    for i in source.selection.targets:
        if gaps[i].all():
            name = source.selection.names[i]
            raise DataError(f"{source.where}: the target {name!r} has no value at all; name another by data.target")
    gone: Array = np.any(list(gaps.values()), axis=0)
    if not gone.any():
        return ~gone
    if missing != "drop_rows":
        row = int(gone.argmax())
        column = next(i for i, gap in gaps.items() if gap[row])
        counts = {i: int(gap.sum()) for i, gap in gaps.items() if gap.any()}
        refuse_missing(source, counts, int(cells.records[row]), column, imputing=missing != "error")
    if gone.all():
        raise DataError(f"{source.where}: every row has a missing value; leave columns out by data.drop")
    notes.append(f"{int(gone.sum())} of {len(gone)} rows left out, in which a value is missing")
    return ~gone


def _how(missing: Missing) -> Impute | None:
    if missing in ("mean", "median", "most_frequent"):
        return missing
    return "constant" if isinstance(missing, int | float) else None


def _present(levels: dict[str, int], x: Array) -> dict[str, int]:
    """The categories that the rows which stay have."""
    numbers = set(np.unique(x[~np.isnan(x)]).tolist())
    return {text: number for text, number in levels.items() if number in numbers}


def declared_column(name: str, categories: Collection[str] | None, missing: Missing) -> Column:
    """A column of numbers, or of categories in their order, with what is declared about its missing values."""
    number = float(missing) if isinstance(missing, int | float) else None
    if categories is None:
        return Column(name, impute=_how(missing), fill=number)
    how = _how(missing) if number is not None or _how(missing) is None else "most_frequent"
    texts = set(categories) | ({ABSENT} if number is not None else set())
    return Column(name, "category", tuple(sorted(texts, key=_order)), how, None if number is None else ABSENT)


def _inputs(X: Array, columns: Columns, levels: list[dict[str, int] | None]) -> Array:
    """(N, n_0) the inputs of the numbers, and of the categories by their numbers; NaN where one is missing."""
    if not any(levels):
        return X
    out, start = np.zeros((len(X), columns.width)), 0
    for x, column, known in zip(X.T, columns.columns, levels, strict=True):
        block = out[:, start : start + column.width]
        start += column.width
        if known is None:
            block[:, 0] = x
            continue
        absent = np.isnan(x)
        for place, text in enumerate(column.categories):
            block[x == known.get(text, -1), place] = 1
        block[absent] = np.nan
    return out


def _order(text: str) -> tuple[float, str]:
    """Numbers by value, then other texts."""
    value = number_of(text)
    return (float("inf") if value is None else value, text)
