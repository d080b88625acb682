"""task=status and task=stop: a sweep that runs, one whose process is gone, and one that is over."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from children import Child, bpexp
from command_line import command, refused

from bpexp.cli.status import lines
from bpexp.records.lock import RunLock, liveness
from bpexp.records.process import started
from bpexp.running.tasks.status_task import standing

SMALL = ["data=xor", "model.hidden=[3]", "data.n=60", "tracking=none", "progress=false", "hydra.sweep.dir=there"]
ASKED = ["task=status", "sweep=there"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def told(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """The lines that the command prints, by their labels."""
    assert command(words, monkeypatch) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line]
    return {row[:8].strip(): row[9:].strip() for row in rows}


def begun(*words: str) -> Child:
    """A sweep of long jobs, in a process of its own, whose first one trains."""
    sweep = bpexp(["-m", *SMALL, "epochs=100000", "seed=range(3)", *words], Path.cwd())
    journal = Path("there/0/metrics.jsonl")
    sweep.wait_for(lambda: journal.exists() and journal.read_bytes())
    return sweep


def test_a_sweep_that_runs_and_that_is_stopped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = begun()
    try:
        found = told(ASKED, monkeypatch, capsys)
        assert found["state"] == f"running: process {sweep.pid} on {os.uname().nodename} holds the lock"
        assert found["launcher"] == "serial (one usable core)"
        assert found["jobs"] == "0/3 done  1 running  2 not begun"
        assert found["job 0"].startswith("epoch ")
        assert found["job 0"].endswith("  seed=0")
        assert "/100000" in found["job 0"]
        stopped = told(["task=stop", "sweep='there'"], monkeypatch, capsys)
    finally:
        code = sweep.ended()
    assert (code, "Traceback" in sweep.err) == (143, False)
    assert stopped["state"].startswith("broken off: process")
    assert stopped["state"].endswith("gave the lock back; resume=there goes on with it")
    assert stopped["jobs"] == "0/3 done  1 killed  2 not begun"
    assert stopped["job 0"].startswith("seed=0  killed: terminated")


def test_a_sweep_whose_process_is_gone_is_dead_by_evidence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its jobs, too: what was begun and has no result is broken off, and is no running job."""
    sweep = begun()
    sweep.kill()
    found = told(ASKED, monkeypatch, capsys)
    assert found["state"].startswith(f"broken off: process {sweep.pid} on ")
    assert found["state"].endswith("holds the lock no longer; resume=there goes on with it")
    assert found["jobs"] == "0/3 done  1 broken off  2 not begun"
    assert found["job 0"] == "seed=0  broken off: its process is gone"
    assert Path("there/0/result.json").exists() is False  # a question changes nothing


def test_a_sweep_that_is_over_and_one_whose_folder_was_copied_from_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["-m", *SMALL, "epochs=1", "lr=0.1,0.3", "loss=mse", "output=identity"], monkeypatch) == 0
    capsys.readouterr()
    found = told(ASKED, monkeypatch, capsys)
    assert (found["state"], found["jobs"]) == ("over", "2/2 done")
    assert found["best"].startswith("0.")
    assert "loss=mse" not in found["best"]
    lock = Path("there/run.lock")
    said = json.loads(lock.read_bytes().partition(b"\n")[0])
    lock.write_text(json.dumps({**said, "over": False, "host": "elsewhere", "boot": "another"}), encoding="utf-8")
    assert liveness(Path("there")).state == "unknown"
    assert told(ASKED, monkeypatch, capsys)["state"] == "over"
    Path("there/1/result.json").unlink()
    state = told(ASKED, monkeypatch, capsys)["state"]
    assert state.startswith("unknown: process")
    assert state.endswith("another machine's lock proves nothing here")


LINES = {
    "task=status": "task=status takes one sweep, as in task=status sweep=multirun/DATE/TIME",
    "task=status sweep=a sweep=b": "task=status takes one sweep",
    "task=status task=stop sweep=a": "task=status takes one sweep",
    "sweep=there": "sweep=there belongs to task=status or task=stop; add one, or leave it out",
    "task=status sweep=there lr=0.1": "lr=0.1 has no effect with task=status; leave it out",
    "-m task=status sweep=there": "task=status is done once; leave -m out",
    "task=status sweep=nowhere": "there is no sweep in 'nowhere'; name its folder, as in sweep=multirun/DATE/TIME",
    "task=stop sweep=nowhere": "there is no sweep in 'nowhere'; name its folder, as in sweep=multirun/DATE/TIME",
}


