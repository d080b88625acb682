"""The MLflow pages of the recorded runs: `python -m bpexp.ui` starts a local server and prints the link."""

from __future__ import annotations

import argparse
import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import quote

from bpexp.errors import TrackingError
from bpexp.tracking.credentials import scrubbed, whole
from bpexp.tracking.links import experiment_link
from bpexp.tracking.location import resolve, sqlite_path

HOST, PORT = "127.0.0.1", 5000
START_SECONDS = 90.0
SIGNALS = (signal.SIGINT, signal.SIGTERM)
ALL_HOSTS = ("0.0.0.0", "::")
"""Addresses at which a server listens to every network of the machine."""

_LEAN = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # avoids a dozen processes for language models
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
_CLOSED = {
    "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "false",
    "MLFLOW_SERVER_X_FRAME_OPTIONS": "DENY",
    "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": "",
    "MLFLOW_ENABLE_REMOTE_ASSISTANT": "false",  # it can run commands on this machine
}
"""What keeps the pages of others out, whatever the environment says."""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM; returns 0, or 2 if there is no store to serve, 1 if the server fails."""
    options = _arguments(argv)
    for number in SIGNALS:  # in a background shell SIGINT is ignored by default
        signal.signal(number, _interrupt)
    with suppress(KeyboardInterrupt):
        return _serve(options)
    return 0


def _serve(options: argparse.Namespace) -> int:
    """Start the server, print the link, and wait; returns the exit code if the server ends by itself."""
    code = 2
    try:
        uri, port = _existing_store(options.uri), _free_port(options.host, options.port)
        if port != options.port:
            print(f"port {options.port} is in use; taking {port}", flush=True)
        code = 1
        with tempfile.TemporaryFile() as log, _server(uri, options, port, log) as server:
            _show(server, f"http://{_names(options)[0]}:{port}", options)
            server.wait()
            raise TrackingError(f"the server ended by itself: {_last_line(log)}")
    except TrackingError as error:
        print(f"bpexp.ui: {error}", file=sys.stderr)
        return code


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bpexp.ui", description="Look at the recorded runs in a browser.")
    parser.add_argument("--port", type=int, default=PORT, help="first port to try (default: %(default)s)")
    parser.add_argument("--uri", help="the store (default: MLFLOW_TRACKING_URI, then ./mlflow.db)")
    parser.add_argument("--experiment", default="bpexp", help="the experiment to open (default: %(default)s)")
    parser.add_argument("--open", action="store_true", help="open the link in the browser")
    parser.add_argument("--host", default=HOST, help="where to listen (default: this machine alone)")
    hosts = "names by which others may ask, such as lab.example,10.0.0.7; --host needs it, for there is no password"
    parser.add_argument("--allowed-hosts", type=_hosts, default=[], help=hosts)
    options = parser.parse_args(argv)
    if options.host not in (HOST, "localhost") and not options.allowed_hosts:
        parser.error(
            f"--host {options.host!r} lets others read, change and delete the runs without a password; name those "
            "under whose names they may ask: --allowed-hosts lab.example"
        )
    if not 0 < options.port < 65536:
        parser.error(f"--port must lie between 1 and 65535, not {options.port}")
    return options


def _hosts(words: str) -> list[str]:
    """The names of hosts in a list with commas; patterns are refused, for a name of another may match one."""
    names = [word.strip() for word in words.split(",")]
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]", name):
            raise argparse.ArgumentTypeError(f"{name!r} is not the name or address of a host, such as lab.example")
    return names


def _names(options: argparse.Namespace) -> list[str]:
    """The names by which the server may be asked, the first of them by this process."""
    host = HOST if options.host in ALL_HOSTS else options.host
    mine = f"[{host}]" if ":" in host else host
    return list(dict.fromkeys([mine, HOST, "localhost", *options.allowed_hosts]))


def _existing_store(uri: str | None) -> str:
    """The public URI of the store to serve; raises TrackingError for a server, or if nothing is recorded there."""
    resolved = resolve(uri, Path.cwd())
    if resolved.startswith(("http:", "https:")):
        raise TrackingError(f"{resolved!r} is a server already; open it in the browser, or give --uri sqlite:///...")
    path = sqlite_path(resolved)
    if path is not None and not path.is_file():
        raise TrackingError(
            f"no runs are recorded in {str(path)!r} yet; run `python -m bpexp` there first, or give --uri"
        )
    return resolved


def _free_port(host: str, first: int) -> int:
    """The first free port from `first` on; raises TrackingError also where `host` is not an address of this machine."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in range(first, min(first + 50, 65536)):
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left is free
            try:
                probe.bind((host, port))
                return port
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise TrackingError(f"--host {host!r} cannot be listened at: {error.strerror or error}") from None
    raise TrackingError(f"no port is free from {first} on; give another --port")


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _server(uri: str, options: argparse.Namespace, port: int, log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """The server as a process in a session of its own, which is terminated, with all its children, on exit."""
    # In the environment the URI, which may hold a password, is not listed by ps.
    hosts = ",".join(f"{name}:{port}" for name in _names(options))
    secured = {**_LEAN, **_CLOSED, "MLFLOW_SERVER_ALLOWED_HOSTS": hosts}
    environment = {**os.environ, **secured, "MLFLOW_BACKEND_STORE_URI": whole(uri)}
    command = [sys.executable, "-m", "mlflow", "ui", "--host", options.host, "--port", str(port), "--workers", "1"]
    server = None
    try:
        with _held() as arrived:  # else a signal could end this process before it knows the one that it has started
            server = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        if arrived:
            raise KeyboardInterrupt
        yield server
    finally:
        if server is not None:
            _end(server)


@contextmanager
def _held() -> Iterator[list[int]]:
    """Signals that arrive meanwhile are noted, and interrupt nothing."""
    arrived: list[int] = []
    for number in SIGNALS:
        signal.signal(number, lambda number, frame: arrived.append(number))
    try:
        yield arrived
    finally:
        for number in SIGNALS:
            signal.signal(number, _interrupt)


def _end(server: subprocess.Popen[bytes]) -> None:
    """Send SIGTERM to the session, and SIGKILL after five seconds; a second Ctrl-C is ignored."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(server.pid, number)
            server.wait(timeout=5)


def _show(server: subprocess.Popen[bytes], base: str, options: argparse.Namespace) -> None:
    """Wait until the server answers and print the link; raises TrackingError after START_SECONDS."""
    began = time.monotonic()
    while _ask(f"{base}/health") is None:
        if server.poll() is not None:
            return
        if time.monotonic() - began > START_SECONDS:
            raise TrackingError(
                f"the server has not answered for {START_SECONDS:.0f} s; try again when there is less load"
            )
        time.sleep(0.1)
    link = _link(base, options.experiment)
    print(f"{link}\nCtrl-C ends it", flush=True)
    if options.open:
        webbrowser.open(link)


def _link(base: str, experiment: str) -> str:
    """The page of the experiment, or the list of all experiments if it does not exist."""
    answer = _ask(f"{base}/api/2.0/mlflow/experiments/get-by-name?experiment_name={quote(experiment, safe='')}")
    if answer:
        return experiment_link(base, str(json.loads(answer)["experiment"]["experiment_id"]))
    print(f"there is no experiment {experiment!r} in this store; these are the others", flush=True)
    return f"{base}/#/experiments?workflowType=machine_learning"


def _ask(url: str) -> Any:
    """The body of the response; empty after an HTTP error, None without a response. Proxies are not used."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=10) as answer:
            return answer.read() or b" "
    except HTTPError as error:
        error.close()
        return b""
    except OSError:
        return None


def _last_line(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    return scrubbed(lines[-1].strip()) if lines else "it printed no message"
