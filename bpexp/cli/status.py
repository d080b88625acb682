"""What task=status and task=stop print: each line cut to the width of the terminal, whole where there is none."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from bpexp.errors import visible
from bpexp.records.escaping import typed
from bpexp.records.sweep_file import JobRecord
from bpexp.running.sweep_progress import how_far
from bpexp.running.tasks.status_task import Standing, standing, stop

SHOWN = 20
"""Jobs of one kind that are listed."""

LABEL = 9
"""Columns of a label."""


def print_status(task: str, folder: Path) -> int:
    """Say how the sweep in a folder stands, after it was ended if the task is stop; the exit code."""
    found = stop(folder) if task == "stop" else standing(folder)
    console = Console(highlight=False)
    for label, told in lines(found):
        line = Text(visible(f"{label:<{LABEL}}{told}"), no_wrap=True, overflow="ellipsis")
        console.print(line, soft_wrap=not console.is_terminal)
    return 0


def lines(found: Standing) -> list[tuple[str, str]]:
    """Label and text of each line."""
    rows = [("sweep", str(found.folder)), ("command", typed(found.record.command))]
    rows += [("launcher", found.record.launcher)] * bool(found.record.launcher)
    rows += [("state", _state(found)), ("jobs", found.tally.headline(len(found.running), found.seconds))]
    if best := found.tally.best_line():
        rows.append(("best", best.removeprefix("best ")))
    rows += _listed([(job, f"{_said(job)}  {how_far(how) or 'begins'}") for job, how in found.running])
    rows += _listed([(job, f"{_said(job)}  broken off: its process is gone") for job in found.broken])
    rows += _listed([(job, f"{_said(job)}  began; nothing here tells whether it runs") for job in found.unknown])
    rows += _listed([(job, f"{_said(job)}  {end.status}: {end.reason}") for job, end in found.problems])
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


def _said(job: JobRecord) -> str:
    """What a job has that the others do not."""
    return " ".join(f"{key}={value}" for key, value in job.own.items())


def _listed(jobs: list[tuple[JobRecord, str]]) -> list[tuple[str, str]]:
    rows = [(f"job {job.number}", told) for job, told in jobs[:SHOWN]]
    return rows + [("", f"and {len(jobs) - SHOWN} more")] * (len(jobs) > SHOWN)
