"""The journal of a run: one JSON object per line, appended during the run; metrics are sent to MLflow from here.

There are three kinds of lines, all with `time` in seconds since 1970:
    {"event": "started" | "left out" | "ended", ...}
    {"step": 120, "metrics": {"loss/test": 0.31, ...}}
    {"step": 100, "losses": [2.3, 2.2, ...]}        losses of the batches of steps 100, 101, ...
Numbers that are not finite are written as the strings "nan", "inf" and "-inf", which `float` reads back.

Beside the metrics of an evaluation there are time/epoch, time/seconds and, where the schedule changes the learning
rate, schedule/lr: the learning rate of the last step before each evaluation.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

from bpexp.records.journal_lines import history, points, read
from bpexp.training.events import Callback, EpochEnded, RunStarted, Step

__all__ = ["JOURNAL", "Journal", "history", "plain", "points", "read"]

JOURNAL = "metrics.jsonl"

BLOCK = 256
"""Batch losses per line."""


class Journal(Callback):
    """Writes the journal of one run to metrics.jsonl in its directory; flushed at every evaluated epoch."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / JOURNAL
        self._file = self.path.open("a", encoding="utf-8")
        self._losses: list[float] = []
        self._first = 0
        self._rates = LearningRates()

    def write(self, line: dict[str, Any]) -> None:
        """Append one line."""
        self._file.write(json.dumps({"time": time.time(), **line}, allow_nan=False) + "\n")

    def metrics(self, step: int, values: dict[str, float]) -> None:
        """Append the metrics of one step."""
        self.write({"step": step, "metrics": {name: plain(value) for name, value in values.items()}})

    def on_start(self, event: RunStarted) -> None:
        self.write({"event": "started", "epochs": event.epochs, "steps_per_epoch": event.steps_per_epoch})

    def on_step(self, event: Step) -> None:
        self._losses.append(event.loss)
        self._rates.add(event.lr)
        if len(self._losses) == BLOCK:
            self._write_losses()

    def on_epoch(self, event: EpochEnded) -> None:
        self._write_losses()
        self.metrics(event.step, {**event.metrics, "time/epoch": event.epoch, "time/seconds": event.seconds})
        for step, lr in self._rates.due(event.step):
            self.metrics(step, {"schedule/lr": lr})
        self._file.flush()

    def _write_losses(self) -> None:
        if self._losses:
            self.write({"step": self._first, "losses": [plain(loss) for loss in self._losses]})
            self._first += len(self._losses)
            self._losses.clear()

    def flush(self) -> None:
        """Hand everything to the system, the pending losses too."""
        self._write_losses()
        self._file.flush()

    def close(self, status: str, reason: str) -> None:
        """Write the pending losses and how the run ended, and close the file."""
        self._write_losses()
        self.write({"event": "ended", "status": status, "reason": reason})
        self._file.close()


class LearningRates:
    """The learning rate before each evaluation; held back until it changes, so that a constant one is not recorded."""

    def __init__(self) -> None:
        self._lr: float | None = None
        self._changes = False
        self._held: list[tuple[int, float]] = []

    def add(self, lr: float) -> None:
        """Take note of the learning rate of one step."""
        if lr != self._lr:
            self._changes |= self._lr is not None
            self._lr = lr

    def due(self, step: int) -> list[tuple[int, float]]:
        """(step, lr) of this evaluation and of those held back, in order; none while the rate has never changed."""
        if self._lr is not None:
            self._held.append((step, self._lr))
        if not self._changes:
            return []
        due, self._held = self._held, []
        return due


def plain(value: float) -> float | str:
    """The value as JSON can represent it: "nan", "inf" or "-inf" if it is not finite; `float` reads it back."""
    value = float(value)
    return value if math.isfinite(value) else str(value)
