"""The lock of a folder: who holds it is alive, also stopped; whoever is gone is dead by evidence, never by age."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bpexp.errors import BpexpError
from bpexp.records import lock as locks
from bpexp.records import process
from bpexp.records.lock import LOCK, ROOM, RunLock, liveness, make_room

HOLDER = """
import os, sys, time
from pathlib import Path
from bpexp.records.lock import RunLock

with RunLock(Path(sys.argv[1])):
    child = os.fork() if sys.argv[2] == "fork" else 1
    if child:
        print(child, flush=True)
    time.sleep(600)
"""


@contextmanager
def holder(folder: Path, forking: str = "") -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another process that holds the lock of the folder, and the number of the child that it forked."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), forking or "alone"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            yield process, child
        finally:
            process.kill()
            if child > 1:
                os.kill(child, signal.SIGKILL)


def said(folder: Path) -> dict[str, Any]:
    """What the lock file says."""
    content: dict[str, Any] = json.loads((folder / LOCK).read_text().splitlines()[0])
    return content


def say(folder: Path, **changed: Any) -> None:
    """Change what the lock file says."""
    (folder / LOCK).write_text(json.dumps(said(folder) | changed))


def test_who_holds_the_lock_is_alive_also_when_it_is_stopped(tmp_path: Path) -> None:
    with holder(tmp_path) as (process, _):
        assert liveness(tmp_path).state == "alive"
        process.send_signal(signal.SIGSTOP)
        os.utime(tmp_path / LOCK, (0, 0))  # age says nothing
        alive = liveness(tmp_path)
        assert (alive.state, f"process {process.pid}" in alive.evidence) == ("alive", True)
        with pytest.raises(BpexpError, match=f"is in use by process {process.pid} on .*; wait until it ends"):
            RunLock(tmp_path).acquire()
        process.send_signal(signal.SIGCONT)
    assert liveness(tmp_path).state == "dead"
    with RunLock(tmp_path):
        assert liveness(tmp_path).state == "alive"  # this process
    assert liveness(tmp_path).evidence.endswith("gave the lock back")


def test_a_forked_child_keeps_no_dead_run_alive(tmp_path: Path) -> None:
    with holder(tmp_path, "fork") as (process, child):
        assert liveness(tmp_path).state == "alive"
        process.kill()
        process.wait()
        os.kill(child, 0)  # it lives on
        until = time.monotonic() + 60
        while (dead := liveness(tmp_path)).state == "alive" and time.monotonic() < until:
            time.sleep(0.01)  # until the child had its first moment, in which it lets the lock go
        assert (dead.state, dead.evidence) == ("dead", f"process {process.pid} on {_host()} holds the lock no longer")


def _host() -> str | None:
    return process.this_machine()["host"]


def test_a_lock_of_another_machine_proves_nothing(tmp_path: Path) -> None:
    left_behind(tmp_path)
    assert liveness(tmp_path).state == "dead"
    say(tmp_path, boot="another")
    assert liveness(tmp_path).evidence.endswith("the machine was started again since")
    say(tmp_path, boot="another", host="elsewhere")
    assert liveness(tmp_path).state == "unknown"
    say(tmp_path, boot="another", host="elsewhere", over=True)
    assert liveness(tmp_path).state == "dead"


def left_behind(folder: Path) -> None:
    """A lock whose process is gone, but for its number, which is ours."""
    lock = RunLock(folder).acquire()
    lock.forget()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"pid": "7"}', "\0\0\0", '{"pid": 7', "null"])
def test_a_file_that_says_nothing_proves_nothing(content: str, tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text(content)
    assert liveness(tmp_path).state == "unknown"
    with RunLock(tmp_path):
        assert said(tmp_path)["pid"] == os.getpid()


def test_no_file_proves_nothing(tmp_path: Path) -> None:
    assert liveness(tmp_path).state == "unknown"
    assert liveness(tmp_path / "gone").state == "unknown"
    assert list(tmp_path.iterdir()) == []


def test_without_locks_the_process_is_the_evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", none)
    left_behind(tmp_path)
    assert liveness(tmp_path).state == "alive"
    with pytest.raises(BpexpError, match="is in use by process"):
        RunLock(tmp_path).acquire()
    say(tmp_path, started=1)  # another process has its number now
    assert liveness(tmp_path).state == "dead"
    with RunLock(tmp_path):
        assert liveness(tmp_path).state == "alive"
    assert liveness(tmp_path).state == "dead"
    left_behind(tmp_path)
    say(tmp_path, pid=2**22 + 1)
    assert liveness(tmp_path).evidence.endswith("is gone")
    say(tmp_path, pids="pid:[1]")
    assert liveness(tmp_path).state == "unknown"


def test_a_full_disk_says_so_and_leaves_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(locks, "_write", full)
        with pytest.raises(OSError, match=r"No space left on device: .*run\.lock"):
            RunLock(tmp_path).acquire()
    with RunLock(tmp_path):
        assert liveness(tmp_path).state == "alive"


def test_the_lock_keeps_room_for_the_record(tmp_path: Path) -> None:
    with RunLock(tmp_path):
        assert (tmp_path / LOCK).stat().st_blocks * 512 >= ROOM
        assert liveness(tmp_path).state == "alive"
        make_room(tmp_path)
        assert (tmp_path / LOCK).stat().st_size < 1000
        assert said(tmp_path)["pid"] == os.getpid()
    assert (tmp_path / LOCK).stat().st_size < 1000
    make_room(tmp_path / "gone")


def test_an_ended_process_that_nobody_waited_for_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    said = {**process.this_process(), "pid": child.pid, "started": process.started(child.pid)}
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now
    assert process.gone(said) is True
    child.wait()
    assert process.gone(said) is True
    assert process.gone(process.this_process()) is False
