"""A sweep that was broken off, or that lacks results, is resumed: what is there is recognised, the rest is done."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import Listing, command, listing, refused
from stores import ask

import bpexp
from bpexp.records.lock import RunLock
from bpexp.records.outcome import read_outcome
from bpexp.running import execute as running
from bpexp.running import sweep
from bpexp.running.resuming import attempts
from bpexp.training.events import RunEnded
from bpexp.training.trainer import Trainer

QUIET = ["data=xor", "model.hidden=[3]", "data.n=60", "epochs=2", "progress=false", "tracking=none"]
Whole = tuple[dict[int, tuple[str, str]], list[str]]
SWEEP = ["-m", *QUIET, "lr=0.1,0.2,0.3", "launcher=serial"]
THERE = [*SWEEP, "hydra.sweep.dir=there"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The learning rates of the runs that are trained."""
    rates: list[float] = []
    train = running.train

    def noted(trainer: Trainer, *args: Any) -> RunEnded:
        rates.append(trainer.lr)
        return train(trainer, *args)

    monkeypatch.setattr(running, "train", noted)
    return rates


def broken(
    error: BaseException | int, monkeypatch: pytest.MonkeyPatch, words: list[str] = THERE, lr: float = 0.2
) -> None:
    """A sweep whose second run meets an exception, or a signal."""
    with monkeypatch.context() as patched:
        train = running.train

        def fails(trainer: Trainer, *args: Any) -> RunEnded:
            if trainer.lr == lr and isinstance(error, int):
                signal.raise_signal(error)
            elif trainer.lr == lr:
                raise error
            return train(trainer, *args)

        patched.setattr(running, "train", fails)
        assert command(words, patched) in (1, 130, 143)


