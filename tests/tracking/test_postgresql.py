"""A real server: `mlflow server` over PostgreSQL, and PostgreSQL itself as the store.

All tests of PostgreSQL are in this file, so that its servers are started once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from children import bpexp as bpexp_in_child
from command_line import command
from postgres import PASSWORD, MlflowServer, Postgres, free_port, running_postgres
from resuming import die_within

import bpexp
from bpexp.errors import TrackingError
from bpexp.records.journal import JOURNAL, Journal, points, read
from bpexp.records.outcome import RESULT, read_outcome
from bpexp.tracking.store import open_store
from bpexp.training.events import EpochEnded
from bpexp.training.trainer import Trainer

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

SMALL = ["data=spirals", "data.limit=60", "progress=false", "tracking.figures=false", "tracking.patience=300"]
TINY = [*SMALL, "epochs=3"]
"""With patience, so that all is there when a run ends, also where the machine is busy."""

FOUR = """
import os, sys, warnings
warnings.simplefilter("ignore")
import mlflow.store.tracking.sqlalchemy_store, psycopg2
import bpexp
from bpexp.tracking.store import open_store
from bpexp.training.events import EpochEnded
from bpexp.training.trainer import Trainer

def tell(what):
    os.write(1, f"{what}\\n".encode())  # as one piece: four processes write into one pipe

def opened(uri, number):
    tell(open_store(uri, "study").experiment_id)

def swept(uri, number):
    sweep = bpexp.sweep(*sys.argv[3:], f"tracking.uri={uri}", f"hydra.sweep.dir=s{number}", seed=[0, 1])
    tell(sweep.ok and len(sweep.runs))

children = []
for number in range(4):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            {"opened": opened, "swept": swept}[sys.argv[1]](sys.argv[2], number)
            code = 0
        finally:
            os._exit(code)
    children.append(child)
