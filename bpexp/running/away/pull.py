"""The loop of a launcher whose workers are those of an engine: a job is pulled when a worker is free, not before."""

from __future__ import annotations

import signal
import time
from collections.abc import Generator, Hashable, Iterable
from contextlib import suppress
from typing import Protocol

from bpexp.errors import BpexpError
from bpexp.running.away.home import Home
from bpexp.running.child_process import GRACE
from bpexp.running.ending.signals import awaited
from bpexp.running.job import Ending, Job

LOOK = 1.0
"""Seconds between two looks at an engine that says nothing."""

PATIENCE = 60.0
"""Seconds for a worker to come where there is none left."""


class Workers(Protocol):
    """The workers of an engine, which have the code and the data set of the sweep."""

    def free(self) -> Hashable | None:
        """A worker that begins a job at once; None while there is none."""

    def begin(self, worker: Hashable, number: int, parcel: bytes) -> Hashable:
        """Have a worker perform the job of a parcel, and return at once, with what stands for it."""

    def ended(self, seconds: float) -> Iterable[tuple[Hashable, bytes | str]]:
        """What has ended, with the answer of the worker, or the reason why there is none; waits for some seconds."""

    def stop(self, number: int) -> None:
        """Have the jobs that run end as by a signal."""


def pulled(jobs: Iterable[Job], home: Home, workers: Workers) -> Generator[Ending, None, None]:
    """Execute the jobs and yield their endings; when it is closed, the jobs that run are ended, with a true record."""
    waiting, number = iter(jobs), signal.SIGTERM
    running: dict[Hashable, Job] = {}
    try:
        more = True
        while more or running:
            while more and (worker := _free(workers, bool(running))) is not None:
                job = next(waiting, None)
                if job is None:
                    more = False
                else:
                    running[workers.begin(worker, job.number, home.parcel(job))] = job
            for task, answer in workers.ended(LOOK) if running else ():
                if task in running:
                    yield _ending(home, running.pop(task), answer)
    except KeyboardInterrupt:
        number = signal.SIGINT
        raise
    finally:
        if running:
            with awaited(GRACE):
                _end(running, home, workers, number)


def _free(workers: Workers, busy: bool) -> Hashable | None:
    """A free worker; where nothing runs it is waited for, because a cluster may lose all, and get new ones."""
    until = time.monotonic() + PATIENCE
    while (worker := workers.free()) is None and not busy:
        if time.monotonic() > until:
            raise BpexpError("no worker is left, and none has come; start some, and go on with resume=FOLDER")
        time.sleep(0.1)
    return worker


def _ending(home: Home, job: Job, answer: bytes | str) -> Ending:
    return home.lost(job, answer) if isinstance(answer, str) else home.received(job, answer)


def _end(running: dict[Hashable, Job], home: Home, workers: Workers, number: int) -> None:
    """End the jobs that are left; what their workers still answer is put into their folders."""
    until = time.monotonic() + GRACE
    with suppress(TimeoutError):
        workers.stop(number)
    while running and time.monotonic() < until:
        for task, answer in workers.ended(0.1):
            if task in running:
                _ending(home, running.pop(task), answer)