def table(folder: str = "there") -> dict[int, tuple[str, str]]:
    """Status and accuracy of each job in ranking.csv."""
    with Path(folder, "ranking.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {int(row["job"]): (row["status"], row["final accuracy_test"]) for row in rows}


def digests(folder: str = "there") -> list[str]:
    return [read_outcome(path.parent).theta_sha256 for path in sorted(Path(folder).glob("[0-9]*/result.json"))]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Sweeps that were made once: `whole` is complete, `failed` lacks its second run."""
    folder = tmp_path_factory.mktemp("sweeps")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        assert command([*SWEEP, "hydra.sweep.dir=whole"], patched) == 0
        broken(RuntimeError("no luck"), patched, [*SWEEP, "hydra.sweep.dir=failed"])
    return {name: folder / name for name in ("whole", "failed")}


@pytest.fixture
def whole(made: dict[str, Path]) -> Whole:
    """Table and weights of the complete sweep, whose folder is copied to `there`."""
    return at_hand(made["whole"])


@pytest.fixture
def failed(made: dict[str, Path]) -> Whole:
    """The same of the complete sweep, while `there` lacks the second run."""
    at_hand(made["failed"])
    return table(str(made["whole"])), digests(str(made["whole"]))


def at_hand(source: Path) -> Whole:
    """A copy of a sweep, as if it had been made here."""
    shutil.copytree(source, "there")
    edit("there/sweep.json", f'"folder": "{source.parent}"', f'"folder": "{Path.cwd()}"')
    return table(), digests()


def files(folder: Path) -> Listing:
    return [(name, size) for name, size in listing(folder) if not name.startswith((".hydra", "run.lock"))]


def test_a_failed_job_is_done_anew_and_nothing_of_it_is_lost(
    failed: Whole, trained: list[float], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert table()[1][0] == "failed"
    before = files(Path("there/1"))
    assert command(["resume=there"], monkeypatch) == 0
    assert trained == [0.2]
    assert files(Path("there/1/attempt-1")) == before
    assert "2 of 3 jobs have a result" in capfd.readouterr().err
    assert (table(), digests()) == failed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
def test_an_interrupted_sweep_goes_on(
    number: int, made: dict[str, Path], trained: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(number, monkeypatch)
    assert {job: status for job, (status, _) in table().items()} == {0: "finished", 1: "killed", 2: "lost"}
    trained.clear()
    assert command([*THERE, "resume=true"], monkeypatch) == 0
    assert trained == [0.2, 0.3]
    assert (table(), digests()) == (table(str(made["whole"])), digests(str(made["whole"])))


@pytest.mark.usefixtures("trained")
def test_a_job_that_goes_on_says_which_it_is(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    said = [word.replace("progress=false", "progress=true") for word in THERE]
    broken(signal.SIGTERM, monkeypatch, said)
    capfd.readouterr()
    assert command([*said, "resume=true"], monkeypatch) == 0
    told = [line for line in capfd.readouterr().err.splitlines() if "resumed from" in line]
    assert [line.partition(" from step-")[0] for line in told] == ["job 1: resumed"]


def test_a_complete_sweep_says_so(
    whole: Whole, trained: list[float], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    before = files(Path("there/1"))
    assert command(["resume=there"], monkeypatch) == 0
    out, err = capfd.readouterr()
    assert trained == []
    assert out.startswith("3 of 3 jobs have a result; best ")
    assert "the sweep is complete" in err
    assert files(Path("there/1")) == before


def test_the_newest_sweep_of_the_same_command(
    trained: list[float], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    line = refused([*SWEEP, "resume=true"], monkeypatch, capfd)
    assert "no sweep of this command is below 'multirun'; leave resume=true out to begin it" in line
    broken(RuntimeError("no luck"), monkeypatch, SWEEP)
    assert command(["-m", *QUIET, "lr=0.1", "launcher=serial"], monkeypatch) == 0
    trained.clear()
    assert command([*SWEEP, "resume=true", "sweep.on_error=stop"], monkeypatch) == 0
    assert trained == [0.2]
    capfd.readouterr()
    line = refused(["-m", *QUIET, "lr=0.1,0.2", "resume=true"], monkeypatch, capfd)
    assert "no sweep of this command" in line
    line = refused([*QUIET, "resume=true"], monkeypatch, capfd)
    assert "resume=true goes on with a sweep, and this is one run" in line


DAMAGES: dict[str, Callable[[], Any]] = {
    "the folder of a job": lambda: shutil.rmtree("there/1"),
    "a journal": lambda: Path("there/1/metrics.jsonl").unlink(),
    "a network": lambda: Path("there/1/network.npz").unlink(),
    "a result": lambda: Path("there/1/result.json").unlink(),
    "half a result": lambda: os.truncate("there/1/result.json", 200),
    "no object": lambda: Path("there/1/result.json").write_text("[]", encoding="utf-8"),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_a_job_whose_files_are_gone_or_damaged_is_done_again(
    what: str, whole: Whole, trained: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    DAMAGES[what]()
    assert command(["resume=there"], monkeypatch) == 0
    assert trained == [0.2]
    assert (table(), digests()) == whole


@pytest.mark.usefixtures("failed")
def test_a_sweep_that_was_moved_goes_on_where_it_is(trained: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("there").rename("moved")
    assert command(["resume=moved", "progress=false"], monkeypatch) == 0
    assert trained == [0.2]
    assert not Path("there").exists()
    assert table("moved")[1][0] == "finished"


def edit(path: str, old: str, new: str) -> None:
    text = Path(path).read_text(encoding="utf-8")
    assert old in text
    Path(path).write_text(text.replace(old, new), encoding="utf-8")


def test_from_python(failed: Whole, trained: list[float]) -> None:
    resumed = bpexp.sweep(resume="there")
    assert resumed.ok
    assert trained == [0.2]
    assert (table(), digests()) == failed


def test_a_checkpoint_of_another_job_is_refused(
    trained: list[float], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The folders of two jobs that were killed are exchanged: each would go on with the other's parameters."""
    assert command(THERE, monkeypatch) == 0
    finished = digests()
    for number in (0, 1):
        Path(f"there/{number}/result.json").unlink()
    for source, target in (("0", "aside"), ("1", "0"), ("aside", "1")):
        Path("there", source).rename(Path("there", target))
    capfd.readouterr()
    line = refused(["resume=there"], monkeypatch, capfd)
    assert "0/config.yaml' is of another config: lr was 0.1, and is 0.2; put it back, or remove the folder" in line

    for number in (0, 1):
        shutil.rmtree(f"there/{number}")
    trained.clear()
    assert command(["resume=there"], monkeypatch) == 0
    assert (trained, digests()) == ([0.1, 0.2], finished)


def test_a_config_bomb_in_the_folder_of_a_job(
    whole: Whole, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    config = Path("there/0/config.yaml")
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join(9 * [f'*a{n - 1}'])}]" for n in range(1, 9)]
    config.write_text("\n".join(lines), encoding="utf-8")
    assert "holds more than 200000 keys and values" in refused(["resume=there"], monkeypatch, capfd)
    config.unlink()
    os.mkfifo(config)
    assert "put it back, or remove the folder" in refused(["resume=there"], monkeypatch, capfd)


