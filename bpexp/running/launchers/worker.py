"""A worker of the launcher `process`: it performs the units of jobs that it is sent, and ends when its sweep ends.

Standard input is a pipe that the sweep holds open. When it is closed without a farewell, the process of the sweep is
gone: the job is then ended as by SIGTERM, with a true record, and a job that does not end is killed.
"""

from __future__ import annotations

import json
import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection

from bpexp.config.plugins import load_plugins
from bpexp.running.child_process import end_with_parent
from bpexp.running.launchers.packing import pack_outcome, unpack
from bpexp.running.perform_together import perform_unit
from bpexp.tracking.session import recording

MIB = 2**20


def serve(handle: int, memory: int | None) -> None:
    """Perform jobs from the connection `handle` until it says no more; with `memory`, in at most so many MiB."""
    connection = Connection(handle)
    end_with_parent()
    if memory is not None:
        _limit(memory)
    try:
        load_plugins()
        with recording():  # which waits for a store that fails once, and not once a job
            while text := _received(connection):
                for ending in perform_unit([unpack(job) for job in json.loads(text)]):
                    assert ending.outcome is not None
                    with suppress(OSError):  # the sweep has left
                        connection.send_bytes(json.dumps([ending.job.number, pack_outcome(ending.outcome)]).encode())
    except KeyboardInterrupt:  # the job is recorded
        sys.exit(128 + signal.SIGINT)


def _received(connection: Connection) -> str | None:
    """The next unit as text; none, or an empty one, when the sweep needs this process no longer."""
    try:
        return connection.recv_bytes().decode()
    except (EOFError, OSError):
        return None


def _limit(memory: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (memory * MIB, memory * MIB))
