"""Text that others chose (names of runs, classes and columns, titles, errors) in HTML, Markdown and spreadsheets.

Each function returns text that shows what was given and does nothing else there.
"""

from __future__ import annotations

import csv
import html as _html
import io
import json
import re
import shlex
from collections.abc import Iterable, Sequence

from bpexp.errors import visible

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a cell begins that a spreadsheet takes for a formula; the last four are the wide forms of the first."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_BEHIND = re.compile(rf"([;\t\r\n]\s*)(?=[{re.escape(''.join(FORMULAS))}])")
_SPECIAL = re.compile(r"[\\`*~|]|(?<![^\W_])_|_(?![^\W_])|\](?=\s*[(\[:])")
_BLOCK = re.compile(r"^(\d*)(?=[#>]|[-+](\s|$)|--|=+$|[.)]\s)")


_TEX = {letter: f"\\{letter}" for letter in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def html(text: object) -> str:
    """Text for HTML, inside an element or a quoted attribute."""
    return _html.escape(visible(str(text)))


def script_json(value: object) -> str:
    """Plain data as JSON for an element `script` of HTML: no text in it ends the element, or turns a line.

    Raises ValueError for a number that is not finite.
    """
    text = json.dumps(_visible(value), allow_nan=False, separators=(",", ":"))  # ASCII
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _visible(value: object) -> object:
    """Plain data with every text as `visible` shows it."""
    if isinstance(value, dict):
        return {visible(str(key)): _visible(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_visible(inner) for inner in value]
    return visible(value) if isinstance(value, str) else value


def markdown(text: object) -> str:
    """Text for Markdown, in a line or a cell of a table: no link, image, HTML, emphasis or block comes of it."""
    line = re.sub(r"&(?=#?\w+;)", "&amp;", visible(" ".join(str(text).split())))
    line = _BLOCK.sub(r"\1\\", _SPECIAL.sub(r"\\\g<0>", line))
    return line.replace("<", "&lt;").replace(">", "&gt;")


def latex(text: object) -> str:
    """Text for LaTeX, in a line: no command, group or comment comes of it."""
    return "".join(_TEX.get(letter, letter) for letter in visible(" ".join(str(text).split())))


def code(text: object) -> str:
    """Text as a span of code in Markdown, which may hold backticks."""
    line = visible(" ".join(str(text).split()))
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def typed(words: Sequence[str]) -> str:
    """The command with these arguments, quoted for a shell, so that a reader can copy it."""
    return shlex.join(["python", "-m", "bpexp", *words])


def markdown_row(cells: Iterable[object]) -> str:
    """A row of a table in Markdown."""
    return f"| {' | '.join(markdown(cell) for cell in cells)} |"


def csv_table(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV for a spreadsheet: numbers as they are, and an apostrophe before text that it would calculate.

    One stands within a text too, behind what a spreadsheet may cut at: a semicolon, say, where numbers have commas.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> str:
    """A value as the text of a cell; a missing one is empty."""
    told = "" if value is None or value != value else str(value)  # NaN differs from itself
    if _NUMBER.fullmatch(told):
        return told
    return ("'" if told.startswith(FORMULAS) else "") + _BEHIND.sub(r"\1'", told)
