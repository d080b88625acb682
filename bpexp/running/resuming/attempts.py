"""A job whose folder holds an earlier attempt: it goes on from its checkpoint, or begins anew beside the old files."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from bpexp.errors import CheckpointError
from bpexp.records.checkpoint import checkpoints
from bpexp.records.lock import LOCK
from bpexp.records.outcome import RESULT, Outcome
from bpexp.running.job import Job
from bpexp.running.progress import tell
from bpexp.running.resuming.results import read
from bpexp.running.resuming.resume import resume
from bpexp.running.searching.pruning import pruning

ATTEMPT = "attempt-"
"""The beginning of the names of the folders in which the files of earlier attempts lie."""


STAYS = (LOCK, ".hydra")


def go_on(job: Job) -> Outcome | None:
    """Go on with what lies in the folder of a job from its checkpoint, and return the outcome.

    None where the job is to begin anew: it failed by an exception, has no checkpoint, or one that does not fit, of
    which the reason is told.
    """
    known = read(job.directory)
    if (known is not None and known.status == "failed") or not _resumable(job):
        return None
    if known is not None and known.ok:  # the process died before the network was saved, so that it is over once more
        (job.directory / RESULT).unlink()
    try:
        said = {"progress": job.config.progress, "tracking.uri": job.config.tracking.get("uri")}
        return resume(job.directory, said, callbacks=pruning(job), title=f"job {job.number}: ")
    except CheckpointError as error:
        tell([f"bpexp: warning: the job in {job.directory} begins anew ({error})"], True)
        return None


def _resumable(job: Job) -> bool:
    with suppress(CheckpointError, OSError):
        return bool(checkpoints(job.directory))
    return False


def set_aside(directory: Path) -> Path | None:
    """Move the files of an earlier attempt into a folder of their own; the folder, None where there were none.

    Hydra's files stay: they are the same again, and a launcher of Hydra may have written them already.
    A process that dies meanwhile leaves a folder that the next one goes on filling.
    """
    left = [path for path in directory.iterdir() if path.name not in STAYS and not path.name.startswith(ATTEMPT)]
    unfinished = next(directory.glob(f"{ATTEMPT}*.new"), None)
    if not left and unfinished is None:
        return None
    if unfinished is None:
        unfinished = directory / f"{ATTEMPT}{1 + len(list(directory.glob(f'{ATTEMPT}*')))}.new"
        unfinished.mkdir()
    for path in left:
        os.replace(path, unfinished / path.name)
    return unfinished.rename(unfinished.with_suffix(""))
