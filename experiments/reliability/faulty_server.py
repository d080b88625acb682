"""MLflow's server, with its own code and database, which fails as it is told: for tests, and for measurements.

    python -m experiments.reliability.faulty_server PORT FOLDER FAULT MOMENT

serves the store FOLDER/server.db; FAULT and MOMENT are those of `Faults`.
"""

from __future__ import annotations

import os
import socket
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
        self.released.set()
        self.released = threading.Event()
        self.fault, self.moment, self.begun, self.answers = fault, moment, False, 0

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
            return _cut(environ)
        if fault == "slow":
            time.sleep(0.2)
        answer = list(self._app(environ, start))
        self.answers += self.begun
        return _cut(environ) if fault == "withhold" and self.answers % 5 == 0 else answer

    def _is_moment(self, path: str) -> bool:
        """The first batch is that of the parameters."""
        named = MOMENTS[self.moment]
        return named in path and (self.moment != "middle" or sum(named in asked for asked in self.asked) > 1)


def _cut(environ: dict[str, Any]) -> list[bytes]:
    """Close the connection in place of an answer."""
    line: socket.socket = environ["werkzeug.socket"]
    line.shutdown(socket.SHUT_RDWR)
    return []


class FaultyServer:
    """The server at a port of this machine, in threads of this process; one database a process."""

    def __init__(self, folder: Path, port: int = 0, fault: str = "none", moment: str = "start") -> None:
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Quiet(WSGIRequestHandler):
            def log(self, *args: Any) -> None:
                pass

        self.faults = Faults(_mlflow(folder), fault, moment)
        self._made = lambda port: make_server("127.0.0.1", port, self.faults, threaded=True, request_handler=Quiet)
        self._server = self._made(port)
        self.port: int = self._server.port
        self.database = folder / "server.db"
        self._serve()

    @property
    def uri(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def _serve(self) -> None:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections from now on."""
        self.faults.set("none")
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def start(self) -> None:
        """Take connections at the same port again."""
        self._server = self._made(self.port)
        self._serve()

    def wait(self) -> None:
        """Serve for ever."""
        self._thread.join()


def _mlflow(folder: Path) -> Any:
    """MLflow's own application over a database in a folder."""
    os.environ["_MLFLOW_SERVER_FILE_STORE"] = f"sqlite:///{folder / 'server.db'}"
    os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = "mlflow-artifacts:/"
    os.environ["_MLFLOW_SERVER_ARTIFACT_DESTINATION"] = str(folder / "artifacts")
    os.environ["_MLFLOW_SERVER_SERVE_ARTIFACTS"] = "true"
    os.environ["MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE"] = "true"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.server import app
    return app


if __name__ == "__main__":
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    given = sys.argv[1:]
    FaultyServer(Path(given[1]), int(given[0]), *given[2:]).wait()
