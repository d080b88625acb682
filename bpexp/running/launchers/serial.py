"""The jobs of a sweep in this process, one after the other."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from bpexp.running.fusing import units
from bpexp.running.job import Ending, Job
from bpexp.running.perform_together import perform_unit


def serial(jobs: Iterable[Job]) -> Generator[Ending, None, None]:
    """Execute each job, or several that are trained together, and yield each ending.

    An interruption ends the sweep after the jobs that run are recorded.
    """
    for unit in units(jobs):
        yield from perform_unit(unit)
