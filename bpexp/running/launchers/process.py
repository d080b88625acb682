"""The jobs of a sweep in processes that last, so that what ends a process ends one job and not the sweep."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import wait

from bpexp.running.cores import usable_cores
from bpexp.running.fusing import units
from bpexp.running.job import Ending, Job
from bpexp.running.launchers.foreign import modules
from bpexp.running.launchers.forks import LOOK, ForkServer, Worker
from bpexp.running.launchers.packing import unpack_outcome
from bpexp.running.launchers.worker import GRACE


def process(
    jobs: Iterable[Job], *, n_jobs: int | None = None, memory: int | None = None, preload: bool = True
) -> Generator[Ending, None, None]:
    """Execute the jobs in at most `n_jobs` processes, each in at most `memory` MiB, and yield their endings.

    `n_jobs` is the number of usable cores where it is None. With `preload` the processes are forked from one that has
    imported everything and read the data.
    """
    waiting, number = units(jobs), signal.SIGTERM
    server = ForkServer(memory, preload, modules())
    workers, leaving = set[Worker](), list[Worker]()
    try:
        for _ in range(usable_cores() if n_jobs is None else n_jobs):
            yield from _begin(server, workers, waiting)
        while workers:
            for worker in _speaking(workers):
                if (answer := worker.answer()) is None:
                    workers.discard(worker)
                    reason, lost, worker.jobs = worker.death(), worker.jobs, {}
                    yield from (Ending(job, None, reason) for job in lost.values())
                    yield from _begin(server, workers, waiting)
                    continue
                job_number, outcome = json.loads(answer)
                yield Ending(worker.jobs.pop(job_number), unpack_outcome(outcome))
                if worker.jobs:
                    continue
                if (following := next(waiting, None)) is not None:
                    worker.perform(following)
                else:
                    workers.discard(worker)
                    leaving.append(worker)
                    worker.dismiss()
    except KeyboardInterrupt:
        number = signal.SIGINT
        raise
    finally:
        _end([*workers, *leaving], number)
        server.close()


def _begin(server: ForkServer, workers: set[Worker], waiting: Iterator[list[Job]]) -> Generator[Ending, None, None]:
    """Start a worker with the next unit; yields the endings of those for which none can be started."""
    for unit in waiting:
        try:
            worker = server.worker(unit[0])
        except ChildProcessError as error:
            yield from (Ending(job, None, f"no process could be started for it: {error}") for job in unit)
            continue
        workers.add(worker)
        worker.perform(unit)
        return


def _speaking(workers: set[Worker]) -> list[Worker]:
    """The processes that say something or are gone, once there is one."""
    while True:
        ready = wait([worker.connection for worker in workers], LOOK)
        if found := [worker for worker in workers if worker.connection in ready or (not ready and worker.gone)]:
            return found


def _end(workers: list[Worker], number: int) -> None:
    """End the processes that are left, each with a true record of its job."""
    until = time.monotonic() + GRACE
    for worker in workers:
        if worker.jobs:
            worker.interrupt(number)
    for worker in workers:
        with suppress(OSError):
            worker.leave(max(0.0, until - time.monotonic()))
