"""Reading a table: first how it is written, then its cells, then what they mean."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from bpexp.data.dataset import Raw
from bpexp.data.files import TaskChoice, assemble
from bpexp.data.tables.cells import fits, read_cells
from bpexp.data.tables.dialect import SAMPLE, Dialect, sniff_decimal, sniff_delimiter
from bpexp.data.tables.features import Missing, features_of
from bpexp.data.tables.header import has_header
from bpexp.data.tables.selection import named, select
from bpexp.data.tables.source import Source
from bpexp.data.tables.survey import count_lines
from bpexp.data.tables.target import target_note, targets_of
from bpexp.errors import DataError
from bpexp.files.regular import open_regular

FIRST = 1 << 20
"""Characters from which delimiter, decimal sign and header are decided."""

MOST_COLUMNS = 100_000
"""Largest number of columns; pandas takes a step in Python for each in every piece that it reads."""

OTHER_FILES = {b"PK\x03\x04": "a zip archive or an Excel workbook", b"PAR1": "a Parquet file", b"BZh": "a bzip2 file"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a config declares of a table; `auto` in the dialect and None for the header are decided by the file."""

    roles: dict[str, list[str | int]]
    header: bool | None
    dialect: Dialect
    na_values: list[str]
    missing: Missing
    task: TaskChoice
    most_categories: int


def load(path: Path, wanted: Wanted) -> Raw:
    """Read a table; raises DataError."""
    where = repr(str(path))
    try:
        return _load(path, wanted, where)
    except UnicodeError as error:
        raise DataError(f"{where}: {_not_text(path, error)}") from None
    except (OSError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{where}: cannot be read: {reason}; expected a CSV file") from None
    except MemoryError:
        raise DataError(f"{where}: the table does not fit into memory; choose fewer columns by data.columns") from None


def _load(path: Path, wanted: Wanted, where: str) -> Raw:
    lines = count_lines(path, wanted.dialect, where)
    source, notes = _source(path, wanted, where)
    _refuse_table(lines, source, wanted.dialect.most)
    cells = read_cells(source, lines)
    table = features_of(cells, source, wanted.missing, wanted.most_categories)
    y = targets_of(table.targets, table.records, source, wanted.task)
    raw = assemble(table.X, y, None, source=f"CSV file {where}", task=wanted.task)
    names = tuple(source.selection.names[i] for i in source.selection.targets)
    told = target_note(y, names, raw.classes, wanted.task)
    summary = f"{where}: {len(y)} rows, {len(table.columns.columns)} features; {told}"
    return replace(
        raw,
        columns=table.columns,
        target_names=names,
        tabular=True,
        notes=(summary, *notes, *table.notes),
        row_numbers=table.records,
    )


def _refuse_table(lines: int, source: Source, most: int) -> None:
    """Raise DataError for a table whose numbers would take too much memory: a cell of one digit takes 8 bytes."""
    columns = len(source.selection.features) + len(source.selection.targets)
    if 8 * lines * columns > most:
        raise DataError(
            f"{source.where}: {lines} lines of {columns} columns take {8 * lines * columns} bytes, more than "
            f"data.most_bytes={most}; allow more, or choose fewer columns by data.columns"
        )


def _source(path: Path, wanted: Wanted, where: str) -> tuple[Source, list[str]]:
    """How the file is written, and what was decided about it, as notes."""
    with wanted.dialect.open(path) as file:
        text = file.read(FIRST)
        if not text.count("\n", 0, -1):  # a wide table: as far as the second line
            text += file.readline() + file.readline()
    lines = list(io.StringIO(text, newline=""))
    if len(text) >= FIRST and len(lines) > 1 and not lines[-1].endswith("\n"):
        lines.pop()  # it may go on
    notes = []
    dialect = wanted.dialect
    if dialect.delimiter == "auto":
        dialect = replace(dialect, delimiter=sniff_delimiter(lines, dialect))
    numbered = list(islice(dialect.records(lines), SAMPLE))
    records = [cells for _, cells in numbered]
    _refuse_shape(numbered, wanted, where)
    if dialect.decimal == "auto":
        dialect = replace(dialect, decimal=sniff_decimal(records, dialect.thousands, where))
        notes += ["numbers have a decimal comma"] * (dialect.decimal == ",")
    header = wanted.header
    if header is None:
        header = has_header(records[0], records[1:], dialect.number, where)
        if not header:
            notes.append(f"no header: the columns are called 0 to {len(records[0]) - 1}")
        elif any(dialect.number(cell) is not None for cell in records[0]):
            notes.append("the numbers of the first line are names; data.header=false reads them as a sample")
    selection = select(named(records[0], header), **wanted.roles, where=where)
    return Source(path, dialect, header, selection, wanted.na_values, where), notes


def _refuse_shape(records: list[tuple[int, list[str]]], wanted: Wanted, where: str) -> None:
    """Raise DataError for a file that is empty, has one column, or differs in width in its first lines."""
    if not records:
        raise DataError(f"{where}: is empty; expected lines of numbers and a target")
    line, first = records[0]
    if first[0].startswith("#") and wanted.header is None and wanted.dialect.comment is None:
        raise DataError(
            f"{where}, line {line}: begins with '#'; declare data.comment=hash to leave such lines out, or "
            "data.header=true"
        )
    if first[0].lower().startswith("sep="):
        raise DataError(f"{where}, line {line}: {first[0]!r} is a line for Excel; remove it")
    if len(first) > MOST_COLUMNS:
        raise DataError(f"{where}: found {len(first)} columns; expected at most {MOST_COLUMNS}")
    if len(first) < 2:
        raise DataError(f"{where}: expected 2 or more columns, found {len(first)}; is the delimiter right?")
    for number, cells in records:
        if not fits(cells, len(first)):
            raise DataError(
                f"{where}, line {number}: expected {len(first)} columns as in the first line, found {len(cells)}"
            )


def _not_text(path: Path, error: UnicodeError) -> str:
    """Why a file is not text in the declared encoding, and what may help."""
    with open_regular(path) as file:
        begin = file.read(4)
    for magic, what in OTHER_FILES.items():
        if begin.startswith(magic):
            return f"is {what}; save it as CSV"
    if begin[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "is text in UTF-16; declare data.encoding=utf-16"
    if not isinstance(error, UnicodeDecodeError):
        return f"is not text in the declared encoding: {error}"
    byte = error.object[error.start] if error.start < len(error.object) else 0
    return (
        f"is not text in {error.encoding}: byte 0x{byte:02x} is no letter; declare data.encoding=cp1252 for a file of "
        "older Windows programs, or the encoding that it was saved in"
    )
