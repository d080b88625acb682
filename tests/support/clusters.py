"""Clusters of a test on this machine, each of processes of their own: a Dask scheduler or a Ray head, two machines.

The second machine does not see the folder `hidden`, in a mount namespace of its own, as if it were another computer.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from postgres import HOST, free_port

SECONDS = 120.0
"""For a process to answer, on a busy machine."""


RAY = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a-token-of-a-test-0123456789abcdefghijklmnop"}
"""The token of a Ray cluster, which would else be written to the home of the user."""


def apart(hidden: Path) -> list[str]:
    """The beginning of a command that does not see the files of a folder; skips the test where Linux forbids it."""
    words = ["unshare", *([] if os.getuid() == 0 else ["--map-root-user"]), "--mount", "sh", "-c"]
    words += ['mount -t tmpfs none "$0" && exec "$@"', str(hidden)]
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], capture_output=True).returncode:
        pytest.skip("this system lets nobody have a mount namespace of his own, which stands for another machine")
    return words


class Program:
    """A process of a cluster, with all that it starts; `log` is what it says."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
                env={**os.environ, **RAY, "TMPDIR": str(log.parent)},
            )

    def kill(self) -> None:
        """End it with all that it has started, without a word."""
        with suppress(psutil.NoSuchProcess):
            for process in [*psutil.Process(self.process.pid).children(recursive=True), self.process]:
                with suppress(psutil.NoSuchProcess, ProcessLookupError):
                    process.kill()
        self.process.wait()

    def says(self, word: str) -> bool:
        """Whether it said something; fails the test when it has ended."""
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        return word in self.log.read_text()


def until(true: Callable[[], object]) -> None:
    """Wait until something is true."""
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


class DaskCluster:
    """A scheduler and its workers, each with one thread; `workers` are the processes, the second one is apart."""

    def __init__(self, folder: Path, hidden: Path) -> None:
        self.folder, self.hidden = folder, hidden
        self.address = f"tcp://{HOST}:{free_port()}"
        dask = [sys.executable, "-m", "dask"]
        port = self.address.rpartition(":")[2]
        self.scheduler = Program(
            [*dask, "scheduler", "--host", HOST, "--port", port, "--no-dashboard"], folder / "scheduler.log"
        )
        self.workers = [self.start(), self.start(apart(hidden))]

    def start(self, before: Sequence[str] = ()) -> Program:
        """Start a worker."""
        words = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self.folder)]
        command = [*before, sys.executable, "-m", "dask", "worker", self.address, *words]
        number = len(list(self.folder.glob("worker*.log")))
        return Program(command, self.folder / f"worker{number}.log")

    def ready(self) -> None:
        """Wait for the workers."""
        until(lambda: all(worker.says("Registered to") for worker in self.workers))

    def lose(self) -> None:
        """Have the second machine go away, and another one come in its place."""
        self.workers.pop().kill()
        self.workers.append(self.start(apart(self.hidden)))

    def close(self) -> None:
        """End everything."""
        for program in [*self.workers, self.scheduler]:
            program.kill()


class RayCluster:
    """A head and a second node, each with one processor, which is apart."""

    def __init__(self, folder: Path, hidden: Path) -> None:
        from ray.util import get_node_ip_address  # Ray takes this address in place of 127.0.0.1, too

        self.folder, self.hidden = folder, hidden
        port = free_port()
        self.address = f"{get_node_ip_address()}:{port}"
        words = ["--head", f"--port={port}", "--include-dashboard=false"]
        self.head = self._start("head", [*words, f"--temp-dir={folder / 'ray'}"])
        self.nodes: list[Program] = []

    def _start(self, name: str, words: Sequence[str], before: Sequence[str] = ()) -> Program:
        common = ["--num-cpus=1", "--disable-usage-stats", "--block", "--object-store-memory=80000000"]
        command = [*before, sys.executable, "-m", "ray.scripts.scripts", "start", *words, *common]
        return Program(command, self.folder / f"{name}.log")

    def add_node(self) -> Program:
        """Start a further node, apart."""
        name = f"node{len(self.nodes)}"
        self.nodes.append(self._start(name, [f"--address={self.address}"], apart(self.hidden)))
        return self.nodes[-1]

    def ready(self) -> None:
        """Wait for the nodes."""
        until(lambda: all(program.says("Ray runtime started") for program in [self.head, *self.nodes]))

    def lose(self) -> None:
        """Have the second machine go away."""
        self.nodes.pop().kill()

    def close(self) -> None:
        """End everything."""
        for program in [*self.nodes, self.head]:
            program.kill()
