"""The two views of a sweep that runs: a table that is redrawn in place on a terminal, and plain lines elsewhere."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO

from bpexp.errors import visible
from bpexp.running.fitting import joined

REDRAWS = 2
"""Redraws of the table in a second."""

PAUSE = 1.0
"""Seconds between two plain lines, of which a sweep of short jobs would print thousands."""

QUIET = 60.0
"""Seconds after which a plain line is said although no job has ended."""


class Lines:
    """Plain lines for logs and pipes: how far the sweep is with what went wrong, and at most one other line a second.

    Where no job ends, the first line comes with the first epoch, and then one in `QUIET` seconds.
    """

    def __init__(self, stream: TextIO, launcher: str, line: Callable[[], str]) -> None:
        self._stream, self._launcher, self._line, self._said = stream, launcher, line, -math.inf
        self._over = threading.Event()
        self._waiting = threading.Thread(target=self._wait, daemon=True)

    def open(self) -> None:
        """Say which launcher it is."""
        self._print(f"launcher: {self._launcher}")
        self._waiting.start()

    def ended(self, line: str, *, trouble: bool, last: bool) -> None:
        if trouble or last or time.monotonic() - self._said >= PAUSE:
            self._say(joined({"line": self._line(), "ended": line}))

    def close(self) -> None:
        """Say nothing more by itself."""
        self._over.set()
        if self._waiting.is_alive():
            self._waiting.join()

    def _wait(self) -> None:
        """Say how far the sweep is where nothing else has been said for long."""
        while not self._over.wait(PAUSE):
            if time.monotonic() - self._said >= QUIET and (line := self._line()):
                self._say(line)

    def _say(self, line: str) -> None:
        self._said = time.monotonic()
        self._print(line)

    def _print(self, line: str) -> None:
        with suppress(OSError, ValueError):  # whoever reads has had enough: no matter of the sweep
            print(visible(line), file=self._stream, flush=True)


class Table:
    """Lines that are redrawn in place, each cut to the width of the terminal."""

    def __init__(self, lines: Callable[[int], list[str]]) -> None:
        from rich.console import Console
        from rich.live import Live

        self._lines = lines
        self._console = Console(stderr=True, highlight=False)
        self._live = Live(
            get_renderable=self._drawn, console=self._console, refresh_per_second=REDRAWS, transient=True, screen=False
        )

    def open(self) -> None:
        """Draw the table from now on."""
        self._live.start()

    def ended(self, line: str, *, trouble: bool, last: bool) -> None:
        """No-op: the next redraw shows it."""

    def close(self) -> None:
        """Remove the table and restore the terminal, also if the sweep was interrupted."""
        self._live.stop()

    def _drawn(self) -> Any:
        from rich.text import Text

        lines = self._lines(self._console.width)
        return Text("\n".join(map(visible, lines)), no_wrap=True, overflow="ellipsis")
