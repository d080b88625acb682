"""What is printed at the end of a search: its trials, the best one, and which keys mattered."""

from __future__ import annotations

from bpexp.cli.terminal import plain, print_ranking, wide_console
from bpexp.running.sweep import Sweep
from bpexp.search.found import Found
from bpexp.search.report import REPORT
from bpexp.search.summary import ONCE, best_line, headline, importance_lines, unconfirmed


def print_search(sweep: Sweep, found: Found) -> None:
    """Print the ranked trials of a search and what it found."""
    print_ranking(sweep)
    console = wide_console()
    console.print(f"search      {plain(headline(found))}", soft_wrap=True)
    console.print(f"best        {plain(best_line(found))}", soft_wrap=True)
    for line in importance_lines(found):
        console.print(f"importance  {plain(line)} (fANOVA)", soft_wrap=True)
    if sweep.confirmed is not None:
        console.print(f"confirmed   {plain(sweep.confirmed.verdict())}", soft_wrap=True)
        for row in sweep.confirmed.rows[1:]:
            console.print(f"            {plain(f'{row.measure}, best - preset: {row.difference}')}", soft_wrap=True)
    elif unconfirmed(found):
        console.print(f"note        {plain(ONCE)}", soft_wrap=True)
    if (report := sweep.directory / REPORT).exists():
        console.print(f"report      {plain(str(report))}", soft_wrap=True)
