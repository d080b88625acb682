"""The trials of a search as its file tells them to anybody who asks, without Optuna and while the search runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpexp.errors import RecordError
from bpexp.files.regular import open_regular

PLACE = "bpexp.folder"
"""The attribute of a trial with the folder of its job; one whose config is not valid has none."""

REASON = "bpexp.reason"
"""The attribute of a trial with the reason why it has no result."""

DIVERGED = "bpexp.diverged"
"""The attribute of a trial whose run diverged, with the reason: its value guides the search and is no result."""

LONGEST = 1 << 20
"""Bytes of the longest line that is read."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A trial that was decided.

    Args:
        number: of the trial.
        folder: of its job below that of the search; empty where there is no job.
        reason: why it has no result; empty where it has one, or may get one.
    """

    number: int
    folder: str = ""
    reason: str = ""


def trials_begun(storage: Path) -> list[Begun]:
    """The trials in the file of a search that have a job, or that failed without one; [] where there is no such file.

    A line that is none of a search is passed over: who asks how far a search is wants to know what there is.
    """
    found: dict[int, dict[str, str]] = {}
    try:
        with open_regular(storage, error=RecordError) as file:
            while (line := file.readline(LONGEST)).endswith(b"\n"):
                number, told = _told(line)
                if told:
                    found.setdefault(number, {}).update(told)
    except (RecordError, OSError):
        return []
    return [Begun(n, told.get("folder", ""), told.get("reason", "")) for n, told in sorted(found.items())]


def _told(line: bytes) -> tuple[int, dict[str, str]]:
    """The trial of a line and what it says of it: its folder or its reason."""
    if PLACE.encode() not in line and REASON.encode() not in line:
        return 0, {}
    try:
        said: dict[str, Any] = json.loads(line)
        given, number = said["user_attr"], int(said["trial_id"])
        names = {"folder": given.get(PLACE), "reason": given.get(REASON)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return 0, {}
    return number, {name: text for name, text in names.items() if isinstance(text, str)}
