"""Rows that commands print: a label and what it names, in lines that break between words; links that are never cut."""

from __future__ import annotations

import shlex
import textwrap
from pathlib import Path

from rich.console import Console
from rich.style import Style
from rich.text import Text

from bpexp.errors import visible
from bpexp.running.fitting import columns
from bpexp.tracking.links import LOCAL, base_of
from bpexp.tracking.location import resolve

LABEL = 13
"""Columns of a label and the space behind it."""

LINKING = ("256", "truecolor")
"""The colours of terminals that have links to click at; older ones may print nonsense in their place."""


def wide_console() -> Console:
    """A console for standard output, 200 columns wide if it is not a terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=200, highlight=False)


def row(console: Console, label: str, told: str, style: str = "", *, bold: str = "bold", width: int = LABEL) -> None:
    """Print a label, in the style `bold`, and a text, which a terminal gets in lines of its width; others get one line.

    A word that is too long for that, such as a path, begins at the left edge of a line, so that it can be copied whole.
    """
    begin, shown = visible(label).ljust(width), visible(told)
    if not console.is_terminal or columns(begin + shown) <= console.width:
        _print(console, Text.assemble((begin, bold), (shown, style)))
        return
    room = console.width - width
    for number, line in enumerate(textwrap.wrap(shown, room, break_long_words=False, break_on_hyphens=False)):
        indent = begin if number == 0 else " " * width
        if columns(line) <= room:
            _print(console, Text.assemble((indent, bold), (line, style)))
            continue
        if indent.strip():
            _print(console, Text(indent, bold))
        _print(console, Text(line, style))


def link(console: Console, store: str, page: str, *, width: int = LABEL) -> None:
    """Print the address of a page of MLflow on a line of its own, below the command that makes it work.

    `page` is what stands behind the address of the server. A terminal that has links gets one to click at.
    """
    base = base_of(store)
    row(console, "look at it", "" if base else f"{server_command(store)}, then", width=width)
    address = visible(f"{base or LOCAL}{page}")
    _print(console, Text(address, Style(link=address) if console.color_system in LINKING else ""))


def server_command(store: str) -> str:
    """The command that serves a database in the browser, typed in this folder."""
    own = resolve(None, Path.cwd()) == store
    return "python -m bpexp.ui" if own else f"python -m bpexp.ui --uri {shlex.quote(store)}"


def _print(console: Console, text: Text) -> None:
    text.rstrip()
    console.print(text, soft_wrap=True)