sys.exit(sum(os.waitpid(child, 0)[1] != 0 for child in children))
"""


def four(what: str, uri: str, cwd: Path, *words: str) -> list[str]:
    """What four processes print that do the same at once, after one that has imported everything."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FOUR, what, uri, *words],
        cwd=cwd, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def server(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    server = MlflowServer(postgres.create("served"), tmp_path_factory.mktemp("server"))
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def rows(postgres: Postgres, name: str, run_id: str) -> list[tuple[object, ...]]:
    """The rows of a run in the database that are those of its journal, and not of its summary."""
    query = f"select key, step, value from metrics where run_uuid = '{run_id}' order by 1, 2, 3"
    return [row for row in postgres.ask(name, query) if not str(row[0]).startswith(("final/", "best/"))]


def journal(directory: Path) -> list[tuple[object, ...]]:
    """The same rows, by the journal."""
    lines = [line for _, line in read(directory / JOURNAL)]
    return sorted((name, step, value) for line in lines for name, value, step in points(line))


def assert_whole(postgres: Postgres, name: str, directory: Path, status: str = "FINISHED") -> str:
    """A run that lies in a folder is in the database as the folder tells, row for row; its id."""
    outcome = read_outcome(directory)
    assert outcome.run_id is not None
    found = rows(postgres, name, outcome.run_id)
    assert found == journal(directory)
    assert len(found) > 20
    assert postgres.ask(name, f"select status from runs where run_uuid = '{outcome.run_id}'") == [(status,)]
    return outcome.run_id


def test_a_run_is_in_the_server_row_for_row_and_loaded_from_it(postgres: Postgres, server: MlflowServer) -> None:
    here = bpexp.run(*TINY, f"tracking.uri={server.url}")
    run_id = assert_whole(postgres, "served", here.directory)
    there = bpexp.load(run_id, uri=server.url)
    assert there.directory != here.directory
    assert there.outcome.metrics == here.outcome.metrics
    assert (there.directory / JOURNAL).read_bytes() == (here.directory / JOURNAL).read_bytes()
    data = np.random.default_rng(0).normal(size=(5, 2))
    assert np.array_equal(there.outputs(data), here.outputs(data))  # the network came through the server's proxy
    artifacts = list((server.folder / "artifacts").rglob(RESULT))
    assert [path.read_bytes() for path in artifacts] == [(here.directory / RESULT).read_bytes()]


def test_four_processes_sweep_at_once_on_one_server(postgres: Postgres, server: MlflowServer, tmp_path: Path) -> None:
    words = [*TINY, "tracking.experiment=four", "tracking.model=false"]
    assert four("swept", server.url, tmp_path, *words) == ["2"] * 4
    folders = sorted(path.parent for path in tmp_path.glob(f"s*/*/{RESULT}"))
    ids = {assert_whole(postgres, "served", folder) for folder in folders}
    assert len(ids) == 8
    parents = postgres.ask("served", "select status from runs join tags using (run_uuid) where key = 'bpexp.sweep'")
    assert parents == [("FINISHED",)] * 4
    assert postgres.ask("served", "select count(*) from experiments where name = 'four'") == [(1,)]


def test_a_study_is_reported_from_the_server(
    server: MlflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    small = ["data=mnist_5k", "data.limit=60", "epochs=1", "init=zeros,normal", "activation=tanh", "seed=0,1"]
    words = [
        "experiment=symmetry",
        *small,
        "progress=false",
        "probe.fixed=0",
        "tracking.patience=300",
        f"tracking.uri={server.url}",
    ]
    assert command([*words, "tracking.experiment=study"], monkeypatch) == 0
    (tmp_path / "again").mkdir()
    monkeypatch.chdir(tmp_path / "again")
    told = ["task=report", "study=symmetry", f"tracking.uri={server.url}", "tracking.experiment=study"]
    assert command(told, monkeypatch) == 0
    out = capfd.readouterr().out
    assert "With zero weights a tanh network names one class" in out
    assert (tmp_path / "again" / "report.html").exists()


def test_a_server_that_dies_in_the_middle_and_comes_back_gets_everything_once(
    postgres: Postgres, server: MlflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    real, killed = Journal.on_epoch, []

    def on_epoch(self: Journal, event: EpochEnded) -> None:
        real(self, event)
        if event.epoch == 4:
            until = time.monotonic() + 120
            while not _runs(postgres) and time.monotonic() < until:  # the run is there, and gets its first rows
                time.sleep(0.05)
            killed.append(_runs(postgres))
            server.kill()

    def _runs(postgres: Postgres) -> list[tuple[object, ...]]:
        query = "select run_uuid from runs join experiments using (experiment_id) where experiments.name = 'dies'"
        return postgres.ask("served", query)

    monkeypatch.setattr(Journal, "on_epoch", on_epoch)
    where = [f"tracking.uri={server.url}", "tracking.experiment=dies"]
    words = [word for word in SMALL if "patience" not in word]
    assert command([*words, *where, "epochs=8", "hydra.run.dir=run"], monkeypatch) == 0
    err = capfd.readouterr().err
    assert killed != [[]]
    assert err.count("\n") == 1, err
    assert "MLflow did not take everything" in err
    server.start()
    assert command(["task=sync", *where], monkeypatch) == 0
    assert_whole(postgres, "served", tmp_path / "run")
    assert len(_runs(postgres)) == 1
    assert command(["task=doctor", *where], monkeypatch) == 0
    out = capfd.readouterr().out
    assert "the server answers, and is of MLflow" in out
    assert out.splitlines()[-1] == "all is well"


def test_four_processes_create_the_tables_of_one_database_together(postgres: Postgres, tmp_path: Path) -> None:
    answers = four("opened", postgres.create("race"), tmp_path)
    assert len(answers) == 4
    assert len(set(answers)) == 1
    assert postgres.ask("race", "select count(*) from alembic_version") == [(1,)]


def test_the_database_itself_is_a_store_and_its_password_is_nowhere(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    uri = postgres.create("direct")
    assert command([*TINY, f"tracking.uri={uri}", "hydra.run.dir=run"], monkeypatch) == 0
    run_id = assert_whole(postgres, "direct", tmp_path / "run")
    assert bpexp.load(run_id, uri=uri).outcome.run_id == run_id
    (tmp_path / "run" / "delivery.json").unlink()  # what is sent twice is there once
    assert command(["task=sync", f"tracking.uri={uri}", "hydra.run.dir=run"], monkeypatch) == 0
    assert assert_whole(postgres, "direct", tmp_path / "run") == run_id
    assert postgres.ask("direct", "select count(*) from runs") == [(1,)]
    assert postgres.ask("direct", "select count(*) from logged_models") == [(1,)]
    assert command(["task=doctor", f"tracking.uri={uri}"], monkeypatch) == 0
    out, err = capfd.readouterr()
    assert out.splitlines()[-1] == "all is well"
    assert PASSWORD not in out + err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []
    texts = postgres.ask("direct", "select value from tags union all select value from params")
    assert not any(PASSWORD in str(text) for (text,) in texts)


def test_the_doctor_closes_a_dead_run_in_a_database(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    uri = postgres.create("dead")
    words = ["data=xor", "epochs=1000000", "progress=false", "hydra.run.dir=run", "tracking.experiment=dead"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    step = Trainer.step

    def slow_steps() -> None:
        """For the child: one that trains at full speed leaves little time to its thread that makes the tables."""
        Trainer.step = lambda self, *args: [time.sleep(0.005), step(self, *args)][1]  # type: ignore

    child = bpexp_in_child(words, tmp_path, streams=slow_steps)
    try:
        child.wait_for(lambda: _has_rows(postgres, "dead") or time.sleep(0.1))
    finally:
        child.kill()
    assert postgres.ask("dead", "select status from runs") == [("RUNNING",)]
    assert command(["task=doctor"], monkeypatch) == 0
    assert postgres.ask("dead", "select status from runs") == [("KILLED",)]
    assert "\nmended  the run " in capfd.readouterr().out


@pytest.mark.parametrize("where", ["server", "database"])
def test_a_run_that_was_killed_is_resumed_on_the_same_run(
    where: str, postgres: Postgres, server: MlflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed within an epoch, when MLflow has rows of it: they go on there, and none is there twice."""
    database = "served" if where == "server" else "killed"
    uri = server.url if where == "server" else postgres.create(database)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    query = (
        "select count(*) from metrics join runs using (run_uuid) join experiments using (experiment_id) "
        "where experiments.name = 'killed'"
    )

    def arrived() -> bool:
        there = postgres.ask(database, "select count(*) from pg_tables where tablename = 'job_locks'") == [(1,)]
        return there and postgres.ask(database, query) != [(0,)]

    monkeypatch.setattr("bpexp.tracking.feed.PAUSE", 0.0)
    words = [*SMALL, "epochs=100", "checkpoint.every=0.05", "tracking.experiment=killed", "tracking.points=100000"]
    child = os.fork()
    if child == 0:
        try:
            die_within(lambda at: at.epoch >= 3 and (time.sleep(0.5) or arrived()))
            command([*words, "hydra.run.dir=run"], monkeypatch)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    runs = "select run_uuid, status from runs join experiments using (experiment_id) where experiments.name = 'killed'"
    ((run_id, status),) = postgres.ask(database, runs)
    assert status == "RUNNING"
    before = rows(postgres, database, str(run_id))
    assert before
    assert set(before) < set(journal(tmp_path / "run"))
    assert command(["resume=run"], monkeypatch) == 0
    assert assert_whole(postgres, database, tmp_path / "run") == run_id
    assert postgres.ask(database, runs) == [(run_id, "FINISHED")]


def _has_rows(postgres: Postgres, name: str) -> bool:
    tables = postgres.ask(name, "select count(*) from pg_tables where tablename = 'job_locks'")
    return tables == [(1,)] and postgres.ask(name, "select count(*) > 0 from metrics") == [(True,)]


def test_what_is_wrong_with_a_database_is_told_in_one_line(postgres: Postgres) -> None:
    closed = f"postgresql+psycopg2://bp:{PASSWORD}@127.0.0.1:{free_port()}/x"
    began = time.monotonic()
    with pytest.raises(TrackingError, match=r"no database answers at '.*127\.0\.0\.1:\d+/x' \(.*refused") as refused:
        open_store(closed, "study")
    assert time.monotonic() - began < 15  # MLflow tries for 100 s
    foreign = postgres.create("foreign")
    postgres.ask("foreign", "create table trials (id integer)")
    with pytest.raises(TrackingError, match=r"another program's; name another one in tracking\.uri") as other:
        open_store(foreign, "study")
    older = postgres.create("older")
    postgres.ask("older", "create table experiments (id integer)")
    postgres.ask("older", "create table alembic_version (version_num varchar)")
    postgres.ask("older", "insert into alembic_version values ('451aebb31d03')")
    with pytest.raises(TrackingError, match="is of an older MLflow than") as behind:
        open_store(older, "study")
    wrong = older.replace(PASSWORD, f"not-{PASSWORD}")
    with pytest.raises(TrackingError, match="password authentication failed") as denied:
        open_store(wrong, "study")
    for caught in (refused, other, behind, denied):
        assert PASSWORD not in str(caught.value)
        assert "\n" not in str(caught.value)
