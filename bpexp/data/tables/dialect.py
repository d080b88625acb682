"""How a table is written: delimiter, decimal sign and encoding, declared or read off its first lines."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from bpexp.data.idx import MOST_BYTES
from bpexp.errors import ConfigError, DataError
from bpexp.files.unpacked import open_unpacked
from bpexp.nn.column import number_of

Record = tuple[int, list[str]]
"""Number of the last line, counted from 1, and the stripped cells of one record."""

DELIMITERS = {"tab": "\t", "semicolon": ";", "pipe": "|", "comma": ",", "whitespace": r"\s+"}
"""Names of delimiters, in the order in which `auto` tries them: a comma may be a decimal sign, so it comes late."""

SIGNS = {"point": ".", "comma": ",", "space": " ", "quote": "'", "hash": "#"}
"""Names of characters that a shell or Hydra's grammar gives a meaning of its own."""

SAMPLE = 200
"""Number of records from which delimiter, decimal sign and header are decided."""

WITH_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
WITH_POINT = re.compile(r"[+-]?(\d+\.\d*|\.\d+)([eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the records of a file are written.

    Args:
        delimiter: one character, or `\\s+` for runs of blanks and tabs.
        decimal: the decimal sign of numbers.
        thousands: between groups of three digits; None for nothing.
        comment: begins a comment that goes to the end of the line; None for nothing.
        encoding: of the text.
        most: largest size of the file in bytes, when it is unpacked.
    """

    delimiter: str = ","
    decimal: str = "."
    thousands: str | None = None
    comment: str | None = None
    encoding: str = "utf-8-sig"
    most: int = MOST_BYTES

    def number(self, cell: str) -> float | None:
        """The number that a cell spells; None for any other text, also for one with a foreign decimal sign."""
        if self.thousands:
            cell = cell.replace(self.thousands, "")
        if self.decimal != ".":
            if "." in cell:
                return None
            cell = cell.replace(self.decimal, ".")
        return number_of(cell)

    @contextmanager
    def open(self, path: Path) -> Iterator[IO[str]]:
        """The text of a file, plain or gzip; raises DataError as `open_unpacked` does."""
        with open_unpacked(path, self.most, raise_by="data.most_bytes") as file:
            yield io.TextIOWrapper(file, encoding=self.encoding, newline="")

    def records(self, lines: Iterable[str]) -> Iterator[Record]:
        """The records of lines of text, without blank ones and comments."""
        spaced = self.delimiter == DELIMITERS["whitespace"]
        cleaned = (" ".join(line.split()) if spaced else line for line in map(self._uncommented, lines))
        reader = csv.reader(cleaned, delimiter=" " if spaced else self.delimiter, strict=True, skipinitialspace=True)
        for cells in reader:
            if len(cells) > 1 or (cells and cells[0].strip()):
                yield reader.line_num, [cell.strip() for cell in cells]

    def _uncommented(self, line: str) -> str:
        if self.comment is None or self.comment not in line:
            return line
        return line.partition(self.comment)[0].rstrip() + "\n"


def character(key: str, value: str, names: dict[str, str]) -> str:
    """One character, given as itself or by name; raises ConfigError for anything else."""
    found = names.get(value, "\t" if value == "\\t" else value)
    if len(found) != 1 and found != DELIMITERS["whitespace"]:
        raise ConfigError(f"{key} must be one character, or one of {', '.join(names)}, not {value!r}")
    return found


def known_encoding(name: str) -> str:
    """The encoding as Python names it, of UTF-8 the one that skips a byte order mark; raises ConfigError."""
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=name)  # refuses the encodings that are none of text
        return "utf-8-sig" if codecs.lookup(name).name == "utf-8" else name
    except (LookupError, ValueError):
        raise ConfigError(f"encoding must be one that Python knows, such as utf-8 or cp1252, not {name!r}") from None


def sniff_delimiter(lines: list[str], dialect: Dialect) -> str:
    """The delimiter that splits all lines into the same number of columns, 2 or more.

    Where none does, it is the first that splits the first line, so that the line which differs can be named.
    """
    candidates = list(DELIMITERS.values())
    widths = {delimiter: _widths(lines, dialect, delimiter) for delimiter in candidates}
    even = [d for d in candidates if widths[d] and widths[d][0] > 1 and len(set(widths[d])) == 1]
    some = [d for d in candidates[:-1] if widths[d] and widths[d][0] > 1]
    return (even or some or [","])[0]


def _widths(lines: list[str], dialect: Dialect, delimiter: str) -> list[int]:
    tried = Dialect(delimiter, comment=dialect.comment)
    try:
        return [len(cells) for _, cells in islice(tried.records(lines), SAMPLE)]
    except csv.Error:  # a quote that another delimiter closes
        return []


def sniff_decimal(records: list[list[str]], thousands: str | None, where: str) -> str:
    """The decimal sign of the cells; a comma only where no number has a point.

    Raises DataError where cells such as 1,234 may have a decimal comma, or a comma between thousands.
    """
    if thousands in (",", "."):
        return "." if thousands == "," else ","
    cells = [cell for record in records for cell in record]
    commas = [cell for cell in cells if WITH_COMMA.fullmatch(cell)]
    if not commas or any(WITH_POINT.fullmatch(cell) for cell in cells):
        return "."
    if all(THOUSANDS.fullmatch(cell) for cell in commas):
        raise DataError(
            f"{where}: {commas[0]!r} is a number with a decimal comma, or one with a comma between thousands; "
            "declare data.decimal=comma or data.thousands=comma"
        )
    return ","
