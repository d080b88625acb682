"""A table in a file: how it is written, and what is wanted of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bpexp.data.tables.dialect import Dialect
from bpexp.data.tables.selection import Selection


@dataclass(frozen=True, slots=True)
class Source:
    """A file, how it is written, and what is wanted of it.

    Args:
        path: the file.
        dialect: how it is written.
        header: whether its first record holds names.
        selection: the columns.
        na_values: texts that stand for a missing value, beside those that pandas knows.
        where: the file, for messages.
    """

    path: Path
    dialect: Dialect
    header: bool
    selection: Selection
    na_values: list[str]
    where: str

    def line(self, record: int) -> int:
        """The number of the line, counted from 1, of a record, counted from 0 without the header."""
        with self.dialect.open(self.path) as file:
            ((line, _),) = deque(islice(self.dialect.records(file), record + self.header + 1), maxlen=1)
        return line

    def place(self, record: int, column: int) -> str:
        """A cell for messages."""
        return f"{self.where}, line {self.line(record)}, column {self.selection.names[column]!r}"
