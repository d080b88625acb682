"""The cells of a table, read by pandas piece by piece, so the text of a large file is never in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from bpexp.data.tables.advice import refuse_cell, refuse_texts
from bpexp.data.tables.dialect import Dialect
from bpexp.data.tables.source import Source
from bpexp.errors import DataError
from bpexp.nn.arrays import Array
from bpexp.nn.column import is_missing, number_of

if TYPE_CHECKING:
    import pandas as pd

PIECE = 500_000
"""Cells that are read at once."""


@dataclass(slots=True, eq=False)
class Cells:
    """The cells of the selected columns.

    Args:
        X: (N, features) numbers; of a category its number in `levels`; NaN for a missing value.
        levels: the number of each category of a categorical feature, by its position in the file.
        targets: one series for each target, with NaN for a missing value.
        records: (N,) which record of the file each row is.
        blank: the number of records that were left out because all their cells are empty.
    """

    X: Array
    targets: list[Any]
    records: Array
    blank: int
    levels: dict[int, dict[str, int]] = field(default_factory=dict)


def read_cells(source: Source, lines: int) -> Cells:
    """Read the selected columns of a file of at most `lines` records.

    Raises DataError for a record of another width, and for text or infinity as numbers.
    """
    import pandas as pd

    levels: dict[int, dict[str, int]] = {i: {} for i in source.selection.categorical}
    X, n = np.empty((lines, len(source.selection.features))), 0
    targets: list[list[pd.Series[Any]]] = [[] for _ in source.selection.targets]
    records: list[Array] = []
    blank, checked = 0, False
    for piece in _pieces(source):
        if not checked and piece.iloc[:, -1].isna().any():
            refuse_ragged(source)  # pandas fills a line that is too short with missing values
            checked = True
        empty = piece.isna().all(axis=1)
        blank += int(empty.sum())
        piece = piece[~empty]
        if not records:
            refuse_texts(source, {i: _numbers(piece[i], source)[1] for i in _plain(source)}, piece)
        X[n : n + len(piece)] = _features(piece, source, levels)
        n += len(piece)
        records.append(piece.index.to_numpy(dtype=np.int64))
        for kept, i in zip(targets, source.selection.targets, strict=True):
            kept.append(piece[i])
    if not n:
        raise DataError(f"{source.where}: expected samples{' after the header' * source.header}, found none")
    joined = [pd.concat(kept, ignore_index=True) for kept in targets]
    return Cells(X[:n], joined, np.concatenate(records), blank, levels)


def _plain(source: Source) -> list[int]:
    """The features that are numbers."""
    return [i for i in source.selection.features if i not in source.selection.categorical]


def _pieces(source: Source) -> Iterator[pd.DataFrame]:
    """The records of a file, without the header, in pieces of some thousand; the columns are called 0, 1, ..."""
    import pandas as pd

    width, dialect = len(source.selection.names), source.dialect
    exact = {} if pd.__version__ >= "3" else {"float_precision": "round_trip"}  # pandas 3 is exact by itself
    with dialect.open(source.path) as file:
        text = _after_header(file, source) if source.header else file
        try:
            yield from pd.read_csv(  # type: ignore[call-overload]
                text,
                sep=dialect.delimiter,
                decimal=dialect.decimal,
                thousands=dialect.thousands,
                comment=dialect.comment,
                header=None,
                names=list(range(width)),
                index_col=False,
                dtype=dict.fromkeys(source.selection.categorical, str),
                na_values=source.na_values,
                skipinitialspace=True,
                low_memory=False,  # one type for a column of a piece; the pieces bound the memory
                chunksize=max(PIECE // width, 100),
                **exact,
            )
        except pd.errors.EmptyDataError:
            return
        except pd.errors.ParserError as error:
            refuse_ragged(source)
            raise DataError(f"{source.where}: cannot be read: {' '.join(str(error).split())}") from None


def _after_header(file: IO[str], source: Source) -> IO[str]:
    """The file behind its first record."""
    next(source.dialect.records(iter(file.readline, "")), None)
    return file


def fits(cells: list[str], width: int) -> bool:
    """Whether a record has `width` cells; a delimiter at the end of the line is no cell."""
    return len(cells) == width or (len(cells) == width + 1 and cells[-1] == "")


def refuse_ragged(source: Source) -> None:
    """Raise DataError for the first record that has not as many cells as the first one."""
    width = len(source.selection.names)
    with source.dialect.open(source.path) as file:
        for line, cells in source.dialect.records(file):
            if not fits(cells, width):
                raise DataError(
                    f"{source.where}, line {line}: expected {width} columns as in the first line, found {len(cells)}"
                )


def _features(piece: pd.DataFrame, source: Source, levels: dict[int, dict[str, int]]) -> Array:
    """(n, features) numbers, and numbers of categories, of one piece."""
    block = np.empty((len(piece), len(source.selection.features)))
    for j, i in enumerate(source.selection.features):
        if i in levels:
            block[:, j] = _codes(piece[i], levels[i])
            continue
        block[:, j], bad = _numbers(piece[i], source)
        bad |= np.isinf(block[:, j])
        if bad.any():
            row = int(bad.argmax())
            refuse_cell(source, int(piece.index[row]), i, piece[i].iloc[row])
    return block


def _codes(cells: pd.Series[Any], known: dict[str, int]) -> list[float]:
    """The number of each cell's category, which is added where it is new; NaN for a missing value."""
    return [np.nan if is_missing(cell) else known.setdefault(cell.strip(), len(known)) for cell in cells.tolist()]


def _numbers(cells: pd.Series[Any], source: Source) -> tuple[Array, Array]:
    """(n,) the numbers that the cells spell, NaN where they are missing; and (n,) which are neither."""
    if cells.dtype.kind in "biuf":
        return cells.to_numpy(dtype=np.float64), np.zeros(len(cells), dtype=bool)
    found = [np.nan if is_missing(cell) else _number(cell, source.dialect) for cell in cells.tolist()]
    bad = np.array([value is None for value in found], dtype=bool)
    return np.array([np.nan if value is None else value for value in found], dtype=np.float64), bad


def _number(cell: Any, dialect: Dialect) -> float | None:
    return dialect.number(cell) if isinstance(cell, str) else number_of(cell)
