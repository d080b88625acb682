"""The jobs of a sweep on a Ray cluster: an actor a worker, which reserves its processors for the time of the sweep.

An actor that dies is not started again, and its job is not tried again: a new actor takes the next job. Credentials go
to an actor in a call, which is in the memory of two processes; the description of an actor is stored by the head.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from bpexp.errors import ConfigError, warn
from bpexp.running.away.agent import Agent
from bpexp.running.away.engine import CONNECT, engine, first_line, in_time, own_handlers, quiet
from bpexp.running.away.home import Home
from bpexp.running.away.pull import LOOK, pulled
from bpexp.running.child_process import GRACE
from bpexp.running.job import Job
from bpexp.running.launchers import Launcher

MOMENT = 0.02
"""Seconds between two looks at what is done."""

START = 120.0
"""Seconds within which a machine has introduced itself, whose process may have to be started first."""


@contextmanager
def ray(first: Job, *, address: str | None = None, n_jobs: int | None = None, cpus: float = 1.0) -> Iterator[Launcher]:
    """A launcher for at most `n_jobs` jobs at once, of `cpus` processors each, on a cluster at `address` or a new one.

    Each machine of it was introduced. Raises ConfigError where none answers, none has room, or one is not the same.
    """
    with token_sent(address):
        yield from _opened(first, address, n_jobs, cpus)


def _opened(first: Job, address: str | None, n_jobs: int | None, cpus: float) -> Iterator[Launcher]:
    engine("ray", "ray")
    home = Home(first)
    with quiet("ray"), _connected(address, n_jobs, cpus):
        workers = RayWorkers(home, n_jobs, cpus)
        try:
            workers.meet_all()
            yield partial(pulled, home=home, workers=workers)
        finally:
            workers.forget()


@contextmanager
def _connected(address: str | None, n_jobs: int | None, cpus: float) -> Iterator[None]:
    """A connection to a cluster, or a Ray of our own, which ends with the thread that starts it."""
    import ray

    options: dict[str, Any] = {"log_to_driver": False, "configure_logging": False, "include_dashboard": False}
    if address is None:
        number = {} if n_jobs is None else {"num_cpus": max(1, round(n_jobs * cpus))}
        with own_handlers():
            ray.init(address="local", **number, **options)
    else:
        del options["include_dashboard"]
        try:
            _refuse_silent(address)
            in_time(lambda: ray.init(address=address, **options), CONNECT)
        except Exception as error:
            silent = isinstance(error, TimeoutError) and os.environ.get("RAY_AUTH_MODE") != "token"
            hint = "; if it asks for a token, set RAY_AUTH_MODE=token" if silent else ""
            raise ConfigError(
                f"no Ray answers at launcher.address={address!r} ({first_line(error)}); start one with "
                f"`ray start --head` and join it on each machine, or leave launcher.address out{hint}"
            ) from None
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def token_sent(address: str | None) -> Iterator[None]:
    """The time in which Ray sends a token that is there to a cluster, unless RAY_AUTH_MODE says something already.

    Ray itself does so with a cluster that it finds or starts, and not with one at an address. It reads the variable
    when it is imported. A cluster that asks for no token does not look at it.
    """
    named = any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    there = named or (Path.home() / ".ray" / "auth_token").exists()
    if address is None or "RAY_AUTH_MODE" in os.environ or not there:
        yield
        return
    os.environ["RAY_AUTH_MODE"] = "token"
    try:
        yield
    finally:
        os.environ.pop("RAY_AUTH_MODE", None)


def _refuse_silent(address: str) -> None:
    """Raise OSError where nothing listens: Ray itself would try for two minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), CONNECT / 2).close()


