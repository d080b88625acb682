"""The sweep's side of the fork server: workers that perform jobs, and how each of them ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import Pipe
from typing import IO, Any

from bpexp.errors import say, warn
from bpexp.records.process import started
from bpexp.running.child_process import UNKNOWN, ending
from bpexp.running.ending.signals import ended_with_this_process
from bpexp.running.job import Job
from bpexp.running.launchers.fork_server import send_file
from bpexp.running.launchers.packing import pack

CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from bpexp.cli.worker import main; "
    "main(**json.loads(sys.argv[2]))"
)
"""What the fork server executes, with the modules of this process."""

LOOK = 1.0
"""Seconds between two looks at workers that say nothing: a child of theirs may hold the connection of a dead one."""

GONE = (EOFError, OSError)
"""What a connection raises when the process at its other end is gone."""


class ForkServer:
    """The process that forks workers, started when it is made; another one takes its place if it dies.

    Args:
        preload: whether it imports everything and reads the data before it forks.
        modules: modules that register components beside those of bpexp and of plug-ins.
        tracking: whether the jobs are recorded in MLflow, whose modules take most of the time of the imports.
    """

    def __init__(self, preload: bool, modules: Sequence[str], *, tracking: bool = True) -> None:
        self._preload, self._modules, self._tracking = preload, list(modules), tracking
        self._earlier: list[subprocess.Popen[bytes]] = []
        self._asked = 0
        self._start()
        ended_with_this_process(self._end_idle)

    def _start(self) -> None:
        self._connection, theirs = Pipe()
        with theirs:
            handle = theirs.fileno()
            said = {
                "handle": handle,
                "preload": self._preload,
                "tracking": self._tracking,
                "modules": self._modules,
            }
            live = sys.stderr is not None and sys.stderr.isatty()
            self._process = subprocess.Popen(
                [sys.executable, "-c", CODE, json.dumps(sys.path), json.dumps(said)],
                stdin=subprocess.PIPE,  # which the workers share: they end when this process has closed it
                stderr=subprocess.PIPE if live else None,
                pass_fds=[handle],
                start_new_session=True,  # Ctrl-C in the terminal reaches the sweep alone, which passes it on once
            )
        self._served = False
        if self._process.stderr is not None:
            threading.Thread(target=_pass_on, args=(self._process.stderr,), daemon=True).start()

    def _start_anew(self) -> None:
        """Start another process. The pipe of the old one stays open: closed, it would tell its workers to end."""
        self._connection.close()
        self._earlier.append(self._process)
        self._start()

    def worker(self, job: Job, memory: int | None = None) -> Worker:
        """A new worker, of at most `memory` MiB, for a job; raises ChildProcessError where none can be started."""
        while True:
            connection, theirs = Pipe()
            try:
                with theirs:
                    answer = self._ask({"job": pack(job), "memory": memory}, theirs.fileno())
            except GONE:
                connection.close()
                if not self._served:
                    code = self._process.wait()
                    raise ChildProcessError(f"the process that starts the workers {ending(code)}") from None
                self._start_anew()  # somebody killed it; its workers live on
                continue
            if "pid" in answer:
                self._served = True
                return Worker(self, int(answer["pid"]), connection)
            connection.close()
            names = ", ".join(answer["threads"])
            warn(f"a module that was imported has started threads ({names}): workers are not forked, each one imports")
            self._preload = False
            self._start_anew()

    def ended(self, pid: int, *, wait: bool) -> int | None:
        """How a worker ended, as `subprocess` counts; None if it still lives, UNKNOWN if its fork server is gone."""
        with suppress(*GONE, KeyError):
            code = self._ask({"ended": pid, "wait": wait})["code"]
            return None if code is None else int(code)
        while wait and started(pid) is not None:
            time.sleep(0.01)
        return UNKNOWN if started(pid) is None else None

    def _ask(self, request: dict[str, Any], file: int | None = None) -> dict[str, Any]:
        """The answer to a request; an earlier one whose wait was interrupted by a signal is passed over."""
        self._asked += 1
        self._connection.send_bytes(json.dumps({**request, "number": self._asked}).encode())
        if file is not None:
            send_file(self._connection, file)
        while True:
            answer: dict[str, Any] = json.loads(self._connection.recv_bytes())
            if answer["number"] == self._asked:
                return answer

    def kill(self) -> None:
        """End the process at once, wherever it is."""
        self._process.kill()
        self.close()

    def _end_idle(self) -> None:
        """End a process that has started no worker yet: it may import for seconds, and has nothing to lose."""
        if not self._served:
            self._process.kill()

    def close(self) -> None:
        """End the process, and with it workers that are left."""
        self._end_idle()
        self._connection.close()
        for process in (*self._earlier, self._process):
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(LOOK)
            except subprocess.TimeoutExpired:  # it still imports, say
                process.kill()
                process.wait()


def _pass_on(lines: IO[bytes]) -> None:
    """Say what workers say on standard error: on a terminal this process has a table there, which it draws anew."""
    for line in lines:
        say(line.decode(errors="replace").rstrip("\n"))


class Worker:
    """One process, and the jobs that it performs: one, or several that are trained together."""

    def __init__(self, server: ForkServer, pid: int, connection: Any) -> None:
        self._server, self.pid, self.connection = server, pid, connection
        self.jobs: dict[int, Job] = {}
        self._code: int | None = None

    def perform(self, unit: Sequence[Job]) -> None:
        """Send jobs that are one unit to a process that waits for one."""
        self.jobs = {job.number: job for job in unit}
        with suppress(*GONE):  # the connection tells it
            self.connection.send_bytes(json.dumps([pack(job) for job in unit]).encode())

    def answer(self) -> bytes | None:
        """What the process says, now that it says something; None if it is gone."""
        with suppress(*GONE):
            found: bytes | None = self.connection.recv_bytes() if self.connection.poll() else None
            return found
        return None

    @property
    def gone(self) -> bool:
        """Whether the process has ended."""
        if self._code is None:
            self._code = self._server.ended(self.pid, wait=False)
        return self._code is not None

    def interrupt(self, number: int) -> None:
        """End the job that runs as by a signal."""
        if not self.gone:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def dismiss(self) -> None:
        """Let the process end by itself; `leave` waits for it."""
        with suppress(*GONE):
            self.connection.send_bytes(b"")

    def leave(self, patience: float) -> None:
        """Let the process end by itself, and kill it where it does not within some seconds."""
        self.dismiss()
        until = time.monotonic() + patience
        while not self.gone and time.monotonic() < until:
            time.sleep(0.005)
        if not self.gone:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._code = self._server.ended(self.pid, wait=True)
        self.connection.close()

    def death(self) -> str:
        """How the process ended, in words."""
        self.leave(LOOK)
        assert self._code is not None
        return f"its process {ending(self._code)}"
