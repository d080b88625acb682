"""What a launcher does with a job, in any process: write its config, build it, execute it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial

from bpexp.errors import BpexpError
from bpexp.records.lock import Locked, RunLock, make_room
from bpexp.records.outcome import RESULT, Outcome, write_outcome
from bpexp.running.build import build
from bpexp.running.directories import Taken, refuse_taken
from bpexp.running.ending.interruption import word
from bpexp.running.ending.signals import Signals
from bpexp.running.execute import execute
from bpexp.running.job import Job
from bpexp.running.progress import waiting
from bpexp.running.resuming.attempts import go_on, set_aside
from bpexp.running.searching.pruning import pruning
from bpexp.running.tasks.trace_task import execute_trace
from bpexp.running.writing import as_yaml, write_config


def perform(job: Job) -> Outcome:
    """Execute one job in its directory.

    An error inside a run becomes its outcome and is not raised, so that the other jobs of a sweep continue. A signal is
    raised when it is recorded. Raises Locked or Taken for a single run whose folder another process uses, or has used.
    """
    with Signals() as signals:
        try:
            if job.again and (outcome := go_on(job)) is not None:
                return outcome
            job.directory.mkdir(parents=True, exist_ok=True)
            with RunLock(job.directory):
                if job.again:
                    set_aside(job.directory)
                elif not job.one_of_many:
                    refuse_taken(job.directory, "run")  # by another process, while this one waited for the lock
                return _locked(job, signals)
        except (Locked, Taken) as error:  # what lies there is another process's: nothing is written
            if not job.one_of_many:
                raise
            return _outcome(job, "failed", str(error))
        except (BpexpError, OSError) as error:
            return cannot_begin(job, error)


def cannot_begin(job: Job, error: BpexpError | OSError) -> Outcome:
    """The outcome of a run that an error ended before its record was opened."""
    if isinstance(error, BpexpError):
        return unbegun(job, "failed", str(error))
    return unbegun(
        job, "failed", f"cannot write to the folder of the run ({error.strerror or error})"
    )  # or a full disk


def _locked(job: Job, signals: Signals) -> Outcome:
    signals.last_words = partial(last_words, job)
    try:
        write_declared(job)
        shown = job.config.progress and not job.one_of_many and job.config.engine == "numba"
        with signals.raised(), waiting("compiling the steps, or reading them from disk", shown):
            built = build(job.config)
        experiment = replace(built, callbacks=[*built.callbacks, *pruning(job)])
        signals.check()
    except BaseException as error:
        if error is signals.pending:
            unbegun(job, "killed", word(error))
        raise
    if job.config.task == "trace":
        return execute_trace(experiment, job.info())
    signals.last_words = None  # the run has its own
    return execute(experiment, job.info())


def last_words(job: Job, word: str) -> None:
    """Of a run that has not begun, or of a trace, unless it is recorded."""
    if not (job.directory / RESULT).exists():
        unbegun(job, "killed", word)


def unbegun(job: Job, status: str, reason: str) -> Outcome:
    """The outcome of a run that could not begin, on disk if anything can be written there."""
    make_room(job.directory)
    outcome = _outcome(job, status, reason)
    with suppress(OSError):
        write_outcome(outcome, job.directory)
    return outcome


def _outcome(job: Job, status: str, reason: str) -> Outcome:
    info = job.info()
    return Outcome(info.name, str(job.directory), status, reason, info.overrides, info.params, 0.0)


def write_declared(job: Job) -> None:
    """Write config.yaml into the folder of a job, and Hydra's files below .hydra unless hydra.output_subdir=null."""
    job.directory.mkdir(parents=True, exist_ok=True)
    text = write_config(job.config, job.directory)
    below = job.hydra.get("output_subdir")
    if below is not None:
        folder = job.directory / str(below)
        folder.mkdir(parents=True, exist_ok=True)
        hydra, overrides = as_yaml({"hydra": job.hydra}), as_yaml(list(job.overrides))
        for name, content in (("config", text), ("hydra", hydra), ("overrides", overrides)):
            (folder / f"{name}.yaml").write_text(content, encoding="utf-8")
