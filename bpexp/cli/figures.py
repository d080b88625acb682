"""What `task=figures run=RUN` prints: the files that were written, or the names of the figures."""

from __future__ import annotations

import shutil
import textwrap

from bpexp.errors import visible
from bpexp.running.tasks.draw_task import draw_wanted, listed
from bpexp.running.tasks.figures_words import Wanted

NARROW, WIDE = 40, 100
"""Smallest and largest number of columns of the list."""


def draw(wanted: Wanted) -> int:
    """Draw and print each file, or print the list; the exit code."""
    if wanted.figures.list:
        print(_table(wanted), flush=True)
        return 0
    for path in draw_wanted(wanted):
        print(visible(str(path)), flush=True)
    return 0


def _table(wanted: Wanted) -> str:
    """Each figure with what it shows, and below them those that cannot be drawn, with the reason."""
    found = listed(wanted)
    drawn = [f"{figure.name}: {figure.shows}" for figure in found if not figure.missing]
    left = [f"{figure.name}: {figure.missing}" for figure in found if figure.missing]
    width = max(NARROW, min(WIDE, shutil.get_terminal_size((WIDE, 24)).columns))
    lines = ["figures:", *drawn, *(["not of this record:", *left] if left else [])]
    return "\n".join(
        textwrap.fill(
            visible(line), width, initial_indent="" if line.endswith(":") else "  ", subsequent_indent="      "
        )
        for line in lines
    )
