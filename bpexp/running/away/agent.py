"""A worker of an engine, on its machine: it has jobs performed in a process of its own, which alone a job can kill.

So the death of a job, by SIGKILL, lack of memory or a crash of a library, is told with its reason and the files that it
left, and the worker takes the next job. An engine calls `introduce`, `lend`, `perform` and `close`, and `stop` from
another thread. What fails is answered, never raised: engines write arguments of what raises into their logs.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from bpexp.errors import BpexpError
from bpexp.running.away.parcel import Parcel, files_in, opened, packed, write
from bpexp.running.away.shared import same_folder
from bpexp.running.child_process import GRACE, ending

CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from bpexp.cli.worker import away; away(int(sys.argv[2]))"
)

GONE = (EOFError, OSError)

LOOK = 1.0
"""Seconds between two looks at a process that says nothing."""


class Agent:
    """One worker. A message is a text of `Home`, a parcel one of its parcels; the answers go back to it."""

    def __init__(self, hello: str, credentials: str = "") -> None:
        self._hello, self._credentials = hello, credentials
        self._child: Child | None = None
        self._stopped: int | None = None
        self._unwanted: Callable[[], bool] = lambda: False

    def introduce(self) -> str:
        """Start the process and have it introduce itself and find the data set: the answer as JSON."""
        return json.dumps(self._introduced())

    def lend(self, credentials: str) -> None:
        """Take the credentials of stores, for the memory of the process alone."""
        self._credentials = credentials
        if self._child is not None:
            self._child.send(credentials)

    def _introduced(self) -> dict[str, Any]:
        child = self._child = Child()
        hello = json.loads(self._hello)
        answer = child.ask(json.dumps({"hello": hello}))
        if answer is not None and not answer["refusal"]:
            found = child.ask(json.dumps({"data": hello["data"]}))
            answer = None if found is None else {**answer, **found}
        if answer is None:
            answer = {
                "refusal": f"no process could be started on it: {child.death()}{child.last_line()}",
                "rounding": "",
            }
        if answer["refusal"]:
            self.close()
        return answer

    def perform(self, parcel: bytes, unwanted: Callable[[], bool] = lambda: False) -> bytes:
        """Perform the job of a parcel; it is ended as by SIGTERM when it is `unwanted`, which is asked all the time.

        The answer is a parcel with its outcome and, where no folder is shared, its files.
        """
        self._unwanted = unwanted
        try:
            return self._performed(opened(parcel))
        except (BpexpError, OSError, MemoryError) as error:
            return packed({"outcome": None, "reason": f"its worker could not take it: {error}"}, {})

    def _performed(self, parcel: Parcel) -> bytes:
        if self._stopped is not None:
            return packed({"outcome": None, "reason": ""}, {})
        if self._child is None:
            if refusal := self._introduced()["refusal"]:
                return packed({"outcome": None, "reason": refusal}, {})
            self.lend(self._credentials)
        if same_folder(parcel.told["sweep"], parcel.told["mark"]):
            return packed({**self._answer(parcel.told, None), "shared": True}, {})
        scratch = Path(tempfile.mkdtemp(prefix="bpexp-"))
        try:
            write(parcel.files, scratch)
            answer = self._answer(parcel.told, scratch)
            return packed({**answer, "shared": False}, files_in(scratch))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _answer(self, told: dict[str, Any], directory: Path | None) -> dict[str, Any]:
        child = self._child
        assert child is not None
        message = {**told, "directory": None if directory is None else str(directory)}
        child.send(json.dumps(message))
        child.busy = True
        if self._stopped is not None:
            child.signal(self._stopped)
        while not child.speaks(LOOK):
            if self._stopped is None and self._unwanted():
                self.stop(signal.SIGTERM)
        answer = child.receive()
        child.busy = False
        if answer is None or self._stopped is not None:
            self._child = None
            reason = child.death()
            answer = answer or {"outcome": None, "reason": reason}
        if refusal := answer.get("refusal"):
            return {"outcome": None, "reason": refusal}
        return answer

    def stop(self, number: int) -> None:
        """End the job that runs as by a signal, and take no more."""
        self._stopped = number
        if self._child is not None and self._child.busy:
            self._child.signal(number)

    def close(self) -> None:
        """End the process: one that has a job gets some seconds for its record, another one has nothing to lose."""
        child, self._child = self._child, None
        if child is not None:
            child.leave(GRACE if child.busy else 0.0)


class Child:
    """The process of an agent."""

    def __init__(self) -> None:
        self.busy = False
        self._said = tempfile.TemporaryFile()  # noqa: SIM115, it lasts as long as the process
        self._connection, theirs = Pipe()
        with theirs:
            handle = theirs.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-c", CODE, json.dumps(sys.path), str(handle)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                pass_fds=[handle],
                start_new_session=True,
            )

    def send(self, message: str) -> None:
        """Say something; one that is gone is noticed when it does not answer."""
        with suppress(*GONE):
            self._connection.send_bytes(message.encode())

    def receive(self) -> dict[str, Any] | None:
        """The answer; None if the process is gone, of which a child of its own may hold the connection."""
        while not self.speaks(LOOK):
            pass
        with suppress(*GONE):
            return dict(json.loads(self._connection.recv_bytes())) if self._connection.poll() else None
        return None

    def speaks(self, patience: float) -> bool:
        """Whether the process says something, or is gone, within some seconds."""
        return bool(wait([self._connection], patience)) or self._process.poll() is not None

    def ask(self, message: str) -> dict[str, Any] | None:
        """The answer to a message."""
        self.send(message)
        return self.receive()

    def signal(self, number: int) -> None:
        """Send a signal to the process."""
        self._process.send_signal(number)

    def leave(self, patience: float) -> None:
        """Let the process end by itself, and kill it where it does not within some seconds."""
        self._connection.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:  # closed while the process lives, it would be a signal
            self._process.stdin.close()

    def death(self) -> str:
        """How the process ended, in words."""
        self.leave(GRACE)
        return f"its process {ending(self._process.returncode)}"

    def last_line(self) -> str:
        """The last line on its standard error, for a process that could not even introduce itself."""
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").split("\n")
        said = next((line for line in reversed(lines) if line.strip()), "")
        return f" ({said})" if said else ""