@pytest.mark.parametrize("words", LINES)
def test_bad_input(words: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    assert LINES[words] in refused(words.split(), monkeypatch, capfd)


def test_a_sweep_that_does_not_run_here_is_not_stopped(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert command(["-m", *SMALL, "epochs=1", "lr=0.1,0.3"], monkeypatch) == 0
    capfd.readouterr()
    words = ["task=stop", "sweep=there"]
    assert "the sweep in 'there' is not running: process" in refused(words, monkeypatch, capfd)
    with RunLock(Path("there")):  # by this process, as if it were of another machine
        lock = Path("there/run.lock")
        said = json.loads(lock.read_bytes().partition(b"\n")[0])
        lock.write_text(json.dumps({**said, "boot": "another", "host": "elsewhere"}), encoding="utf-8")
        assert "cannot be ended from here" in refused(words, monkeypatch, capfd)


@pytest.mark.parametrize("other", [{"started": 1}, {"pids": "pid:[1]"}], ids=["given again", "of a container"])
def test_a_process_that_only_has_the_number_of_the_sweep_is_not_ended(
    other: dict[str, object], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A container shares lock and start of its machine, and numbers its processes anew."""
    assert command(["-m", *SMALL, "epochs=1", "lr=0.1,0.3"], monkeypatch) == 0
    capfd.readouterr()
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        with RunLock(Path("there")):
            lock = Path("there/run.lock")
            said = json.loads(lock.read_bytes().partition(b"\n")[0])
            began = started(bystander.pid)
            lock.write_text(json.dumps({**said, "pid": bystander.pid, "started": began, **other}), encoding="utf-8")
            assert "is another one here" in refused(["task=stop", "sweep=there"], monkeypatch, capfd)
        time.sleep(0.1)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_search_tells_its_trials_by_their_numbers_and_those_that_have_no_job(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever their folders are called, and also where the values of a trial do not fit each other."""
    space = ["output=choice(softmax,identity,sigmoid)", "loss=choice(mse,cross_entropy,binary_cross_entropy)"]
    words = [*SMALL, "epochs=1", "search=random", "search.trials=4", "hydra.sweep.subdir=lr_${lr}/n${hydra.job.num}_x"]
    assert command(["-m", *words, *space, "lr=interval(0.1,0.2)"], monkeypatch) == 0
    capsys.readouterr()
    found = told(ASKED, monkeypatch, capsys)
    assert found["state"] == "over"
    assert re.fullmatch(r"[1-3]/4 done  [1-3] failed", found["jobs"])
    assert found["jobs"].endswith(" failed")
    assert any(row.startswith("failed: loss ") for key, row in found.items() if key.startswith("job "))


def test_jobs_are_named_as_they_were_typed_and_the_epoch_is_always_seen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A preset stands for many parameters: they are no name of a job. A job that runs fits 40 columns."""
    words = ["model=mnist_sigmoid,mnist_relu", "lr=0.1,0.3"]
    sweep = [word for word in SMALL if not word.startswith("model")]
    assert command(["-m", *sweep, *words, "epochs=1", "launcher=serial"], monkeypatch) == 0
    capsys.readouterr()
    Path("there/1/result.json").unlink()
    with RunLock(Path("there/1")):
        found = standing(Path("there"))
        rows = dict(lines(found))
        narrow = dict(lines(found, 40))
    assert rows["job 1"].startswith("epoch 1/1  loss ")
    assert rows["job 1"].endswith("  model=mnist_sigmoid lr=0.3")
    assert narrow["job 1"].startswith("epoch 1/1  ")
    assert "loss" not in narrow["job 1"]
    assert rows["jobs"] == "3/4 done  1 running"
    shutil.rmtree("there/1/.hydra")
    assert "model=mnist_sigmoid" in standing(Path("there")).said(found.record.jobs[1])


@pytest.mark.parametrize("text", ["a: b", "[[", "- 1", "&a [*a]", "- " + "a" * (1 << 21)])
def test_damaged_overrides_of_a_job_are_no_names(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["-m", *SMALL, "epochs=1", "lr=0.1,0.3", "launcher=serial"], monkeypatch) == 0
    Path("there/1/.hydra/overrides.yaml").write_text(text, encoding="utf-8")
    found = standing(Path("there"))
    assert found.said(found.record.jobs[1]) == "lr=0.3"


def test_trials_are_told_apart_by_four_digits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word for word in SMALL if word != "progress=false"]
    assert (
        command(["-m", *words, "epochs=1", "lr=interval(0.1,0.3)", "search=random", "search.trials=2"], monkeypatch)
        == 0
    )
    err = capsys.readouterr().err
    assert re.search(r"job 1  lr=0\.\d{1,4}  finished", err)
    assert re.search(r"lr=0\.\d{1,4}$", told(ASKED, monkeypatch, capsys)["best"])
    assert len(json.loads(Path("there/1/result.json").read_text(encoding="utf-8"))["overrides"][-1]) > 12
