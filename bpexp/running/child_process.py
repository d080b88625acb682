"""Processes that perform jobs for another one: they end when it is gone, and their own end is told in words."""

from __future__ import annotations

import os
import signal
import threading
import time

GRACE = 10.0
"""Seconds that a job has to write its record when it is ended."""

UNKNOWN = 256
"""In place of an exit code, where nobody knows how a process ended."""


def end_with_parent() -> None:
    """End this process as by SIGTERM when its standard input is closed, and kill it where it does not end then.

    Standard input is a pipe that the other process holds open as long as it lives.
    """
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os.kill(os.getpid(), signal.SIGKILL)


def ending(code: int) -> str:
    """The end of a process in words, after its exit code as `subprocess` counts."""
    if code == UNKNOWN:
        return "is gone; nobody knows how it ended, because the process that started it is gone, too"
    if code >= 0:
        return f"left with exit code {code}"
    memory = ", as the system does where memory is short" if -code == signal.SIGKILL else ""
    return f"was ended by {signal.Signals(-code).name}{memory}"
