"""The journal of a run: one JSON object per line, appended during the run; metrics are sent to MLflow from here.

There are three kinds of lines, all with `time` in seconds since 1970, which never goes back, as a clock may:
    {"event": "started" | "engine" | "fused" | "left out" | "resumed" | "differs" | "ended", ...}
    {"step": 120, "metrics": {"loss/test": 0.31, ...}}
    {"step": 100, "losses": [2.3, 2.2, ...]}        losses of the batches of steps 100, 101, ...
Numbers that are not finite are written as the strings "nan", "inf" and "-inf", which `float` reads back. "started" and
"resumed" state the format of the lines that follow them; where none is stated it is 1.

Beside the metrics of an evaluation there are time/epoch, time/seconds and, where the schedule changes the learning
rate, schedule/lr: the learning rate of the last step before each evaluation.

Nothing that was written is ever taken away. A run that is resumed computes the steps after its checkpoint once more;
what an earlier process wrote of them stays, with its time, and is not written again. So no row is lost or doubled,
neither here nor in a store that has it already.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bpexp.records.journal_lines import NEWEST, history, is_fused, plain, points, read
from bpexp.records.journal_tail import Tail
from bpexp.records.learning_rates import LearningRates
from bpexp.records.schema import FORMAT
from bpexp.training.events import EpochEnded, Losses, RunStarted, State, Step

__all__ = ["JOURNAL", "Journal", "history", "is_fused", "plain", "points", "read"]

JOURNAL = "metrics.jsonl"

BLOCK = 256
"""Batch losses per line."""

AFTER = 0.002
"""Seconds between the last line of a process and the first of the next one: MLflow keeps times in whole ms."""


class Journal(Losses):
    """Writes the journal of one run to metrics.jsonl in its directory; flushed at every evaluated epoch.

    Args:
        directory: the directory of the run.
        checkpointed: whether checkpoints will call `commit`.
        tail: what an earlier process wrote after the checkpoint from which the run is resumed.
        resumed: said in the line that tells of the resume.
    """

    def __init__(
        self,
        directory: Path,
        *,
        checkpointed: bool = False,
        tail: Tail | None = None,
        resumed: dict[str, Any] | None = None,
    ) -> None:
        self.path = directory / JOURNAL
        self._tail, self._resumed = tail or Tail(), resumed or {}
        self._file = self.path.open("ab")
        self._sha, self._size = self._tail.sha, self._file.tell()
        self._latest = self._tail.latest + AFTER
        self._checkpointed, self._committed = checkpointed, self._tail.start
        self._losses: list[float] = []
        self._first = 0
        self._rates = LearningRates()

    @property
    def committed(self) -> int:
        """The byte offset up to which a checkpoint on disk covers the journal; without checkpoints, that of its end.

        What stands before it has reached the disk itself.
        """
        return self._committed if self._checkpointed else self._size

    def now(self) -> float:
        """The time of a line: MLflow takes the value with the latest time for the last one, so that it never goes back.

        Within a process it may stand still; a process that goes on begins after the times of the ones before it.
        """
        self._latest = max(time.time(), self._latest)
        return self._latest

    def write(self, line: dict[str, Any]) -> None:
        """Append one line."""
        text = json.dumps({"time": self.now(), **line}, allow_nan=False).encode() + b"\n"
        self._file.write(text)
        self._sha.update(text)
        self._size += len(text)

    def metrics(self, step: int, values: dict[str, float]) -> None:
        """Append the metrics of one step, without those that an earlier process wrote."""
        named, differs = self._tail.missing(step, {name: plain(value) for name, value in values.items()})
        if named:
            self.write({"step": step, "metrics": named})
        if differs:
            self.write({"event": "differs", "step": step, **differs})

    def on_start(self, event: RunStarted) -> None:
        told = {FORMAT: NEWEST, "epochs": event.epochs, "steps_per_epoch": event.steps_per_epoch}
        if event.resumed:
            self.write({"event": "resumed", "epoch": event.epoch, "step": event.step, **told, **self._resumed})
            self._file.flush()
        else:
            self.write({"event": "started", **told})

    def on_step(self, event: Step) -> None:
        self._losses.append(event.loss)
        self._rates.add(event.lr)
        if len(self._losses) == BLOCK:
            self._write_losses()

    def on_losses(self, losses: Sequence[float], rates: Sequence[float]) -> None:
        for lr in rates if len(set(rates)) > 1 else rates[:1]:
            self._rates.add(lr)
        done = 0
        while done < len(losses):
            some = losses[done : done + BLOCK - len(self._losses)]
            self._losses += some
            done += len(some)
            if len(self._losses) == BLOCK:
                self._write_losses()

    def on_epoch(self, event: EpochEnded) -> None:
        self._write_losses()
        self.metrics(event.step, {**event.metrics, "time/epoch": event.epoch, "time/seconds": event.seconds})
        for step, lr in self._rates.due(event.step):
            self.metrics(step, {"schedule/lr": lr})
        self._file.flush()

    def _write_losses(self) -> None:
        """Write the pending losses, from the first one that an earlier process did not write."""
        start = max(self._first, self._tail.losses)
        if new := self._losses[start - self._first :]:
            self.write({"step": start, "losses": [plain(loss) for loss in new]})
        self._first += len(self._losses)
        self._losses.clear()

    def state(self) -> State:
        return {"losses": np.array(self._losses), "first": self._first, "rates": self._rates.state()}

    def load_state(self, state: State) -> None:
        self._losses, self._first = state["losses"].tolist(), state["first"]
        self._rates.load_state(state["rates"])

    def sync(self, *, durable: bool = True) -> tuple[int, str]:
        """Hand everything to the system and, if `durable`, wait until it has reached the disk.

        Returns the offset of the end, and the SHA-256 of all that stands before it.
        """
        self._file.flush()
        if durable:
            os.fsync(self._file.fileno())
        return self._size, self._sha.hexdigest()

    def commit(self, offset: int) -> None:
        """A checkpoint that covers the journal up to this offset is on disk."""
        self._committed = offset

    def flush(self) -> None:
        """Hand everything to the system, the pending losses too."""
        self._write_losses()
        self._file.flush()

    def close(self, status: str, reason: str) -> None:
        """Write the pending losses and how the run ended, and close the file."""
        self._write_losses()
        self.write({"event": "ended", "status": status, "reason": reason})
        self._file.close()
