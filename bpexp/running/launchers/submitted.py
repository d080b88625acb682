"""What a task does that submitit has sent: its jobs, one after the other, in the folder of their sweep.

Credentials come in two parts: encrypted in a file of the sweep, which is removed when it ends, and the key in the
environment of the task, of which SLURM keeps a copy. Neither is of use without the other.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from bpexp.config.plugins import load_plugins
from bpexp.errors import BpexpError
from bpexp.files.whole import write_whole
from bpexp.records.schema import as_record
from bpexp.running.away.introduction import Introduction, data_refusal, introduction
from bpexp.running.away.parcel import opened, packed
from bpexp.running.ending.signals import Signals
from bpexp.running.launchers.packing import pack_outcome, unpack
from bpexp.running.perform import perform
from bpexp.running.writing import CONFIG
from bpexp.tracking.credentials import borrow
from bpexp.tracking.session import recording

HELLO, LENT = "hello.json", "credentials"
"""Files of the sweep: what a task has to be the same in, and what it borrows."""

SENT, ANSWER = ".sent", ".answer"
"""The ends of the names of the parcels of a job, there and back."""

KEY = "BPEXP_KEY"


def lend(credentials: str, place: Path) -> str:
    """Write credentials for the tasks of a sweep, and return the key to them."""
    from cryptography.fernet import Fernet

    key = Fernet.generate_key()
    (place / LENT).write_bytes(Fernet(key).encrypt(credentials.encode()))
    return key.decode()


def perform_all(folder: str, numbers: Sequence[int]) -> None:
    """Perform the jobs of these numbers; without the folder their sweep is over, and nothing is done.

    SLURM announces a time limit or a preemption by a signal, on which submitit sends the function anew. It is ignored:
    the SIGTERM that follows ends the job with a true record, from which `resume=` goes on.
    """
    signal.signal(getattr(signal, f"SIG{os.environ.get('SUBMITIT_PREEMPT_SIGNAL', 'USR2')}"), signal.SIG_IGN)
    place = Path(folder)
    with Signals() as signals:
        refusal = _refusal(place) if place.is_dir() else ""
        for number in numbers:
            signals.check()
            with suppress(FileNotFoundError):  # the sweep is over
                told = opened((place / f"{number}{SENT}").read_bytes()).told
                answer = _performed(told, refusal)
                write_whole(place / f"{number}{ANSWER}", packed(answer, {}))


def _refusal(place: Path) -> str:
    """Why this task cannot take a job; if it can, it has borrowed the credentials."""
    here = as_record(json.loads((place / HELLO).read_text("utf-8"))["introduction"], Introduction, "an introduction")
    key = os.environ.pop(KEY, "")
    try:
        load_plugins()
        if refusal := introduction().refusal(here):
            return refusal
    except BpexpError as error:
        return str(error)
    if not key:
        return "the environment of the sweep did not reach it; leave SLURM's option export as it is"
    from cryptography.fernet import Fernet

    lent = json.loads(Fernet(key).decrypt((place / LENT).read_bytes()))
    borrow(lent["credentials"])
    os.environ.update(lent["environment"])
    return ""


def _performed(told: dict[str, Any], refusal: str) -> dict[str, Any]:
    """Perform a job whose data set is the expected one. One that SLURM starts anew goes on with what it left."""
    if refusal := refusal or data_refusal(*told["data"]):
        return {"refusal": f"{socket.gethostname()} cannot take a job: {refusal}"}
    job = unpack(told["job"])
    job = replace(job, again=job.again or os.environ.get("SLURM_RESTART_COUNT", "0") != "0")
    if not job.again and (job.directory / CONFIG).exists():  # the sweep was killed, and went on without SLURM
        return {"outcome": None, "reason": "another process has begun it"}
    with recording() as session:  # one a job: nothing may touch its folder when the sweep has the answer
        session.delivered_to, session.key = told["store"], told["key"]
        outcome = perform(job)
    return {"outcome": pack_outcome(outcome), "reason": "", "shared": True}
