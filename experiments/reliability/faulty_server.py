"""MLflow's server, with its own code and database, which fails as it is told: for tests, and for measurements.

    python -m experiments.reliability.faulty_server FOLDER

serves the store FOLDER/server.db, prints its port, and takes lines from standard input: `FAULT MOMENT` as in `Faults`,
`stop` and `start` of taking connections. Each is answered by a line.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

MOMENTS = {"start": "/", "middle": "/runs/log-batch", "end": "/runs/update"}
"""What is asked for when a fault begins: anything; the first batch of metrics; the end of a run."""


class Faults:
    """A WSGI application before MLflow's, which fails in one of these ways from a moment on.

    Args:
        app: MLflow's.
        fault: none; 503; hang, which never answers; slow, which takes 200 ms for an answer; withhold, which does what
            is asked and closes the connection in place of each fifth answer; gone, which closes every connection.
        moment: start, middle or end.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], fault: str = "none", moment: str = "start") -> None:
        self._app = app
        self.asked: list[str] = []
        self.released = threading.Event()
        self.set(fault, moment)

    def set(self, fault: str, moment: str = "start") -> None:
        """Fail in another way from now on; what hangs is let go."""
        self.fault, self.moment, self.begun, self.answers = fault, moment, False, 0
        before, self.released = self.released, threading.Event()
        before.set()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = str(environ["PATH_INFO"])
        self.asked.append(path)
        self.begun = self.begun or self._is_moment(path)
        fault = self.fault if self.begun else "none"
        if fault == "503":
            start("503 Service Unavailable", [("Content-Length", "0")])
            return []
        if fault == "hang":
            self.released.wait()
            fault = "gone"
        if fault == "gone":
            return _cut(environ, start)
        if fault == "slow":
            time.sleep(0.2)
        answer = list(self._app(environ, start))
        self.answers += self.begun
        return _cut(environ) if fault == "withhold" and self.answers % 5 == 0 else answer

    def _is_moment(self, path: str) -> bool:
        """The first batch is that of the parameters."""
        named = MOMENTS[self.moment]
        return named in path and (self.moment != "middle" or sum(named in asked for asked in self.asked) > 1)


def _cut(environ: dict[str, Any], start: Callable[..., Any] | None = None) -> list[bytes]:
    """Close the connection in place of an answer, of which the first line goes nowhere."""
    if start is not None:
        start("500 Nobody reads this", [])
    line: socket.socket = environ["werkzeug.socket"]
    line.shutdown(socket.SHUT_RDWR)
    return []


class Serving:
    """The server in threads of this process, at a port of this machine."""

    def __init__(self, folder: Path) -> None:
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Quiet(WSGIRequestHandler):
            def log(self, *args: Any) -> None:
                pass

        self.faults = Faults(_mlflow(folder))
        self._made = lambda port: make_server("127.0.0.1", port, self.faults, threaded=True, request_handler=Quiet)
        self.port = 0
        self.start()

    def start(self) -> None:
        """Take connections, always at the same port."""
        self._server = self._made(self.port)
        self.port = int(self._server.port)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Refuse connections."""
        self.faults.set("none")
        self._server.shutdown()
        self._server.server_close()


def _mlflow(folder: Path) -> Any:
    """MLflow's own application over a database in a folder."""
    os.environ["_MLFLOW_SERVER_FILE_STORE"] = f"sqlite:///{folder / 'server.db'}"
    os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = "mlflow-artifacts:/"
    os.environ["_MLFLOW_SERVER_ARTIFACT_DESTINATION"] = str(folder / "artifacts")
    os.environ["_MLFLOW_SERVER_SERVE_ARTIFACTS"] = "true"
    os.environ["MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE"] = "true"
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.server import app
    return app


class FaultyServer:
    """The server in a process of its own; `database` is its store."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "server.db"
        command = [sys.executable, "-m", "experiments.reliability.faulty_server", str(folder)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, cwd=Path(__file__).parents[2]
        )
        self.uri = f"http://127.0.0.1:{self._answer()}"

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def say(self, *words: str) -> None:
        """A fault and its moment, stop or start."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(words) + "\n")
        self._process.stdin.flush()
        assert self._answer() == "done", "the server is gone"

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.kill()
        self._process.wait()


def main(folder: Path) -> None:
    """Serve until standard input is closed."""
    serving = Serving(folder)
    print(serving.port, flush=True)
    for line in sys.stdin:
        words = line.split()
        if words[0] in ("stop", "start"):
            getattr(serving, words[0])()
        else:
            serving.faults.set(*words)
        print("done", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
