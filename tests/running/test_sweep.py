"""Sweeps: many jobs, one parent, one table, whatever becomes of each job."""

from __future__ import annotations

import csv
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from command_line import command, refused
from stores import ask

from bpexp.records.outcome import Outcome
from bpexp.running import execute as running
from bpexp.study.ranking import rank
from bpexp.tracking import store as stores
from bpexp.training.events import RunEnded
from bpexp.training.trainer import Trainer

SMALL = ["data=xor", "model.hidden=[3]", "data.n=60", "epochs=1", "progress=false"]
QUIET = [*SMALL, "tracking=none"]
LEAN = [*SMALL, "tracking.model=false", "tracking.figures=false"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def table() -> list[dict[str, str]]:
    """ranking.csv of the only sweep."""
    (path,) = Path.cwd().glob("multirun/*/*/ranking.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def parents_and_children(store: Path) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(run, status) of the parents, (parent, status) of the children."""
    query = "select r.run_uuid, t.value, r.status from runs r left join tags t on t.run_uuid = r.run_uuid and t.key = "
    rows = ask(store, f"{query}'mlflow.parentRunId'")
    return [(r, s) for r, p, s in rows if p is None], [(p, s) for _, p, s in rows if p is not None]


def failing_at(lr: float, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the runs of one learning rate fail."""
    train = running.train

    def some_fail(trainer: Trainer, *args: Any) -> RunEnded:
        if trainer.lr == lr:
            raise error
        return train(trainer, *args)

    monkeypatch.setattr(running, "train", some_fail)


def test_a_grid(store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    opened: list[str] = []
    opening = stores._open

    def counted(uri: str, name: str) -> Any:
        opened.append(uri)
        return opening(uri, name)

    monkeypatch.setattr(stores, "_open", counted)
    assert command(["-m", *LEAN, "lr=0.1,0.2", "activation=relu,tanh"], monkeypatch) == 0
    assert len(opened) == 1, "one process opens a store once"

    (parent,), children = parents_and_children(store)
    assert parent[1] == "FINISHED"
    assert children == [(parent[0], "FINISHED")] * 4
    tags = dict(ask(store, f"select key, value from tags where run_uuid = '{parent[0]}'"))
    assert "| rank | job | lr | activation | status |" in tags["mlflow.note.content"]
    assert "lr=0.1,0.2 activation=relu,tanh" in tags["bpexp.sweep"]
    metrics = dict(ask(store, f"select key, value from metrics where run_uuid = '{parent[0]}'"))
    assert metrics["jobs/finished"] == 4

    rows = table()
    assert {(row["lr"], row["activation"]) for row in rows} == {
        (lr, f) for lr in ("0.1", "0.2") for f in ("relu", "tanh")
    }
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"]
    first = rows[0]
    best = rf"best \d\.\d+ accuracy/validation  job {first['job']}  lr={first['lr']} activation={first['activation']}"
    (folder,) = Path.cwd().glob("multirun/*/*")
    told = rf"4 of 4 jobs have a result; {best}; {re.escape(str(folder))}\n"
    assert re.fullmatch(told, capfd.readouterr().out), "with progress=false a sweep ends with one line"


def test_jobs_see_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(["-m", *QUIET, "lr=0.1", "run_name=one,other"], monkeypatch) == 0
    results = [path.read_text(encoding="utf-8") for path in sorted(Path.cwd().glob("multirun/*/*/[01]/result.json"))]
    digests = [text.partition('"theta_sha256": "')[2][:64] for text in results]
    assert len(digests) == 2
    assert digests[0] == digests[1]


def test_one_job_of_three_fails(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    failing_at(0.2, RuntimeError("no luck"), monkeypatch)
    assert command(["-m", *LEAN, "lr=0.1,0.2,0.3"], monkeypatch) == 1
    assert "job 1 failed: RuntimeError: no luck" in capfd.readouterr().out
    (parent,), children = parents_and_children(store)
    assert parent[1] == "FAILED"
    assert sorted(status for _, status in children) == ["FAILED", "FINISHED", "FINISHED"]
    assert [row["status"] for row in table()] == ["finished", "finished", "failed"]


def test_a_diverged_job_is_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    diverging = ["loss=mse", "output=identity", "lr=0.1,1e30"]
    assert command(["-m", *QUIET, *diverging], monkeypatch) == 0
    assert [row["status"] for row in table()] == ["finished", "diverged"]


def test_an_interrupt_ends_the_sweep(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    train = running.train

    def interrupted(trainer: Trainer, *args: Any) -> RunEnded:
        if trainer.lr == 0.2:
            signal.raise_signal(signal.SIGINT)
        return train(trainer, *args)

    monkeypatch.setattr(running, "train", interrupted)
    assert command(["-m", *LEAN, "lr=0.1,0.2,0.3"], monkeypatch) == 130
    assert "interrupted; what was done is kept" in capfd.readouterr().err
    assert command(["task=sync"], monkeypatch) == 0  # what a busy machine could not send in the time of an end
    (parent,), children = parents_and_children(store)
    assert parent[1] == "KILLED"
    assert sorted(status for _, status in children) == ["FINISHED", "KILLED"]
    assert sorted(row["status"] for row in table()) == ["finished", "killed", "lost"]


def test_a_declared_study(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path("mine/experiment/study.yaml")
    file.parent.mkdir(parents=True)
    sweep = "hydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      lr: 0.1,0.2\n      model.hidden: '[2],[3,3]'\n"
    file.write_text("# @package _global_\ndefaults:\n  - override /data: xor\n" + sweep, encoding="utf-8")
    said = ["data.n=60", "epochs=1", "progress=false", "tracking=none"]
    assert command(["--config-dir", "mine", "experiment=study", *said], monkeypatch) == 0
    assert {(row["lr"], row["model.hidden"]) for row in table()} == {
        (lr, hidden) for lr in ("0.1", "0.2") for hidden in ("[2]", "[3, 3]")
    }


def test_a_declared_parameter_gives_way_to_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path("mine/experiment/study.yaml")
    file.parent.mkdir(parents=True)
    sweep = "hydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      lr: 0.1,0.2\n"
    file.write_text(f"# @package _global_\n{sweep}", encoding="utf-8")
    assert command(["--config-dir", "mine", "experiment=study", *QUIET, "lr=0.3"], monkeypatch) == 0
    assert len(table()) == 1


def test_a_sweep_into_a_directory_that_holds_one(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("mine").mkdir()
    Path("mine/multirun.yaml").touch()
    line = refused(["-m", *QUIET, "lr=0.1,0.2", "hydra.sweep.dir=mine"], monkeypatch, capfd)
    assert "already holds a sweep; choose another hydra.sweep.dir" in line


# The table


def outcome(
    value: float | None, status: str = "finished", chosen: str | None = "accuracy/test", **params: Any
) -> Outcome:
    metrics = {} if value is None else {f"final/{str(chosen).replace('/', '_')}": value}
    said = [f"{key}={v}" for key, v in params.items()]
    return Outcome("run", "there", status, "because", said, params, 1.0, metrics, chosen)


def test_the_best_stands_first() -> None:
    ranking = rank([outcome(0.5, lr=1), outcome(0.9, lr=2), outcome(0.7, lr=3)], [0, 1, 2])
    assert [row[2] for row in ranking.rows] == ["2", "3", "1"]
    assert (ranking.key, ranking.varied, ranking.problems) == ("accuracy/test", ["lr"], [])


def test_of_errors_the_least_stands_first() -> None:
    runs = [outcome(value, lr=value, objective="rmse/test", chosen="rmse/test") for value in (0.5, 0.9, 0.1)]
    assert [row[2] for row in rank(runs, [0, 1, 2]).rows] == ["0.1", "0.5", "0.9"]


def test_regressions_are_ranked_by_r2() -> None:
    runs = [outcome(value, lr=value, chosen="r2/validation") for value in (-2.0, 0.9, 0.1)]
    ranking = rank(runs, [0, 1, 2])
    assert ranking.key == "r2/validation"
    assert [row[2] for row in ranking.rows] == ["0.9", "0.1", "-2.0"]


@pytest.mark.parametrize("status", ["diverged", "failed", "killed", "lost"])
def test_what_came_to_no_end_stands_last(status: str) -> None:
    runs = [outcome(0.99, status, lr=1), outcome(float("nan"), lr=2), outcome(0.1, lr=3), outcome(None, "lost", None)]
    ranking = rank(runs, [0, 1, 2, 3])
    assert ranking.rows[0][2] == "3"
    assert f"job 0 {status}: because" in ranking.problems


def test_nothing_at_all() -> None:
    ranking = rank([], [])
    assert (ranking.rows, ranking.key) == ([], None)
    assert ranking.csv().count("\n") == 1


def test_partners_of_a_preset_are_no_columns() -> None:
    runs = [outcome(0.1, model="a"), outcome(0.2, model="b")]
    runs[0].params["loss"], runs[1].params["loss"] = "mse", "cross_entropy"
    assert rank(runs, [0, 1]).varied == ["model"]


@pytest.mark.parametrize("name", ["a|b", "a\nb", 'a"b', "a,b", "<script>alert(1)</script>", "[red]x[/red]", "=1+1"])
def test_hostile_names_stay_in_their_cells(name: str) -> None:
    ranking = rank([outcome(0.1, run_name=name), outcome(0.2, run_name="plain")], [0, 1])
    rows = list(csv.reader(ranking.csv().splitlines(keepends=True)))
    assert rows[2][2] == (f"'{name}" if name.startswith("=") else name)
    assert {len(row) for row in rows} == {len(ranking.columns)}
    lines = ranking.markdown().splitlines()
    assert len(lines) == 4
    assert {line.replace("\\|", "").count("|") for line in lines} == {len(ranking.columns) + 1}
