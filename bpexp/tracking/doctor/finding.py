"""What the doctor found: a sentence, whether it is well or was mended, and what a person must do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bpexp.errors import BpexpError

Mark = Literal["well", "note", "mended", "unmended", "person"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Args:
        mark: well; note, to be known, but nothing to do; mended; unmended, because doctor.mend is false; person, for
            whom there is something to do.
        text: what was found, in a sentence without a full stop.
        remedy: what a person must do.
        bars: whether MLflow cannot be used before that, or has nothing to show.
    """

    mark: Mark
    text: str
    remedy: str = ""
    bars: bool = False

    @property
    def left(self) -> bool:
        """Whether something is left to do."""
        return self.mark in ("unmended", "person")


def well(text: str, *, bars: bool = False) -> Finding:
    """Nothing is wrong."""
    return Finding("well", text, bars=bars)


def note(text: str) -> Finding:
    """Something to know."""
    return Finding("note", text)


def mended(text: str) -> Finding:
    """Something was wrong, and is mended."""
    return Finding("mended", text)


def unmended(text: str, *, bars: bool = False) -> Finding:
    """Something is wrong that the doctor would mend."""
    return Finding("unmended", text, "run `python -m bpexp task=doctor` without doctor.mend=false", bars)


def person(text: str, remedy: str) -> Finding:
    """Something is wrong that a person must mend."""
    return Finding("person", text, remedy)


def barrier(text: str, remedy: str) -> Finding:
    """Something is wrong that a person must mend before MLflow can be used."""
    return Finding("person", text, remedy, bars=True)


def refusal(error: BpexpError) -> Finding:
    """An error, whose message names the remedy behind its last semicolon."""
    what, _, remedy = str(error).rpartition("; ")
    wait = "end that, or wait until it has ended, and run this again"
    return barrier(what or remedy, remedy if what else wait)
