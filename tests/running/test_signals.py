"""Signals: held, raised at the end of a step or a second later, and never without an end; also while C is at work."""

# ruff: noqa: PT012, a signal is raised at the end of a block

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from children import fork

from bpexp.cli.process import own_process
from bpexp.errors import BpexpError
from bpexp.running.ending import watch
from bpexp.running.ending.interruption import Interrupted, Terminated, exit_code, told, word
from bpexp.running.ending.signals import Process, Signals


@pytest.fixture(autouse=True)
def _everything_is_put_back() -> Iterator[None]:
    """Handlers, the wake-up file and the thread."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    assert {number: signal.getsignal(number) for number in before} == before
    assert signal.set_wakeup_fd(-1) == -1
    assert Process.current is None
    assert [thread.name for thread in threading.enumerate() if "signals" in thread.name] == []


@pytest.mark.parametrize(
    ("number", "kind", "code", "said"),
    [
        (signal.SIGINT, Interrupted, 130, "interrupted"),
        (signal.SIGTERM, Terminated, 143, "terminated"),
        (signal.SIGHUP, Terminated, 129, "the terminal was closed"),
    ],
)
def test_a_signal_waits_and_is_raised_at_the_end(number: int, kind: type, code: int, said: str) -> None:
    done = False
    with pytest.raises(kind) as raised, Signals() as signals:
        signal.raise_signal(number)
        signals.keep("this is left")
        done = signals.arrived()
    assert done
    assert (exit_code(raised.value), word(raised.value)) == (code, said)
    assert told(raised.value) == f"{said}; this is left"


def test_it_is_raised_where_the_run_stands() -> None:
    with pytest.raises(Interrupted), Signals() as signals, signals.raised():
        signal.raise_signal(signal.SIGINT)
        pytest.fail("it was not raised")


def test_what_the_garbage_collector_swallows_is_raised_later(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Python cannot pass on what is raised there: it printed it, and the run went on to the end of the block."""

    class Collected:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(watch, "PATIENCE", 0.05)
    swallowed = False
    hook = sys.unraisablehook
    with pytest.raises(Terminated), Signals() as signals, signals.raised():
        Collected()
        swallowed = signals.arrived()
        threading.Event().wait(60)
        pytest.fail("it was not raised once more")
    assert swallowed
    assert sys.unraisablehook is hook
    assert capfd.readouterr().err == ""


def test_it_ends_the_jobs_and_their_sweep() -> None:
    """Whoever swallows it has it raised at the next opportunity."""
    with pytest.raises(Terminated), Signals() as sweep:
        with pytest.raises(Terminated), Signals() as job, job.raised():
            signal.raise_signal(signal.SIGTERM)
        assert sweep.arrived()
        with pytest.raises(Terminated), sweep.raised():
            pytest.fail("it was not raised again")


