"""What is printed at the end of a search: its trials, the best one, and which keys mattered."""

from __future__ import annotations

from rich.console import Console

from bpexp.cli.ranking_table import print_ranking
from bpexp.cli.rows import row
from bpexp.running.sweep import Sweep
from bpexp.search.found import Found
from bpexp.search.report import REPORT
from bpexp.search.summary import ONCE, best_line, headline, importance_lines, unconfirmed


def print_search(console: Console, sweep: Sweep, found: Found) -> None:
    """Print the ranked trials of a search and what it found."""
    print_ranking(console, sweep)
    row(console, "search", headline(found))
    row(console, "best", best_line(found))
    for line in importance_lines(found):
        row(console, "importance", f"{line} (fANOVA)")
    if sweep.confirmed is not None:
        row(console, "confirmed", sweep.confirmed.verdict())
        for compared in sweep.confirmed.rows[1:]:
            row(console, "", f"{compared.measure}, best - preset: {compared.difference}")
    elif unconfirmed(found):
        row(console, "note", ONCE)
    if (report := sweep.directory / REPORT).exists():
        row(console, "report", str(report))
