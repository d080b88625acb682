"""The process from which the workers of `launcher=process` are forked: it has imported everything and read the data.

It is a command of its own, so that nothing of the sweep's process is forked, and unlike with `multiprocessing` the
user's script is not imported again. It runs one thread and opens no store, so that a fork of it is a sound process;
what it holds is shared by the workers until one of them writes to it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import socket
import sys
import threading
import warnings
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from threadpoolctl import threadpool_limits

from bpexp.config.plugins import load_plugins
from bpexp.running.launchers.packing import unpack
from bpexp.running.loading import load_data
from bpexp.tracking.environment import mlflow_environment

RECORDING = (
    *("mlflow", "mlflow.models", "mlflow.store.tracking.sqlalchemy_store"),
    *("mlflow.store.tracking.rest_store", "mlflow.tracking.client", "alembic.script", "sqlalchemy.dialects.sqlite"),
    *("pandas", "bpexp.tracking.model", "bpexp.tracking.sql_database"),
)
"""Modules that a run imports when it is recorded in MLflow."""

LATER = ("matplotlib.figure", "matplotlib.backends.backend_agg", "bpexp.figures.run_page", "bpexp.records.provenance")
"""Modules that a run imports when it needs them. A name that is gone costs the workers time, and nothing else."""


def forked(handle: int, preload: bool, tracking: bool, modules: list[str]) -> tuple[int, int | None] | None:
    """Serve the sweep at the connection `handle`: fork a worker whenever it asks for one, until it is gone.

    Returns in each worker, with the handle of its connection to the sweep and its largest memory in MiB, and at the
    end, with None.

    Args:
        handle: of the connection to the sweep, which is closed in a worker.
        preload: import everything first, and read the data of the first job of each worker.
        tracking: import what a run needs that is recorded in MLflow, too.
        modules: further modules that register components.
    """
    with Connection(handle) as sweep:
        if preload:
            prepare([*RECORDING, *modules] if tracking else modules)
        gc.collect()
        gc.freeze()  # a collection in a worker would write to every object, and so copy it
        while (text := _received(sweep)) is not None:
            request = json.loads(text)
            answer = {"number": request["number"]}
            if "ended" in request:
                _send(sweep, answer | _ended(request["ended"], request["wait"]))
                continue
            theirs = receive_file(sweep)
            if theirs is None:
                break
            if preload:
                _read_data(request["job"])
            if preload and (others := _threads()):
                _send(sweep, answer | {"threads": others})
            elif (pid := _fork()) == 0:
                return theirs, request["memory"]
            else:
                _send(sweep, answer | {"pid": pid})
            os.close(theirs)
    return None


def _fork() -> int:
    """Fork: 0 in the new process, its number in this one."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    pid = os.fork()
    if pid == 0:
        os.setsid()  # a signal to the group of a worker is a matter of that worker
    return pid


def _send(sweep: Connection, answer: dict[str, Any]) -> None:
    with suppress(OSError):  # the sweep is gone
        sweep.send_bytes(json.dumps(answer).encode())


def prepare(modules: list[str]) -> None:
    """Import what a run imports, and what registers components; what cannot be imported, a job will tell."""
    load_plugins()
    with warnings.catch_warnings(), mlflow_environment():
        warnings.simplefilter("ignore")
        for name in (*LATER, *modules):
            with suppress(Exception):
                importlib.import_module(name)
    threadpool_limits(1)  # a run sets its own number


def _read_data(job: str) -> None:
    """Read and prepare the data of a job, which stay; where that fails, the job itself will tell."""
    with suppress(Exception, SystemExit):
        load_data(unpack(job).config)


def _threads() -> list[str]:
    """Names of the threads beside the main one, which a forked process would lack."""
    return [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]


def _ended(pid: int, wait: bool) -> dict[str, int | None]:
    """The exit code of a worker, or the number of the signal that ended it with a minus; None if it still lives.

    Nothing of a worker that another fork server had started, which is gone.
    """
    try:
        found, status = os.waitpid(pid, 0 if wait else os.WNOHANG)
    except ChildProcessError:
        return {}
    return {"code": os.waitstatus_to_exitcode(status) if found else None}


def _received(connection: Connection) -> bytes | None:
    with suppress(EOFError, OSError):
        return connection.recv_bytes()
    return None


def send_file(connection: Connection, handle: int) -> None:
    """Send an open file through a connection."""
    with socket.socket(fileno=os.dup(connection.fileno())) as way:
        socket.send_fds(way, [b"."], [handle])


def receive_file(connection: Connection) -> int | None:
    """The file that was sent by `send_file`; None where the sender is gone."""
    with socket.socket(fileno=os.dup(connection.fileno())) as way:
        _, handles, _, _ = socket.recv_fds(way, 1, 1)
    return handles[0] if handles else None
