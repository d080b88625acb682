"""task=doctor and runs: the dead are closed by evidence, with every row; the living and the unknown are left alone."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command_line import command
from stores import ask

from bpexp.records.journal import JOURNAL
from bpexp.records.lock import LOCK
from bpexp.tracking.content import outcome_in
from bpexp.tracking.delivery import Delivery
from bpexp.tracking.environment import mlflow_environment
from bpexp.tracking.manifest import Facts, read_facts, write_facts
from bpexp.tracking.open_runs import announce
from bpexp.tracking.store import open_store

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

HOLD = """
import os, signal, sys, time
from pathlib import Path
from bpexp.records.lock import RunLock
locks = [RunLock(Path(folder)).acquire() for folder in sys.argv[1:]]
print("held", flush=True)
time.sleep(600)
"""

ROWS = 1500
"""More than one request takes, so that a part of them could get lost."""


@contextmanager
def holding(*folders: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that carries out what lies in the folders, as far as their locks tell."""
    command = [sys.executable, "-c", HOLD, *map(str, folders)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def recorded(store: Path, folder: str, *, kind: str = "run", rows: int = ROWS) -> tuple[Path, str]:
    """A folder as a process leaves it that dies after MLflow was told of the run, and its id; before the lock."""
    directory = store.parent / "outputs" / folder
    directory.mkdir(parents=True)
    uri = f"sqlite:///{store}"
    tags = {"bpexp.directory": str(directory)} | ({"bpexp.sweep": "seed=1,2"} if kind == "sweep" else {})
    facts = Facts(kind, folder, uri, "bpexp", 1_900_000_000_000, tags=tags, params={"lr": "0.1"})  # type: ignore[arg-type]
    write_facts(facts, directory)
    with mlflow_environment():
        delivery = Delivery(directory, facts, fresh=True)
        delivery.ensure(open_store(uri, "bpexp"))
        delivery.save()
    announce(facts.key, directory, uri, kind, store.parent)
    if kind == "run":
        lines = [{"time": 1.9e9, "event": "started", "epochs": rows, "steps_per_epoch": 1}]
        lines += [
            {"time": 1.9e9 + n, "step": n, "metrics": {"loss/test": 1 / (n + 1), "time/epoch": n}} for n in range(rows)
        ]
        (directory / JOURNAL).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return directory, str(delivery.sent.run_id)


def dead(*folders: Path) -> None:
    with holding(*folders) as process:
        process.send_signal(signal.SIGKILL)


def status(store: Path, run_id: str) -> str:
    return str(ask(store, f"select status from runs where run_uuid = '{run_id}'")[0][0])


def doctor(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = command(["task=doctor", *words], monkeypatch)
    out, err = capfd.readouterr()
    assert err == ""
    return code, out


def test_the_dead_are_closed_with_every_row_and_the_living_are_not(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    gone, lost = recorded(store, "gone")
    sweep, parent = recorded(store, "sweep", kind="sweep")
    alive, living = recorded(store, "alive")
    dead(gone, sweep)
    with holding(alive) as process:
        process.send_signal(signal.SIGSTOP)  # a laptop that sleeps: it neither runs nor answers
        code, out = doctor(monkeypatch, capfd, "doctor.mend=false")
        assert (code, out.count("\nwrong ")) == (1, 2)
        assert {status(store, one) for one in (lost, parent, living)} == {"RUNNING"}
        code, out = doctor(monkeypatch, capfd)
        assert (code, out.count("\nmended ")) == (0, 2)
        assert "1 runs and sweeps are RUNNING and alive" in out
    assert [status(store, one) for one in (lost, parent, living)] == ["KILLED", "KILLED", "RUNNING"]
    assert ask(store, f"select count(distinct step) from metrics where run_uuid = '{lost}' and key = 'loss/test'") == [
        (ROWS,)
    ]
    outcome = outcome_in(gone)
    assert outcome is not None
    assert (outcome.status, outcome.metrics["final/loss_test"]) == ("killed", 1 / ROWS)
    assert [path.stem for path in Path(".bpexp/open").iterdir()] == [read_facts(alive).key]  # type: ignore[union-attr]
    code, out = doctor(monkeypatch, capfd)  # the one that was alive is dead now
    assert code == 0
    assert status(store, living) == "KILLED"


def test_what_nothing_proves_is_told_and_left_until_a_person_says_so(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    elsewhere, far = recorded(store, "elsewhere", rows=3)
    dead(elsewhere)
    said = json.loads((elsewhere / LOCK).read_text().rstrip("\0"))
    said |= {"host": "other", "machine": "other", "boot": "other"}
    (elsewhere / LOCK).write_text(json.dumps(said))
    moved, missing = recorded(store, "moved", rows=3)
    dead(moved)
    shutil.move(moved, store.parent / "elsewhere")
    taken, old = recorded(store, "taken", rows=3)
    shutil.rmtree(taken)
    _, new = recorded(store, "taken", rows=3)
    code, out = doctor(monkeypatch, capfd)
    assert code == 1
    assert {status(store, one) for one in (far, missing, old, new)} == {"RUNNING"}
    for words in ("another machine's lock proves nothing", "is not on this machine, or was moved", "holds another run"):
        assert words in out
    assert f"doctor.close=[{missing}]" in out
    code, out = doctor(monkeypatch, capfd, f"doctor.close=[{far},{missing},{old},nobody]")
    assert "no run nobody is RUNNING" in out
    assert [status(store, one) for one in (far, missing, old)] == ["KILLED"] * 3
    assert status(store, new) == "RUNNING"
    assert ask(store, f"select value from tags where run_uuid = '{missing}' and key = 'bpexp.reason'") == [
        ("closed with task=doctor by a person who knew that it was over",)
    ]


def test_a_living_run_is_not_closed_whatever_a_person_says(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    directory, living = recorded(store, "alive", rows=3)
    with holding(directory):
        code, out = doctor(monkeypatch, capfd, f"doctor.close=[{living}]")
    assert code == 1
    assert "is alive: process" in out
    assert status(store, living) == "RUNNING"


def test_unfinished_files_of_a_dead_process_are_removed(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    directory, _ = recorded(store, "gone", rows=3)
    dead(directory)
    (directory / "network.npz.new").write_text("{")
    (directory / "mine.new").write_text("mine")
    code, out = doctor(monkeypatch, capfd)
    assert code == 0
    assert "network.npz.new" in out
    assert not (directory / "network.npz.new").exists()
    assert (directory / "mine.new").read_text() == "mine"


def test_a_folder_that_is_gone_is_told_where_its_run_is_not_delivered(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    directory, _ = recorded(store, "gone", rows=3)
    shutil.rmtree(directory)
    code, out = doctor(monkeypatch, capfd)
    assert code == 1
    assert "was moved" in out
