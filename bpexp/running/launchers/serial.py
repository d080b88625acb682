"""The jobs of a sweep in this process, one after the other."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from bpexp.running.job import Ending, Job
from bpexp.running.perform import perform


def serial(jobs: Iterable[Job]) -> Generator[Ending, None, None]:
    """Execute each job and yield its ending; an interruption ends the sweep after the current job is recorded."""
    for job in jobs:
        yield Ending(job, perform(job))
