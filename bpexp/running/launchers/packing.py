"""A job and its outcome as one line of JSON, for the way to another process and back: nothing is unpickled.

The text of a job holds the credentials of the store, unless they go another way: it goes through a pipe, and is neither
written nor printed.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bpexp.config.schema import Config, construct
from bpexp.records.outcome import Outcome
from bpexp.running.job import Job
from bpexp.tracking.credentials import borrow, lent


def pack(job: Job, *, credentials: bool = True) -> str:
    """The job as text, with the `credentials` of stores or without."""
    paths = {"directory": str(job.directory), "subdirectory": str(job.subdirectory)}
    return json.dumps({**asdict(job), **paths, "credentials": lent() if credentials else {}})


def unpack(text: str) -> Job:
    """The job of a text, its config validated as one from a command line is; its credentials are remembered."""
    content: dict[str, Any] = json.loads(text)
    borrow(content.pop("credentials"))
    paths = {key: Path(content[key]) for key in ("directory", "subdirectory")}
    config = construct(Config, content["config"])
    texts = {key: tuple(content[key]) for key in ("overrides", "varied")}
    return Job(**{**content, **paths, **texts, "config": config})


def pack_outcome(outcome: Outcome) -> str:
    """The outcome as text; numbers that are not finite are kept."""
    return json.dumps(asdict(outcome), default=str)


def unpack_outcome(text: str) -> Outcome:
    """The outcome of a text."""
    return Outcome(**json.loads(text))
