"""The jobs of a sweep in processes that last, so that what ends a process ends one job and not the sweep."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from multiprocessing.connection import wait

from bpexp.config.groups import GROUPS
from bpexp.running.child_process import GRACE
from bpexp.running.cores import usable_cores
from bpexp.running.fusing import units
from bpexp.running.job import Ending, Job
from bpexp.running.launchers import Launcher
from bpexp.running.launchers.early import FORKING, taken
from bpexp.running.launchers.foreign import modules
from bpexp.running.launchers.forks import LOOK, ForkServer, Worker
from bpexp.running.launchers.packing import unpack_outcome
from bpexp.tracking.settings import TrackingSettings


@contextmanager
def process(
    first: Job, *, n_jobs: int | None = None, memory: int | None = None, preload: bool = True
) -> Iterator[Launcher]:
    """A launcher for at most `n_jobs` processes, each in at most `memory` MiB.

    `n_jobs` is the number of usable cores where it is None. With `preload` the processes are forked from one that has
    imported everything and read the data; it imports while the sweep still writes down what it declares.
    """
    workers = usable_cores() if n_jobs is None else n_jobs
    tracking = GROUPS["tracking"].build(first.config.tracking)
    with closing(_server(preload and sys.platform in FORKING, tracking)) as server:
        yield partial(_executed, server=server, n_jobs=workers, memory=memory)


def _server(preload: bool, tracking: TrackingSettings) -> ForkServer:
    """The process that was started before the sweep was planned, if it will do, else a new one."""
    further = modules()
    early = taken() if preload and not further else None
    return early or ForkServer(preload, further, tracking=tracking.mlflow)


def _executed(
    jobs: Iterable[Job], *, server: ForkServer, n_jobs: int, memory: int | None
) -> Generator[Ending, None, None]:
    """Execute the jobs and yield their endings."""
    waiting, number = units(jobs), signal.SIGTERM
    workers, leaving = set[Worker](), list[Worker]()
    try:
        for _ in range(n_jobs):
            yield from _begin(server, memory, workers, waiting)
        while workers:
            for worker in _speaking(workers):
                answer = worker.answer()
                yield from _endings(worker, answer)
                if worker.jobs and answer is not None:
                    continue
                if worker.gone:  # perhaps after its answer: no job is sent to it
                    workers.discard(worker)
                    worker.leave(0)
                    yield from _begin(server, memory, workers, waiting)
                elif (following := next(waiting, None)) is not None:
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


def _endings(worker: Worker, answer: bytes | None) -> Iterator[Ending]:
    """The ending that a worker tells, or those of all its jobs where it is gone."""
    if answer is None:
        reason, lost, worker.jobs = worker.death(), worker.jobs, {}
        yield from (Ending(job, None, reason) for job in lost.values())
    else:
        number, outcome = json.loads(answer)
        yield Ending(worker.jobs.pop(number), unpack_outcome(outcome))


def _begin(
    server: ForkServer, memory: int | None, workers: set[Worker], waiting: Iterator[list[Job]]
) -> Generator[Ending, None, None]:
    """Start a worker with the next unit; yields the endings of those for which none can be started."""
    for unit in waiting:
        try:
            worker = server.worker(unit[0], memory)
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
        if found := [worker for worker in workers if worker.connection in ready or worker.gone]:
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
