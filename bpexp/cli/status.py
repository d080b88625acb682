"""What task=status and task=stop print: a row for each thing that is to be said of a sweep."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from bpexp.cli.rows import row, wide_console
from bpexp.records.escaping import typed
from bpexp.records.sweep_file import JobRecord
from bpexp.running.fitting import joined
from bpexp.running.sweep_progress import running_line
from bpexp.running.tasks.status_task import Standing, standing, stop

Told = TypeVar("Told")

SHOWN = 20
"""Jobs of one kind that are listed."""

UNKNOWN = "began; nothing here tells whether it runs"

LABEL = 9
"""Columns of a label."""


def print_status(task: str, folder: Path) -> int:
    """Say how the sweep in a folder stands, after it was ended if the task is stop; the exit code."""
    found, console = stop(folder) if task == "stop" else standing(folder), wide_console()
    for label, told in lines(found, console.width if console.is_terminal else sys.maxsize):
        row(console, label, told, width=LABEL)
    return 0


def lines(found: Standing, width: int = sys.maxsize) -> list[tuple[str, str]]:
    """Label and text of each line, those of running jobs in `width` columns if that can be."""
    said, room = found.said, width - LABEL
    rows = [("sweep", str(found.folder)), ("command", typed(found.record.command))]
    rows += [("launcher", found.record.launcher)] * bool(found.record.launcher)
    rows += [("state", _state(found)), ("jobs", joined(found.counts()))]
    if best := found.tally.best_line():
        rows.append(("best", best.removeprefix("best ")))
    rows += _listed(found.running, lambda job, how: running_line("", how, said(job), room))
    for jobs, what in ((found.broken, "broken off: its process is gone"), (found.unknown, UNKNOWN)):
        rows += _listed([(job, what) for job in jobs], lambda job, told: f"{said(job)}  {told}")
    rows += _listed(found.problems, lambda job, end: f"{said(job)}  {end.status}: {end.reason}")
    return rows


def _state(found: Standing) -> str:
    goes_on = f"; resume={found.folder} goes on with it"
    again = [end for _, end in found.problems if found.record.trials is None or end.status == "killed"]
    return {
        "running": f"running: {found.alive.evidence}",
        "over": "over" if not again else f"over{goes_on}, with the jobs that lack a result",
        "broken off": f"broken off: {found.alive.evidence}{goes_on}",
        "unknown": f"unknown: {found.alive.evidence}",
    }[found.state]


def _listed(jobs: Sequence[tuple[JobRecord, Told]], line: Callable[[JobRecord, Told], str]) -> list[tuple[str, str]]:
    """A line for each of the first jobs of a kind, and how many more there are."""
    rows = [(f"job {job.number}", line(job, told).strip()) for job, told in jobs[:SHOWN]]
    return rows + [("", f"and {len(jobs) - SHOWN} more")] * (len(jobs) > SHOWN)
