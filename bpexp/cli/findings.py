"""What `task=doctor` and `task=sync` print: a line for each finding as it is made, and what is left for a person."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable

from bpexp.errors import visible
from bpexp.running.tasks.sync_task import Delivered
from bpexp.tracking.doctor.finding import Finding

WORDS = {"well": "well", "note": "note", "mended": "mended", "unmended": "wrong", "person": "wrong"}


def print_findings(findings: Iterable[Finding]) -> int:
    """Print each finding and what is to be done; returns the exit code: 0 where nothing is left to do, else 1."""
    left: list[Finding] = []
    times = 0
    for finding in findings:
        print(_fitted(f"{WORDS[finding.mark]:<8}", finding.text), flush=True)
        times += finding.mark == "mended"
        left += [finding] if finding.left else []
    if not left:
        print("all is well" if not times else "all that was wrong is mended")
        return 0
    print("\nleft for you:")
    for number, finding in enumerate(left, start=1):
        print(_fitted(f"  {number}. ", finding.text), _fitted("     ", finding.remedy), sep="\n")
    return 1


def print_deliveries(deliveries: Iterable[Delivered]) -> int:
    """Print a line for each run and sweep that `task=sync` looked at; returns the exit code: 1 where one is left."""
    seen: list[str] = []
    for delivery in deliveries:
        seen.append("running" if delivery.alive else "left" if delivery.problem else "delivered")
        print(_fitted(f"{seen[-1]:<10}", str(delivery)), flush=True)
    if not seen:
        print("nothing is left to deliver")
    return 1 if "left" in seen else 0


def _fitted(label: str, text: str) -> str:
    """A label and a text, which a terminal gets in lines of its width; others, such as a file, get one line."""
    shown = visible(text)
    if not sys.stdout.isatty():
        return label + shown
    width = max(40, shutil.get_terminal_size().columns)
    indent = " " * len(label)
    return textwrap.fill(
        shown, width, initial_indent=label, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
