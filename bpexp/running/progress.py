"""Progress of a run: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TextIO

from bpexp.errors import say, visible
from bpexp.training.events import Callback, EpochEnded, RunEnded, RunStarted, Step
from bpexp.training.metrics import PARTS, metrics

LINES = 10
"""Largest number of lines that a run prints without a terminal, beside the first; a longer run skips epochs."""

REDRAWS = 0.1
"""Seconds between two redraws of the live line."""


def headline(measured: dict[str, float]) -> str:
    """Training loss, then loss and accuracy or r2 on validation, else on test, else on train."""
    part = next((p for p in PARTS if f"loss/{p}" in measured), "train")
    words = [f"loss {measured['loss/train']:.4f}", f"{part} loss {measured[f'loss/{part}']:.4f}"]
    quality = next((m.name for m in metrics.values() if m.chooses and f"{m.name}/{part}" in measured), None)
    return "  ".join([*words, f"{part} {quality} {measured[f'{quality}/{part}']:.4f}"] if quality else words)


def speed(rate: float) -> str:
    """Steps per second, whole from 10 on; below that with two digits, so that slow steps are not rounded to none."""
    return f"{rate:,.0f} steps/s" if rate >= 10 else f"{rate:.2g} steps/s"


class PlainProgress(Callback):
    """One line per epoch, or per several epochs, for logs and pipes."""

    def __init__(self, stream: TextIO, title: str = "") -> None:
        self._stream, self._title = stream, f"{visible(title)}  " if title else ""

    def on_start(self, event: RunStarted) -> None:
        self._epochs, self._every = event.epochs, -(-event.epochs // LINES)

    def on_epoch(self, event: EpochEnded) -> None:
        if event.epoch % self._every and event.epoch != self._epochs:
            return
        line = [f"{self._title}epoch {event.epoch}/{self._epochs}", headline(event.metrics)]
        if not event.step:
            line.append("untrained")
        elif event.seconds > 0:  # a coarse clock may have seen none pass
            line.append(speed(event.step / event.seconds))
        with suppress(OSError):  # whoever reads has had enough, or has no room: no matter of the run
            print("  ".join(line), file=self._stream, flush=True)

    def close(self) -> None:
        """No-op."""


class LiveProgress(Callback):
    """A bar with loss, accuracy, steps per second and the remaining time, redrawn ten times a second."""

    def __init__(self, title: str = "") -> None:
        self._title = title or "training"

    def on_start(self, event: RunStarted) -> None:
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns: list[Any] = [TextColumn("{task.description}"), BarColumn(bar_width=20)]
        columns += [TextColumn("{task.fields[told]}"), TimeRemainingColumn(compact=True)]
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)
        self._bar.start()
        self._total = event.epochs * event.steps_per_epoch
        self._task = self._bar.add_task(escape(visible(self._title)), total=self._total, told="")
        self._told, self._drawn, self._epochs = "", time.monotonic(), event.epochs
        self._since = (0, self._drawn)

    def on_step(self, event: Step) -> None:
        now = time.monotonic()
        if now - self._drawn < REDRAWS:
            return
        rate = (event.number - self._since[0]) / (now - self._since[1])
        self._drawn, self._since = now, (event.number, now)
        told = f"epoch {event.epoch}/{self._epochs}  batch loss {event.loss:.4f}  {self._told}  {speed(rate)}"
        self._bar.update(self._task, completed=event.number, told=told, refresh=True)

    def on_epoch(self, event: EpochEnded) -> None:
        self._told = headline(event.metrics).split("  ")[-1]

    def on_end(self, event: RunEnded) -> None:
        self.close()

    def close(self) -> None:
        """Remove the bar and restore the terminal, also if the run was interrupted."""
        if hasattr(self, "_bar"):
            self._bar.stop()


def tell(notes: Sequence[str], show: bool) -> None:
    """Print what was decided without being declared, if `show` is true."""
    for note in notes if show else ():
        say(note)


def progress(show: bool, title: str = "") -> list[PlainProgress | LiveProgress]:
    """A bar if standard error is a terminal, else plain lines; [] if `show` is false or there is no standard error."""
    if not show or sys.stderr is None:
        return []
    return [LiveProgress(title) if sys.stderr.isatty() else PlainProgress(sys.stderr, title)]
