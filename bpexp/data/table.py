"""The user's own table: a CSV file, plain or gzip, one sample per line."""

from __future__ import annotations

import csv as csv_format
import gzip
import math
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from bpexp.data.dataset import Loader, Raw, datasets
from bpexp.data.files import TaskChoice, assemble
from bpexp.errors import ConfigError, DataError, nearest
from bpexp.nn.arrays import Array

Line = tuple[int, list[str]]


@datasets.register("csv")
def csv(
    path: str,
    target: str | int = -1,
    header: bool | None = None,
    delimiter: str = ",",
    task: TaskChoice = "auto",
) -> Loader:
    """A CSV file in UTF-8, plain or gzip: columns of numbers, and one column of numbers or text as the target.

    Args:
        path: the file.
        target: name or number of the target's column; -1 is the last.
        header: whether the first line holds the names of the columns; null for yes where none of its features is a
            number.
        delimiter: one character, or tab.
        task: classification, regression, or auto, by which targets of text or whole numbers are classes and any
            others are values.
    """
    separator = "\t" if delimiter in ("\\t", "tab") else delimiter
    if len(separator) != 1:
        raise ConfigError(f"delimiter must be one character, or 'tab', not {delimiter!r}")
    if isinstance(target, str) and header is False:
        raise ConfigError(f"target={target!r} is a column's name and needs a header; use its number, or header=true")

    def load(rng: np.random.Generator) -> Raw:
        place = Path(path).expanduser()
        try:
            with _open(place) as file:
                X, labels = _read(_lines(file, separator), target, header, repr(str(place)))
        except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv_format.Error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(f"{str(place)!r}: cannot be read: {reason}; expected a CSV file in UTF-8") from None
        y = _targets(labels, task, repr(str(place)))
        return assemble(X, y, None, source=f"CSV file {str(place)!r}", task=task)

    return Loader(load, seeded=False, files=lambda: [Path(path).expanduser()])


def _open(path: Path) -> IO[str]:
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    if packed:
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return open(path, encoding="utf-8-sig", newline="")


def _lines(file: IO[str], delimiter: str) -> Iterator[Line]:
    """Number and cells of each line that is not blank."""
    reader = csv_format.reader(file, delimiter=delimiter, strict=True, skipinitialspace=True)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield reader.line_num, [cell.strip() for cell in cells]


def _read(lines: Iterator[Line], target: str | int, header: bool | None, where: str) -> tuple[Array, list[str]]:
    """Features (N, n_0) in float64, and the target's cells."""
    first = next(lines, None)
    if first is None:
        raise DataError(f"{where}: is empty; expected lines of numbers and a target")
    width = len(first[1])
    if width < 2:
        raise DataError(f"{where}: expected 2 or more columns, found {width}; is the delimiter right?")
    column = _column(target, first[1], where)
    features = array("d")
    labels: list[str] = []
    if not (isinstance(target, str) or header or (header is None and _is_header(first[1], column))):
        _add(first, column, width, features, labels, where)
    for line in lines:
        _add(line, column, width, features, labels, where)
    if not labels:
        raise DataError(f"{where}: expected samples after the header, found none")
    return np.frombuffer(features, dtype=np.float64).reshape(len(labels), width - 1), labels


def _column(target: str | int, first: list[str], where: str) -> int:
    if isinstance(target, str):
        if target not in first:
            hint = nearest(target, first)
            raise DataError(f"{where}: the header has no column {target!r}; {hint}it has: {', '.join(first)}")
        return first.index(target)
    if not -len(first) <= target < len(first):
        raise DataError(f"{where}: target={target!r}, but there are {len(first)} columns, 0..{len(first) - 1}")
    return target % len(first)


def _is_header(cells: list[str], column: int) -> bool:
    """Whether every feature of the line is text."""
    return all(_number(cell) is None and cell != "" for i, cell in enumerate(cells) if i != column)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _add(line: Line, column: int, width: int, features: array[float], labels: list[str], where: str) -> None:
    number, cells = line
    if len(cells) != width:
        raise DataError(f"{where}, line {number}: expected {width} columns as in the first line, found {len(cells)}")
    labels.append(cells.pop(column))
    if labels[-1] == "":
        raise DataError(f"{where}, line {number}: the target is missing; remove the line, or fill it in")
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        values = []
    if not values or not all(map(math.isfinite, values)):
        i = next(i for i, cell in enumerate(cells) if not math.isfinite(_number(cell) or 0) or _number(cell) is None)
        found = repr(cells[i]) if cells[i] else "nothing (a missing value)"
        place = i + (i >= column)
        raise DataError(f"{where}, line {number}, column {place}: expected a finite number, found {found}")
    features.extend(values)


def _targets(labels: list[str], task: TaskChoice, where: str) -> Array:
    """(N,) whole numbers where all cells are such, else floats where all are numbers, else text."""
    for kind in (np.int64, np.float64):
        try:
            y = np.array(labels).astype(kind)
        except (ValueError, OverflowError):
            continue
        if task != "regression" or np.isfinite(y).all():
            return y
    if task == "regression":
        raise DataError(f"{where}: expected finite numbers in the target's column of a regression, found text")
    return np.array(labels)
