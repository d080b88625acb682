"""How far a sweep is, in numbers and in words that fit a terminal: done, running, failed, pruned, best, time left."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from bpexp.records.outcome import Outcome
from bpexp.study.ranking import place

LOST = "lost"

TROUBLE = ("failed", "killed", LOST, "diverged", "pruned")
"""The statuses that are counted by name, in this order; the other jobs that ended have a result."""


@dataclass(slots=True, eq=False)
class Tally:
    """The endings of a sweep so far.

    Args:
        total: jobs of the sweep; None where nobody knows yet.
        statuses: of the jobs that ended, by number.
        best: number and outcome of the best job so far, by the objective that ranks the sweep.
        fresh: how many of them ended while this was watched, not before a resume.
        common: overrides that all jobs have, which tell none from another.
    """

    total: int | None
    common: frozenset[str] = frozenset()
    statuses: dict[int, str] = field(default_factory=dict)
    best: tuple[int, Outcome] | None = None
    fresh: int = 0

    def add(self, number: int, outcome: Outcome | None, *, fresh: bool = True) -> None:
        """Count the ending of a job; None for one that left no result."""
        self.statuses[number] = LOST if outcome is None else outcome.status
        self.fresh += fresh
        if outcome is not None and (self.best is None or place(outcome) < place(self.best[1])):
            self.best = None if place(outcome)[0] else (number, outcome)

    def said(self, overrides: Sequence[str]) -> str:
        """The overrides of a job that not all jobs have."""
        return " ".join(word for word in overrides if word not in self.common)

    @property
    def done(self) -> int:
        """Jobs that ended, whatever became of them."""
        return len(self.statuses)

    def left(self, seconds: float) -> float | None:
        """Seconds that the other jobs will take if they go on as in the last `seconds`; None before one has ended."""
        if not self.fresh or self.total is None or self.total <= self.done:
            return None
        return seconds / self.fresh * (self.total - self.done)

    def headline(self, running: int, seconds: float) -> str:
        """One line, the most important first: `12/24 done  0:41 left  2 running  1 failed`."""
        words = [f"{self.done}/{self.total} done" if self.total is not None else f"{self.done} done"]
        if (left := self.left(seconds)) is not None:
            words.append(f"{clock(left)} left")
        words += [f"{running} running"] * bool(running)
        counts = Counter(self.statuses.values())
        words += [f"{counts[status]} {status}" for status in TROUBLE if counts[status]]
        return "  ".join(words)

    def best_line(self) -> str:
        """The best job so far, with what it was given; empty without one."""
        if self.best is None:
            return ""
        number, outcome = self.best
        measured = str(outcome.params.get("objective") or outcome.chosen_by)
        return f"best {outcome.objective:.4f} {measured}  job {number}  {self.said(outcome.overrides)}"


def clock(seconds: float) -> str:
    """Seconds as 0:41, 12:05, 3:10:00, or 4 d 03 h."""
    whole = math.ceil(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    if hours >= 100:
        return f"{hours // 24} d {hours % 24:02} h"
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
