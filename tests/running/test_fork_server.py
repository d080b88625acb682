"""The process from which workers are forked: what it has loaded, what it is worth when it is gone, and what ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from command_line import command

from bpexp.config.composition import CommandLine
from bpexp.running.cores import SAID
from bpexp.running.job import Job
from bpexp.running.launchers import early, process
from bpexp.running.launchers.forks import ForkServer, Worker
from bpexp.running.launchers.packing import unpack_outcome
from bpexp.running.plan import plan

SMALL = ("data=xor", "model.hidden=[3]", "data.n=60", "epochs=1", "progress=false", "tracking=none")


def jobs(folder: Path) -> list[Job]:
    planned = plan(CommandLine((*SMALL, "lr=0.1,0.3"), multirun=True))
    return [job.below(folder) for job in planned.jobs]


@pytest.fixture
def others() -> set[psutil.Process]:
    """The children that this process has already, such as joblib's workers of an earlier test."""
    return set(psutil.Process().children())


@contextmanager
def server(*, preload: bool, modules: tuple[str, ...] = ()) -> Iterator[ForkServer]:
    made = ForkServer(preload, modules)
    try:
        yield made
    finally:
        made.close()


def status(worker: Worker, job: Job) -> str:
    """Perform a job, and let the worker leave."""
    worker.perform([job])
    assert worker.connection.poll(300)
    answer = worker.answer()
    worker.leave(20)
    assert answer is not None
    return unpack_outcome(json.loads(answer)[1]).status


def test_the_death_of_the_server_costs_no_job(tmp_path: Path, others: set[psutil.Process]) -> None:
    """Its workers go on, another one takes its place, and of a worker that dies nobody pretends to know how."""
    first, second = jobs(tmp_path)
    with server(preload=False) as made:
        orphan = made.worker(first)
        (process,) = set(psutil.Process().children()) - others
        process.kill()
        worker = made.worker(second)
        assert psutil.Process(orphan.pid).ppid() != process.pid
        assert status(orphan, first) == "finished"
        assert (status(worker, second), worker.death()) == ("finished", "its process left with exit code 0")
        assert orphan.death().startswith("its process is gone; nobody knows how it ended")
    assert set(psutil.Process().children()) <= others


def test_a_module_with_threads_is_not_forked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A fork would lack the threads: each worker imports by itself instead, which is said."""
    code = "import threading, time; threading.Thread(target=time.sleep, args=(600,), daemon=True, name='mine').start()"
    (tmp_path / "starts_a_thread.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    (job, _) = jobs(tmp_path)
    with server(preload=True, modules=("starts_a_thread",)) as made:
        assert status(made.worker(job), job) == "finished"
    told = "bpexp: warning: a module that was imported has started threads (mine): workers are not forked"
    assert capfd.readouterr().err.startswith(told)


@pytest.mark.parametrize(
    ("words", "cores", "number"),
    [
        ("lr=0.1,0.3", 2, 1),
        ("lr=0.1,0.3 launcher=process launcher.n_jobs=2", 1, 1),
        ("lr=0.1,0.3", 1, 0),
        ("lr=0.1,0.3 launcher=serial", 2, 0),
        ("lr=0.1", 2, 1),
        ("lr=0.1,nothing", 2, 1),
    ],
)
def test_one_server_is_started_for_a_sweep_and_none_is_left(
    words: str, cores: int, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: set[psutil.Process]
) -> None:
    """Before it is planned, also where it turns out to be of one job, or wrong."""
    started: list[ForkServer] = []

    class Counted(ForkServer):
        def __init__(self, preload: bool, modules: Sequence[str], *, tracking: bool = True) -> None:
            assert not tracking  # as `SMALL` says
            started.append(self)
            super().__init__(preload, modules, tracking=tracking)

    for module in (early, process):
        monkeypatch.setattr(module, "ForkServer", Counted)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(SAID, str(cores))
    assert command(["-m", *SMALL, *words.split()], monkeypatch) == (2 if "nothing" in words else 0)
    assert len(started) == number
    assert set(psutil.Process().children()) <= others


LATE = """
import sys, threading
from pathlib import Path
from bpexp.config.composition import CommandLine
from bpexp.running.launchers import fork_server
from bpexp.running.perform import perform
from bpexp.running.plan import plan
import bpexp.cli.worker

