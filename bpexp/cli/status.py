"""What task=status and task=stop print: a row for each thing that is to be said of a sweep."""

from __future__ import annotations

from pathlib import Path

from bpexp.cli.rows import row, wide_console
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
    found, console = stop(folder) if task == "stop" else standing(folder), wide_console()
    for label, told in lines(found):
        row(console, label, told, width=LABEL)
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
