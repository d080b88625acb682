"""When a run writes checkpoints: every few seconds and at the ends of epochs, as far as they are cheap."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpexp.errors import warn
from bpexp.records.checkpoint import Checkpoint, checkpoints, write_checkpoint
from bpexp.records.journal import Journal
from bpexp.registry import Count, Positive
from bpexp.training.events import Callback, Position, RunEnded, RunStarted
from bpexp.training.trainer import Trainer

SHARE = 0.025
"""Largest share of the time of a training that checkpoints take, apart from the first and the last one."""

LEAST = 0.025
"""Seconds that a checkpoint is expected to take at least, because the disk may be slow: a second lies between two."""


@dataclass(frozen=True)
class CheckpointSettings:
    """Checkpoints, from which a run that was broken off is resumed.

    Args:
        every: seconds between two checkpoints; there is one at the end of an epoch too, unless they would take more
            than 3 % of the time; null for none.
        snapshots: epochs, evenly spaced, after which the weights are kept for figures of how the network changed
            (task=figures, format=gif); null for none.
    """

    every: Positive | None = 10.0
    snapshots: Count | None = None


class Checkpointing(Callback):
    """Writes the checkpoints of a run: one after the evaluation of the untrained network, and one when training ends.

    Those two, and all of a training that takes less than a second, are written without waiting for the disk: they
    outlive the process, and not always a loss of power. A checkpoint that cannot be written costs a warning.

    Args:
        directory: the directory of the run.
        settings: how often.
        journal: of the run; it reaches the disk before each checkpoint.
        about: the values of a `Checkpoint` that do not change, by name.
        previous: the checkpoint from which the run was resumed; it is kept until there are two new ones.
    """

    def __init__(
        self,
        directory: Path,
        settings: CheckpointSettings,
        journal: Journal,
        about: dict[str, Any],
        previous: Path | None = None,
    ) -> None:
        assert settings.every is not None
        self._directory, self._every, self._journal, self._about = directory, settings.every, journal, about
        self._kept = [previous] if previous else []
        self._written: tuple[int, bool] | None = None
        self._warned = False

    def watch(self, trainer: Trainer, callbacks: Sequence[Callback]) -> None:
        """Whose state is kept; called before training."""
        self._trainer, self._callbacks = trainer, callbacks

    def on_start(self, event: RunStarted) -> None:
        self._plan(LEAST)

    def _plan(self, cost: float) -> None:
        """When the next ones are due, after one that took `cost` seconds."""
        self._paid = time.monotonic() + max(cost, LEAST) / SHARE
        self._due = max(self._paid, time.monotonic() + self._every)

    def after_step(self, at: Position) -> None:
        if time.monotonic() >= self._due:
            self.write()

    def next_time(self) -> float:
        return self._due

    def after_epoch(self, at: Position) -> None:
        if at.epoch == 0:
            self.write(durable=False)
        elif time.monotonic() >= self._paid:
            self.write()

    def on_end(self, event: RunEnded) -> None:
        if event.status == "finished":
            self.last()

    def last(self) -> None:
        """The last one of a training that is over, or was interrupted between two steps; no-op within a step."""
        if self._trainer.at.settled:
            self.write(durable=time.monotonic() >= self._paid)

    def write(self, *, durable: bool = True) -> None:
        """Write one, unless there is one of this very moment; a failure is told once, and the training goes on."""
        at, started = self._trainer.at, time.monotonic()
        if self._written == (at.step, at.over):
            return
        try:
            path = self._write(durable)
            self._written = at.step, at.over
            self._keep(path)
        except Exception as error:  # a full disk, or a plug-in with an odd state: the training is worth more
            self._warn(error)
        self._plan(time.monotonic() - started)

    def _write(self, durable: bool) -> Path:
        offset, sha256 = self._journal.sync(durable=durable)
        state = self._trainer.state(self._callbacks)
        checkpoint = Checkpoint(state=state, journal=offset, journal_sha256=sha256, **self._about)
        path = write_checkpoint(self._directory, checkpoint, durable=durable)
        self._journal.commit(offset)
        return path

    def _keep(self, path: Path) -> None:
        """Remove all but this one and the one before it."""
        self._kept = [*(kept for kept in self._kept if kept.name != path.name), path][-2:]
        names = {kept.name for kept in self._kept}
        for old in checkpoints(self._directory):
            if old.name not in names:
                with suppress(OSError):
                    old.unlink()

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            warn(f"no checkpoint in {self._directory} ({type(error).__name__}: {error})")
        self._warned = True
