"""The tasks of a sweep that submitit has sent: their answers, their deaths, and their end before the sweep's own."""

from __future__ import annotations

import os
import shutil
import signal
import time
import uuid
from collections.abc import Generator, Iterator, Sequence
from contextlib import redirect_stderr, suppress
from dataclasses import dataclass, replace
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpexp.errors import ConfigError, warn
from bpexp.files.whole import write_whole
from bpexp.records.lock import liveness
from bpexp.records.outcome import write_outcome
from bpexp.running.away.engine import first_line
from bpexp.running.away.home import LOGINS, URI, Home
from bpexp.running.away.parcel import opened
from bpexp.running.child_process import GRACE
from bpexp.running.job import Ending, Job
from bpexp.running.launchers.slurm import Queue, State, cancel
from bpexp.running.launchers.submitted import ANSWER, HELLO, KEY, SENT, lend, perform_all
from bpexp.running.resuming.results import read

if TYPE_CHECKING:
    from bpexp.running.launchers.submitit import Settings

LOOK = 0.25
"""Seconds between two looks for answers."""

MOMENT = 0.8
"""Seconds that an interrupted sweep waits for its jobs: whoever presses Ctrl-C has the terminal back within two."""

LATE = {"COMPLETED": 15.0}
"""Seconds in which the answer of a task that is over appears in a shared folder; one that did not end well has none."""


@dataclass(eq=False)
class Task:
    """One task of an array, the jobs that it has left, and how and since when it is over."""

    sent: Any
    jobs: list[Job]
    state: State | None = None
    since: float = 0.0

    def over(self, state: State) -> None:
        """Remember how it ended."""
        if self.state is None:
            self.state, self.since = state, time.monotonic()

    @property
    def dead(self) -> bool:
        """Whether it is over, and an answer would have come."""
        return self.state is not None and time.monotonic() - self.since >= LATE.get(self.state.name, 2 * LOOK)

    def reason(self, kind: str) -> str:
        """How it ended, in words."""
        return f"its {kind} {self.sent.job_id} ended as {self.state}; its log is {str(self.sent.paths.stderr)!r}"


