"""The pages open on the runs, for this machine alone, and leave nothing running behind."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bpexp.cli.outcome_rows import print_outcome
from bpexp.cli.rows import wide_console
from bpexp.records.outcome import Outcome
from bpexp.tracking.links import LOCAL, base_of, experiment_link, run_link
from bpexp.tracking.store import open_store
from bpexp.ui import server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=20000",
    "--window-size=1400,900",
    "--dump-dom",
]


def start(*arguments: str, cwd: Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """`python -m bpexp.ui` as a person starts it."""
    kept = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    environment = {**kept, **(environment or {})}
    root = str(Path(__file__).resolve().parents[2])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "bpexp.ui", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=cwd, env=environment)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a sweep of two runs under one parent, of classes and of values."""
    folder = tmp_path_factory.mktemp("ui")
    for experiment, metric in (("bpexp", "accuracy/test"), ("curves", "r2/test")):
        store = open_store(f"sqlite:///{folder}/mlflow.db", experiment)
        parent = store.client.create_run(store.experiment_id, run_name=f"{experiment}-sweep").info.run_id
        for name in ("with-relu", "with-sigmoid"):
            tags = {"mlflow.parentRunId": parent}
            run_id = store.client.create_run(store.experiment_id, run_name=name, tags=tags).info.run_id
            for step in range(3):
                store.client.log_metric(run_id, metric, 0.1 * step, step=step)
            store.client.set_terminated(run_id)
        store.client.set_terminated(parent)
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The running command and the link that it prints."""
    command = start("--port", str(free_port()), cwd=folder)
    try:
        assert command.stdout is not None
        yield command, command.stdout.readline().strip()
    finally:
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=20)


def dom(link: str, profile: Path) -> str:
    """The page as a browser builds it."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed here to look at the pages with")
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", link]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout


@pytest.mark.parametrize("experiment", ["bpexp", "curves"])
def test_the_link_shows_parent_and_children_of_a_sweep(
    experiment: str, served: tuple[subprocess.Popen[str], str], folder: Path, tmp_path: Path
) -> None:
    _, link = served
    base, printed = link.split("/#/")
    store = open_store(f"sqlite:///{folder}/mlflow.db", experiment)
    address = experiment_link(base, store.experiment_id)
    if experiment == "bpexp":
        assert address == f"{base}/#/{printed}"
    page = dom(address, tmp_path)
    for name in ("with-relu", "with-sigmoid", f"{experiment}-sweep"):
        assert name in page


def test_the_link_of_a_run_shows_the_run(
    served: tuple[subprocess.Popen[str], str], folder: Path, tmp_path: Path
) -> None:
    store = open_store(f"sqlite:///{folder}/mlflow.db", "bpexp")
    runs = store.client.search_runs([store.experiment_id], filter_string="attributes.run_name = 'with-relu'")
    page = dom(run_link(served[1].split("/#/")[0], store.experiment_id, runs[0].info.run_id), tmp_path)
    assert "with-relu" in page
    assert "Model metrics" in page


def test_only_this_machine_is_served_by_few_processes(served: tuple[subprocess.Popen[str], str]) -> None:
    psutil = pytest.importorskip("psutil", reason="psutil tells which ports and processes are open")
    command = psutil.Process(served[0].pid)
    family = [command, *command.children(recursive=True)]
    listening = {c.laddr.ip for p in family for c in p.net_connections() if c.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}
    assert len(family) <= 4


def asked(link: str, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str]]:
    """Status and headers of the answer to a request, `Host` and `Origin` as given."""
    place = link.split("/#/")[0].removeprefix("http://")
    connection = http.client.HTTPConnection(place, timeout=30)
    connection.request(method, path, "{}" if method == "POST" else None, {"Host": place, **headers})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}


SEARCH, CREATE = "/ajax-api/2.0/mlflow/experiments/search?max_results=1", "/api/2.0/mlflow/experiments/create"


@pytest.mark.parametrize(
    "host", ["evil.example", "192.168.evil.example:5000", "10.evil.example", "127.0.0.1.evil.example"]
)
def test_a_page_of_another_name_is_refused(host: str, served: tuple[subprocess.Popen[str], str]) -> None:
    """DNS rebinding; MLflow's own list lets in every name that begins as a private address does."""
    for path in ("/", SEARCH):
        assert asked(served[1], path, Host=host)[0] == 403


def test_no_page_of_others_reads_writes_or_frames_it(served: tuple[subprocess.Popen[str], str]) -> None:
    _, link = served
    for path in ("/", SEARCH):
        status, headers = asked(link, path, Origin="http://evil.example")
        assert status == 200
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
    assert asked(link, CREATE, "POST", Origin="http://evil.example", **{"Content-Type": "application/json"})[0] == 403
    status, headers = asked(link, CREATE, "OPTIONS", Origin="http://evil.example")
    assert "access-control-allow-origin" not in headers


