"""Progress of a sweep under any launcher: a live table on a terminal, plain lines elsewhere.

What runs is known by the jobs that a launcher has pulled and not ended yet; how far each is, its journal tells, where
its folder can be seen from here.
"""

from __future__ import annotations

import math
import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType

from bpexp.records.journal import JOURNAL
from bpexp.records.journal_look import Look, look
from bpexp.running.fitting import columns, fitted, joined, number
from bpexp.running.job import Ending, Job
from bpexp.running.progress import headline_words
from bpexp.running.sweep_views import Lines, Table
from bpexp.running.tally import TROUBLE, Tally

ROWS = 8
"""Running jobs that the table shows."""


class SweepProgress:
    """Watches the jobs of a sweep that a launcher executes; a context that shows nothing if `show` is false.

    Args:
        tally: the endings so far.
        launcher: the words for the launcher.
        show: whether to show anything.
    """

    def __init__(self, tally: Tally, launcher: str, show: bool) -> None:
        self._tally, self._launcher = tally, launcher
        self._running: dict[int, tuple[Job, float]] = {}
        self._began = time.monotonic()
        self._lock = threading.Lock()  # the table is drawn in a thread of its own
        self._view: Table | Lines | None = None
        if show and sys.stderr is not None:
            on_terminal = sys.stderr.isatty()
            self._view = Table(self.lines) if on_terminal else Lines(sys.stderr, launcher, self.line)

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
            done = share(look(job.directory / JOURNAL)) if job.again else 0.0
            with self._lock:
                self._running[job.number] = (job, done)
            yield job

    def awaits(self, job: Job) -> bool:
        """Whether a job was pulled and has not ended."""
        with self._lock:
            return job.number in self._running

    def awaited(self) -> list[Job]:
        """The jobs that were pulled and have not ended."""
        with self._lock:
            return [job for job, _ in self._running.values()]

    def ended(self, ending: Ending) -> None:
        """Take note of an ending."""
        with self._lock:
            self._running.pop(ending.job.number, None)
            self._tally.add(ending.job.number, ending.outcome)
            last = self._tally.ended == self._tally.total
        trouble = ending.outcome is None or not ending.outcome.ok
        if self._view is not None:
            self._view.ended(self._ended_line(ending), trouble=trouble, last=last)

    def line(self) -> str:
        """The counts and the best job in one line; empty before anything is known of the time that is left."""
        counts, _ = self._now()
        with self._lock:
            best = self._tally.best_words()
        told = f"{best['best']} ({best['job']})" if best else ""
        return joined({**counts, "best": told}) if counts["left"] or self._tally.ended else ""

    def lines(self, width: int) -> list[str]:
        """The lines of the table: counts, the best job, the first jobs that run, and the launcher."""
        counts, running = self._now()
        with self._lock:
            best = self._tally.best_words()
        rows = [
            running_line(f"job {job.number}", found, self._tally.said(job.overrides), width) for job, found in running
        ]
        return [counts_line(counts, width), *_best_lines(best, width), *rows, f"launcher: {self._launcher}"]

    def _now(self) -> tuple[dict[str, str], list[tuple[Job, Look | None]]]:
        """The counts, and the first jobs that run with how far they are; the time left goes by their epochs too."""
        with self._lock:
            running = list(self._running.values())
        looks = [look(job.directory / JOURNAL) for job, _ in running[:ROWS]]  # of many, these stand for all
        done = [max(0.0, share(found) - before) for found, (_, before) in zip(looks, running, strict=False)]
        under_way = sum(done) * len(running) / len(done) if done else 0.0
        with self._lock:
            counts = self._tally.counts(len(running), time.monotonic() - self._began, under_way)
        return counts, [(job, found) for (job, _), found in zip(running, looks, strict=False)]

    def _ended_line(self, ending: Ending) -> str:
        outcome = ending.outcome
        if outcome is None:
            told = f"lost: {ending.reason}"
        elif outcome.ok and not math.isnan(outcome.objective):
            told = f"{outcome.status} {number(outcome.objective)}"
        else:
            told = f"{outcome.status}: {outcome.reason}"
        said = self._tally.said(ending.job.overrides)
        return joined({"job": f"job {ending.job.number}", "said": said, "told": told})


def _best_lines(words: dict[str, str], width: int) -> list[str]:
    """The best job in one line, or in two where the terminal is narrow."""
    whole = joined(words)
    if columns(whole) <= width:
        return [whole] * bool(whole)
    said = words.pop("said")
    return [fitted(words, [("job", "")], width), f"  {fitted({'said': said}, [('said', shortened(said))], width - 2)}"]


def shortened(said: str) -> str:
    """Overrides by the last parts of their keys, such as depth=8, where these tell them apart; numbers before names."""
    words = said.split(" ")
    short = [re.sub(r"^[+~]*(?:\w+\.)*(?=\w+=)", "", word) for word in words]
    keys = [word.partition("=")[0] for word in short]
    told = short if len(set(keys)) == len(keys) else words
    return " ".join(sorted(told, key=lambda word: re.search(r"=[\d.e+-]+$", word) is None))


def counts_line(counts: Mapping[str, str], width: int) -> str:
    """The words of a tally. A narrow line goes without what has not begun, what runs, then what else is told last."""
    return fitted(counts, [(word, "") for word in ("rest", "running", *reversed(TROUBLE[1:]))], width)


def running_line(label: str, found: Look | None, said: str, width: int) -> str:
    """A job that runs. A narrow line goes without its losses, then with shorter names, then without its quality."""
    words = {"job": label, **how_far_words(found), "said": said}
    leaving = [("loss", ""), ("part", "")] if "quality" in words else [("part", "")]
    leaving += [("said", shortened(said)), ("quality", ""), ("loss", "")]
    return fitted(words, leaving, width)


def share(found: Look | None) -> float:
    """Which share of its epochs a job has done; 0 where nobody can tell."""
    return 0.0 if found is None else found.share


def how_far_words(found: Look | None) -> dict[str, str]:
    """The words that tell how far a run is: `epoch`, and those of its headline."""
    if found is None:
        return {"epoch": "begins"}
    return {"epoch": f"epoch {found.epoch}/{found.epochs}", **(headline_words(found.metrics) if found.metrics else {})}
