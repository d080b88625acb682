"""The end of a run on disk, written once: by the run itself or, where it cannot any more, by the thread that leaves."""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace

from bpexp.records.journal import JOURNAL, Journal, history
from bpexp.records.lock import make_room
from bpexp.records.outcome import Outcome, RunInfo, write_outcome
from bpexp.records.summary import Series
from bpexp.running.ending.from_journal import outcome_from
from bpexp.tracking.run import TrackedRun


@dataclass(frozen=True, slots=True)
class TrainingEnd:
    """How training ended, by itself or not; `restored` tells whether the best epoch's weights were put back.

    `seconds` are those of the training where it is over; None until now.
    """

    status: str
    reason: str
    restored: bool = False
    interruption: BaseException | None = None
    seconds: float | None = None


class Record:
    """The result.json of a run, the last line of its journal, and its status in MLflow, in this order.

    Args:
        info: of the run.
        journal: of the run.
        before: seconds of training in earlier processes.
    """

    def __init__(self, info: RunInfo, journal: Journal, before: float = 0.0) -> None:
        self._info, self._journal = info, journal
        self._writing = threading.Lock()
        self._started = time.monotonic() - before
        self._closed = self._over = False
        self._outcome: Outcome | None = None
        self.tracked: TrackedRun | None = None
        self.told = False
        """Whether MLflow knows the status."""

    def settle(self) -> None:
        """Hand everything that the journal holds to the system, which has room for it; raises OSError."""
        with self._writing:
            make_room(self._info.directory)
            if not self._over:
                self._journal.flush()

    def write(self, outcome: Outcome) -> None:
        """Write result.json; raises OSError."""
        with self._writing:
            if not self._over:
                write_outcome(outcome, self._info.directory)
                self._outcome = outcome

    def close(self, outcome: Outcome) -> None:
        """Write into the journal how the run ended; what a full disk does not take is missing there."""
        with self._writing:
            if not self._closed:
                self._closed = True
                self._end(outcome, here=True)

    def outcome(self, status: str, reason: str, series: Series, *, restored: bool = False) -> Outcome:
        """The outcome as far as the journal tells it."""
        info, tracked = self._info, self.tracked
        return replace(
            outcome_from(info, status, reason, series, restored=restored),
            seconds=time.monotonic() - self._started,
            run_id=tracked.run_id if tracked else None,
            experiment_id=tracked.experiment_id if tracked else None,
            store=tracked.store_uri if tracked else None,
        )

    def last_words(self, word: str, *, here: bool = False) -> None:
        """Write what is not written yet: from another thread, unless `here`, while the main one may be anywhere."""
        if not self._writing.acquire(timeout=0.2):
            return  # it is writing just now
        try:
            self._over = True
            make_room(self._info.directory)
            if self._outcome is None:
                series: Series = {}
                with suppress(OSError, ValueError):
                    series = history(self._info.directory / JOURNAL)
                self._outcome = self.outcome("killed", word, series)
                write_outcome(self._outcome, self._info.directory)
            if not self._closed:
                self._closed = True
                self._end(self._outcome, here)
        finally:
            self._writing.release()
        if self.tracked is not None and not self.told:
            self.tracked.end(self._outcome.status)

    def _end(self, outcome: Outcome, here: bool) -> None:
        with suppress(OSError, ValueError):
            if here:
                self._journal.close(outcome.status, outcome.reason)
            else:
                self._append({"event": "ended", "status": outcome.status, "reason": outcome.reason})

    def _append(self, line: dict[str, str]) -> None:
        """A line at the end of the journal, past the file that the main thread may be writing to; none in mid-line."""
        with (self._info.directory / JOURNAL).open("rb+", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            if end and os.pread(file.fileno(), 1, end - 1) != b"\n":
                return
            file.write(json.dumps({"time": self._journal.now(), **line}).encode() + b"\n")