class RayWorkers:
    """Actors, and what they are doing; see `bpexp.running.away.pull.Workers`."""

    def __init__(self, home: Home, n_jobs: int | None, cpus: float) -> None:
        import ray

        self._ray, self._home, self._cpus, self._most = ray, home, cpus, n_jobs
        self._refused, self._room, self._looked = 0, 0, -LOOK
        self._coming: dict[Any, Any] = {}  # the answer to an introduction, and its actor
        self._idle: list[Any] = []
        self._tasks: dict[Any, Any] = {}

    def meet_all(self) -> None:
        """Introduce each machine with room for a job; raises ConfigError with the first that is not the same."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        nodes = [node for node in self._ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= self._cpus]
        if not nodes:
            raise ConfigError(f"no machine of the Ray cluster has launcher.cpus={self._cpus:g} processors")
        ask = self._ray.remote(introduced)
        asked = []  # several nodes may have one address
        for node in nodes:
            strategy = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            task = ask.options(num_cpus=0, max_retries=0, scheduling_strategy=strategy)
            asked.append((str(node["NodeManagerAddress"]), task.remote(self._home.hello())))
        for name, reference in asked:
            try:
                answer = self._ray.get(reference, timeout=START)
            except Exception as error:
                raise ConfigError(_absent(name, error)) from None
            if refusal := self._home.refusal(name, answer):
                raise ConfigError(refusal)

    def _start(self) -> None:
        """Start actors, up to the number of jobs that run at once; they wait where the cluster has no room yet."""
        remote = self._ray.remote(Agent).options(num_cpus=self._cpus, max_restarts=0, max_concurrency=2)
        if time.monotonic() - self._looked >= LOOK:  # machines come and go
            room = int(self._ray.cluster_resources().get("CPU", 0) / self._cpus)
            self._looked, self._room = time.monotonic(), self._most or max(1, room)
        while len(self._coming) + len(self._idle) + len(self._tasks) < self._room - self._refused:
            actor = remote.remote(self._home.hello())
            self._coming[actor.introduce.remote()] = actor

    def free(self) -> Any | None:
        """An actor that has introduced itself and has nothing to do."""
        self._start()
        done, _ = (
            self._ray.wait(list(self._coming), num_returns=len(self._coming), timeout=0) if self._coming else ([], [])
        )
        for reference in done:
            actor = self._coming.pop(reference)
            try:
                refusal = self._home.refusal("of Ray", self._ray.get(reference))
            except Exception as error:
                refusal = _absent("of Ray", error)
            if refusal:
                warn(refusal)
                self._refused += 1
            else:
                actor.lend.remote(self._home.credentials())
                self._idle.append(actor)
        return self._idle.pop() if self._idle else None

    def begin(self, worker: Hashable, number: int, parcel: bytes) -> Any:
        """Send a job to an actor."""
        actor: Any = worker
        task = actor.perform.options(name=f"bpexp job {number}").remote(parcel)
        self._tasks[task] = actor
        return task

    def ended(self, seconds: float) -> Iterable[tuple[Any, bytes | str]]:
        """The tasks that are done, and those whose actor died."""
        until = time.monotonic() + seconds
        while not (done := self._ray.wait(list(self._tasks), timeout=0)[0]) and time.monotonic() < until:
            time.sleep(MOMENT)  # and not in Ray, which raises a signal as an exception of its own
        for task in done:
            actor = self._tasks.pop(task)
            try:
                answer = bytes(self._ray.get(task))
            except Exception:  # of its actor or its machine, or of Ray, which may raise anything
                yield task, "its worker died, or its machine went away"
            else:
                self._idle.append(actor)
                yield task, answer

    def stop(self, number: int) -> None:
        """Have the jobs that run end as by a signal."""
        for actor in self._tasks.values():
            actor.stop.remote(number)

    def forget(self) -> None:
        """End the actors."""
        with suppress(Exception):  # a cluster that is gone has nothing left
            actors = [*self._idle, *self._tasks.values()]
            in_time(lambda: self._ray.get([actor.close.remote() for actor in actors]), GRACE)
            for actor in [*actors, *self._coming.values()]:
                self._ray.kill(actor)


def introduced(hello: str) -> str:
    """What a machine answers to an introduction."""
    agent = Agent(hello)
    try:
        return agent.introduce()
    finally:
        agent.close()


def _absent(name: str, error: Exception) -> str:
    return f"the worker {name} has no bpexp that answers ({first_line(error)}); install it there"
