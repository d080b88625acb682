"""Missing values of a table, replaced as it declares: every statistic is one of the training part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bpexp.data.dataset import Raw
from bpexp.errors import DataError
from bpexp.nn.arrays import Array
from bpexp.nn.column import Column, Impute


def imputed(raw: Raw, rows: Array) -> tuple[Raw, int]:
    """The data with a value in place of each missing one, and how many values were missing.

    The columns of the result hold the replacements, also of columns in which nothing is missing, for rows to come.

    Args:
        raw: the data; as they are where they have no columns, or none that declares a replacement.
        rows: the training rows.

    Raises DataError for a column without any value in the training rows.
    """
    if raw.columns is None or not any(column.impute for column in raw.columns.columns):
        return raw, 0
    X = raw.X.copy()
    missing, start = 0, 0
    fills: list[float | str | None] = []
    for column in raw.columns.columns:
        block = X[:, start : start + column.width]
        start += column.width
        missing += int(np.isnan(block[:, 0]).sum())
        known = column if column.fill is not None or column.impute is None else _with_fill(column, block[rows])
        known.filled(block)
        fills.append(known.fill)
    return replace(raw, X=X, columns=raw.columns.with_fills(fills)), missing


def _with_fill(column: Column, block: Array) -> Column:
    """The column with the replacement that its training rows (N, width) give; NaN marks a missing value."""
    present = block[~np.isnan(block[:, 0])]
    if not len(present):
        raise DataError(f"column {column.name!r} has no value in the training part; leave it out by data.drop")
    if column.kind == "category":
        return replace(column, fill=column.categories[int(present.sum(axis=0).argmax())])
    return replace(column, fill=_statistic(present[:, 0], column.impute))


def _statistic(values: Array, how: Impute | None) -> float:
    """The mean, the median or the most frequent of numbers; of several that are equally frequent the smallest."""
    if how == "most_frequent":
        found, counts = np.unique(values, return_counts=True)
        return float(found[counts.argmax()])
    return float(np.median(values) if how == "median" else values.mean())
