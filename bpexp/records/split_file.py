"""Which samples a run used for what: split.npz in its directory, the row numbers of each part of the data."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bpexp.data.dataset import DataSet, Part
from bpexp.errors import RecordError
from bpexp.files.npz import open_npz
from bpexp.files.whole import writing_whole
from bpexp.nn.arrays import Array
from bpexp.records.schema import LARGEST, shown

SPLIT = "split.npz"
PARTS = ("train", "validation", "test")

MOST = 1 << 27
"""Largest size in bytes of the rows of a part, 33 million of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """The rows of the data in each part, numbered from 0 as in the file or table, its header not counted.

    Rows that were left out for a missing value are counted and in no part; blank lines and comments are not counted.

    Args:
        train: rows of the training part, in the order in which training has them before it shuffles.
        validation: rows of the validation part; empty where there is none.
        test: rows of the test part; empty where there is none.
        official_test: whether the rows of `test` are those of the official test set, counted in that set.
        digest: SHA-256 of the data set.
    """

    train: Array = field(repr=False)
    validation: Array = field(repr=False)
    test: Array = field(repr=False)
    official_test: bool
    digest: str


def save_split(directory: Path, data: DataSet) -> None:
    """Write split.npz, with row numbers in the smallest unsigned integers that hold them."""
    parts = {name: getattr(data, name) for name in PARTS}
    rows = {name: _numbers(data, part) for name, part in parts.items()}
    official = data.test is not None and data.test.X is not data.train.X
    with writing_whole(directory / SPLIT) as file:
        np.savez_compressed(file, official_test=official, digest=data.digest, **rows)  # type: ignore[arg-type]


def _numbers(data: DataSet, part: Part | None) -> Array:
    """The numbers of a part's rows in the file, in the smallest unsigned integers that hold them."""
    rows = np.empty(0, np.intp) if part is None else part.rows
    if part is not None and part.X is data.train.X and data.row_numbers is not None:
        rows = data.row_numbers[rows]
    return rows.astype(np.min_scalar_type(int(rows.max(initial=0))))


def load_split(directory: Path) -> Split:
    """The split of a run; raises RecordError where its file is missing or damaged."""
    where = repr(str(directory / SPLIT))
    with open_npz(directory / SPLIT, error=RecordError) as archive:
        rows = {name: _rows(archive.read(name, "iu", most=MOST), f"{where}: {name}") for name in PARTS}
        official, digest = archive.read("official_test", "b", most=1), archive.read("digest", "U", most=1000)
    for name, array in (("official_test", official), ("digest", digest)):
        if array.shape:
            raise RecordError(f"{where}: {name}: found the shape {array.shape}; expected one value")
    return Split(**rows, official_test=bool(official), digest=str(digest))


def _rows(numbers: Array, where: str) -> Array:
    """Row numbers (N,) as indices."""
    if numbers.ndim != 1 or (numbers.size and (numbers.min() < 0 or numbers.max() > LARGEST)):
        raise RecordError(f"{where}: found {shown(numbers.tolist())}; expected one row number after the other")
    return numbers.astype(np.intp)
