"""What a job of a sweep asks of MLflow: few requests and rows, no model and no figures, and how they are had later."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from command_line import command
from sqlalchemy import event
from sqlalchemy.engine import Engine
from stores import ask

import bpexp
from bpexp.records.journal import JOURNAL, history
from bpexp.records.outcome import read_outcome
from bpexp.tracking import metered
from bpexp.tracking.content import shown_summary
from bpexp.tracking.delivery import Delivery
from bpexp.tracking.manifest import model_name, read_facts, read_sent
from bpexp.tracking.store import open_store
from bpexp.tracking.wants import EVERYTHING, Want

TINY = ["data=xor", "data.n=60", "model.hidden=[3]", "batch_size=4", "epochs=6", "progress=false"]
JOB = Counter(create_run=1, log_batch=1, log_inputs=1, log_artifacts=1, set_terminated=1)
"""The requests of a job that ends within two seconds."""

COMMITS = 12
"""Transactions of these requests that MLflow commits, those that only read included."""


@pytest.fixture
def sweep(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a sweep of three, whose best job is not the first."""
    monkeypatch.chdir(tmp_path)
    assert command(["-m", "launcher=serial", *TINY, "lr=0.001,0.5,0.002", "hydra.sweep.dir=sweep"], monkeypatch) == 0
    return tmp_path / "sweep"


def of_run(database: Path, folder: Path) -> dict[str, Any]:
    """What the store holds of the run in a folder."""
    run = read_outcome(folder).run_id
    counted = {table: f"select count(*) from {table} where run_uuid = '{run}'" for table in ("metrics", "params")}
    counted["models"] = f"select count(*) from logged_models where source_run_id = '{run}'"
    told = {name: ask(database, query)[0][0] for name, query in counted.items()}
    return {**told, "tags": dict(ask(database, f"select key, value from tags where run_uuid = '{run}'"))}


def rows(folder: Path) -> int:
    """The rows of the journal, and of the summary."""
    return sum(map(len, history(folder / JOURNAL).values())) + len(shown_summary(read_outcome(folder))) + 1


