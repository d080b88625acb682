"""A server that asks for a login, before MLflow's own: as a proxy does in front of many real ones."""

from __future__ import annotations

import base64
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mlflow_server(folder: Path) -> Iterator[int]:
    """MLflow's server over a database in `folder`; yields its port once it answers."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/server.db", "--artifacts-destination", str(folder / "kept")]
    lean = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env={**os.environ, **lean}, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait(port, server)
        yield port
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("MLflow's server did not start")


class Guard(ThreadingHTTPServer):
    """Passes on the requests whose login is known, and answers 401 to the others; counts both."""

    def __init__(self, behind: int | None) -> None:
        super().__init__(("127.0.0.1", 0), _Asking)
        self.behind, self.logins, self.passed, self.refused = behind, set[str](), 0, 0

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def expect(self, user: str, password: str) -> None:
        """Let this login pass, and forget what was counted."""
        self.logins = {"Basic " + base64.b64encode(f"{user}:{password}".encode()).decode(), f"Bearer {password}"}
        self.passed = self.refused = 0

    @contextmanager
    def serving(self) -> Iterator[Guard]:
        """Serve in a thread until the block ends."""
        threading.Thread(target=self.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            self.shutdown()
            self.server_close()

    def handle_error(self, *_: object) -> None:
        """Say nothing of who hangs up before the answer, as a question whether anybody is there does."""


class _Asking(BaseHTTPRequestHandler):
    server: Guard

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Every method is answered alike: the library looks for do_GET, do_POST and so on."""
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") not in self.server.logins:
            self.server.refused += 1
            self._reply(401, b"who are you?", [("WWW-Authenticate", "Basic")])
        elif self.server.behind is None:
            self.server.passed += 1
            self._reply(500, b"{}", [])
        else:
            self.server.passed += 1
            self._reply(*_forwarded(self.server.behind, self, body))

    def _reply(self, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _forwarded(port: int, asked: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes, list[tuple[str, str]]]:
    given = {name: value for name, value in asked.headers.items() if name.lower() not in ("host", "authorization")}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(asked.command, asked.path, body, given)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    kept = [(name, value) for name, value in answer.getheaders() if name.lower() == "content-type"]
    return answer.status, content, kept
