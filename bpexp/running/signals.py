"""SIGINT and SIGTERM during a run: raised while it trains, held back while its record is written."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any


class Terminated(SystemExit):
    """SIGTERM, raised where the run stands so that it ends with a true status."""


class Signals:
    """Handlers for the time of one run; in another thread than the main one they do nothing.

    Held back means: the first signal waits until `raised` or the end of the block, a second one is raised at once.
    After one signal was raised the next is held back, so that the record of the run is written.
    """

    def __init__(self) -> None:
        self._held = True
        self._pending: BaseException | None = None
        self._previous: dict[int, Any] = {}

    @property
    def pending(self) -> BaseException | None:
        """The signal that is held back, as the exception that it will be."""
        return self._pending

    def __enter__(self) -> Signals:
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is signal.SIG_IGN:
                continue  # a background shell hands SIGINT on as ignored
            try:
                self._previous[number] = signal.signal(number, self._handle)
            except ValueError:  # not the main thread: whoever owns it decides
                return self
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if kind is None and self._pending is not None:
            raise self._pending

    def _handle(self, number: int, frame: FrameType | None) -> None:
        error: BaseException = Terminated(128 + number) if number == signal.SIGTERM else KeyboardInterrupt()
        if self._held and self._pending is None:
            self._pending = error
            return
        self._held = True
        raise error

    @contextmanager
    def raised(self) -> Iterator[None]:
        """Raise signals where the run stands within this block, the one that came before it too; then hold them back.

        A signal that meets the way out of the block is still raised: whoever catches what ends the block stands around
        all of it.
        """
        try:
            self._release()
            yield
        finally:
            self._held = True

    def _release(self) -> None:
        self._held = False
        if self._pending is not None:
            pending, self._pending = self._pending, None
            self._held = True
            raise pending
