"""sweep.json: what a sweep declared, written before its first job, so that it can be carried on by its folder alone.

It is written once. How far the sweep has come, the folders of its jobs say.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bpexp.files.whole import write_whole
from bpexp.records.schema import FORMAT, read_record

SWEEP = "sweep.json"

NEWEST = 1

LARGEST = 256 << 20
"""Bytes of the largest sweep.json that is read."""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One declared job.

    Args:
        number: of the job, from 0.
        subdirectory: its folder below that of the sweep.
        own: its parameters that differ between the jobs.
        config: SHA-256 of all its parameters.
        data: name and digest of its data set.
    """

    number: int
    subdirectory: str
    own: dict[str, Any]
    config: str
    data: str


@dataclass(frozen=True, slots=True)
class SweepRecord:
    """A declared sweep.

    Args:
        bpexp: the version that began it.
        started_at: when, in UTC as ISO 8601.
        folder: the working directory.
        command: the arguments as they were typed, without credentials.
        words: the overrides of the command line.
        multirun, config_path, config_name, config_dir: its flags.
        common: the parameters that all jobs share.
        jobs: every job; of a search the preset alone.
        trials: of a search; None for other sweeps.
        plugins: the names of the plug-ins that were installed.
        launcher: what executed them when it began, in words.
        shared: the overrides that all jobs have, which tell none from another; None in a record of an earlier version.
    """

    bpexp: str
    started_at: str
    folder: str
    command: list[str]
    words: list[str]
    multirun: bool
    config_path: str | None
    config_name: str | None
    config_dir: str | None
    common: dict[str, Any]
    jobs: list[JobRecord] = field(default_factory=list)
    trials: int | None = None
    plugins: list[str] = field(default_factory=list)
    launcher: str = ""
    shared: list[str] | None = None


def write_sweep(record: SweepRecord, directory: Path) -> None:
    """Write sweep.json as a whole and to the disk; raises OSError."""
    write_whole(directory / SWEEP, json.dumps({FORMAT: NEWEST, **asdict(record)}, default=str), durable=True)


def read_sweep(directory: Path) -> SweepRecord:
    """Read sweep.json; raises RecordError for one that is missing, damaged or of a newer format."""
    return read_record(directory / SWEEP, SweepRecord, newest=NEWEST, most=LARGEST)
