"""The columns of a table: how a raw row of numbers and categories becomes the numbers of a network's input.

Every saved network carries this module, so it imports NumPy and not pandas; a data frame is read by its interface.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpexp.errors import DataError, nearest
from bpexp.nn.arrays import Array
from bpexp.nn.column import Column, listed

__all__ = ["Column", "Columns"]

NOT_IMPUTED = "fill it in; the data of this network had none, or had no declared replacement"


@dataclass(frozen=True)
class Columns:
    """The columns of a table in the order of the inputs.

    Args:
        columns: one or more, with different names.
    """

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        if not self.columns or len(set(self.names)) < len(self.columns):
            raise DataError(f"expected one or more columns with different names, found: {listed(self.names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def width(self) -> int:
        """n_0, the number of inputs: one for a number, and one for each category."""
        return sum(column.width for column in self.columns)

    @property
    def inputs(self) -> tuple[str, ...]:
        """(n_0,) the name of each input: that of its column, followed by `=CATEGORY` for a category."""
        parts = (
            (c.name,) if c.kind == "number" else tuple(f"{c.name}={k}" for k in c.categories) for c in self.columns
        )
        return tuple(name for part in parts for name in part)

    @property
    def is_number(self) -> Array:
        """(n_0,) whether the input is a number, which scaling applies to, and not one of a category's."""
        return np.repeat([c.kind == "number" for c in self.columns], [c.width for c in self.columns])

    def encode(self, rows: Any) -> Array:
        """(N, n_0) in float64, before scaling, of raw rows.

        Args:
            rows: a data frame or a mapping of columns, which are found by name while others are ignored; or rows
                (N, number of columns) in the order of `names`.

        Raises DataError for a missing column, a wrong shape, an unknown category, text or infinity among numbers, and
        for a missing value in a column without a value to put in its place.
        """
        blocks = self.blocks(rows)
        for column, block in zip(self.columns, blocks, strict=True):
            missing = np.isnan(column.filled(block)[:, 0])
            if missing.any():
                row = int(missing.argmax())
                raise DataError(f"row {row}, column {column.name!r}: a value is missing; {NOT_IMPUTED}")
        return np.hstack(blocks)

    def blocks(self, rows: Any) -> list[Array]:
        """The inputs (N, width) of each column, with NaN for missing values; arguments and errors as in `encode`."""
        found = self._by_name(rows) if hasattr(rows, "columns") or isinstance(rows, Mapping) else self._in_order(rows)
        blocks = [column.encode(values) for column, values in zip(self.columns, found, strict=True)]
        if len({len(block) for block in blocks}) > 1:
            raise DataError("expected columns of one length")
        return blocks

    def _by_name(self, rows: Any) -> list[Any]:
        given = list(rows.columns) if hasattr(rows, "columns") else list(rows)
        texts = [str(name).strip() for name in given]
        for name in self.names:
            if texts.count(name) != 1:
                hint = "twice" if name in texts else f"not; {nearest(name, texts)}they have: {listed(texts)}"
                raise DataError(f"the rows need a column {name!r} once, and have it {hint}")
        return [rows[given[texts.index(name)]] for name in self.names]

    def _in_order(self, rows: Any) -> list[Any]:
        try:
            table = np.asarray(rows) if hasattr(rows, "dtype") else np.asarray(rows, dtype=object)
        except ValueError:
            table = np.empty(0, dtype=object)
        n = len(self.columns)
        if table.ndim != 2 or table.shape[1] != n:
            raise DataError(
                f"expected rows of {n} values, (N, {n}), in the order {listed(self.names)}; "
                f"found the shape {table.shape}"
            )
        return list(table.T)

    def with_fills(self, fills: Sequence[float | str | None]) -> Columns:
        """The same columns with other values in place of missing ones, one for each column."""
        return Columns(tuple(replace(c, fill=fill) for c, fill in zip(self.columns, fills, strict=True)))

    def to_spec(self) -> dict[str, Any]:
        """Plain values, as JSON has them, from which `bpexp.records.schema.typed` makes the same columns."""
        return {"columns": [_plain(column) for column in self.columns]}


def _plain(column: Column) -> dict[str, Any]:
    node = {"name": column.name, "kind": column.kind, "categories": list(column.categories)}
    return node | {"impute": column.impute, "fill": column.fill}
