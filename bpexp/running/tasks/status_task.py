"""task=status and task=stop: how far a sweep is, as its folder tells any process, and its end from another terminal."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bpexp.errors import BpexpError, ConfigError
from bpexp.records.journal import JOURNAL
from bpexp.records.journal_look import Look, look
from bpexp.records.lock import LOCK, Liveness, holder, liveness
from bpexp.records.outcome import RESULT, Outcome
from bpexp.records.process import gone, same_boot
from bpexp.records.sweep_file import SWEEP, JobRecord, SweepRecord, read_sweep
from bpexp.running.resuming.results import overrides_of, read
from bpexp.running.tally import Tally
from bpexp.running.writing import CONFIG
from bpexp.search.begun import trials_begun

STORAGE = "search.jsonl"
"""The file of a search, as `bpexp.search.storage`, which needs Optuna, names it."""

PATIENCE = 15.0
"""Seconds for which task=stop waits for the end of the sweep's process."""

State = Literal["running", "over", "broken off", "unknown"]


@dataclass(slots=True, eq=False)
class Standing:
    """How a sweep stands.

    Args:
        folder: of the sweep.
        record: what it declared.
        state: running, over, broken off or unknown.
        alive: whether its process lives, and the fact that says so.
        tally: its endings so far.
        seconds: how long the process of the sweep has run, and 0 where it does not run.
        under_way: what was done in this time of the jobs that run, in jobs.
        running: the jobs that a process carries out, and how far each is.
        broken: the jobs whose process is gone and that left no result.
        unknown: the jobs that began elsewhere, of which nothing here tells whether they run.
        problems: number and outcome of each job without a result that says why.
    """

    folder: Path
    record: SweepRecord
    state: State
    alive: Liveness
    tally: Tally
    seconds: float = 0.0
    under_way: float = 0.0
    running: list[tuple[JobRecord, Look | None]] = field(default_factory=list)
    broken: list[JobRecord] = field(default_factory=list)
    unknown: list[JobRecord] = field(default_factory=list)
    problems: list[tuple[JobRecord, Outcome]] = field(default_factory=list)

    def counts(self) -> dict[str, str]:
        """How many jobs are done, run, and so on, in words."""
        apart = {"broken_off": len(self.broken), "unclear": len(self.unknown)}
        return self.tally.counts(len(self.running), self.seconds, self.under_way, apart)

    def said(self, job: JobRecord) -> str:
        """What a job was given that the others were not, as the sweep itself tells it.

        Where its folder does not tell, as with hydra.output_subdir=null, its parameters that the others do not have.
        """
        given = overrides_of(self.folder / job.subdirectory)
        own = [f"{key}={value}" for key, value in job.own.items()]
        return self.tally.said(own if given is None else given)


def standing(folder: Path) -> Standing:
    """How the sweep in a folder stands; raises RecordError where there is none. Writes nothing."""
    record, alive = _record(folder), liveness(folder)
    began, (jobs, unmade) = _time_of(folder / LOCK), _jobs(record, folder)
    total = max(len(jobs) + len(unmade), record.trials or 0)  # a search that was resumed may have got more trials
    common = frozenset(record.words if record.shared is None else record.shared)
    found = Standing(folder, record, "running", alive, Tally(total, common=common, brief=record.trials is not None))
    found.problems += unmade
    for job, failed in unmade:
        found.tally.add(job.number, failed, fresh=False)
    for job in jobs:
        directory = folder / job.subdirectory
        written = _time_of(directory / RESULT)
        outcome = read(directory) if written else None
        if outcome is None or (alive.state == "alive" and written < began and not outcome.ok):
            _without(found, job, directory)  # which is done again where the sweep was resumed
            continue
        found.tally.add(job.number, outcome, fresh=written >= began)
        if not outcome.ok:
            found.problems.append((job, outcome))
    whole = found.tally.ended == total
    states: dict[str, State] = {"alive": "running", "dead": "over" if whole else "broken off"}
    found.state = states.get(alive.state, "over" if whole else "unknown")
    if found.state == "running":
        found.seconds = max(0.0, time.time() - began)
        found.under_way = sum(how.share for _, how in found.running if how is not None and how.began >= began)
    return found


def _record(folder: Path) -> SweepRecord:
    """What the sweep in a folder declared; raises ConfigError where there is none."""
    if not os.path.lexists(folder / SWEEP):
        raise ConfigError(f"there is no sweep in {str(folder)!r}; name its folder, as in sweep=multirun/DATE/TIME")
    return read_sweep(folder)


def _jobs(record: SweepRecord, folder: Path) -> tuple[list[JobRecord], list[tuple[JobRecord, Outcome]]]:
    """The jobs of a sweep; of a search those of its trials so far, and the trials that failed without a job."""
    if record.trials is None:
        return record.jobs, []
    told = trials_begun(folder / STORAGE)
    jobs = [JobRecord(trial.number, trial.folder, {}, "", "") for trial in told]
    return [job for job in jobs if job.subdirectory], [
        (job, Outcome("", "", "failed", trial.reason, [], {}, 0.0))
        for job, trial in zip(jobs, told, strict=True)
        if not trial.folder
    ]


def _without(found: Standing, job: JobRecord, directory: Path) -> None:
    """Take note of a job without a result: it runs, was broken off, or waits."""
    alive = liveness(directory)
    if alive.state == "alive":
        found.running.append((job, look(directory / JOURNAL)))
    elif (directory / CONFIG).exists() and not (directory / RESULT).exists():
        (found.broken if alive.state == "dead" else found.unknown).append(job)


def _time_of(file: Path) -> float:
    """When a file was written, in seconds since 1970; 0 where there is none."""
    with suppress(OSError):
        return file.stat().st_mtime
    return 0.0


def stop(folder: Path) -> Standing:
    """End the sweep in a folder as SIGTERM does, with true records; returns how it stands then.

    Raises BpexpError where no process of this machine carries it out, or where it does not end.
    """
    _record(folder)
    alive, said = liveness(folder), holder(folder)
    if alive.state == "dead":
        raise BpexpError(f"the sweep in {str(folder)!r} is not running: {alive.evidence}")
    if alive.state == "unknown" or not same_boot(said):
        raise BpexpError(f"the sweep in {str(folder)!r} cannot be ended from here: {alive.evidence}; go to its machine")
    if gone(said) is not False:  # a container has numbers of its own, and a number is given again
        raise BpexpError(
            f"the sweep in {str(folder)!r} cannot be ended from here: {alive.evidence}, and the process of that number "
            "is another one here; end it where it was begun, perhaps in a container"
        )
    with suppress(ProcessLookupError):
        os.kill(int(said["pid"]), signal.SIGTERM)
    until = time.monotonic() + PATIENCE
    while liveness(folder).state == "alive":
        if time.monotonic() > until:
            raise BpexpError(f"the sweep in {str(folder)!r} has been told to end, and goes on: {alive.evidence}")
        time.sleep(0.05)
    return standing(folder)