def test_a_named_folder_that_another_sweep_filled_meanwhile(
    whole: Whole, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sweep, "claim", lambda wanted, *_, **__: wanted.absolute())
    before = listing(Path("there"))
    assert command([*THERE, "seed=1"], monkeypatch) == 2
    assert "already holds a sweep; choose another hydra.sweep.dir" in capfd.readouterr().err
    assert [pair for pair in listing(Path("there")) if pair[0] != "run.lock"] == [
        pair for pair in before if pair[0] != "run.lock"
    ]


@pytest.mark.usefixtures("failed")
def test_what_differs_is_named_and_refused(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert "lr=0.5 cannot change" in refused(["resume=there", "lr=0.5"], monkeypatch, capfd)
    assert "resume is given 2 times" in refused(["resume=there", "resume=true"], monkeypatch, capfd)

    edit("there/0/config.yaml", "lr: 0.1", "lr: 0.7")
    line = refused(["resume=there"], monkeypatch, capfd)
    assert "config.yaml' is of another config: lr was 0.1, and is 0.7; put it back, or remove the folder" in line
    edit("there/0/config.yaml", "lr: 0.7", "lr: 0.1")

    edit("there/0/result.json", '"lr": 0.1', '"lr": 0.7')
    line = refused(["resume=there"], monkeypatch, capfd)
    assert "result.json' is of another config: lr was 0.1, and is 0.7" in line
    edit("there/0/result.json", '"lr": 0.7', '"lr": 0.1')

    with monkeypatch.context() as patched:
        patched.setattr(bpexp, "__version__", "99.0")
        assert f"bpexp {bpexp.__version__} began it" not in refused(["resume=there"], patched, capfd)
        assert "began it, and this is 99.0" in refused(["resume=there"], patched, capfd)

    with RunLock(Path("there")):
        assert "is running: process" in refused(["resume=there"], monkeypatch, capfd)

    Path("other").mkdir()
    with monkeypatch.context() as patched:
        patched.chdir("other")
        line = refused([f"resume={tmp_path / 'there'}"], patched, capfd)
        assert f"was begun in {str(tmp_path)!r}; go there to resume it" in line
    assert command(["resume=there"], monkeypatch) == 0


def test_data_that_changed_is_refused(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    rows = [f"{i % 5},{i % 7},{i % 2}" for i in range(60)]
    Path("d.csv").write_text("\n".join(["a,b,c", *rows]), encoding="utf-8")
    words = [
        "-m",
        *QUIET[1:2],
        *QUIET[3:],
        "data=csv",
        "data.path=d.csv",
        "data.target=c",
        "lr=0.1,0.2",
        "launcher=serial",
    ]
    broken(RuntimeError("no luck"), monkeypatch, [*words, "hydra.sweep.dir=there"])
    Path("d.csv").write_text("\n".join(["a,b,c", *rows[1:], rows[0]]), encoding="utf-8")
    capfd.readouterr()
    line = refused(["resume=there"], monkeypatch, capfd)
    assert "job 0: the data set was" in line


RECORDS = {
    "gone": lambda path: path.unlink(),
    "empty": lambda path: path.write_text("", encoding="utf-8"),
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "a list": lambda path: path.write_text("[]", encoding="utf-8"),
    "newer": lambda path: edit(str(path), '"format": 1', '"format": 7'),
    "a parameter": lambda path: edit(str(path), '"epochs": 2', '"epochs": 3'),
    "outside": lambda path: edit(str(path), '"subdirectory": "1"', '"subdirectory": "../1"'),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "not text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "code": lambda path: edit(str(path), '"progress=false"', '"+x={_target_:os.system}"'),
}


@pytest.mark.usefixtures("failed")
@pytest.mark.parametrize("what", RECORDS)
def test_a_damaged_record_is_refused_in_one_line(
    what: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    RECORDS[what](Path("there/sweep.json"))
    refused(["resume=there"], monkeypatch, capfd)


def test_files_of_an_attempt_that_were_half_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may die between any two moves: the next one goes on, and nothing is written over."""
    for dies in range(4):
        job = tmp_path / f"job-{dies}"
        job.mkdir()
        (job / "attempt-1").mkdir()
        for name in ("a", "b", "c", "run.lock"):
            (job / name).write_text(name, encoding="utf-8")
        moved, move = [0], os.replace

        def dying(source: Any, target: Any, *, at: int = dies, moved: list[int] = moved, move: Any = move) -> None:
            if moved[0] == at:
                raise KeyboardInterrupt
            moved[0] += 1
            move(source, target)

        with monkeypatch.context() as patched:
            patched.setattr(os, "replace", dying)
            if dies < 3:
                with pytest.raises(KeyboardInterrupt):
                    attempts.set_aside(job)
            else:
                attempts.set_aside(job)
        attempts.set_aside(job)
        assert {path.name for path in job.iterdir()} == {"attempt-1", "attempt-2", "run.lock"}
        assert {path.name for path in (job / "attempt-2").iterdir()} == {"a", "b", "c"}
        assert attempts.set_aside(job) is None


@pytest.mark.usefixtures("whole")
def test_the_record_holds_what_decides_the_jobs() -> None:
    record = json.loads(Path("there/sweep.json").read_text(encoding="utf-8"))
    assert [job["own"] for job in record["jobs"]] == [{"lr": lr} for lr in (0.1, 0.2, 0.3)]
    assert record["common"]["epochs"] == 2
    assert record["words"] == [*SWEEP[1:], "hydra.sweep.dir=whole"]
    assert record["bpexp"] == bpexp.__version__


# In MLflow


TWICE = """select distinct run_uuid, key from metrics where key not like 'final/%' and key not like 'best/%'
group by run_uuid, key, step having count(*) > 1"""
"""Summaries are those of an end: a run that was interrupted and went on has had two."""


def runs(store: Path) -> dict[str, Any]:
    """Of a store with one sweep: status and metrics of the parent, statuses of its children, and of the other runs."""
    parents = dict(ask(store, "select run_uuid, value from tags where key = 'mlflow.parentRunId'"))
    (parent,) = set(parents.values())
    statuses = dict(ask(store, "select run_uuid, status from runs"))
    values = dict(ask(store, f"select key, value from latest_metrics where run_uuid = '{parent}'"))
    return {
        "parent": statuses.pop(parent),
        "metrics": {key: value for key, value in values.items() if value and "seconds" not in key},
        "children": sorted(statuses.pop(run) for run in parents),
        "others": sorted(statuses.values()),
        "twice": ask(store, TWICE),
    }


def test_the_parent_goes_on_and_no_child_is_doubled(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One run fails, the sweep is interrupted in the next one, and resumed: the store is as if nothing had been."""
    words = [*QUIET[:-1], "tracking.model=false", "tracking.figures=false", "launcher=serial"]
    words = ["-m", *words, "lr=0.1,0.2,0.3,0.4", "hydra.sweep.dir=there"]
    broken(RuntimeError("no luck"), monkeypatch, [*words, "sweep.on_error=stop"])
    assert runs(store)["children"] == ["FAILED", "FINISHED"]
    broken(signal.SIGTERM, monkeypatch, ["resume=there"], lr=0.3)
    assert runs(store)["parent"] == "KILLED"
    assert command(["resume=there"], monkeypatch) == 0
    found = runs(store)
    assert (found["parent"], found["children"], found["others"]) == ("FINISHED", ["FINISHED"] * 4, ["FAILED"])
    assert found["metrics"]["jobs/finished"] == 4
    assert not [key for key in found["metrics"] if key.startswith("jobs/") and key != "jobs/finished"]
    assert all(key.startswith("jobs/") for _, key in found["twice"]), "a row of a child is there twice"
    before = ask(store, "select count(*) from metrics")
    ((parent,),) = ask(store, "select run_uuid from tags where key = 'bpexp.sweep'")
    assert command([f"resume={parent}"], monkeypatch) == 0, "a sweep by MLflow's id of it"
    assert ask(store, "select count(*) from metrics") == before, "a complete sweep has nothing to add"


def test_a_copy_of_a_sweep_is_refused_with_the_line_to_type(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words = [*QUIET[:-1], "tracking.model=false", "tracking.figures=false", "launcher=serial"]
    broken(signal.SIGTERM, monkeypatch, ["-m", *words, "lr=0.1,0.2", "hydra.sweep.dir=there"], lr=0.2)
    shutil.copytree("there", "copy")
    there, before = Path("there").absolute(), runs(store)
    told = f"the sweep in 'copy' is a copy of that in {str(there)!r}; resume={there}, or remove one\n"
    capfd.readouterr()
    assert command(["resume=copy"], monkeypatch) == 2
    assert capfd.readouterr().err == f"bpexp: {told}"
    assert runs(store) == before
    Path("there").rename("elsewhere")
    assert command(["resume=copy"], monkeypatch) == 0, "now it is the sweep, which was moved"


# Studies

STUDY = """# @package _global_
defaults:
  - override /data: xor
study:
  title: A small study
  question: Does it go on?
  factors:
    lr: [0.1, 0.2]
  repeats: 2
  measures: [final loss/test]
  claims:
    - text: a lower loss
      measure: final loss/test
      of: {lr: 0.2}
      against: {lr: 0.1}
      below: 0
"""


def test_a_study_goes_on_as_it_was_declared(
    trained: list[float], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    file = Path("mine/experiment/small.yaml")
    file.parent.mkdir(parents=True)
    file.write_text(STUDY, encoding="utf-8")
    words = ["--config-dir", "mine", "experiment=small", *QUIET[1:], "launcher=serial", "hydra.sweep.dir=there"]
    broken(signal.SIGINT, monkeypatch, words)
    declared = Path("there/study.json").read_text(encoding="utf-8")
    assert not Path("there/report.html").exists()
    capfd.readouterr()

    edit(str(file), "below: 0", "above: 0")
    assert "was declared with" in refused(["resume=there"], monkeypatch, capfd)
    edit(str(file), "above: 0", "below: 0")
    edit(str(file), "repeats: 2", "repeats: 3")
    assert "cannot be resumed: " in refused(["resume=there"], monkeypatch, capfd)
    edit(str(file), "repeats: 3", "repeats: 2")
    assert "seed=7 cannot change" in refused(["resume=there", "seed=7"], monkeypatch, capfd)
    edit("there/study.json", "a lower loss", "a higher loss")
    assert "its content does not fit its SHA-256" in refused(["resume=there"], monkeypatch, capfd)
    edit("there/study.json", "a higher loss", "a lower loss")
    Path("there/study.json").rename("kept.json")
    assert "is gone, so that nothing tells what was declared before job 0" in refused(
        ["resume=there"], monkeypatch, capfd
    )
    Path("kept.json").rename("there/study.json")

    trained.clear()
    assert command(["resume=there"], monkeypatch) == 0
    assert trained == [0.2, 0.2]
    assert Path("there/study.json").read_text(encoding="utf-8") == declared
    assert Path("there/report.html").exists()
