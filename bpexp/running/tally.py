"""How far a sweep is, in numbers and in words that fit a terminal: done, running, failed, best, time left."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bpexp.records.outcome import Outcome
from bpexp.running.fitting import joined, number
from bpexp.study.ranking import brief, place

LOST = "lost"

WITHOUT = ("failed", "killed", LOST)
"""The statuses of jobs that ended without a result: they are not done."""

TROUBLE = (*WITHOUT, "diverged", "pruned")
"""The statuses that are counted by name, in this order. The last two are of jobs that are done, as they have a result.
"""

EVIDENCE = 0.05
"""The share of the work of a sweep from which the time that is left is told, where no job has ended yet."""

LONG = 60.0
"""Seconds after which it is told in any case: what a sweep needs for its start tells no longer."""


@dataclass(slots=True, eq=False)
class Tally:
    """The endings of a sweep so far.

    Args:
        total: jobs of the sweep; None where nobody knows yet.
        statuses: of the jobs that ended, by number.
        best: number and outcome of the best job so far, by the objective that ranks the sweep.
        fresh: how many of them ended while this was watched, not before a resume.
        common: overrides that all jobs have, which tell none from another.
        brief: whether numbers are told with four digits, as those of a search, which nobody has typed.
    """

    total: int | None
    common: frozenset[str] = frozenset()
    brief: bool = False
    statuses: dict[int, str] = field(default_factory=dict)
    best: tuple[int, Outcome] | None = None
    fresh: int = 0

    def add(self, job: int, outcome: Outcome | None, *, fresh: bool = True) -> None:
        """Count the ending of a job; None for one that left no result."""
        self.statuses[job] = LOST if outcome is None else outcome.status
        self.fresh += fresh
        if outcome is not None and (self.best is None or place(outcome) < place(self.best[1])):
            self.best = None if place(outcome)[0] else (job, outcome)

    def said(self, overrides: Sequence[str]) -> str:
        """The overrides of a job that not all jobs have."""
        own = (word for word in overrides if word not in self.common)
        return " ".join(map(brief, own) if self.brief else own)

    @property
    def ended(self) -> int:
        """Jobs that ended, whatever became of them."""
        return len(self.statuses)

    @property
    def done(self) -> int:
        """Jobs that have a result."""
        return sum(status not in WITHOUT for status in self.statuses.values())

    def left(self, seconds: float, under_way: float = 0.0) -> float | None:
        """Seconds that the other jobs will take if they go on as in the last `seconds`; None before anything is known.

        `under_way` is what was done in these seconds of jobs that still run, in jobs. Before a job has ended it has to
        be enough to tell: the first moments of a sweep go into its start.
        """
        work = self.fresh + under_way
        if not work or self.total is None or self.total <= self.ended:
            return None
        if not self.fresh and work < EVIDENCE * self.total and seconds < LONG:
            return None
        return seconds / work * max(0.0, self.total - self.ended - under_way)

    def headline(self, running: int, seconds: float, under_way: float = 0.0, **apart: int) -> str:
        """One line, the most important first: `12/24 done  0:41 left  2 running  1 failed  9 not begun`."""
        return joined(self.counts(running, seconds, under_way, apart))

    def counts(
        self, running: int, seconds: float, under_way: float = 0.0, apart: Mapping[str, int] | None = None
    ) -> dict[str, str]:
        """The words of the headline: `done`, `left`, `running`, each of `TROUBLE`, those `apart`, and `rest`.

        Jobs `apart` have begun, and neither run nor ended; the rest has not begun. `left` is empty of no seconds.
        """
        left = self.left(seconds, under_way) if seconds else None
        counts, others = Counter(self.statuses.values()), {word: n for word, n in (apart or {}).items() if n}
        words = {
            "done": f"{self.done}/{self.total} done" if self.total is not None else f"{self.done} done",
            "left": "" if left is None else f"{clock(left)} left",
            "running": f"{running} running" if running else "",
        }
        words |= {status: f"{counts[status]} {status}" for status in TROUBLE if counts[status]}
        words |= {word: f"{number} {word.replace('_', ' ')}" for word, number in others.items()}
        rest = (self.total or 0) - self.ended - running - sum(others.values())
        return words | ({"rest": f"{rest} not begun"} if rest > 0 else {})

    def best_words(self) -> dict[str, str]:
        """The best job so far: its objective, its number, and what it was given; empty without one."""
        if self.best is None:
            return {}
        at, outcome = self.best
        measured = str(outcome.params.get("objective") or outcome.chosen_by)
        told = f"best {number(outcome.objective)} {measured}"
        return {"best": told, "job": f"job {at}", "said": self.said(outcome.overrides)}

    def best_line(self) -> str:
        """The best job so far, with what it was given; empty without one."""
        return joined(self.best_words())


def clock(seconds: float) -> str:
    """Seconds as 0:41, 12:05, 3:10:00, or 4 d 03 h."""
    whole = math.ceil(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    if hours >= 100:
        return f"{hours // 24} d {hours % 24:02} h"
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
