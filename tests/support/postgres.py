"""A PostgreSQL of a test: in a temporary folder, on a free port, by a user who may start one, with a password."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

PASSWORD = "swordfish-4711"
"""Planted, so that a test can search for it."""

HOST = "127.0.0.1"

SECONDS = 120.0
"""For a server to answer, on a busy machine."""


def programs() -> Path:
    """The folder of PostgreSQL's programs; the test is skipped where there is none, or nobody who may run them."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    here = shutil.which("initdb")
    if not found and here is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    if os.getuid() == 0 and (shutil.which("runuser") is None or not _exists("postgres")):
        pytest.skip("root may not run PostgreSQL, and there is no user postgres or no runuser")
    pytest.importorskip("psycopg2")
    return found[-1].parent if found else Path(str(here)).parent


def _exists(user: str) -> bool:
    with suppress(KeyError):
        return bool(pwd.getpwnam(user))
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class Postgres:
    """A database server; `uri(name)` is the address of one of its databases."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.folder, self.port = programs(), folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None
        secret = folder / "password"
        secret.write_text(PASSWORD)
        if os.getuid() == 0:
            for path in (folder, secret):
                shutil.chown(path, "postgres", "postgres")
        self._call("initdb", "-D", str(folder / "data"), "-U", "bp", "-A", "scram-sha-256", f"--pwfile={secret}",
                   "--no-sync", "--no-instructions", "-E", "UTF8", "--locale=C.UTF-8")  # fmt: skip

    def _as_user(self, words: Sequence[str]) -> list[str]:
        """Not as root, which PostgreSQL refuses."""
        return [*(["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []), *words]

    def _call(self, name: str, *words: str) -> None:
        command = self._as_user([str(self.bin / name), *words])
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start it, and return when it answers."""
        words = ["-D", str(self.folder / "data"), "-p", str(self.port), "-k", str(self.folder), "-c", "fsync=off",
                 "-c", f"listen_addresses={HOST}"]  # fmt: skip
        self._call("pg_ctl", "start", "-w", "-t", str(int(SECONDS)), "-D", str(self.folder / "data"), "-l",
                   str(self.folder / "log"), "-s", "-o", " ".join(words[2:]))  # fmt: skip

    def stop(self, mode: str = "fast") -> None:
        """End it: fast closes the connections, immediate is as good as a crash."""
        self._call("pg_ctl", "stop", "-w", "-s", "-D", str(self.folder / "data"), "-m", mode)

    def uri(self, name: str) -> str:
        """The address of a database, with user and password."""
        return f"postgresql+psycopg2://bp:{PASSWORD}@{HOST}:{self.port}/{name}"

    def ask(self, name: str, query: str) -> list[tuple[object, ...]]:
        """The rows of a query, each committed at once; none for a statement without rows."""
        import psycopg2

        connection = psycopg2.connect(self.uri(name).replace("+psycopg2", ""))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(query)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    def create(self, name: str) -> str:
        """Create an empty database, and return its address."""
        self.ask("postgres", f'create database "{name}"')
        return self.uri(name)


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A PostgreSQL for the time of the block; its folder can be reached by the user postgres, unlike pytest's."""
    programs()
    folder = Path(tempfile.mkdtemp(prefix="bpexp-postgres-"))
    try:
        server = Postgres(folder)
        server.start()
        try:
            yield server
        finally:
            with suppress(AssertionError):
                server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class MlflowServer:
    """`mlflow server` over a database, with artifacts through its proxy."""

    def __init__(self, backend: str, folder: Path) -> None:
        self.backend, self.folder, self.port = backend, folder, free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it answers."""
        environment = {**os.environ, "MLFLOW_BACKEND_STORE_URI": self.backend, "MLFLOW_DISABLE_TELEMETRY": "true",
                       "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # fmt: skip
        environment.pop("MLFLOW_TRACKING_URI", None)
        command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(self.port), "--workers", "1",
                   "--artifacts-destination", str(self.folder / "artifacts")]  # fmt: skip
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        until = time.monotonic() + SECONDS
        while not self.answers():
            assert self.process.poll() is None, (self.folder / "server.log").read_text()[-2000:]
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.1)

    def answers(self) -> bool:
        """Whether it is there."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with suppress(OSError), opener.open(f"{self.url}/health", timeout=5) as answer:
            return bool(answer.status == 200)
        return False

    def kill(self) -> None:
        """End it with all its children, without a word."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