def test_with_patience_a_step_may_end(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = 0
    with pytest.raises(Interrupted), Signals() as signals, signals.raised(patience=True):
        signal.raise_signal(signal.SIGINT)
        steps += 1
        signals.check()
    assert steps == 1


def test_patience_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PATIENCE", 0.05)
    with pytest.raises(Interrupted), Signals() as signals, signals.raised(patience=True):
        signal.raise_signal(signal.SIGINT)
        time.sleep(60)


def test_an_echo_is_no_second_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrapper passes on what the terminal has sent to the process, too; two real ones are raised at once."""
    with pytest.raises(Interrupted), Signals() as signals:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert signals.arrived()
        monkeypatch.setattr(watch, "AGAIN", 0.0)
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGINT)


def test_what_is_ignored_stays_ignored() -> None:
    """SIGINT for a background job of a shell, SIGHUP below nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals() as signals:
            signal.raise_signal(signal.SIGHUP)
            assert not signals.arrived()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_other_threads_leave_signals_alone() -> None:
    found: list[object] = []

    def run() -> None:
        with Signals() as signals:
            found.extend([signals.pending, Process.current])

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [None, None]


def test_whoever_had_the_wake_up_file_gets_the_bytes() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    before = signal.set_wakeup_fd(write)
    try:
        with pytest.raises(Interrupted), Signals():
            signal.raise_signal(signal.SIGINT)
        assert os.read(read, 1) == bytes([signal.SIGINT])
        assert signal.set_wakeup_fd(before) == write
    finally:
        os.close(read)
        os.close(write)


def test_a_forked_child_has_the_handlers_that_were_found(tmp_path: Path) -> None:
    with Signals():
        child = fork(lambda: os.write(1, b"ready") and time.sleep(60), tmp_path)
        child.wait_for(lambda: child.out)
        child.send(signal.SIGTERM)
        assert child.ended() == -signal.SIGTERM


# No thread to watch them


def test_without_a_thread_nothing_is_begun_and_a_line_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import threading\n"
        "def none(thread): raise RuntimeError('can\\'t start new thread')\n"
        "threading.Thread.start = none\n"
        "from bpexp.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    told = "no thread can be started (can't start new thread); raise the limit, `ulimit -u`"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"bpexp: {told}\n")

    def none(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)
    with pytest.raises(BpexpError, match="no thread can be started"), Signals():
        pytest.fail("it was begun")


# A process that is ours


def test_signals_are_handled_before_anything_heavy_is_imported() -> None:
    code = "import sys, bpexp.cli.process; print(sorted({'numpy', 'hydra', 'mlflow', 'rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def busy() -> None:
    """A while in C, in which no handler of Python is called."""
    hashlib.pbkdf2_hmac("sha256", b"", b"", 200_000_000)


def test_it_is_left_while_the_main_thread_is_in_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LEAVE", 0.1)

    def action() -> None:
        with own_process(), Signals(lambda word: (tmp_path / "words").write_text(word)) as signals:
            signals.keep("this is left")
            os.write(1, b"ready")
            busy()

    child = fork(action, tmp_path)
    child.wait_for(lambda: child.out)
    child.send(signal.SIGTERM)
    assert child.ended() == 143
    assert child.err == "bpexp: terminated; this is left\n"
    assert (tmp_path / "words").read_text() == "terminated"


def test_last_words_that_hang_hold_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LEAVE", 0.1)
    monkeypatch.setattr("bpexp.cli.process.LAST_WORDS", 0.1)

    def action() -> None:
        with own_process(), Signals(lambda word: time.sleep(60)):
            os.write(1, b"ready")
            busy()

    child = fork(action, tmp_path)
    child.wait_for(lambda: child.out)
    child.send(signal.SIGHUP)
    assert child.ended() == 129


def test_two_signals_leave_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LEAVE", 600.0)
    monkeypatch.setattr(watch, "AGAIN", 0.0)

    def action() -> None:
        with own_process(), Signals() as signals:
            os.write(1, b"ready")
            while not signals.arrived():
                time.sleep(0.01)
            os.write(1, b"arrived")
            time.sleep(60)

    child = fork(action, tmp_path)
    child.wait_for(lambda: child.out)
    child.send(signal.SIGINT)
    child.wait_for(lambda: "arrived" in child.out)
    child.send(signal.SIGINT)
    assert child.ended() == 130
    assert child.err == "bpexp: interrupted; nothing was begun\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_where_nothing_is_going_on_it_is_left_at_once(number: int, code: int, tmp_path: Path) -> None:
    def action() -> None:
        with own_process():
            os.write(1, b"ready")
            try:
                time.sleep(60)
            except BaseException:  # nothing may be raised where an import could swallow it
                os.write(2, b"raised")

    child = fork(action, tmp_path)
    child.wait_for(lambda: child.out)
    child.send(number)
    assert child.ended() == code
    assert child.err.startswith("bpexp: ")
    assert child.err.endswith("; nothing was begun\n")


def test_when_everything_is_done_its_code_stands(tmp_path: Path) -> None:
    """In the exit functions of libraries, say."""

    def action() -> None:
        with pytest.raises(SystemExit), own_process():
            raise SystemExit(1)
        os.write(1, b"ready")
        time.sleep(60)

    child = fork(action, tmp_path)
    child.wait_for(lambda: child.out)
    child.send(signal.SIGTERM)
    assert child.ended() == 1
    assert child.err == ""
