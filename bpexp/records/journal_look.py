"""A look at the journal of a run that goes on, by another process: how far it is, from its beginning and its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bpexp.errors import RecordError
from bpexp.files.regular import open_regular, size_of
from bpexp.records.journal_lines import checked_line

TAIL = 1 << 16
"""Bytes at the end of a journal in which the last evaluation is looked for."""

HEAD = 8
"""Lines at the beginning of a journal in which that of the start is looked for: others may come before it."""


@dataclass(frozen=True, slots=True)
class Look:
    """How far a run is: the last epoch that was evaluated, of how many, and what was measured then.

    `began` is when it was started, in seconds since 1970, also of a run that was resumed since.
    """

    epoch: int = 0
    epochs: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    began: float = 0.0

    @property
    def share(self) -> float:
        """Which share of its epochs it has done; 0 where nobody can tell."""
        return min(1.0, self.epoch / self.epochs) if self.epochs > 0 else 0.0


def look(path: Path) -> Look | None:
    """How far the run of a journal is; None without a journal, or before the line of its start is whole."""
    try:
        with open_regular(path, error=RecordError) as file:
            start = next(filter(None, (_told(file.readline(TAIL)) for _ in range(HEAD))), (0, 0.0))
            file.seek(max(0, size_of(file) - TAIL))
            lines = file.read(TAIL).split(b"\n")
    except (OSError, ValueError):  # RecordError is one
        return None
    began, epochs = start[1], next(filter(None, map(_told, reversed(lines))), start)[0]  # it may go on for longer
    if epochs <= 0:
        return None
    for text in reversed(lines):
        if b'"time/epoch"' in text:
            try:
                metrics = {name: float(value) for name, value in _line(text)["metrics"].items()}
                return Look(int(metrics["time/epoch"]), epochs, metrics, began)
            except (ValueError, KeyError, OverflowError):  # cut at the beginning, or no epoch
                continue
    return Look(0, epochs, began=began)


def _told(text: bytes) -> tuple[int, float] | None:
    """Epochs and time of the line of a start or a resume; None of another line, and of a part of one."""
    if b'"epochs"' not in text:
        return None
    try:
        line = _line(text)
        return int(line["epochs"]), float(line["time"])
    except (ValueError, TypeError, KeyError):
        return None


def _line(text: bytes) -> dict[str, Any]:
    return checked_line(text, "a line")
