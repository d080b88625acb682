"""The target of a table: labels of classes, or values, as the cells and the declared task say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bpexp.data.files import TaskChoice
from bpexp.data.tables.advice import refuse_cell
from bpexp.errors import DataError
from bpexp.nn.arrays import Array
from bpexp.nn.column import listed, number_of

if TYPE_CHECKING:
    import pandas as pd

    from bpexp.data.tables.source import Source


def targets_of(series: list[pd.Series[Any]], records: Array, source: Source, task: TaskChoice) -> Array:
    """(N,) labels or values of one column, (N, n_L) values of several; nothing is missing.

    Raises DataError for text or infinity among values, and for several columns of labels.
    """
    several = len(series) > 1
    if several and task == "classification":
        raise DataError(f"{source.where}: a classification has one target, not {len(series)}")
    found = [_cells(cells, source) for cells in series]
    wants_values = task == "regression" or several
    for column, cells in zip(source.selection.targets, found, strict=True):
        if cells.dtype.kind in "US" and wants_values:
            row = next(i for i, cell in enumerate(cells.tolist()) if source.dialect.number(cell) is None)
            refuse_cell(source, int(records[row]), column, cells[row])
        if cells.dtype.kind == "f" and np.isinf(cells).any():
            row = int(np.isinf(cells).argmax())
            refuse_cell(source, int(records[row]), column, cells[row])
    if several:
        return np.stack([cells.astype(np.float64) for cells in found], axis=1)
    (labels,) = found
    whole = labels.dtype.kind == "f" and bool((labels == np.round(labels)).all())
    return labels.astype(np.int64) if task == "classification" and whole else labels


def _cells(cells: pd.Series[Any], source: Source) -> Array:
    """(N,) truth values, whole numbers or numbers where all cells are such, else text."""
    if cells.dtype.kind in "biuf":
        return np.asarray(cells.to_numpy())
    texts = [str(cell).strip() for cell in cells.tolist()]
    numbers = [source.dialect.number(text) for text in texts]
    if all(isinstance(cell, str) or number_of(cell) is not None for cell in cells.tolist()) and None not in numbers:
        return np.array(numbers, dtype=np.float64)
    return np.array(texts)


def target_note(y: Array, names: tuple[str, ...], classes: tuple[str, ...], task: TaskChoice) -> str:
    """What the target is taken for, and how to declare the other thing where that is possible."""
    what = f"target {listed([repr(name) for name in names])}"
    if classes:
        other = "; data.task=regression takes its numbers as values" if task == "auto" and y.dtype.kind in "iu" else ""
        return f"{what}: {len(classes)} classes ({listed(classes)}){other}"
    whole = y.ndim == 1 and y.dtype.kind == "f" and len(np.unique(y)) <= 20 and bool((y == np.round(y)).all())
    other = "; data.task=classification takes them as classes" if task == "auto" and whole else ""
    return f"{what}: values{other}"