def test_the_best_job_alone_has_a_model_and_the_others_say_how_they_get_theirs(
    sweep: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, best, last = (of_run(store, sweep / job) for job in "012")
    assert [found["models"] for found in (first, best, last)] == [0, 1, 0]
    told = [found["tags"]["bpexp.left_out"] for found in (first, best, last)]
    assert told == ["figures, model", "figures", "figures, model"]
    assert not list(sweep.glob("*/*.png"))
    winner = read_outcome(sweep / "1")
    assert winner.model == f"runs:/{winner.run_id}/{model_name(winner.name)}"
    assert first["metrics"] < rows(sweep / "0") / 2
    note = first["tags"]["mlflow.note.content"]
    for task in ("task=figures", "task=sync tracking.model=true"):
        line = f"python -m bpexp {task} hydra.run.dir={sweep / '0'}"
        assert f"`{line}`" in note
        assert command([*line.split()[3:], "tracking.points=null"], monkeypatch) == 0
    assert f"`python -m bpexp task=figures hydra.run.dir={sweep / '1'}`" in best["tags"]["mlflow.note.content"]
    got = of_run(store, sweep / "0")
    assert (got["models"], got["metrics"], got["tags"]["bpexp.left_out"]) == (1, rows(sweep / "0"), "nothing")
    assert got["tags"]["bpexp.thinning"] == "all rows"
    assert "python -m bpexp task" not in got["tags"]["mlflow.note.content"]
    assert (sweep / "0" / "figures.png").exists()
    assert command(["task=sync", "tracking.model=true", "hydra.run.dir=sweep"], monkeypatch) == 0
    assert [of_run(store, sweep / job)["models"] for job in "012"] == [1, 1, 1]


def test_a_run_alone_has_everything_and_leaves_nothing_out(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command([*TINY, "hydra.run.dir=run"], monkeypatch) == 0
    found = of_run(store, tmp_path / "run")
    assert (found["models"], found["metrics"]) == (1, rows(tmp_path / "run"))
    assert "bpexp.left_out" not in found["tags"]
    assert (tmp_path / "run" / "figures.png").exists()


def test_a_sweep_that_declares_them_has_them_all(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = ["tracking.model=true", "tracking.figures=true", "tracking.points=500", "lr=0.1,0.2"]
    assert command(["-m", "launcher=serial", *TINY, *said, "hydra.sweep.dir=sweep"], monkeypatch) == 0
    for folder in (tmp_path / "sweep").glob("[0-9]"):
        found = of_run(store, folder)
        assert (found["models"], found["metrics"], "bpexp.left_out" in found["tags"]) == (1, rows(folder), False)
        assert (folder / "learning_curve.png").exists()


def test_figures_of_a_job_are_drawn_when_they_are_looked_at(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = bpexp.sweep(*TINY[:-1], launcher="serial", lr=[0.1, 0.2]).runs
    assert not list(tmp_path.rglob("*.png"))
    assert [path.name for path in first.pictures] == ["figures.png"]
    assert first.pictures == first.pictures
    assert not list(second.directory.glob("*.png"))


def test_a_job_asks_five_things_of_the_store(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts, because times depend on the machine; each further job adds as many."""
    monkeypatch.chdir(tmp_path)
    counts = []
    for seeds in ("0,1", "0,1,2,3"):
        asked, commits = Counter[str](), list[object]()
        committed = commits.append
        get = metered.Metered.__getattr__

        def counted(self: metered.Metered, name: str, asked: Counter[str] = asked, get: Any = get) -> Any:
            asked[name] += 1
            return get(self, name)

        monkeypatch.setattr(metered.Metered, "__getattr__", counted)
        event.listen(Engine, "commit", committed)
        try:
            assert command(["-m", "launcher=serial", *TINY, f"seed={seeds}"], monkeypatch) == 0
        finally:
            event.remove(Engine, "commit", committed)
            monkeypatch.setattr(metered.Metered, "__getattr__", get)
        counts.append((asked, len(commits)))
    (few, few_commits), (many, many_commits) = counts
    assert many - few == JOB + JOB
    assert (many_commits - few_commits) / 2 <= COMMITS


def test_a_job_that_was_killed_at_once_gets_its_parameters_later(sweep: Path, store: Path, tmp_path: Path) -> None:
    elsewhere = open_store(f"sqlite:///{store}", "elsewhere")
    facts = read_facts(sweep / "0")
    delivery = Delivery(sweep / "0", facts, fresh=True)
    (sweep / "0" / "delivery.json").unlink()
    delivery.bring(elsewhere, Want(begin=True, bare=True))
    count = f"select count(*) from params where run_uuid = '{delivery.sent.run_id}'"
    assert ask(store, count) == [(0,)]
    Delivery(sweep / "0").bring(elsewhere, EVERYTHING)
    assert facts is not None
    assert ask(store, count) == [(len(facts.params),)]


def test_parameters_that_the_store_refuses_do_not_hold_up_the_rows(
    sweep: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import MlflowException

    opened = open_store(f"sqlite:///{store}", "elsewhere")
    send = opened.client.log_batch

    def refusing(run_id: str, metrics: Any = (), params: Any = (), tags: Any = ()) -> None:
        if params:
            raise MlflowException("a parameter is refused")
        send(run_id, metrics=metrics, tags=tags)

    (sweep / "0" / "delivery.json").unlink()
    delivery = Delivery(sweep / "0", read_facts(sweep / "0"), fresh=True)
    monkeypatch.setattr(opened.client, "log_batch", refusing)
    for _ in range(2):  # together, then apart
        with pytest.raises(MlflowException, match="refused"):
            delivery.bring(opened, EVERYTHING)
    count = "select count(*) from {} where run_uuid = '" + str(delivery.sent.run_id) + "'"
    assert ask(store, count.format("metrics"))[0][0] > 0
    assert not delivery.done
    monkeypatch.setattr(opened.client, "log_batch", send)
    Delivery(sweep / "0").bring(opened, EVERYTHING)
    assert ask(store, count.format("params"))[0][0] > 0
    sent = read_sent(sweep / "0")
    assert sent is not None
    assert (sent.done, sent.declared) == (True, True)


def test_more_is_asked_for_runs_that_are_named(
    sweep: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["task=sync", "tracking.model=true"], monkeypatch) == 2
    assert "tracking.model is for runs that you name; add hydra.run.dir=FOLDER" in capsys.readouterr().err
