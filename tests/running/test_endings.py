"""The end of a run: whatever goes wrong after training, what is known of the run stands on disk and in MLflow."""

from __future__ import annotations

import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from command_line import command
from stores import ask

from bpexp.insight.histograms import Histograms
from bpexp.records.checkpoint import checkpoints, read_checkpoint
from bpexp.records.journal import JOURNAL, Journal
from bpexp.records.outcome import read_outcome
from bpexp.running import execute as running
from bpexp.running import open_run, perform, perform_together, sweep
from bpexp.running.ending import conclusion, record, watch
from bpexp.running.job import Job
from bpexp.running.tasks import trace_task
from bpexp.tracking.delivery import Delivery
from bpexp.tracking.feed import DataCard
from bpexp.tracking.run import TrackedRun
from bpexp.tracking.settings import TrackingSettings
from bpexp.training.callbacks import EarlyStopping

QUIET = ["data=spirals", "epochs=1", "data.limit=60", "progress=false", "tracking.model=false", "tracking.patience=100"]
TINY = [*QUIET, "tracking.figures=false", "probe.histograms=true"]
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "the terminal was closed"}

each = pytest.mark.parametrize("number", CODES, ids=["int", "term", "hup"])


def stray(number: int, frame: FrameType | None) -> None:
    raise AssertionError(f"signal {number} met the handler of the test")


@pytest.fixture(autouse=True)
def _handlers_are_put_back(store: Path) -> Iterator[None]:
    """Every test runs in a folder with a store, and has to leave the handlers that it found."""
    before = {number: signal.signal(number, stray) for number in CODES}
    try:
        yield
        assert {signal.getsignal(number) for number in CODES} == {stray}
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def with_signals(real: Callable[..., Any], number: int, times: int = 1) -> Callable[..., Any]:
    """The same function, in which signals arrive when it is first called."""
    left = [number] * times

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        while left:
            signal.raise_signal(left.pop())
        return real(*args, **kwargs)

    return interrupted


