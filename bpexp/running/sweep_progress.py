"""Progress of a sweep under any launcher: a live table on a terminal, plain lines elsewhere.

What runs is known by the jobs that a launcher has pulled and not ended yet; how far each is, its journal tells, where
its folder can be seen from here.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from bpexp.errors import visible
from bpexp.records.journal import JOURNAL
from bpexp.records.journal_look import Look, look
from bpexp.running.job import Ending, Job
from bpexp.running.progress import headline
from bpexp.running.tally import Tally

ROWS = 8
"""Running jobs that the table shows."""

REDRAWS = 2
"""Redraws of the table in a second."""

PAUSE = 1.0
"""Seconds between two plain lines, of which a sweep of short jobs would print thousands."""


class SweepProgress:
    """Watches the jobs of a sweep that a launcher executes; a context that shows nothing if `show` is false.

    Args:
        tally: the endings so far.
        launcher: the words for the launcher.
        show: whether to show anything.
    """

    def __init__(self, tally: Tally, launcher: str, show: bool) -> None:
        self._tally, self._launcher = tally, launcher
        self._running: dict[int, Job] = {}
        self._began = time.monotonic()
        self._lock = threading.Lock()  # the table is drawn in a thread of its own
        self._view: _Table | _Lines | None = None
        if show and sys.stderr is not None:
            self._view = _Table(self.lines) if sys.stderr.isatty() else _Lines(sys.stderr, launcher)

    def __enter__(self) -> SweepProgress:
        if self._view is not None:
            self._view.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._view is not None:
            self._view.close()

    def pulled(self, jobs: Iterable[Job]) -> Iterator[Job]:
        """The jobs, each counted as running from the moment at which the launcher takes it."""
        for job in jobs:
            with self._lock:
                self._running[job.number] = job
            yield job

    def awaits(self, job: Job) -> bool:
        """Whether a job was pulled and has not ended."""
        with self._lock:
            return job.number in self._running

    def awaited(self) -> list[Job]:
        """The jobs that were pulled and have not ended."""
        with self._lock:
            return list(self._running.values())

    def ended(self, ending: Ending) -> None:
        """Take note of an ending."""
        with self._lock:
            self._running.pop(ending.job.number, None)
            self._tally.add(ending.job.number, ending.outcome)
            first = self._tally.headline(len(self._running), time.monotonic() - self._began)
            last = self._tally.done == self._tally.total
            trouble = ending.outcome is None or not ending.outcome.ok
        if self._view is not None:
            self._view.ended(f"{first}  {self._ended_line(ending)}", trouble=trouble, last=last)

    def lines(self) -> list[str]:
        """The lines of the table: counts, the best job, the first jobs that run, and the launcher."""
        with self._lock:
            first = self._tally.headline(len(self._running), time.monotonic() - self._began)
            running, best = list(self._running.values())[:ROWS], self._tally.best_line()
        jobs = [self._running_line(job) for job in running]
        return [first, *[best] * bool(best), *jobs, f"launcher: {self._launcher}"]

    def _running_line(self, job: Job) -> str:
        return _row(job.number, self._tally.said(job.overrides), progress_of(job.directory))

    def _ended_line(self, ending: Ending) -> str:
        outcome = ending.outcome
        if outcome is None:
            told = f"lost: {ending.reason}"
        elif outcome.ok and not math.isnan(outcome.objective):
            told = f"{outcome.status} {outcome.objective:.4f}"
        else:
            told = f"{outcome.status}: {outcome.reason}"
        return _row(ending.job.number, self._tally.said(ending.job.overrides), told)


def progress_of(directory: Path) -> str:
    """How far the job in a folder is, as its journal tells; empty where there is none here."""
    return how_far(look(directory / JOURNAL))


def how_far(found: Look | None) -> str:
    """How far a run is, in words; empty where nothing is known."""
    if found is None:
        return ""
    return "  ".join([f"epoch {found.epoch}/{found.epochs}", *([headline(found.metrics)] if found.metrics else [])])


def _row(number: int, said: str, told: str) -> str:
    return "  ".join(word for word in (f"job {number}", said, told) if word)


class _Lines:
    """Plain lines for logs and pipes: what went wrong, and at most one other line a second."""

    def __init__(self, stream: TextIO, launcher: str) -> None:
        self._stream, self._launcher, self._said = stream, launcher, -PAUSE

    def open(self) -> None:
        """Say which launcher it is."""
        self._print(f"launcher: {self._launcher}")

    def ended(self, line: str, *, trouble: bool, last: bool) -> None:
        now = time.monotonic()
        if trouble or last or now - self._said >= PAUSE:
            self._said = now
            self._print(line)

    def close(self) -> None:
        """No-op."""

    def _print(self, line: str) -> None:
        with suppress(OSError, ValueError):  # whoever reads has had enough: no matter of the sweep
            print(visible(line), file=self._stream, flush=True)


class _Table:
    """Lines that are redrawn in place, each cut to the width of the terminal."""

    def __init__(self, lines: Any) -> None:
        from rich.console import Console
        from rich.live import Live

        self._lines = lines
        console = Console(stderr=True, highlight=False)
        self._live = Live(
            get_renderable=self._drawn, console=console, refresh_per_second=REDRAWS, transient=True, screen=False
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

        return Text("\n".join(map(visible, self._lines())), no_wrap=True, overflow="ellipsis")
