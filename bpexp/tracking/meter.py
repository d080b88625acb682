"""The time for which a store keeps its caller waiting, as against the time that the caller itself computes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Meter:
    """Watches the requests of one thread, for others to ask whether the present one takes too long.

    A request is slow when its thread has been blocked for longer than the request's allowance. Time for which it
    computes, or waits for a processor on a busy machine, is no time of the store.
    """

    def __init__(self) -> None:
        self._now: tuple[int, float, float, float] | None = None
        self._thread: Path | None = None
        self._requests = 0
        self._blocked = 0.0

    @contextmanager
    def request(self, allowance: float) -> Iterator[None]:
        """One request, which may block for `allowance` seconds before it counts as slow."""
        self._thread = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        began = (self._requests, time.monotonic(), self._busy(), allowance)
        self._now = began
        try:
            yield
        finally:
            self._now = None
            self._requests += 1
            self._blocked += self._blocked_since(began)

    @property
    def usual(self) -> float:
        """Mean number of seconds for which a request was blocked."""
        return self._blocked / self._requests if self._requests else 0.0

    def slow(self) -> tuple[int, float] | None:
        """The number of the present request and the seconds for which it has been blocked, if it is slow."""
        now = self._now
        if now is None:
            return None
        blocked = self._blocked_since(now)
        return (now[0], blocked) if blocked > now[3] else None

    def _blocked_since(self, began: tuple[int, float, float, float]) -> float:
        return max(0.0, time.monotonic() - began[1] - (self._busy() - began[2]))

    def _busy(self) -> float:
        """Seconds for which the thread has computed or has waited for a processor; 0 where the system does not say."""
        try:
            assert self._thread is not None
            computed, waited, *_ = self._thread.read_text(encoding="ascii").split()
            return (int(computed) + int(waited)) / 1e9
        except (OSError, ValueError):
            return 0.0
