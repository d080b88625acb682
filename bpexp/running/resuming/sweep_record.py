"""What decides the jobs of a sweep: recorded when it begins, and compared when it is resumed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bpexp
from bpexp.config.composition import CommandLine
from bpexp.config.plugins import plug_ins
from bpexp.records.sweep_file import SWEEP, JobRecord, SweepRecord
from bpexp.running.job import Job
from bpexp.study.declaration import digest

SHOWN = 3
"""Differences that a message names."""


def record_of(line: CommandLine, command: Sequence[str], jobs: Sequence[Job], launcher: str) -> SweepRecord:
    """The record of a sweep that begins now; `command` is its command line as it was typed."""
    params = [plain(job.params) for job in jobs]
    first = params[0]
    common = {key: value for key, value in first.items() if all(key in p and p[key] == value for p in params)}
    return SweepRecord(
        bpexp=bpexp.__version__,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        folder=str(Path.cwd()),
        command=list(command),
        words=list(line.overrides),
        multirun=line.multirun,
        config_path=line.config_path,
        config_name=line.config_name,
        config_dir=line.config_dir,
        common=common,
        jobs=[
            JobRecord(
                number=job.number,
                subdirectory=str(job.subdirectory),
                own={key: value for key, value in own.items() if key not in common},
                config=digest(own),
                data=job.data,
            )
            for job, own in zip(jobs, params, strict=True)
        ],
        plugins=list(plug_ins()),
        launcher=launcher,
    )


def differences(recorded: SweepRecord, jobs: Sequence[Job]) -> list[str]:
    """How the jobs of a command line differ from the recorded ones, each difference with both values; [] where nothing
    does.
    """
    if recorded.bpexp != bpexp.__version__:
        return [f"bpexp {recorded.bpexp} began it, and this is {bpexp.__version__}"]
    if len(jobs) != len(recorded.jobs):
        return [f"it has {len(recorded.jobs)} jobs, and now there are {len(jobs)}"]
    return [told for known, job in zip(recorded.jobs, jobs, strict=True) for told in _different(recorded, known, job)]


def _different(recorded: SweepRecord, known: JobRecord, job: Job) -> Iterator[str]:
    was, now = {**recorded.common, **known.own}, plain(job.params)
    if digest(was) != known.config:
        yield f"job {known.number}: its parameters in {SWEEP} do not fit their hash"
    elif digest(now) != known.config:
        yield from (f"job {known.number}: {told}" for told in changed(was, now))
    if job.data != known.data:
        yield f"job {known.number}: the data set was {_short(known.data)}, and is {_short(job.data)}"


def changed(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """The parameters that differ, each with its value before and now."""
    for key in dict.fromkeys([*was, *now]):
        if key not in was or key not in now or was[key] != now[key]:
            before, after = (repr(side[key]) if key in side else "not there" for side in (was, now))
            yield f"{key} was {before}, and is {after}"


def told(found: Sequence[str]) -> str:
    """The first differences in one line."""
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return "; ".join(found[:SHOWN]) + more


def plain(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as JSON gives them back."""
    return dict(json.loads(json.dumps(params, default=str)))


def _short(data: str) -> str:
    """Name and first digits of a data set."""
    name, _, found = data.rpartition(" ")
    return f"{name} {found[:12]}"
