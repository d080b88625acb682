"""Jobs in processes of their own: the death of one is its own ending, and nobody else's."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from children import Child, bpexp
from command_line import command, refused
from deadly import deadly
from stores import ask

from bpexp.records.outcome import read_outcome

SMALL = ["data=xor", "model.hidden=[3]", "data.n=60", "epochs=2", "progress=false"]
QUIET = [*SMALL, "tracking=none"]
HERE = "hydra.sweep.dir=there"


@pytest.fixture
def _plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with deadly(tmp_path / "site", monkeypatch):
        yield


def statuses() -> dict[int, str]:
    """The status of each job in ranking.csv."""
    with Path("there/ranking.csv").open(encoding="utf-8", newline="") as file:
        return {int(row["job"]): row["status"] for row in csv.DictReader(file)}


def digests(folder: str) -> list[str]:
    paths = sorted(Path(folder).glob("*/result.json"), key=lambda path: int(path.parent.name))
    return [read_outcome(path.parent).theta_sha256 for path in paths]


def forked(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command in a forked child, for which everything is imported."""
    child = bpexp(words, folder, streams=lambda: os.chdir(folder))
    return subprocess.CompletedProcess(words, child.ended(), child.out, child.err)


@pytest.mark.usefixtures("_plug_in")
def test_each_death_is_that_of_one_job_and_the_resumed_sweep_does_those_jobs(
    tmp_path: Path,
) -> None:
    """The short form of `python -m experiments.reliability.sweeps deaths`."""
    from experiments.reliability.sweeps import deaths

    dying = {1: "exception", 2: "kill", 3: "memory", 4: "exit", 5: "diverge"}
    found = deaths(tmp_path, 6, dying, forked)
    assert found["exit codes"] == [1, 0]
    assert found["statuses"] == {"finished": 1, "diverged": 1, "failed": 2, "killed": 2}
    assert found["MLflow"]["parents"] == {"FAILED": 1}
    assert found["MLflow"]["children"] == {"FINISHED": 1, "FAILED": 3, "KILLED": 2}
    assert [line.split(":")[0] for line in found["named"]] == [
        *("job 1 failed", "job 2 killed", "job 3 failed", "job 4 killed", "job 5 diverged")
    ]
    reasons = [
        "RuntimeError: no luck",
        "its process was ended by SIGKILL, as the system does where memory is short",
        "MemoryError: ",
        "its process left with exit code 4",
    ]
    for line, reason in zip(found["named"], reasons, strict=False):
        assert line.partition(": ")[2].startswith(reason)
    assert found["done again"] == [1, 2, 3, 4]
    assert found["statuses after"] == {"finished": 5, "diverged": 1}
    assert found["MLflow after"]["parents"] == {"FINISHED": 1}
    assert found["MLflow after"]["children"] == {"FINISHED": 5, "FAILED": 1}
    assert found["MLflow after"]["children with a row twice"] == 0


