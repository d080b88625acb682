"""The jobs of a sweep in processes that last, so that what ends a process ends one job and not the sweep.

A process is started as a command of its own (`subprocess`): nothing of this process is forked, and unlike with
`multiprocessing` the user's script is not imported again. It has a session of its own, so that Ctrl-C in the terminal
reaches the sweep alone, which passes it on once.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from multiprocessing import Pipe
from multiprocessing.connection import wait

from bpexp.running.job import Ending, Job
from bpexp.running.launchers.packing import pack, unpack_outcome
from bpexp.running.launchers.worker import GRACE
from bpexp.tracking.credentials import lent

CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from bpexp.cli.worker import main; "
    "main(*json.loads(sys.argv[2]))"
)
"""What a process executes, with the modules of this one."""

LOOK = 1.0
"""Seconds between two looks at processes that say nothing: a child of theirs may hold the connection of a dead one."""

GONE = (EOFError, OSError)
"""What a connection raises when the process at its other end is gone."""


class Worker:
    """One process, and the job that it performs."""

    def __init__(self, job: Job, memory: int | None) -> None:
        self.job: Job | None = job
        self.ready = False
        self.connection, theirs = Pipe()
        with theirs:
            handle = theirs.fileno()
            arguments = [json.dumps(sys.path), json.dumps([handle, memory])]
            self._process = subprocess.Popen(
                [sys.executable, "-c", CODE, *arguments],
                stdin=subprocess.PIPE,
                pass_fds=[handle],
                start_new_session=True,
            )
        with suppress(*GONE):
            self.connection.send_bytes(json.dumps(dict(lent())).encode())

    @property
    def gone(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def perform(self, job: Job) -> None:
        """Send a job to a process that waits for one."""
        self.ready, self.job = True, job
        with suppress(*GONE):  # the connection tells it
            self.connection.send_bytes(pack(job).encode())

    def answer(self) -> bytes | None:
        """What the process says, now that it says something; None if it is gone."""
        with suppress(*GONE):
            return self.connection.recv_bytes() if self.connection.poll() else None
        return None

    def interrupt(self, number: int) -> None:
        """End the job that runs as by a signal."""
        if self.job is not None and not self.gone:
            self._process.send_signal(number)

    def leave(self, patience: float) -> None:
        """Let the process end by itself, and kill it where it does not within some seconds."""
        self.connection.close()
        try:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        finally:
            self._process.kill()
            self._process.wait()
            if self._process.stdin is not None:  # closed while the process lives, it would be a signal
                self._process.stdin.close()

    def death(self) -> str:
        """How the process ended, in words."""
        self.leave(LOOK)
        code = self._process.returncode
        if code >= 0:
            return f"its process left with exit code {code}"
        memory = ", as the system does where memory is short" if -code == signal.SIGKILL else ""
        return f"its process was ended by {signal.Signals(-code).name}{memory}"


def process(jobs: Iterable[Job], *, n_jobs: int = 1, memory: int | None = None) -> Generator[Ending, None, None]:
    """Execute the jobs in at most `n_jobs` processes, each in at most `memory` MiB, and yield their endings."""
    waiting, number = iter(jobs), signal.SIGTERM
    workers = set[Worker]()
    try:
        workers.update(Worker(job, memory) for job in islice(waiting, n_jobs))
        while workers:
            for worker in _speaking(workers):
                yield from _heard(worker, workers, waiting, memory)
    except KeyboardInterrupt:
        number = signal.SIGINT
        raise
    finally:
        _end(workers, number)


def _heard(
    worker: Worker, workers: set[Worker], waiting: Iterator[Job], memory: int | None
) -> Generator[Ending, None, None]:
    """Take what a process says, or its end; it, or a new one in its place, goes on with the next job."""
    job, answer = worker.job, worker.answer()
    if answer is not None and not worker.ready and job is not None:
        worker.perform(job)
        return
    worker.job = None
    if answer is None:
        workers.discard(worker)
        reason = worker.death() if worker.ready else f"no process could be started for it: {worker.death()}"
    if job is not None:
        yield Ending(job, None, reason) if answer is None else Ending(job, unpack_outcome(answer.decode()))
    following = next(waiting, None)
    if following is None:
        workers.discard(worker)
        if answer is not None:
            worker.leave(GRACE)
    elif answer is None:
        workers.add(Worker(following, memory))
    else:
        worker.perform(following)


def _speaking(workers: set[Worker]) -> list[Worker]:
    """The processes that say something or are gone, once there is one."""
    while True:
        ready = wait([worker.connection for worker in workers], LOOK)
        if found := [worker for worker in workers if worker.connection in ready or worker.gone]:
            return found


def _end(workers: set[Worker], number: int) -> None:
    """End the processes that are left, each with a true record of its job."""
    until = time.monotonic() + GRACE
    for worker in workers:
        worker.interrupt(number)
    for worker in workers:
        worker.leave(max(0.0, until - time.monotonic()))
