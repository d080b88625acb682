"""The results of a sweep's jobs as their folders tell them: which are there and whole, and how the others ended."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from bpexp.config.yaml_events import count_nodes, values_of
from bpexp.errors import BpexpError, CheckpointError, ConfigError, RecordError
from bpexp.files.regular import read_text
from bpexp.records.journal import JOURNAL
from bpexp.records.lock import liveness
from bpexp.records.network_file import WEIGHTS
from bpexp.records.network_spec import SPEC
from bpexp.records.outcome import Outcome, read_outcome, write_outcome
from bpexp.running.ending.from_journal import killed
from bpexp.running.job import Ending, Job, parameters
from bpexp.running.resuming.resume_words import BOUNDS, MOST_TEXT, parsed
from bpexp.running.resuming.sweep_record import changed, plain, told
from bpexp.running.writing import CONFIG

PATIENCE = 15.0
"""Seconds for a process that a killed sweep left behind to end its job."""


def await_others(jobs: Sequence[Job]) -> None:
    """Wait for the processes that still execute a job; raises BpexpError where one does not end."""
    until = time.monotonic() + PATIENCE
    for job in jobs:
        while (alive := liveness(job.directory)).state == "alive":
            if time.monotonic() > until:
                raise BpexpError(f"job {job.number} is still executed: {alive.evidence}; wait until it ends, or end it")
            time.sleep(0.05)


def results(jobs: Sequence[Job]) -> dict[int, Ending]:
    """The endings of the jobs that have their result, by number; the others are to be done.

    Raises ConfigError for a folder whose files are of another config than its job.
    """
    return {job.number: Ending(job, outcome) for job in jobs if (outcome := result(job)) is not None}


def result(job: Job) -> Outcome | None:
    """The outcome of a job that has a result and all files that belong to it; None if it is to be done."""
    outcome = read(job.directory)
    if outcome is None or not outcome.ok:
        if (outcome is None or outcome.status != "failed") and (job.directory / CONFIG).exists():
            _refuse_config(job)  # it may go on from a checkpoint, which must be of this job
        return None
    _refuse_changed(job, "result.json", outcome.params, plain(job.params))
    if not _whole(job):
        return None
    _refuse_config(job)
    return outcome


def _whole(job: Job) -> bool:
    """Whether the files that belong to a result are there: it is written before the network."""
    needed = () if job.config.task == "trace" else (JOURNAL, WEIGHTS, SPEC)
    return all((job.directory / name).is_file() for name in needed)


def read(directory: Path) -> Outcome | None:
    """The outcome in a folder; None without one that can be read."""
    try:
        return read_outcome(directory)
    except (BpexpError, OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _refuse_config(job: Job) -> None:
    """Compare config.yaml with what the job declares, apart from what changes no result."""
    path = job.directory / CONFIG
    try:
        was = parameters(parsed(read_text(path, MOST_TEXT, error=CheckpointError), repr(str(path))))
    except CheckpointError as error:
        raise RecordError(f"{error}; {REMEDY}") from None
    _refuse_changed(job, CONFIG, plain(was), plain(parameters(asdict(job.config))))


REMEDY = "put it back, or remove the folder to have the job done again"


def _refuse_changed(job: Job, name: str, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    if other := list(changed(expected, found)):
        raise ConfigError(f"{str(job.directory / name)!r} is of another config: {told(other)}; {REMEDY}")


def closed(job: Job, reason: str) -> Ending:
    """The ending of a job without an ending of its own, as its folder tells it, which is completed.

    A job that began and left no result was killed: its result.json says so, with the metrics of its journal.
    """
    known = read(job.directory)
    if known is not None and (_whole(job) if known.ok else not reason):
        return Ending(job, known)
    if not (job.directory / CONFIG).exists():
        return Ending(job, None, reason or "it was not begun")
    outcome = killed(job.info(), reason or "its process died")
    with suppress(OSError):  # a full disk
        write_outcome(outcome, job.directory)
    return Ending(job, outcome)


def overrides_of(directory: Path) -> list[str] | None:
    """The overrides that a job was given, as its folder tells them; None where it does not."""
    try:
        text = read_text(directory / ".hydra" / "overrides.yaml", MOST_TEXT)
        count_nodes(text, "overrides", BOUNDS)
        content = values_of(text)
    except (BpexpError, OSError, yaml.YAMLError):
        return None
    return content if isinstance(content, list) and all(isinstance(word, str) for word in content) else None