def test_others_are_let_in_under_the_names_that_are_told_and_it_ends_with_its_children(folder: Path) -> None:
    """The environment cannot open it further; its port is taken, and what it should show is not there."""
    opened = {
        "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true",
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": "*",
        "MLFLOW_SERVER_X_FRAME_OPTIONS": "NONE",
        "MLFLOW_SERVER_ALLOWED_HOSTS": "*",
    }
    named = ("--host", "0.0.0.0", "--allowed-hosts", "lab.example", "--experiment", "not there")
    with on_a_taken_port(*named, folder=folder, environment=opened) as (command, port):
        assert command.stdout is not None
        assert "there is no experiment 'not there'" in command.stdout.readline()
        link = command.stdout.readline().strip()
        assert link.endswith(f":{port}/#/experiments?workflowType=machine_learning")
        assert asked(link, "/", Host=f"lab.example:{port}")[0] == 200
        assert asked(link, "/", Host=f"evil.example:{port}")[0] == 403
        _, headers = asked(link, "/", Origin="http://evil.example")
        assert headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in headers
        ends(command, signal.SIGINT, port)


def test_it_ends_while_it_still_starts(folder: Path) -> None:
    with on_a_taken_port(folder=folder) as (command, port):
        ends(command, signal.SIGTERM, port)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_server_is_being_started_leaves_none_running(
    number: signal.Signals, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It arrives when the other process is there, and the call that starts it has not returned yet."""
    kept = [signal.getsignal(each) for each in server.SIGNALS]
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, command: list[str], **how: Any) -> None:
            super().__init__(["sleep", "600"], **how)
            started.append(self)
            signal.raise_signal(number)

    monkeypatch.setattr(server.subprocess, "Popen", Interrupted)
    try:
        assert server.main(["--uri", f"sqlite:///{folder}/mlflow.db", "--port", str(free_port())]) == 0
        assert started[0].poll() == -signal.SIGTERM
    finally:
        for each, handler in zip(server.SIGNALS, kept, strict=True):
            signal.signal(each, handler)
        for process in started:
            process.kill()


@contextmanager
def on_a_taken_port(
    *arguments: str, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The command where another process has the port that it is told, and the port that it chose."""
    port = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        command = start("--port", str(port), *arguments, cwd=folder, environment=environment)
        try:
            assert command.stdout is not None
            told = re.fullmatch(rf"port {port} is in use; taking (\d+)\n", command.stdout.readline())
            assert told is not None
            assert int(told[1]) > port  # the next one, unless another process has it
            yield command, int(told[1])
        finally:
            command.send_signal(signal.SIGTERM)
            command.communicate(timeout=20)


def ends(command: subprocess.Popen[str], number: signal.Signals, port: int) -> None:
    """A signal ends the command and its children, without a traceback."""
    command.send_signal(number)
    assert command.wait(timeout=20) == 0
    assert command.stderr is not None
    assert command.stderr.read() == ""
    time.sleep(0.2)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], r"no runs are recorded in '.*mlflow.db' yet; run `python -m bpexp` there first"),
        (["--uri", "mlruns"], "use sqlite:///"),
        (["--uri", "http://me:secret@127.0.0.1:1"], "'http://127.0.0.1:1' is a server already"),
        (["--host", "0.0.0.0"], "without a password; name those under whose names they may ask: --allowed-hosts"),
        (["--host", "0.0.0.0", "--allowed-hosts", "*"], "'\\*' is not the name or address of a host"),
        (["--host", "0.0.0.0", "--allowed-hosts", "10.*"], "is not the name or address of a host"),
        (["--host", "0.0.0.0", "--allowed-hosts", ""], "'' is not the name or address of a host"),
        (["--port", "70000"], "between 1 and 65535"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    command = start(*arguments, cwd=tmp_path)
    out, err = command.communicate(timeout=20)
    assert (command.returncode, out) == (2, "")
    assert re.search(message, err)
    assert "Traceback" not in err
    assert "secret" not in err
    assert list(tmp_path.iterdir()) == []


def test_links_can_be_made_without_mlflow() -> None:
    code = "import sys, bpexp.tracking.links; print({'mlflow', 'matplotlib', 'hydra', 'numpy'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
    assert run_link(LOCAL, "1", "abc").startswith("http://127.0.0.1:5000/#/experiments/1/runs/abc")


def test_a_server_shows_its_own_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The link of a run that a server holds led to a local port where nothing answers."""
    assert base_of("http://tracking.example:8080/") == "http://tracking.example:8080"
    assert base_of("sqlite:///mlflow.db") is None
    assert base_of(None) is None
    outcome = Outcome("run", "here", "finished", "all epochs are done", [], {}, 1.0, run_id="r", experiment_id="7")
    print_outcome(wide_console(), replace(outcome, store="http://tracking.example:8080/"))
    held = capsys.readouterr().out.splitlines()
    assert held[-2:] == ["look at it", run_link("http://tracking.example:8080", "7", "r")]
    print_outcome(wide_console(), replace(outcome, store="sqlite:////elsewhere/mlflow.db"))
    command, address = capsys.readouterr().out.splitlines()[-2:]
    assert command == "look at it     python -m bpexp.ui --uri sqlite:////elsewhere/mlflow.db, then"
    assert address == run_link(LOCAL, "7", "r")
