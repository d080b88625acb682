"""One column of a table: how its cells, numbers or categories, become numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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

    def __post_init__(self) -> None:
        """Raise DataError for categories that are none or not different, and for a fill that is no value."""
        is_category = self.kind == "category"
        if is_category != bool(self.categories) or len(set(self.categories)) < len(self.categories):
            found = listed(self.categories) or "none"
            raise DataError(f"column {self.name!r}: a {self.kind} with the categories {found}; expected different ones")
        if self.fill is not None and isinstance(self.fill, str) != is_category:
            raise DataError(
                f"column {self.name!r}: the value in place of a missing one is {self.fill!r} in a {self.kind}"
            )
        if is_category and self.fill is not None and self.fill not in self.categories:
            raise DataError(
                f"column {self.name!r}: the category {self.fill!r} takes the place of missing ones and is none"
            )

    @property
    def width(self) -> int:
        """The number of inputs."""
        return len(self.categories) if self.kind == "category" else 1

    @cached_property
    def numbers_of_categories(self) -> dict[str | float, int]:
        """The number of each category by its name, and by its value where the name spells a number or a truth value."""
        known: dict[str | float, int] = {}
        for i, name in enumerate(self.categories):
            value = number_of(name)
            if value is not None:
                known.setdefault(value, i)
        return known | {name: i for i, name in enumerate(self.categories)}

    def encode(self, values: Any) -> Array:
        """(N, width) in float64 of the values (N,); NaN in each input where a value is missing.

        Raises DataError for an unknown category, for text among numbers, and for infinity.
        """
        try:
            shape = np.shape(values)
        except ValueError:  # lists of several lengths
            raise DataError(f"column {self.name!r}: expected one value a row, found lists of values") from None
        if len(shape) != 1:
            raise DataError(f"column {self.name!r}: expected one value a row, found the shape {shape}")
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
        found = float("nan") if is_missing(value) else number_of(value)
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
        keys = [text] if isinstance(value, str) else [text, number_of(value)]
        for key in keys:
            if key in known:
                return known[key]
        raise DataError(
            f"{self._place(row)}: unknown category {text!r}; {nearest(text, self.categories)}"
            f"known are: {listed(self.categories)}"
        )

    def _place(self, row: int) -> str:
        return f"row {row}, column {self.name!r}"


def is_missing(value: Any) -> bool:
    """Whether a cell has no value: None, NaN, pandas' NA and NaT, and blank text."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return not value.strip() if isinstance(value, str) else isinstance(value, float) and value != value


def listed(names: Sequence[str]) -> str:
    """The names for a message, of many the first ten."""
    more = f", ... ({len(names)} in all)" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _listed(values: Any) -> list[Any]:
    """The values (N,) as a list of objects of Python, not of NumPy."""
    found: list[Any] = np.asarray(values, dtype=object).tolist()
    return found


def number_of(value: Any) -> float | None:
    """The number that a value is or spells, None where it is none."""
    if isinstance(value, str) and (value.strip().lower() in TRUTH or "_" in value):
        return TRUTH.get(value.strip().lower())  # Python reads 1_000, which no table has
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None
