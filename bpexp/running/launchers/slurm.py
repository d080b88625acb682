"""What SLURM says of jobs, by its own commands.

`squeue` knows a job until some minutes after its end (MinJobAge), also where no accounting is kept. What submitit asks,
`sacct`, is asked where `squeue` has forgotten a job.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bpexp.errors import ConfigError, warn

ALIVE = (
    *("PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "STOPPED", "SIGNALING", "RESIZING", "STAGE_OUT"),
    *("COMPLETING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"),
)
"""The states from which a job goes on by itself, or when a person lets it."""

USUAL = ("None", "Priority", "Resources", "JobArrayTaskLimit", "BeginTime", "Cleaning")
"""Reasons for which a job waits that pass by themselves."""

FIRST, LONGEST = 1.0, 30.0
"""Seconds between two questions: few at the beginning and after an ending, more the longer nothing ends."""

PATIENCE = 60.0
"""Seconds for a command of SLURM, whose controller may be busy or start anew."""

CONNECT = 4.0
"""Seconds within which a person is told that SLURM is not there."""

GONE = "Invalid job id"


@dataclass(frozen=True, slots=True)
class State:
    """The state of a job; `code` is that of `wait`: the exit code times 256, and a signal."""

    name: str
    code: int = 0
    reason: str = ""

    @property
    def alive(self) -> bool:
        """Whether the job goes on, or is known to have to."""
        return self.name in ALIVE

    def __str__(self) -> str:
        exit_code, number = self.code >> 8, self.code & 127
        number = number or (exit_code - 128 if exit_code > 128 else 0)  # as a shell tells a signal
        if number in set(signal.Signals):
            return f"{self.name} ({signal.Signals(number).name})"
        return f"{self.name} (exit code {exit_code})" if exit_code else self.name


class Queue:
    """The states of the jobs of one sweep, which are asked for all at once and not too often."""

    def __init__(self) -> None:
        self._since = self._asked = time.monotonic()
        self._told: set[str] = set()

    def due(self) -> bool:
        """Whether it is time to ask."""
        now = time.monotonic()
        return now - self._asked >= min(LONGEST, FIRST + (now - self._since) / 20)

    def restart(self) -> None:
        """Ask soon again: a job was sent, or has ended."""
        self._since = time.monotonic()

    def states(self, jobs: Mapping[str, Any]) -> dict[str, State]:
        """The state of each job of submitit by its id; those of which nothing is known are left out."""
        self._asked = time.monotonic()
        main = ",".join(sorted({key.partition("_")[0] for key in jobs}))
        fields = "JobArrayID:40,State:40,exit_code:20,Reason:200"
        done = _call("squeue", "--noheader", "--array", "--states=all", f"--jobs={main}", f"--Format={fields}")
        if done.returncode and GONE not in done.stderr:
            self._tell(f"SLURM does not answer ({done.stderr.strip().splitlines()[-1:]}); it is asked again")
            return {}
        known = dict(map(_state, done.stdout.splitlines()))
        found = {key: known.get(key) or _remembered(job) for key, job in jobs.items()}
        self._tell_waiting(found.values())
        return found

    def _tell_waiting(self, states: Iterable[State]) -> None:
        reasons = Counter(state.reason for state in states if state.name == "PENDING" and state.reason not in USUAL)
        for reason, count in reasons.items():
            self._tell(f"SLURM holds {count} of the jobs back: {reason}")

    def _tell(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            warn(message)


def refuse_silent() -> None:
    """Raise ConfigError where SLURM's controller does not answer."""
    done = _call("scontrol", "ping", patience=CONNECT)
    if done.returncode:
        told = " ".join((done.stderr or done.stdout).split())
        raise ConfigError(f"no controller of SLURM answers ({told}); launcher.cluster=local needs none")


def cancel(name: str, *, patience: float = 0.0) -> None:
    """End the jobs of this name: SIGTERM, and SIGKILL after SLURM's KillWait. With `patience`, wait for their ends."""
    _call("scancel", f"--name={name}")
    until = time.monotonic() + patience
    while time.monotonic() < until and _call("squeue", "--noheader", f"--name={name}").stdout.strip():
        time.sleep(0.2)


def _state(line: str) -> tuple[str, State]:
    """The id of a job and its state, of a line of `squeue`."""
    key, name, code, *reason = line.split(None, 3)
    return key, State(name, int(code), "".join(reason).strip())


def _remembered(job: Any) -> State:
    """What the accounting says of a job that `squeue` has forgotten."""
    name = str(job.watcher.get_state(job.job_id, mode="force")).split(" ")[0]
    return State("FORGOTTEN" if name == "UNKNOWN" else name)


def _call(*command: str, patience: float = PATIENCE) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=patience, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))
