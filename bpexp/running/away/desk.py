"""The agents of a worker that serves several sweeps, one after the other or at once, such as a worker of Dask.

The functions are called by the engine in the process of the worker. They take and return texts and bytes, and raise
nothing. What a sweep leaves behind when its process is killed, idle processes and lent credentials, goes after a while.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from bpexp.running.away.agent import Agent
from bpexp.running.away.parcel import packed

IDLE = 120.0
"""Seconds without a job after which a sweep is forgotten, unless it is introduced again."""

_desks: dict[str, Desk] = {}


class Desk:
    """The agents of one sweep: as many as jobs run at once."""

    def __init__(self, sweep: str) -> None:
        self._sweep, self._hello, self._credentials = sweep, "", ""
        self._idle: list[Agent] = []
        self._busy: set[Agent] = set()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def introduce(self, hello: str) -> str:
        """Have one process introduce itself; those of further agents do so before their first job."""
        agent, self._hello = self._taken(hello), hello
        answer = agent.introduce()
        self._rest(agent)
        return answer

    def lend(self, credentials: str) -> None:
        """Keep credentials in memory, for the agents."""
        self._credentials = credentials
        for agent in self._idle:
            agent.lend(credentials)

    def perform(self, parcel: bytes, unwanted: Callable[[], bool]) -> bytes:
        """Perform a job; it is ended as by SIGTERM when it is `unwanted`, which is asked all the time."""
        agent = self._taken(self._hello)
        try:
            return agent.perform(parcel, unwanted)
        finally:
            self._rest(agent)

    def _taken(self, hello: str) -> Agent:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            agent = self._idle.pop() if self._idle else Agent(hello, self._credentials)
            self._busy.add(agent)
        return agent

    def _rest(self, agent: Agent) -> None:
        with self._lock:
            self._busy.discard(agent)
            self._idle.append(agent)
            if not self._busy:
                self._timer = threading.Timer(IDLE, close, [self._sweep])
                self._timer.daemon = True
                self._timer.start()

    def stop(self, number: int) -> None:
        """End the jobs that run as by a signal."""
        for agent in list(self._busy):
            agent.stop(number)

    def close(self) -> None:
        """End the processes."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            idle, self._idle = self._idle, []
        for agent in idle:
            agent.close()


def introduce(sweep: str, hello: str) -> str:
    """Introduce this worker to a sweep: the answer of its agent."""
    desk = _desks[sweep] = _desks.get(sweep) or Desk(sweep)
    return desk.introduce(hello)


def lend(sweep: str, credentials: str) -> None:
    """Take the credentials of a sweep."""
    if sweep in _desks:
        _desks[sweep].lend(credentials)


def perform(sweep: str, parcel: bytes, unwanted: Callable[[], bool] = lambda: False) -> bytes:
    """Perform a job of a sweep that was introduced to this process, and not to an earlier one of the same address."""
    if sweep in _desks:
        return _desks[sweep].perform(parcel, unwanted)
    return packed({"outcome": None, "reason": "its worker died and was started again"}, {})


def stop(sweep: str, number: int) -> None:
    """End the jobs of a sweep as by a signal."""
    if sweep in _desks:
        _desks[sweep].stop(number)


def close(sweep: str) -> None:
    """Forget a sweep, and end its processes."""
    desk = _desks.pop(sweep, None)
    if desk is not None:
        desk.close()