class Tasks:
    """The tasks of one sweep; `folder` is that of submitit."""

    def __init__(self, home: Home, settings: Settings, folder: Path) -> None:
        self._home, self._settings, self._folder = home, settings, folder
        self._slurm = settings.cluster == "slurm"
        folder.mkdir(mode=0o700, exist_ok=True)
        self._end_earlier()
        token = uuid.uuid4().hex[:12]
        self._place, self._name = folder / token, f"bpexp-{token}"
        self._place.mkdir(mode=0o700)
        write_whole(self._place / HELLO, home.hello())
        self._key = lend(home.credentials(), self._place)
        self._tasks: dict[str, Task] = {}
        self._answered: list[Any] = []
        self._back: list[Job] = []
        self._refused = 0
        self._queue = Queue()

    def _end_earlier(self) -> None:
        """End what a sweep that was killed has left in the queue of SLURM; a task without its folder does nothing."""
        for left in [path for path in self._folder.iterdir() if path.is_dir()]:
            shutil.rmtree(left)
            if self._slurm:
                cancel(f"bpexp-{left.name}", patience=GRACE)

    def endings(self, waiting: Iterator[Job]) -> Generator[Ending, None, None]:
        """Send as many tasks as may run at once, and yield the endings of their jobs."""
        while True:
            self._fill(waiting)
            if not self._tasks:
                return
            time.sleep(LOOK)
            answers = {path.name for path in self._place.iterdir()}
            for key, task in list(self._tasks.items()):
                yield from self._heard(task, answers)
                if not task.jobs:
                    if self._tasks.pop(key).state is None:
                        self._answered.append(task.sent)
                    self._queue.restart()
            self._ask()

    def _fill(self, waiting: Iterator[Job]) -> None:
        """Send the next jobs as one array, if there are jobs and room."""
        if self._refused and len(self._tasks) >= self._refused:
            return
        each = self._settings.per_task
        room = (self._settings.n_jobs - len(self._tasks)) * each
        jobs, self._back = self._back[:room], self._back[room:]
        jobs += islice(waiting, room - len(jobs))
        chunks = [jobs[begin : begin + each] for begin in range(0, len(jobs), each)]
        if not chunks:
            return
        for job in jobs:
            write_whole(self._place / f"{job.number}{SENT}", self._home.parcel(job, files=False))
        try:
            sent = self._sent(chunks)
        except (RuntimeError, OSError) as error:  # those of submitit are RuntimeErrors
            self._refused, self._back = len(self._tasks), [*jobs, *self._back]
            if not self._tasks:
                raise ConfigError(f"the jobs cannot be sent ({first_line(error)})") from None
            warn(f"{len(jobs)} jobs wait until others have ended, because they cannot be sent ({first_line(error)})")
            return
        self._refused = 0
        self._tasks |= {each.job_id: Task(each, chunk) for each, chunk in zip(sent, chunks, strict=True)}
        self._queue.restart()

    def _sent(self, chunks: Sequence[Sequence[Job]]) -> Sequence[Any]:
        """The tasks of submitit, each with its jobs; of the credentials it is given nothing but the key."""
        executor = self._settings.executor(self._folder, self._name, len(chunks))
        known = {name: os.environ.pop(name) for name in (*LOGINS, URI) if name in os.environ}
        os.environ[KEY] = self._key
        try:
            with redirect_stderr(StringIO()):  # of sbatch, whose last words are those of the error
                numbers = [[job.number for job in chunk] for chunk in chunks]
                return list(executor.map_array(perform_all, [str(self._place)] * len(chunks), numbers))
        finally:
            del os.environ[KEY]
            os.environ.update(known)

    def _heard(self, task: Task, answers: set[str]) -> Generator[Ending, None, None]:
        """What a task has answered, or its death: the job that it had is dead, and those behind it are sent again."""
        for job in [job for job in task.jobs if f"{job.number}{ANSWER}" in answers]:
            task.jobs.remove(job)
            answer = (self._place / f"{job.number}{ANSWER}").read_bytes()
            if refusal := opened(answer).told.get("refusal"):
                raise ConfigError(f"launcher=submitit: {refusal}")
            yield self._home.received(job, answer)
        if task.jobs and task.dead:
            reason = task.reason("SLURM job" if self._slurm else "process")
            dead, left, task.jobs = task.jobs[:1], task.jobs[1:], []
            if task.state is not None and task.state.name == "CANCELLED":  # by a person, who wants none of them
                dead, left = dead + left, []
            self._back += left
            yield from (_killed(job, reason) for job in dead)

    def _ask(self) -> None:
        """Find out which tasks are over."""
        sent = {key: task.sent for key, task in self._tasks.items()}
        if not self._slurm:
            states = {key: State(str(job.state)) for key, job in sent.items() if job.done()}
        elif self._queue.due():
            states = {key: state for key, state in self._queue.states(sent).items() if not state.alive}
        else:
            return
        for key, state in states.items():
            self._tasks[key].over(state)

    def stop(self) -> None:
        """End the tasks as by SIGTERM, and wait a moment for the records of their jobs, which they write themselves."""
        shutil.rmtree(self._place, ignore_errors=True)  # without which none begins
        until = time.monotonic() + MOMENT
        if self._slurm:
            cancel(self._name)
        local = [task.sent for task in self._tasks.values() if not self._slurm and not task.sent.done()]
        for sent in local:
            with suppress(ProcessLookupError):
                os.kill(int(sent.job_id), signal.SIGTERM)  # submitit's own process, which passes it on
        folders = [job.directory for task in self._tasks.values() for job in task.jobs]
        while time.monotonic() < until and (
            any(liveness(folder).state == "alive" for folder in folders) or not all(sent.done() for sent in local)
        ):
            time.sleep(0.02)
        self._remove_pickles()

    def tidy(self) -> None:
        """Let the tasks leave that have answered, and remove what served the sweep alone; the logs stay."""
        until = time.monotonic() + (MOMENT if self._slurm else GRACE)
        for sent in self._answered:
            while not (sent.paths.result_pickle.exists() if self._slurm else sent.done()) and time.monotonic() < until:
                time.sleep(0.02)
        shutil.rmtree(self._place, ignore_errors=True)
        self._remove_pickles()

    def _remove_pickles(self) -> None:
        for pickled in self._folder.glob("*.pkl"):
            pickled.unlink(missing_ok=True)


def _killed(job: Job, reason: str) -> Ending:
    """The ending of a job whose task is over; what SIGTERM ended has a record without SLURM's reason."""
    known = read(job.directory)
    if known is None or known.status != "killed" or reason in known.reason:
        return Ending(job, None, reason)
    outcome = replace(known, reason=f"{known.reason}: {reason}")
    with suppress(OSError):  # a full disk
        write_outcome(outcome, job.directory)
    return Ending(job, outcome)
