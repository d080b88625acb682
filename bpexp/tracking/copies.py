"""Folders that were copied: a copy must not feed the run of its original in MLflow; one that was moved goes on."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from bpexp.errors import BpexpError, warn
from bpexp.tracking.manifest import SENT, Facts, read_facts

COPIED = "bpexp.copied_from"
"""The tag of a run that began as a copy of the folder of another run: that folder."""


def original(directory: Path) -> Path | None:
    """The folder of which this one is a copy; None where it is none, was moved, or became a run of its own.

    The original lies where both folders say that the run is, and holds the same run.
    """
    with suppress(BpexpError, OSError, ValueError):
        facts = read_facts(directory)
        said = Path(facts.tags["bpexp.directory"]) if facts is not None and "bpexp.directory" in facts.tags else None
        if facts is None or said is None or said.samefile(directory):
            return None
        there = read_facts(said)
        return said if there is not None and there.key == facts.key else None
    return None


def as_its_own(directory: Path, facts: Facts, copied: Path) -> Facts:
    """The facts of a copy that goes on as a run of its own, in no sweep; nothing of it was sent."""
    warn(f"{directory} is a copy of {copied}: it goes on as a run of its own in MLflow")
    (directory / SENT).unlink(missing_ok=True)
    return replace(facts, parent=None, tags={**facts.tags, COPIED: str(copied)})
