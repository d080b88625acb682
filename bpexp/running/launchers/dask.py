"""The jobs of a sweep on the workers of a Dask cluster, on each as many at once as it has threads.

Each job is a task that only the worker for which it was pulled may execute: Dask would try it on the next worker when
one dies, and a job that kills its worker would kill all of them. What is no job, introductions, credentials and the
end, goes to the workers directly and is in no queue, log or dashboard.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
import warnings
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from bpexp.errors import ConfigError, warn
from bpexp.running.away import desk
from bpexp.running.away.engine import CONNECT, engine, first_line, in_time, quiet
from bpexp.running.away.home import Home
from bpexp.running.away.pull import pulled
from bpexp.running.child_process import GRACE
from bpexp.running.job import Job
from bpexp.running.launchers import Launcher


@contextmanager
def dask(first: Job, *, address: str | None = None, n_jobs: int | None = None) -> Iterator[Launcher]:
    """A launcher for at most `n_jobs` jobs at once on the cluster whose scheduler is at `address`, or in this process.

    Its workers were introduced. Raises ConfigError where there is no scheduler, no worker, or one that is not the same.
    """
    engine("distributed", "dask")
    home = Home(first)
    with quiet("distributed", "tornado", "asyncio"), _connected(address, n_jobs) as client:
        workers = DaskWorkers(client, home, n_jobs)
        try:
            workers.meet_all()
            yield partial(pulled, home=home, workers=workers)
        finally:
            workers.forget()


@contextmanager
def _connected(address: str | None, n_jobs: int | None) -> Iterator[Any]:
    from distributed import Client, LocalCluster

    with ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of versions that differ in a digit, and of messages that are long
        if address is None:
            threads = n_jobs or len(os.sched_getaffinity(0))
            local = LocalCluster(n_workers=1, threads_per_worker=threads, processes=False, dashboard_address=None)
            client = stack.enter_context(Client(stack.enter_context(local), set_as_default=False))
        else:
            try:
                client = in_time(lambda: Client(address, timeout=CONNECT, set_as_default=False), CONNECT)
            except Exception as error:
                raise ConfigError(
                    f"no Dask scheduler answers at launcher.address={address!r} ({first_line(error)}); start one with "
                    "`dask scheduler`, or leave launcher.address out"
                ) from None
            stack.enter_context(client)
        yield client


class DaskWorkers:
    """The workers of a cluster, by their addresses; see `bpexp.running.away.pull.Workers`."""

    def __init__(self, client: Any, home: Home, n_jobs: int | None) -> None:
        self._client, self._home, self._most = client, home, n_jobs
        self._sweep = uuid.uuid4().hex
        self._met: dict[str, float] = {}  # when a worker was introduced, or began a job
        self._refused: set[str] = set()
        self._tasks: dict[Any, str] = {}
        self._done: SimpleQueue[Any] = SimpleQueue()

    def meet_all(self) -> None:
        """Introduce all workers; raises ConfigError with the first that is not the same, or without any."""
        if not (found := self._threads()):
            raise ConfigError("the Dask scheduler has no worker; start one on each machine with `dask worker ADDRESS`")
        if refusals := self._meet(list(found)):
            raise ConfigError(refusals[0])

    def _threads(self) -> dict[str, int]:
        return dict(self._client.nthreads())

    def _call(self, function: str, *words: Any, workers: list[str]) -> dict[str, Any]:
        """The answers of workers to a call of a function of their desks, which is no task."""
        return dict(self._client.run(called, function, self._sweep, *words, workers=workers, on_error="return"))

    def _meet(self, addresses: list[str]) -> list[str]:
        """Introduce workers, and lend them credentials; the refusals of those that get no job."""
        refusals = []
        for address, answer in self._call("introduce", self._home.hello(), workers=addresses).items():
            if isinstance(answer, Exception):
                refusal = f"the worker {address} has no bpexp that answers ({first_line(answer)}); install it there"
            else:
                refusal = self._home.refusal(address, answer)
            if refusal:
                refusals.append(refusal)
                self._refused.add(address)
            else:
                self._met[address] = time.monotonic()
        if accepted := [address for address in addresses if address in self._met]:
            self._call("lend", self._home.credentials(), workers=accepted)
        return refusals

    def free(self) -> str | None:
        """A worker with the fewest jobs that has a thread for one more; one that came later is introduced first."""
        if self._most is not None and len(self._tasks) >= self._most:
            return None
        threads, now = self._threads(), time.monotonic()
        used = Counter(self._tasks.values())
        for address in sorted(threads.keys() - self._refused, key=lambda address: used[address]):
            if used[address] >= threads[address]:
                continue
            if used[address] or now - self._met.get(address, 0.0) < desk.IDLE / 2 or not self._meet([address]):
                self._met[address] = now
                return address
        return None

    def begin(self, worker: Hashable, number: int, parcel: bytes) -> Any:
        """Send a job to a worker as a task that no other one may take."""
        options = {"key": f"bpexp-job-{number}-{uuid.uuid4().hex[:8]}", "workers": [worker], "pure": False}
        task = self._client.submit(performed, self._sweep, parcel, **options, allow_other_workers=False, retries=0)
        self._tasks[task] = str(worker)
        task.add_done_callback(self._done.put)
        return task

    def ended(self, seconds: float) -> Iterable[tuple[Any, bytes | str]]:
        """The tasks that are done, and those whose worker is gone."""
        found = []
        with suppress(Empty):
            found.append(self._done.get(timeout=seconds))
        there = self._threads()
        found += [task for task, address in self._tasks.items() if address not in there and task not in found]
        for task in found:
            if (address := self._tasks.pop(task, None)) is not None:
                yield task, self._answer(task, address)

    def _answer(self, task: Any, address: str) -> bytes | str:
        try:
            if task.status == "finished":
                return bytes(task.result())
            task.cancel()
        except Exception as error:  # the worker went with the result, or Dask gave up
            warn(f"{first_line(error)}")
        self._met.pop(address, None)
        return f"its worker {address} died, or its machine went away"

    def stop(self, number: int) -> None:
        """Have the jobs that run end as by a signal."""
        in_time(partial(self._call, "stop", number, workers=sorted(set(self._tasks.values()))), GRACE)

    def forget(self) -> None:
        """End what was started on the workers."""
        with suppress(Exception):  # a cluster that is gone has nothing left
            in_time(partial(self._call, "close", workers=sorted(self._met.keys() & self._threads())), GRACE)


async def called(function: str, *words: Any) -> Any:
    """Call a function of the desks, in a thread of the worker, whose own one goes on."""
    return await asyncio.to_thread(getattr(desk, function), *words)


def performed(sweep: str, parcel: bytes) -> bytes:
    """Perform a job on a worker, as long as the scheduler knows of its task: it does not when the sweep is gone."""
    from distributed import get_worker

    worker = get_worker()
    tasks, key = worker.state.tasks, worker.get_current_task()
    return desk.perform(sweep, parcel, lambda: key not in tasks or tasks[key].state == "cancelled")
