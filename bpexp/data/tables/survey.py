"""A look at the whole text of a table before it is read: is it text, how many lines are there, how long are they."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bpexp.errors import DataError

if TYPE_CHECKING:
    from bpexp.data.tables.dialect import Dialect

LONGEST_LINE = 1 << 23
"""Largest number of characters of a line."""

_BLOCK = 1 << 20


def count_lines(path: Path, dialect: Dialect, where: str) -> int:
    """An upper bound of the number of lines.

    Decoding and counting take a tenth of the time of reading the cells. In return a packed file that is too large, a
    line that is too long and a character 0 are found before anything is parsed.

    Raises DataError, and UnicodeError for what is no text in the declared encoding.
    """
    lines, open_line = 1, 0
    with dialect.open(path) as file:
        while text := file.read(_BLOCK):
            if "\0" in text:
                raise DataError(
                    f"{where}: holds characters 0, so it is no text in {dialect.encoding}; save it as CSV in UTF-8"
                )
            if not text.isascii():
                text.encode()  # half of a surrogate pair, which some encodings let through, fails here
            ends = text.count("\n"), text.count("\r")
            lines += sum(ends) - text.count("\r\n")
            first = len(text) if not any(ends) else min(i for i in (text.find("\n"), text.find("\r")) if i >= 0)
            if open_line + first > LONGEST_LINE:
                raise DataError(f"{where}: a line has more than {LONGEST_LINE} characters; expected one line a sample")
            last = max(text.rfind("\n"), text.rfind("\r"))
            open_line = open_line + len(text) if last < 0 else len(text) - last - 1
    return lines