words = ("data=xor", "data.n=60", "model.hidden=[3]", "epochs=1", "progress=false", *sys.argv[1:])
fork_server.prepare([] if sys.argv[1:] else fork_server.RECORDING)
assert threading.active_count() == 1
(job,) = plan(CommandLine(words)).jobs
before = set(sys.modules)
assert perform(job.below(Path("run").absolute())).ok
print(sorted({name.split(".")[0] for name in set(sys.modules) - before}))
"""


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("words", "few"),
    [((), {"PIL", "alembic", "encodings", "filelock", "mlflow", "bpexp"}), (("tracking=none",), {"bpexp"})],
    ids=["mlflow", "none"],
)
def test_a_run_in_a_worker_imports_next_to_nothing(words: tuple[str, ...], few: set[str]) -> None:
    """Else each worker would take the time, and the memory: everything that is large is there before the fork."""
    done = subprocess.run([sys.executable, "-c", LATE, *words], capture_output=True, text=True, check=True)
    late = set(eval(done.stdout.splitlines()[-1]))
    assert late <= few | set(sys.stdlib_module_names)


SCRIPT = """
import pathlib
import bpexp

with pathlib.Path("imported").open("a") as file:
    file.write("once")
small = ["data=xor", "data.n=60", "model.hidden=[3]", "tracking=none"]
found = bpexp.sweep(*small, epochs=1, lr=[0.1, 0.3], launcher="process")
print(found.ok)
"""


def test_a_script_without_a_guard_is_not_executed_again(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(textwrap.dedent(SCRIPT), encoding="utf-8")
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")
    assert (tmp_path / "imported").read_text(encoding="utf-8") == "once"


def test_when_the_sweep_is_gone_a_server_that_still_imports_ends(tmp_path: Path) -> None:
    """It hears of it when it listens."""
    code = "from bpexp.running.launchers.forks import ForkServer; made = ForkServer(True, []); print(made); input()"
    sweep = subprocess.Popen([sys.executable, "-uc", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert sweep.stdout is not None
    sweep.stdout.readline()
    (process,) = psutil.Process(sweep.pid).children()
    os.kill(sweep.pid, signal.SIGKILL)
    sweep.communicate()
    until = time.monotonic() + 120
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until
        time.sleep(0.05)


STILL_IMPORTING = """
import time
from bpexp.cli.process import own_process
from bpexp.running.launchers.forks import ForkServer

with own_process():
    made = ForkServer(True, ["never_done"])
    print(made._process.pid, flush=True)
    time.sleep(600)
"""


def test_a_signal_that_ends_the_process_of_a_sweep_ends_a_server_that_still_imports(tmp_path: Path) -> None:
    """Its imports take seconds, and what they are for is over."""
    (tmp_path / "never_done.py").write_text("import time; time.sleep(3600)", encoding="utf-8")
    with (tmp_path / "said").open("w") as said:
        sweep = subprocess.Popen(
            [sys.executable, "-c", STILL_IMPORTING],
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
    assert sweep.stdout is not None
    with sweep.stdout:
        process = psutil.Process(int(sweep.stdout.readline()))
    sweep.send_signal(signal.SIGTERM)
    assert sweep.wait(60) == 143
    assert (tmp_path / "said").read_text(encoding="utf-8") == "bpexp: terminated; nothing was begun\n"
    psutil.wait_procs([process], timeout=60)
    if alive := process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        process.kill()
    assert not alive


def test_a_server_that_still_imports_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "never_done.py").write_text("import time; time.sleep(3600)", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with server(preload=True, modules=("never_done",)) as made:
        process = made._process
    assert process.returncode == -signal.SIGKILL
