"""Progress of a run: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from bpexp.errors import say, visible
from bpexp.running.fitting import GAP, columns, fitted, joined, number
from bpexp.running.tally import clock
from bpexp.training.events import Callback, EpochEnded, Losses, RunEnded, RunStarted, Step
from bpexp.training.metrics import PARTS, metrics

LINES = 10
"""Largest number of lines that a run prints without a terminal, beside the first; a longer run skips epochs."""

REDRAWS = 0.1
"""Seconds between two redraws of the live line."""

NARROW_BAR, WIDE_BAR = 8, 20
"""Columns of the bar: the fewest, and those that it has where there is room."""


def headline(measured: dict[str, float]) -> str:
    """Training loss, then loss and accuracy or r2 on validation, else on test, else on train."""
    return joined(headline_words(measured))


def headline_words(measured: dict[str, float]) -> dict[str, str]:
    """The words of the headline: `loss`, `part`, `quality`, and `short`, the last without the name of the part."""
    part = next((p for p in PARTS if f"loss/{p}" in measured), "train")
    words = {
        "loss": f"loss {number(measured['loss/train'])}",
        "part": f"{part} loss {number(measured[f'loss/{part}'])}",
    }
    quality = next((m.name for m in metrics.values() if m.chooses and f"{m.name}/{part}" in measured), None)
    if quality is not None:
        words["quality"] = f"{part} {quality} {number(measured[f'{quality}/{part}'])}"
    return words


def _short(quality: str) -> str:
    """A quality without the part of the data that it was measured on."""
    return " ".join(quality.split(" ")[-2:])


def speed(rate: float) -> str:
    """Steps per second, whole from 10 on; below that with two digits, so that slow steps are not rounded to none."""
    return f"{rate:,.0f} steps/s" if rate >= 10 else f"{rate:.2g} steps/s"


class EpochLines(Callback):
    """The lines of a run, one for an epoch or for several."""

    def on_start(self, event: RunStarted) -> None:
        self._epochs, self._every = event.epochs, -(-event.epochs // LINES)

    def _due(self, event: EpochEnded) -> bool:
        return event.epoch % self._every == 0 or event.epoch == self._epochs

    def _line(self, event: EpochEnded, title: str, width: int) -> str:
        """The line of an epoch. A narrow one goes without title, speed, and losses, in this order."""
        rate = speed(event.step / event.seconds) if event.step and event.seconds > 0 else ""  # of a coarse clock
        words = {"title": title, "epoch": f"epoch {event.epoch}/{self._epochs}", **headline_words(event.metrics)}
        words["speed"] = rate if event.step else "untrained"
        leaving = [(name, "") for name in ("title", "speed", "loss")]
        if "quality" in words:
            leaving += [("part", ""), ("quality", _short(words["quality"]))]
        return fitted(words, leaving, width)


class PlainProgress(EpochLines):
    """One line per epoch, or per several epochs, for logs and pipes."""

    def __init__(self, stream: TextIO, title: str = "") -> None:
        self._stream, self._title = stream, visible(title)

    def on_epoch(self, event: EpochEnded) -> None:
        if self._due(event):
            with suppress(OSError):  # whoever reads has had enough, or has no room: no matter of the run
                print(self._line(event, self._title, sys.maxsize), file=self._stream, flush=True)

    def close(self) -> None:
        """No-op."""


class LiveProgress(EpochLines, Losses):
    """The lines of the epochs, which stay, above a bar that is redrawn ten times a second."""

    def __init__(self, title: str = "") -> None:
        self._title = visible(title)

    def on_start(self, event: RunStarted) -> None:
        from rich.console import Console
        from rich.live import Live

        super().on_start(event)
        self._console = Console(stderr=True, highlight=False)
        self._number, self._total = event.step, event.epochs * event.steps_per_epoch
        self._told, self._per_epoch = event.step, event.steps_per_epoch
        self._words = {"title": self._title, "epoch": f"epoch {event.epoch}/{event.epochs}"}
        self._quality, self._shown = "", time.monotonic()
        self._began, self._since = (self._number, self._shown), (self._number, self._shown)
        self._live = Live(get_renderable=self._drawn, console=self._console, transient=True, auto_refresh=False)
        self._live.start(refresh=True)

    def on_step(self, event: Step) -> None:
        self._tell(event.number, event.epoch, event.loss)

    def on_losses(self, losses: Sequence[float], rates: Sequence[float]) -> None:
        self._told += len(losses)
        if losses:
            self._tell(self._told - 1, (self._told - 1) // self._per_epoch + 1, losses[-1])

    def _tell(self, step: int, epoch: int, loss: float) -> None:
        now = time.monotonic()
        if now - self._shown < REDRAWS:
            return
        rate = (step - self._since[0]) / (now - self._since[1])
        left = (self._total - step) * (now - self._began[1]) / max(1, step - self._began[0])
        self._shown, self._since, self._number = now, (step, now), step
        self._words = {
            "title": self._title,
            "epoch": f"epoch {epoch}/{self._epochs}",
            "batch": f"batch loss {number(loss)}",
            "quality": self._quality,
            "speed": speed(rate),
            "left": f"{clock(left)} left",
        }
        self._live.refresh()

    def on_epoch(self, event: EpochEnded) -> None:
        words = headline_words(event.metrics)
        self._quality = words.get("quality", words["part"])
        if self._due(event):
            line = self._line(event, "", self._console.width)  # the bar says the title
            self._console.print(line, markup=False, soft_wrap=True)

    def on_end(self, event: RunEnded) -> None:
        self.close()

    def close(self) -> None:
        """Remove the bar and restore the terminal, also if the run was interrupted."""
        if hasattr(self, "_live"):
            self._live.stop()

    def _drawn(self) -> Any:
        """The bar, and beside it the words that fit: the title leaves first, then speed, batch loss and quality."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        room = self._console.width - 1  # some terminals go to the next line with the last letter of one
        leaving = [(name, "") for name in ("title", "speed", "batch")]
        leaving += [("quality", _short(self._quality)), ("quality", "")]
        told = fitted(self._words, leaving, room - NARROW_BAR - len(GAP))
        bar = ProgressBar(self._total, self._number, width=max(1, min(WIDE_BAR, room - columns(told) - len(GAP))))
        line = Table.grid(padding=(0, len(GAP), 0, 0), pad_edge=False)
        line.add_row(bar, Text(told, no_wrap=True, overflow="ellipsis"))
        return line


def tell(notes: Sequence[str], show: bool) -> None:
    """Print what is going to be done, or was decided without being declared, if `show` is true."""
    for note in notes if show else ():
        say(note)


def progress(show: bool, title: str = "") -> list[PlainProgress | LiveProgress]:
    """A bar if standard error is a terminal, else plain lines; [] if `show` is false or there is no standard error."""
    if not show or sys.stderr is None:
        return []
    return [LiveProgress(title) if sys.stderr.isatty() else PlainProgress(sys.stderr, title)]


@contextmanager
def waiting(what: str, show: bool) -> Iterator[None]:
    """Show on a terminal what is going on where it takes a while and nothing else moves, if `show` is true."""
    if not show or sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True, highlight=False).status(what, spinner="line"):  # of ASCII letters
        yield