def full_disk(*args: Any, **kwargs: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def broken(*args: Any, **kwargs: Any) -> None:
    raise RuntimeError("what a day")


def only_journal() -> list[dict[str, Any]]:
    """Every line of the only run's journal."""
    (path,) = Path.cwd().glob("outputs/*/*/metrics.jsonl")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def assert_recorded(store: Path, status: str, mlflow: str) -> None:
    """What result.json, the journal and MLflow say of the only run."""
    (result,) = Path.cwd().glob("outputs/*/*/result.json")
    assert read_outcome(result.parent).status == status
    assert {path.suffix for path in result.parent.iterdir()}.isdisjoint({".tmp", ".new"})
    first, *_, last = only_journal()
    assert first["event"] == "started"
    assert (last["event"], last["status"]) == ("ended", "finished" if mlflow == "FINISHED" else last["status"])
    assert ask(store, "select status from runs") == [(mlflow,)]


def assert_told(err: str, *what: str) -> None:
    """One line, without a traceback."""
    assert err.count("\n") == 1, err
    assert err.startswith("bpexp: ")
    for word in what:
        assert word in err


# Signals after training

MOMENTS: dict[str, tuple[Any, str]] = {
    "closing the journal": (Journal, "close"),
    "saving histograms": (Histograms, "save"),
    "writing the outcome": (record, "write_outcome"),
    "saving the network": (conclusion, "save_network"),
    "drawing": (conclusion, "draw"),
    "handing over to MLflow": (TrackedRun, "finish"),
    "sending metrics": (Delivery, "_send_rows"),
    "ending the run in MLflow": (Delivery, "_end"),
}


@each
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_after_training_waits_for_the_record(
    moment: str, number: int, store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    owner, name = MOMENTS[moment]
    monkeypatch.setattr(owner, name, with_signals(getattr(owner, name), number))
    assert command(TINY, monkeypatch) == CODES[signal.Signals(number)]
    assert_recorded(store, "finished", "FINISHED")
    assert next(Path.cwd().glob("outputs/*/*/network.npz")).stat().st_size > 0
    assert_told(capfd.readouterr().err, f"{WORDS[signal.Signals(number)]}; what was done is kept in outputs")


@each
def test_who_signals_twice_waits_no_longer(number: int, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "AGAIN", 0.0)
    monkeypatch.setattr(conclusion, "save_network", with_signals(conclusion.save_network, number, times=2))
    assert command(TINY, monkeypatch) == CODES[signal.Signals(number)]
    assert_recorded(store, "killed", "KILLED")
    assert only_journal()[-1]["reason"] == WORDS[signal.Signals(number)]


@each
def test_a_signal_while_a_failure_is_recorded(number: int, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "train", broken)
    monkeypatch.setattr(traceback, "format_exception", with_signals(traceback.format_exception, number))
    assert command(TINY, monkeypatch) == CODES[signal.Signals(number)]
    (result,) = Path.cwd().glob("outputs/*/*/result.json")
    assert read_outcome(result.parent).status == "failed"
    assert ask(store, "select status from runs") == [("FAILED",)]


@each
def test_a_signal_in_training_and_another_at_the_end(number: int, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "train", with_signals(running.train, number))
    monkeypatch.setattr(record, "write_outcome", with_signals(record.write_outcome, number))
    assert command(TINY, monkeypatch) == CODES[signal.Signals(number)]
    (result,) = Path.cwd().glob("outputs/*/*/result.json")
    assert read_outcome(result.parent).status == "killed"
    assert ask(store, "select status from runs") == [("KILLED",)]


def test_no_histograms_are_no_reason_to_forget_a_signal(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "train", with_signals(running.train, signal.SIGTERM))
    monkeypatch.setattr(Histograms, "save", full_disk)
    assert command(TINY, monkeypatch) == 143
    assert ask(store, "select status from runs") == [("KILLED",)]


CHILD = """
import os, sys
from bpexp.cli.main import main
from bpexp.running.ending import conclusion

real, number = conclusion.save_network, int(sys.argv.pop())

def interrupted(*args, **kwargs):
    os.kill(os.getpid(), number)
    real(*args, **kwargs)

conclusion.save_network = interrupted
main()
"""


@each
def test_the_exit_code_of_a_process(number: int, store: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *TINY, str(int(number))],
        capture_output=True,
        text=True,
        timeout=300,
        env=dict(os.environ),
    )
    assert done.returncode == CODES[signal.Signals(number)], done.stderr
    assert "Traceback" not in done.stderr
    assert_recorded(store, "finished", "FINISHED")


# A full disk


def test_no_room_for_the_network(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(conclusion, "save_network", full_disk)
    assert command(TINY, monkeypatch) == 1
    assert_recorded(store, "failed", "FAILED")
    out, err = capfd.readouterr()
    assert_told(err, "no weights in", "No space left on device")
    assert "the network could not be saved" in out


def test_no_room_for_the_outcome(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(record, "write_outcome", full_disk)
        assert command(TINY, patched) == 1
    assert only_journal()[-1]["event"] == "ended"
    assert ask(store, "select status from runs") == [("FAILED",)]
    out, err = capfd.readouterr()
    assert "no result.json in" in err
    assert "result.json could not be saved" in out
    (folder,) = Path.cwd().glob("outputs/*/*")
    assert command(["task=sync", f"hydra.run.dir={folder}"], monkeypatch) == 0
    told = read_outcome(folder)
    assert told.status == "failed"
    assert "result.json could not be saved" in told.reason
    assert ask(store, "select status from runs") == [("FAILED",)]


def test_a_journal_that_cannot_be_read_is_no_finished_run(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its figures would be missing, as with too few open files, and nobody would know."""

    def too_many(path: Path) -> None:
        raise OSError(errno.EMFILE, "Too many open files", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(conclusion, "history", too_many)
        assert command(TINY, patched) == 1
    assert_recorded(store, "failed", "FAILED")
    out, err = capfd.readouterr()
    assert_told(err, "no metrics of", "Too many open files")
    assert "the journal could not be read" in out
    (folder,) = Path.cwd().glob("outputs/*/*")
    assert command([f"resume={folder}"], monkeypatch) == 0
    assert_recorded(store, "finished", "FINISHED")
    assert read_outcome(folder).metrics


FORGIVEN: dict[str, tuple[Any, str, str]] = {
    "histograms": (Histograms, "save", "no histograms in"),
    "figures": (conclusion, "draw", "no figures of"),
    "record": (TrackedRun, "finish", "no whole record of"),
}


@pytest.mark.parametrize("what", FORGIVEN)
def test_no_room_for_what_a_run_can_do_without(
    what: str, store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    owner, name, told = FORGIVEN[what]
    monkeypatch.setattr(owner, name, full_disk)
    assert command(TINY, monkeypatch) == 0
    assert_recorded(store, "finished", "FINISHED")
    assert_told(capfd.readouterr().err, told, "No space left on device")


def test_no_room_for_a_figure(store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("matplotlib.backends.backend_agg.FigureCanvasAgg.print_png", full_disk)
    assert command(QUIET, monkeypatch) == 0
    assert_recorded(store, "finished", "FINISHED")
    assert_told(capfd.readouterr().err, "no figures of", "No space left on device")


@pytest.mark.parametrize("call", ["log_batch", "log_artifacts"])
def test_a_store_without_room(
    call: str, store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(f"mlflow.MlflowClient.{call}", full_disk)
    assert command(TINY, monkeypatch) == 0
    assert_recorded(store, "finished", "FINISHED")
    assert_told(capfd.readouterr().err, "MLflow did not take everything", "No space left on device")


@pytest.mark.parametrize(
    ("owner", "name"),
    [(perform, "write_declared"), (open_run, "save_split"), (open_run, "open_journal")],
    ids=["config", "split", "journal"],
)
def test_no_room_to_begin(
    owner: Any, name: str, store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(owner, name, full_disk)
    assert command(TINY, monkeypatch) == 1
    (result,) = Path.cwd().glob("outputs/*/*/result.json")
    assert read_outcome(result.parent).status == "failed"
    assert ask(store, "select status from runs") == []
    out, err = capfd.readouterr()
    assert err == ""
    assert "cannot write to the folder of the run (No space left on device)" in " ".join(out.split())


def test_a_disk_that_fills_up_in_training(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    on_epoch = Journal.on_epoch

    def first(self: Journal, event: Any) -> None:
        if event.epoch == 1:
            full_disk()
        on_epoch(self, event)

    monkeypatch.setattr(Journal, "on_epoch", first)
    assert command(TINY, monkeypatch) == 1
    assert_recorded(store, "failed", "FAILED")
    (folder,) = Path.cwd().glob("outputs/*/*")
    assert read_outcome(folder).reason == f"the disk is full: nothing more can be written to {folder}"
    assert not (folder / "traceback.txt").exists()
    assert read_checkpoint(checkpoints(folder)[-1]).state["at"]["epoch"] == 0
    assert capfd.readouterr().err == ""


# Callbacks that raise

HOOKS = ["on_start", "on_step", "on_epoch", "on_end"]


@pytest.mark.parametrize("hook", HOOKS)
def test_a_callback_that_raises(
    hook: str, store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(self: EarlyStopping, event: Any) -> None:
        raise RuntimeError("what a day")

    monkeypatch.setattr(EarlyStopping, hook, broken)
    assert command([*TINY, "callbacks.early_stopping.patience=3"], monkeypatch) == 1
    assert_recorded(store, "failed", "FAILED")
    out, err = capfd.readouterr()
    assert err == ""
    assert "RuntimeError: what a day" in out


def test_a_callback_that_leaves_the_process(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def leaving(self: EarlyStopping, event: Any) -> None:
        sys.exit(3)

    monkeypatch.setattr(EarlyStopping, "on_epoch", leaving)
    assert command([*TINY, "callbacks.early_stopping.patience=3"], monkeypatch) == 3
    assert_recorded(store, "killed", "KILLED")


# Sweeps


@each
@pytest.mark.parametrize("moment", ["conclude_sweep", "perform"])
def test_a_signal_in_a_sweep_ends_its_parent(
    moment: str, number: int, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = {"conclude_sweep": sweep, "perform": perform_together}[moment]
    monkeypatch.setattr(owner, moment, with_signals(getattr(owner, moment), number))
    assert command(["-m", *TINY, "seed=0,1"], monkeypatch) == CODES[signal.Signals(number)]
    assert len(list(Path.cwd().glob("multirun/*/*/ranking.csv"))) == 1
    found = sorted(status for (status,) in ask(store, "select status from runs"))
    assert found == (["FINISHED"] * 3 if moment == "conclude_sweep" else ["KILLED"])


def test_a_job_whose_process_dies_is_not_left_running(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a launcher's workers do when a sweep is interrupted: they are killed and record nothing."""

    def dies(job: Job) -> None:
        job.directory.mkdir()
        TrackedRun(TrackingSettings(True), job.info(), job.directory / JOURNAL, DataCard("data", "0", "here", "{}"), {})
        raise KeyboardInterrupt

    monkeypatch.setattr(perform_together, "perform", dies)
    assert command(["-m", *TINY, "seed=0,1"], monkeypatch) == 130
    assert ask(store, "select status from runs") == [("KILLED",), ("KILLED",)]


def test_no_room_for_the_table_of_a_sweep(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sweep, "write_whole", full_disk)
    assert command(["-m", *TINY, "seed=0,1"], monkeypatch) == 0
    assert ask(store, "select distinct status from runs") == [("FINISHED",)]
    assert_told(capfd.readouterr().err, "no ranking.csv", "No space left on device")


# Traces


@each
def test_a_signal_in_a_trace_waits_for_the_record(number: int, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_task, "trace_sample", with_signals(trace_task.trace_sample, number))
    assert command(["task=trace", *TINY], monkeypatch) == CODES[signal.Signals(number)]
    (result,) = Path.cwd().glob("outputs/*/*/result.json")
    assert read_outcome(result.parent).status == "finished"
    assert ask(store, "select status from runs") == [("FINISHED",)]


def test_a_trace_that_fails(store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(trace_task, "as_markdown", full_disk)
    assert command(["task=trace", *TINY], monkeypatch) == 1
    (result,) = Path.cwd().glob("outputs/*/*/result.json")
    assert read_outcome(result.parent).status == "failed"
    assert ask(store, "select status from runs") == [("FAILED",)]
    out, err = capfd.readouterr()
    assert err == ""
    assert "No space left on device" in out


# Terminals

BPEXP = f"{shlex.quote(sys.executable)} -m bpexp data=xor data.n=60 epochs=1 tracking=none run_name=\"'\u00fc'\""
TERMINALS = {
    "standard error is closed": (f"{BPEXP} 2>&-", 0),
    "standard error takes nothing": (f"{BPEXP} 2>/dev/full", 0),
    "standard output takes nothing": (f"{BPEXP} >/dev/full", 0),
    "the encoding lacks a letter": (f"PYTHONIOENCODING=ascii {BPEXP}", 0),
}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("what", TERMINALS)
def test_a_terminal_that_takes_nothing_harms_no_run(what: str) -> None:
    line, code = TERMINALS[what]
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=300, env=dict(os.environ))
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
    (result,) = Path.cwd().glob("outputs/*/*/result.json")
    assert read_outcome(result.parent).status == "finished"
