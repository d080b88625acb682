"""Arrays and data frames of a Python process, copied into plain arrays, so that no later change reaches them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpexp.data.dataset import digest_of
from bpexp.errors import DataError, nearest
from bpexp.nn.arrays import Array
from bpexp.nn.column import Column, is_missing, listed, number_of

WHERE = "the data in memory"
"""How messages name them."""


@dataclass(frozen=True, slots=True, eq=False)
class Captured:
    """Inputs, targets, and the names that a data frame gives them.

    Args:
        X: (N, ...) the inputs of an array; None for those of a data frame.
        columns: the columns of a data frame by name: (N,) numbers in float64, NaN where one is missing; or (N,) texts,
            None where one is missing, of a column of categories.
        y: (N,) or (N, n_L) targets: numbers, NaN where one is missing; or texts, None where one is missing.
        target_names: of the columns of y, where they have names.
    """

    X: Array | None
    columns: dict[str, Array]
    y: Array
    target_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.y)

    def digest(self) -> str:
        """SHA-256 (hex) of names, types, shapes and values."""
        sha = hashlib.sha256(json.dumps([list(self.columns), self.target_names]).encode())
        for array in self._arrays():
            plain = array.dtype.kind != "O"
            sha.update(digest_of(array).encode() if plain else json.dumps(array.tolist()).encode())
        return sha.hexdigest()

    def _arrays(self) -> Iterator[Array]:
        yield from () if self.X is None else (self.X,)
        yield from (*self.columns.values(), self.y)


def captured(X: Any, y: Any) -> Captured:
    """Copies of inputs and targets; arguments as in `bpexp.data.memory.Dataset`. Raises DataError."""
    frame = _frame(X)
    if isinstance(y, str) or (frame is not None and _names_columns(y, frame)):
        frame, y = _taken_out(frame, [y] if isinstance(y, str) else list(y))
    elif frame is not None:
        _refuse_other_rows(frame, y)
    targets, names = _targets(y)
    if frame is None:
        inputs = _array(X, "inputs")
        if inputs.dtype.kind not in "biuf":
            raise DataError(f"{WHERE}: expected numbers as inputs, found {inputs.dtype} of shape {inputs.shape}")
        found = Captured(inputs, {}, targets, names)
    else:
        named = [str(name).strip() for name in frame.columns]
        if len(set(named)) < len(named):
            raise DataError(f"{WHERE}: the columns need different names, and are called: {listed(named)}")
        found = Captured(None, {name: _column(name, frame.iloc[:, i]) for i, name in enumerate(named)}, targets, names)
    n = len(found.X) if found.X is not None else len(frame)
    if n == 0:
        raise DataError(f"{WHERE}: there is no sample; expected one or more rows")
    if n != len(targets):
        raise DataError(f"{WHERE}: expected as many targets as inputs, {n}, found {len(targets)}")
    return found


def _frame(X: Any) -> Any:
    """A data frame of pandas as it is, a series as a frame of one column; None for anything else."""
    if not hasattr(X, "iloc"):
        return None
    return X.to_frame() if hasattr(X, "to_frame") else X


def _names_columns(y: Any, frame: Any) -> bool:
    known = set(frame.columns)
    return isinstance(y, list | tuple) and bool(y) and all(isinstance(name, str) and name in known for name in y)


def _taken_out(frame: Any, wanted: list[str]) -> tuple[Any, Any]:
    """The frame without the columns of the targets, and these columns."""
    if frame is None:
        raise DataError(f"{wanted[0]!r} names a column, and the inputs are no data frame; give the targets themselves")
    for name in wanted:
        names, count = [str(column) for column in frame.columns], list(frame.columns).count(name)
        if count != 1:
            near = f"there are {count}; " if count else nearest(name, names)
            raise DataError(f"{WHERE}: expected one column {name!r}; {near}they are: {listed(names)}")
    rest = frame.drop(columns=wanted)
    if not rest.shape[1]:
        raise DataError(f"{WHERE}: no feature is left beside the target")
    return rest, frame[wanted]


def _refuse_other_rows(frame: Any, y: Any) -> None:
    """Raise DataError for targets whose index pairs them with other rows than their order does."""
    if hasattr(y, "iloc") and len(y) == len(frame) and not y.index.equals(frame.index):
        raise DataError(
            f"{WHERE}: inputs and targets have different indices; pair them by y.loc[X.index], or give y.to_numpy() to "
            "pair them by their order"
        )


def _column(name: str, series: Any) -> Array:
    """(N,) the numbers of a column, or the texts of one of the dtype category."""
    if hasattr(series, "cat"):
        return np.array([None if is_missing(cell) else str(cell).strip() for cell in series.tolist()], dtype=object)
    try:
        return Column(name).encode(series.astype(object).to_numpy() if _nullable(series) else series)[:, 0]
    except DataError as error:
        raise DataError(
            f"{WHERE}: {error}; frame.astype({{{name!r}: 'category'}}) makes an input of each category, "
            f"frame.drop(columns={name!r}) leaves the column out"
        ) from None


def _nullable(series: Any) -> bool:
    """Whether a column has a type of pandas' own, which NumPy does not convert where a value is missing."""
    return not isinstance(series.dtype, np.dtype)


def _array(values: Any, what: str) -> Array:
    try:
        array = _closed(np.array(values))
    except ValueError:
        raise DataError(f"{WHERE}: the {what} are rows of different lengths; expected an array (N, ...)") from None
    if array.ndim == 0:
        raise DataError(f"{WHERE}: expected {what} with one sample a row, found {values!r}")
    if masked := int(np.ma.getmaskarray(values).sum()) if np.ma.isMaskedArray(values) else 0:
        raise DataError(f"{WHERE}: {masked} of the {what} are masked; fill them in or leave their samples out")
    return array


def _targets(y: Any) -> tuple[Array, tuple[str, ...]]:
    """The targets, and the names of their columns."""
    if hasattr(y, "iloc") and hasattr(y, "columns"):
        names = tuple(str(name).strip() for name in y.columns)
        parts = [_labels(y.iloc[:, i].tolist()) for i in range(len(names))]
        if len(parts) > 1 and any(part.dtype.kind not in "biuf" for part in parts):
            raise DataError(f"{WHERE}: several targets are values of a regression, and these hold text")
        return _closed(parts[0] if len(parts) == 1 else np.stack([p.astype(np.float64) for p in parts], axis=1)), names
    if hasattr(y, "iloc"):
        return _closed(_labels(y.tolist())), () if y.name is None else (str(y.name).strip(),)
    array = _array(y, "targets")
    if array.dtype.kind in "biuf":
        return array, ()
    if array.size != len(array) or array.dtype.kind == "c":
        found = f"{array.dtype} of shape {array.shape}"
        raise DataError(f"{WHERE}: expected numbers, or one label a sample, as targets, found {found}")
    return _closed(_labels(array.reshape(-1).tolist())), ()


def _labels(cells: list[Any]) -> Array:
    """(N,) numbers or truth values, NaN where one is missing; else texts, None where one is missing."""
    missing = [is_missing(cell) for cell in cells]
    given = [cell for cell, gone in zip(cells, missing, strict=True) if not gone]
    if not any(isinstance(cell, str) for cell in given) and None not in [number_of(cell) for cell in given]:
        return np.array([np.nan if gone else cell for cell, gone in zip(cells, missing, strict=True)])
    return np.array([None if gone else str(cell) for cell, gone in zip(cells, missing, strict=True)], dtype=object)


def _closed(array: Array) -> Array:
    array.flags.writeable = False
    return array
