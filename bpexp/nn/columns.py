"""The columns of a table: how a raw row of numbers and categories becomes the numbers of a network's input.

Every saved network carries this module, so it imports NumPy and not pandas; a data frame is read by its interface.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from bpexp.errors import DataError, nearest
from bpexp.nn.arrays import Array

Kind = Literal["number", "category"]
Impute = Literal["mean", "median", "most_frequent", "constant"]
TRUTH = {"true": 1.0, "false": 0.0}
"""The words that count as the numbers 1 and 0, in any case."""
SHOWN = 10
"""The largest number of names that a message lists."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Args:
        name: of the column.
        kind: number takes one input; category takes one input for each category, 1 where the row has it, else 0.
        categories: their names, of a category.
        impute: how the value in place of a missing one was declared; None where a missing value is an error.
        fill: that value, a number or the name of a category; None until it is known from the training part.
    """

    name: str
    kind: Kind = "number"
    categories: tuple[str, ...] = ()
    impute: Impute | None = None
    fill: float | str | None = None

    @property
    def width(self) -> int:
        """The number of inputs."""
        return len(self.categories) if self.kind == "category" else 1

    @cached_property
    def numbers_of_categories(self) -> dict[str | float, int]:
        """The number of each category by its name, and by its value where the name spells a number or a truth value."""
        known: dict[str | float, int] = {}
        for i, name in enumerate(self.categories):
            value = _float(name)
            if value is not None:
                known.setdefault(value, i)
        return known | {name: i for i, name in enumerate(self.categories)}

    def encode(self, values: Any) -> Array:
        """(N, width) in float64 of the values (N,); NaN in each input where a value is missing.

        Raises DataError for an unknown category, for text among numbers, and for infinity.
        """
        if np.ndim(values) != 1:
            raise DataError(f"column {self.name!r}: expected one value a row, found the shape {np.shape(values)}")
        return self._numbers(values) if self.kind == "number" else self._one_hot(values)

    def filled(self, block: Array) -> Array:
        """The inputs (N, width) with the declared value in place of what is missing, in place."""
        if self.fill is not None:
            missing = np.isnan(block[:, 0])
            block[missing] = self.encode([self.fill])
        return block

    def _numbers(self, values: Any) -> Array:
        if getattr(getattr(values, "dtype", None), "kind", "O") in "biuf":
            column = np.array(values, dtype=np.float64)
        else:
            column = np.array([self._number(i, value) for i, value in enumerate(_listed(values))], dtype=np.float64)
        if np.isinf(column).any():
            raise DataError(f"{self._place(int(np.isinf(column).argmax()))}: expected a finite number, found infinity")
        return column.reshape(-1, 1)

    def _number(self, row: int, value: Any) -> float:
        found = float("nan") if is_missing(value) else _float(value)
        if found is None:
            raise DataError(f"{self._place(row)}: expected a number, found {value!r}")
        return found

    def _one_hot(self, values: Any) -> Array:
        found = [self._category(i, value) for i, value in enumerate(_listed(values))]
        block = np.zeros((len(found), self.width + 1))
        block[np.arange(len(found)), found] = 1
        block[block[:, -1] == 1] = np.nan
        return np.ascontiguousarray(block[:, :-1])

    def _category(self, row: int, value: Any) -> int:
        """The number of a value's category; the number of categories where the value is missing."""
        if is_missing(value):
            return self.width
        known = self.numbers_of_categories
        text = str(value).strip()
        keys = [text] if isinstance(value, str) else [text, _float(value)]
        for key in keys:
            if key in known:
                return known[key]
        raise DataError(
            f"{self._place(row)}: unknown category {text!r}; {nearest(text, self.categories)}"
            f"known are: {listed(self.categories)}"
        )

    def _place(self, row: int) -> str:
        return f"row {row}, column {self.name!r}"


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
        """Plain values, as JSON has them, from which `from_spec` makes the same columns."""
        return {"columns": [_plain(column) for column in self.columns]}

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Columns:
        """The columns that `to_spec` describes; raises DataError for anything else."""
        try:
            nodes = [dict(node) for node in spec["columns"]]
            made = tuple(Column(**node | {"categories": tuple(node.get("categories", ()))}) for node in nodes)
            return cls(made)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"the description of columns cannot be read: {error}") from None


NOT_IMPUTED = "fill it in; the data of this network had none, or had no declared replacement"


def is_missing(value: Any) -> bool:
    """Whether a cell has no value: None, NaN, pandas' NA and NaT, and blank text."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return not value.strip() if isinstance(value, str) else isinstance(value, float) and value != value


def listed(names: Sequence[str]) -> str:
    """The names for a message, of many the first ten."""
    more = f", ... ({len(names)} in all)" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _plain(column: Column) -> dict[str, Any]:
    node = {"name": column.name, "kind": column.kind, "categories": list(column.categories)}
    return node | {"impute": column.impute, "fill": column.fill}


def _listed(values: Any) -> list[Any]:
    """The values (N,) as a list of objects of Python, not of NumPy."""
    found: list[Any] = np.asarray(values, dtype=object).tolist()
    return found


def _float(value: Any) -> float | None:
    """The number that a value is or spells, None where it is none."""
    if isinstance(value, str) and value.strip().lower() in TRUTH:
        return TRUTH[value.strip().lower()]
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None
