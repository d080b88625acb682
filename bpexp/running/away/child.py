"""The process in which a worker of an engine performs jobs, one after the other, each in a folder that it is given.

It introduces itself first, and gets no job where it is not what the sweep expects. Its standard input is a pipe that
the agent holds open: when it is closed, the agent is gone, and the job is ended as by SIGTERM, with a true record. A
signal ends the job and the process.
"""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bpexp.config.plugins import load_plugins
from bpexp.errors import BpexpError
from bpexp.records.outcome import Outcome
from bpexp.records.schema import as_record
from bpexp.running.away.introduction import Introduction, data_refusal, introduction
from bpexp.running.child_process import end_with_parent
from bpexp.running.ending.interruption import WORDS
from bpexp.running.launchers.packing import pack_outcome, unpack
from bpexp.running.perform import perform
from bpexp.running.resuming.results import read
from bpexp.tracking.credentials import borrow
from bpexp.tracking.session import recording


def serve(handle: int) -> None:
    """Answer what comes through the connection `handle` until it is closed: an introduction, credentials, jobs."""
    connection = Connection(handle)
    end_with_parent()
    checked: set[str] = set()
    while (message := _received(connection)) is not None:
        if "hello" in message:
            _say(connection, _introduced(message["hello"]))
        elif "credentials" in message:
            borrow(message["credentials"])
            os.environ.update(message["environment"])
        else:
            _job(connection, message, checked)


def heed_signals() -> None:
    """Take the signals that an engine keeps from its workers, such as Ray SIGINT: the agent sends them."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WORDS)
    for number in WORDS:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def _received(connection: Connection) -> dict[str, Any] | None:
    with suppress(EOFError, OSError):
        return dict(json.loads(connection.recv_bytes()))
    return None


def _say(connection: Connection, answer: dict[str, Any]) -> None:
    with suppress(OSError):  # the agent is gone
        connection.send_bytes(json.dumps(answer).encode())


def _introduced(hello: dict[str, Any]) -> dict[str, Any]:
    """Whether this process is what the sweep expects, and what is to be told of it."""
    with suppress(OSError):
        os.chdir(hello["cwd"])
    for name, value in hello["places"].items():
        os.environ.setdefault(name, value)
    here = as_record(hello["introduction"], Introduction, "an introduction")
    try:
        load_plugins()
    except BpexpError as error:
        return {"refusal": str(error), "rounding": ""}
    return {"refusal": introduction().refusal(here), "rounding": introduction().rounding(here)}


def _job(connection: Connection, message: dict[str, Any], checked: set[str]) -> None:
    """Perform a job whose data set is the expected one; a job that a signal ends has its record before it is raised."""
    config, expected = message["data"]
    refusal = "" if expected in checked else data_refusal(config, expected)
    if refusal or "job" not in message:
        _say(connection, {"refusal": refusal})
        return
    checked.add(expected)
    job = unpack(message["job"])
    job = replace(job, directory=Path(message["directory"] or job.directory))
    try:
        with recording() as session:  # one a job: nothing may touch the folder when the agent takes it away
            session.delivered_to, session.key = message["store"], message["key"]
            outcome: Outcome | None = perform(job)
    except BaseException:
        outcome = read(job.directory)
        _say(connection, _told(outcome))
        raise
    _say(connection, _told(outcome))


def _told(outcome: Outcome | None) -> dict[str, Any]:
    return {"outcome": None if outcome is None else pack_outcome(outcome), "reason": "it left no readable result"}
