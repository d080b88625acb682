"""The table of a sweep on terminals of several widths, and its lines elsewhere."""

from __future__ import annotations

import io
import json
import re
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bpexp.config.schema import Config
from bpexp.records.outcome import Outcome
from bpexp.running import sweep_views
from bpexp.running.job import Ending, Job
from bpexp.running.sweep_progress import SweepProgress, shortened
from bpexp.running.sweep_views import PAUSE, Lines
from bpexp.running.tally import Tally

LONG = ("model=mnist_relu", "lr=0.123456789", "init={name:normal,std:0.1}", "callbacks.early_stopping.patience=3")


def made(folder: Path, number: int) -> Job:
    return Job(Config(), (*LONG, f"seed={number}"), folder / str(number), number=number, one_of_many=True)


def journal(job: Job, epoch: int) -> None:
    job.directory.mkdir()
    lines = [
        {"time": 1.0, "event": "started", "epochs": 10, "steps_per_epoch": 3},
        {"time": 2.0, "step": 3, "metrics": {"loss/train": 0.25, "accuracy/train": 0.5, "time/epoch": epoch}},
        {"time": 2.0, "step": 4, "metrics": {"grad_norm/W1": 0.1}},
    ]
    (job.directory / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"time": 3', encoding="utf-8")


def ended(job: Job, status: str = "finished") -> Ending:
    metrics = {"final/accuracy_validation": 0.9}
    return Ending(job, Outcome("", "", status, "no luck", list(job.overrides), {}, 1.0, metrics, "accuracy/validation"))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
def test_the_table_fits_the_terminal(width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is longer than the terminal, the counts are whole, and nothing is left on the screen at the end."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    jobs = [made(tmp_path, number) for number in range(24)]
    tally = Tally(24, common=frozenset(LONG[:1]))
    with SweepProgress(tally, "process, 2 workers", show=True) as progress:
        stream_of_jobs = progress.pulled(jobs)
        taken = [next(stream_of_jobs) for _ in range(4)]
        progress.ended(ended(taken[0]))
        progress.ended(ended(taken[1], "failed"))
        journal(taken[2], 3)
    drawn = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
    lines = [line.rstrip("\r") for line in drawn.splitlines()]
    assert all(len(line) <= width for line in lines)
    last = [line for line in lines if line.startswith("1/24 done")]
    assert "  1 failed" in last[-1]
    assert last[-1].endswith("  20 not begun") == (width > 40)
    assert ("2 running" in last[-1]) == (width > 40)
    rows = [line for line in lines if line.startswith("job 2 ")]
    assert rows[-1].startswith("job 2  epoch 3/10  ")
    if width == 160:
        assert "epoch 3/10  loss 0.2500  train loss 0.2500" in rows[-1]
    best = "best 0.9000 accuracy/validation  job 0"
    assert any(line.startswith(best if width < 160 else f"{best}  lr=0.123456789") for line in lines)


def test_plain_lines_where_there_is_no_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The launcher, then a line for an ending, at most one a second beside those that tell of trouble and the last."""
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    jobs = [made(tmp_path, number) for number in range(5)]
    with SweepProgress(Tally(5, common=frozenset(LONG)), "serial (one job)", show=True) as progress:
        for job in progress.pulled(jobs):
            progress.ended(ended(job, "failed" if job.number == 2 else "finished"))
    launcher, first, trouble, last = stream.getvalue().splitlines()
    assert launcher == "launcher: serial (one job)"
    best = "best 0.9000 accuracy/validation (job 0)"
    assert re.fullmatch(
        r"1/5 done  0:0\d left  " + re.escape(f"4 not begun  {best}") + "  job 0  seed=0  finished 0.9000", first
    )
    assert trouble.endswith(f"1 failed  2 not begun  {best}  job 2  seed=2  failed: no luck")
    assert last == f"4/5 done  1 failed  {best}  job 4  seed=4  finished 0.9000"
    assert PAUSE == 1.0


def test_the_first_line_comes_with_the_first_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log says how long it will take before a job has ended, and no line of a job that has told nothing."""
    monkeypatch.setattr(sweep_views, "PAUSE", 0.01)
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    progress = SweepProgress(Tally(2), "serial", show=True)
    job = made(tmp_path, 0)
    with progress:
        next(progress.pulled([job]))
        assert progress.line() == ""
        journal(job, 3)
        until = time.monotonic() + 60
        while "left" not in stream.getvalue() and time.monotonic() < until:
            time.sleep(0.01)
    launcher, *lines = stream.getvalue().splitlines()
    assert launcher == "launcher: serial"
    assert [bool(re.fullmatch(r"0/2 done  \d+:\d\d left  1 running  1 not begun", line)) for line in lines] == [True]


def test_what_a_resumed_job_had_done_before_is_no_speed(tmp_path: Path) -> None:
    job = replace(made(tmp_path, 0), again=True)
    journal(job, 9)
    progress = SweepProgress(Tally(2), "serial", show=False)
    next(progress.pulled([job]))
    assert "left" not in progress.lines(160)[0]


def test_names_are_shortened_where_that_tells_them_apart() -> None:
    assert shortened("model.depth=8 +init.gain=0.5 seed=1") == "depth=8 gain=0.5 seed=1"
    assert shortened("a.x=1 b.x=2") == "a.x=1 b.x=2"
    assert (
        shortened("model=mnist_relu lr=1e-3 activation=relu seed=0")
        == "lr=1e-3 seed=0 model=mnist_relu activation=relu"
    )
    assert (
        shortened("init={name:normal,std:0.1} data.path=/a.b/c=d.csv") == "init={name:normal,std:0.1} path=/a.b/c=d.csv"
    )


def test_nothing_is_shown_where_nothing_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    with SweepProgress(Tally(1), "serial", show=False) as progress:
        for job in progress.pulled([made(tmp_path, 0)]):
            progress.ended(replace(ended(job), outcome=None, reason="its process was ended by SIGKILL"))
    assert stream.getvalue() == ""


def test_a_reader_that_has_had_enough_ends_nothing() -> None:
    stream = io.StringIO()
    stream.close()
    Lines(stream, "serial", str).ended("a line", trouble=True, last=True)