@pytest.mark.usefixtures("_plug_in")
@pytest.mark.parametrize(("launcher", "kind"), [("serial", "exception"), ("process", "kill")])
def test_stop_ends_the_sweep_after_the_first_error(launcher: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that diverges is no error; the jobs after the first one are not begun."""
    jobs = [f"+callbacks.death.kind={kind}", "loss=mse", "output=identity", "lr=1e30,0.1,0.2"]
    assert command(["-m", *QUIET, *jobs, f"launcher={launcher}", "sweep.on_error=stop", HERE], monkeypatch) == 1
    found = statuses()
    assert (found[0], found[2]) == ("diverged", "lost")
    assert found[1] == {"exception": "failed", "kill": "killed"}[kind]
    assert not Path("there/2").exists()


LINES = {
    "launcher=process lr=0.1": "launcher=process has no effect on a single run; add -m",
    "sweep.on_error=stop": "sweep.on_error=stop has no effect on a single run; add -m",
    "-m launcher=serial,process": "launcher cannot be swept; use one value",
    "-m sweep.on_error=stop,continue": "sweep.on_error cannot be swept; use one value",
    "-m sweep.on_error=halt": "sweep.on_error must be one of continue, stop, not 'halt'",
    "-m launcher=rai": "unknown launcher 'rai'; ",
    "-m launcher=serial launcher.n_jobs=2": "has no parameter 'n_jobs'",
    "-m launcher=process launcher.n_jobs=0": "n_jobs must be a whole number of at least 1",
}


@pytest.mark.parametrize("words", LINES)
def test_bad_input(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert LINES[words] in refused([*QUIET, *words.split()], monkeypatch, capfd)


@pytest.mark.usefixtures("_plug_in")
def test_the_weights_are_those_of_serial(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["-m", *SMALL, "tracking.model=false", "tracking.figures=false", "lr=0.1,0.3"]
    words += ["gradient=backprop,forward_gradient", "optimizer=adam", "threads=2", "dtype=float32"]
    assert command([*words, "launcher=serial", HERE], monkeypatch) == 0
    parallel = ["launcher=process", "launcher.n_jobs=2", "hydra.sweep.dir=here"]
    assert command([*words, *parallel], monkeypatch) == 0
    assert len(set(digests("there"))) == 4
    assert digests("there") == digests("here")
    assert ask(store, "select status, count(*) from runs group by status") == [("FINISHED", 10)]
    query = "select p.value, count(*) from tags p where p.key = 'mlflow.parentRunId' group by p.value"
    assert [count for _, count in ask(store, query)] == [4, 4]


# The end of the sweep before its jobs


def begun(*words: str) -> tuple[Child, list[psutil.Process]]:
    """A sweep of slow jobs in a process of its own, whose jobs train, and all processes that it has started."""
    slow = ["+callbacks.death.kind=slow", "+callbacks.death.seconds=0.05", "epochs=10000"]
    line = ["-m", *SMALL[:3], *slow, "launcher=process", "progress=false", HERE]
    line += [*([] if any(word.startswith("seed=") for word in words) else ["seed=0,1"]), *words]
    sweep = bpexp(line, Path.cwd())
    jobs = 2 if "launcher.n_jobs=2" in words else 1
    journals = [Path(f"there/{number}/metrics.jsonl") for number in range(jobs)]
    sweep.wait_for(lambda: all(path.exists() and path.read_bytes().count(b"\n") >= 3 for path in journals))
    return sweep, psutil.Process(sweep.pid).children(recursive=True)


@pytest.mark.usefixtures("_plug_in")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_when_the_sweep_ends_its_job_ends_with_a_true_record(number: int) -> None:
    """Also when the sweep can say no more: nothing trains on."""
    sweep, processes = begun("tracking=none")
    sweep.send(number)
    code, err = sweep.ended(), sweep.err
    assert psutil.wait_procs(processes, timeout=300)[1] == []
    assert code == {signal.SIGINT: 130}.get(signal.Signals(number), -number)
    assert "Traceback" not in err
    assert read_outcome(Path("there/0")).status == "killed"
    assert json.loads(Path("there/0/metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1])["event"] == "ended"
    assert not Path("there/1").exists()
    if Path("there/ranking.csv").exists():  # a busy machine has no time for it
        assert statuses() == {0: "killed", 1: "lost"}


@pytest.mark.usefixtures("_plug_in")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["term", "hup"])
def test_ended_from_outside_every_job_and_the_parent_are_true_and_no_process_is_left(
    number: int, code: int, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system shuts down, or the terminal is closed, while two jobs train and a third one waits."""
    sweep, processes = begun("seed=0,1,2", "launcher.n_jobs=2", "tracking.figures=false")
    assert len(processes) == 3  # two workers, and the server that they are forked from
    sweep.send(number)
    ended, err = sweep.ended(), sweep.err
    told = [line for line in err.splitlines() if "more workers than" not in line]  # where one core is usable
    assert (ended, len(told)) == (code, 1), err
    assert psutil.wait_procs(processes, timeout=300)[1] == []
    assert [read_outcome(Path(f"there/{job}")).status for job in range(2)] == ["killed"] * 2
    assert not Path("there/2").exists()
    assert command(["task=sync"], monkeypatch) == 0  # what a busy machine could not send in the time of an end
    assert ask(store, "select status, count(*) from runs group by status") == [("KILLED", 3)]
    parents = "select count(distinct value) from tags where key = 'mlflow.parentRunId'"
    assert ask(store, parents) == [(1,)]
