"""The store opens for anyone, at any moment, or says in one line why not."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
from children import bound_by_permissions, fork
from stores import ask

import bpexp
from bpexp.errors import TrackingError
from bpexp.tracking.creation import create_database
from bpexp.tracking.credentials import whole
from bpexp.tracking.environment import mlflow_environment
from bpexp.tracking.location import redact, resolve
from bpexp.tracking.store import Store, open_store, recorded_store


def sqlite(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return open_store(sqlite(tmp_path_factory.mktemp("store") / "mlflow.db"), "study")


def test_the_declared_uri_wins_then_the_environment_then_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert resolve(None, tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert resolve(None, tmp_path) == "http://127.0.0.1:5000"
    assert resolve("sqlite:///runs/x.db", tmp_path) == f"sqlite:///{tmp_path}/runs/x.db"
    assert resolve("sqlite:////x.db?timeout=5", tmp_path) == "sqlite:////x.db", "a query may hold a secret"
    assert whole("sqlite:////x.db") == "sqlite:////x.db?timeout=5"


@pytest.mark.parametrize("uri", ["mlruns", "file:///tmp/mlruns", "/tmp/mlruns", "file:mlruns"])
def test_the_file_store_is_refused_with_the_sqlite_form(uri: str, tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match=r"folder of files.*use sqlite:////.*mlruns/mlflow\.db$"):
        resolve(uri, tmp_path)


@pytest.mark.parametrize("folder", ["a?b", "a%41b"])
def test_a_path_that_a_uri_cannot_hold_is_refused(folder: str, tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match="has a meaning in it"):
        resolve(None, tmp_path / folder)


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///:memory:"])
def test_a_store_in_memory_is_refused(uri: str, tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match="in memory"):
        resolve(uri, tmp_path)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://me:p/w@db.example:5432/runs?sslpassword=x", "postgresql://db.example:5432/runs"),
        ("https://token@mlflow.example/", "https://mlflow.example/"),
        ("https://mlflow.example/a", "https://mlflow.example/a"),
        ("sqlite:////home/a@b/mlflow.db", "sqlite:////home/a@b/mlflow.db"),
    ],
)
def test_no_password_is_printed(uri: str, shown: str) -> None:
    assert redact(uri) == shown


def test_an_open_store_is_kept_and_knows_its_experiment(store: Store) -> None:
    assert open_store(store.uri, "study") is store
    other = open_store(store.uri, "another/one: \N{GREEK SMALL LETTER DELTA}")
    assert other.experiment_id != store.experiment_id
    assert store.client.get_experiment(other.experiment_id).name == other.experiment_name


@pytest.mark.parametrize(
    "folder", ["plain", "with space", "d\N{LATIN SMALL LETTER E WITH ACUTE} 100% #1 \N{TEST TUBE}"]
)
def test_artifacts_lie_beside_the_database_wherever_that_is(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / folder
    opened = open_store(sqlite(place / "mlflow.db"), "study")
    monkeypatch.chdir(tmp_path)
    run = opened.client.create_run(opened.experiment_id).info
    opened.client.log_text(run.run_id, "x", "note.txt")
    root = Path(url2pathname(urlsplit(opened.artifact_root).path))
    assert root.parent == place / "mlartifacts"
    assert (root / run.run_id / "artifacts" / "note.txt").read_text() == "x"
    assert sorted(p.name for p in tmp_path.iterdir()) == [folder]
    assert sorted(p.name for p in place.iterdir()) == ["mlartifacts", "mlflow.db"]


def test_a_deleted_experiment_is_named_with_the_way_back(store: Store) -> None:
    gone = open_store(store.uri, "gone")
    store.client.delete_experiment(gone.experiment_id)
    message = f"deleted; restore it with `mlflow experiments restore --experiment-id {gone.experiment_id}`"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bpexp.tracking.store._opened", {})
        with pytest.raises(TrackingError, match=message):
            open_store(store.uri, "gone")


def test_four_processes_may_start_together_on_a_fresh_store(tmp_path: Path) -> None:
    """Forked, so that all is imported and they come at the same moment."""
    for attempt in range(3):
        gate, opened = os.pipe()
        uri = sqlite(tmp_path / str(attempt) / "mlflow.db")
        folders = [tmp_path / f"{attempt}-{number}" for number in range(4)]
        for folder in folders:
            folder.mkdir()

        def first(gate: int = gate, uri: str = uri) -> None:
            os.read(gate, 1)
            os.write(1, open_store(uri, "study").experiment_id.encode())

        children = [fork(first, folder) for folder in folders]
        os.write(opened, b"gogo")
        assert [(child.ended(), child.err) for child in children] == [(0, "")] * 4
        assert len({child.out for child in children}) == 1
        assert children[0].out.isdigit()
        os.close(gate)
        os.close(opened)


def test_a_killed_creator_is_no_obstacle(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path_factory.mktemp("scratch")
    monkeypatch.setenv("TMPDIR", str(scratch))
    path = tmp_path / "mlflow.db"
    (tmp_path / "said").mkdir()

    def dies() -> None:
        from alembic import command

        command.upgrade = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # the first tables, and no migrations
        open_store(sqlite(path), "study")

    assert fork(dies, tmp_path / "said").ended() == -signal.SIGKILL
    shutil.rmtree(tmp_path / "said")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mlflow.db.lock", "mlflow.db.new"]
    assert open_store(sqlite(path), "study").experiment_id.isdigit()
    assert [p.name for p in tmp_path.iterdir()] == ["mlflow.db"]
    assert list(scratch.iterdir()) == []


@pytest.mark.filterwarnings("ignore")  # deprecations between MLflow and SQLAlchemy, met at their first import
def test_a_store_that_was_deleted_is_made_again_by_the_same_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow keeps its connections, so a second client of one address never sees that the file is gone."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "deep" / "mlflow.db"
    for _ in range(2):
        with mlflow_environment():
            create_database(path)
        assert ask(path, "select count(*) from experiments") == [(1,)]
        assert ask(path, "pragma integrity_check") == [("ok",)]
        assert ask(path, "select count(*) from alembic_version") == [(1,)]
        path.unlink()
    assert [p.name for p in tmp_path.iterdir()] == ["deep"]  # above all no folder mlruns
    assert list(path.parent.iterdir()) == []


@pytest.mark.filterwarnings("ignore")
def test_the_store_has_the_tables_that_mlflow_makes(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    with mlflow_environment():
        create_database(tmp_path / "ours.db")
        MlflowClient(sqlite(tmp_path / "theirs.db"))
    schema = "select type, name from sqlite_master order by type, name"
    assert ask(tmp_path / "ours.db", schema) == ask(tmp_path / "theirs.db", schema)


def test_a_file_that_is_no_database_is_named_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are somebody's notes")
    with pytest.raises(TrackingError, match=r"notes\.txt' is not an SQLite database"):
        open_store(sqlite(path), "study")
    assert path.read_text() == "these are somebody's notes"


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as database:
        database.execute("create table trials (id integer)")
    database.close()
    with pytest.raises(TrackingError, match="another program's"):
        open_store(sqlite(path), "study")


def test_an_empty_file_becomes_the_store(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").touch()
    assert open_store(sqlite(tmp_path / "mlflow.db"), "study").experiment_id


def test_a_broken_or_older_database_is_explained_in_one_line(tmp_path: Path, store: Store) -> None:
    source = Path(store.uri.removeprefix("sqlite:///"))
    broken = tmp_path / "broken.db"
    broken.write_bytes(source.read_bytes()[:4096] + os.urandom(20_000))
    with pytest.raises(TrackingError, match=r"broken\.db' cannot be opened") as caught:
        open_store(sqlite(broken), "study")
    assert "\n" not in str(caught.value)
    older = tmp_path / "older.db"
    older.write_bytes(source.read_bytes())
    with sqlite3.connect(older) as database:
        database.execute("update alembic_version set version_num = '451aebb31d03'")
    database.close()
    with pytest.raises(TrackingError, match=r"an older MLflow than .*; back it up, then run `mlflow db upgrade"):
        open_store(sqlite(older), "study")


def test_a_place_that_cannot_be_written_is_explained_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", Path("/proc")):
        with pytest.raises(TrackingError, match=r"cannot be (created|read): [^\n]*$"):
            open_store(sqlite(folder / "mlflow.db"), "study")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)

    def refused() -> None:
        with pytest.raises(TrackingError, match="cannot be created: Permission denied"):
            open_store(sqlite(locked / "mlflow.db"), "study")

    child = fork(refused, tmp_path, streams=bound_by_permissions)  # root may write anywhere
    assert child.ended() == 0, child.err


def test_a_dead_or_silent_server_costs_seconds_not_minutes() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(TrackingError, match=rf"no MLflow server answers at 'http://127\.0\.0\.1:{port}'") as caught:
            open_store(f"http://me:secret@127.0.0.1:{port}", "study")
    assert time.monotonic() - began < 8
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    began = time.monotonic()
    with pytest.raises(TrackingError, match="no MLflow server answers"):
        open_store(f"http://127.0.0.1:{port}", "study")
    assert time.monotonic() - began < 3


def test_the_module_does_not_wait_for_mlflow() -> None:
    code = "import sys, bpexp.tracking.store; print({'mlflow', 'matplotlib', 'hydra', 'filelock'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_nothing_is_said_on_the_way(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with mlflow_environment():
        open_store(sqlite(tmp_path / "mlflow.db"), "study")
        logging.getLogger("mlflow.store.db.utils").info("progress")
    assert capfd.readouterr() == ("", "")


def test_a_store_that_is_only_read_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R11: bpexp.load and task=report made a store, or an experiment, and then found nothing in it."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrackingError, match=r"nothing is recorded at 'sqlite:.*mlflow\.db'"):
        bpexp.load("0" * 32)
    with pytest.raises(TrackingError, match=r"nothing is recorded at"):
        recorded_store(None, "study")
    assert list(tmp_path.iterdir()) == []
    open_store(None, "study")
    with pytest.raises(TrackingError, match=r"no experiment 'other' in '.*'; name another one in tracking\.experiment"):
        recorded_store(None, "other")
    assert ask(tmp_path / "mlflow.db", "select name from experiments order by 1") == [("Default",), ("study",)]
    assert recorded_store(None, "study").experiment_id == open_store(None, "study").experiment_id
