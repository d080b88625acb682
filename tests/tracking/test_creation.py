"""The creation of the store: at any kill, on a full disk, beside remains of another one, in any place."""

from __future__ import annotations

import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest
from stores import ask

from bpexp.errors import ConfigError, TrackingError
from bpexp.tracking import sqlite_file
from bpexp.tracking.creation import create_database
from bpexp.tracking.schema import age, sqlite_version
from bpexp.tracking.sqlite_file import is_new, wait_until_free
from bpexp.tracking.store import open_store, refuse_store
from bpexp.tracking.upkeep import keep_statistics

KILLS = """
import os, shutil, signal, sqlite3, sys, types
from pathlib import Path
from bpexp.tracking.creation import create_database
import filelock

made, folder = Path(sys.argv[1]), Path(sys.argv[2])
path = folder / "mlflow.db"
sys.modules["mlflow"] = types.SimpleNamespace(MlflowClient=lambda uri: shutil.copyfile(made, uri[len("sqlite:///"):]))
CALLS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.listdir", "os.scandir", "os.chmod",
         "sqlite3.connect", "fcntl.flock", "tempfile.mkdtemp", "os.utime", "os.truncate")

def die_at(number):
    left = [number]
    def hook(event, args):
        if event in CALLS:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)

kills = 0
while True:
    child = os.fork()
    if child == 0:
        die_at(kills + 1)
        create_database(path)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
    kills += 1
    create_database(path)
    with sqlite3.connect(path) as database:
        assert database.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert database.execute("select count(*) from alembic_version").fetchall() == [(1,)]
    assert [p.name for p in folder.iterdir()] == ["mlflow.db"], (kills, list(folder.iterdir()))
    path.unlink()
print(kills)
"""


def sqlite(path: Path) -> str:
    return f"sqlite:///{path}"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_next_start_after_a_kill_at_any_call_finds_or_makes_the_store_and_nothing_is_left(
    tmp_path: Path, empty_store: Path
) -> None:
    """The tables are copied where MLflow would make them; kills in MLflow's part: experiments.reliability."""
    told = subprocess.run(
        [sys.executable, "-c", KILLS, str(empty_store), str(tmp_path)], capture_output=True, text=True, timeout=300
    )
    assert told.stderr == ""
    assert int(told.stdout) >= 12


def test_remains_of_a_database_that_is_gone_do_not_become_part_of_the_new_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, empty_store: Path
) -> None:
    """SQLite takes a journal of the same name for one of this database, and rolls it back into it."""
    path = tmp_path / "mlflow.db"
    shutil.copy(empty_store, path)
    dying = (
        "import sqlite3, os, sys, signal; d = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "d.execute('pragma cache_size=4'); d.execute('begin'); "
        "d.execute('create table big (x)'); d.executemany('insert into big values (?)', [('x' * 3000,)] * 500); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", dying, str(path)], timeout=60)
    journal = path.with_name("mlflow.db-journal")
    hot = journal.read_bytes()
    path.unlink()
    monkeypatch.setattr("mlflow.MlflowClient", lambda uri: shutil.copy(empty_store, uri.removeprefix("sqlite:///")))
    create_database(path)
    assert ask(path, "pragma integrity_check") == [("ok",)]
    assert names(tmp_path) == ["mlflow.db", "mlflow.db-journal.orphan"]
    assert journal.with_name("mlflow.db-journal.orphan").read_bytes() == hot
    assert "mlflow.db-journal lay there without its database" in capfd.readouterr().err


def test_a_store_whose_writer_was_killed_is_opened(tmp_path: Path, empty_store: Path) -> None:
    """Only a connection that may write can take back what was begun; for another one the file looks unreadable."""
    path = Path(shutil.copy(empty_store, tmp_path))
    dying = (
        "import sqlite3, os, sys, signal; d = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "d.execute('pragma cache_size=4'); d.execute('begin'); d.execute('delete from alembic_version'); "
        "d.executemany('insert into params values (?, ?, ?)', [(str(n), 'x' * 3000, 'r') for n in range(200)]); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", dying, str(path)], timeout=60)
    assert names(tmp_path) == ["mlflow.db", "mlflow.db-journal"]
    assert not is_new(path)
    assert age(sqlite_version(path)) == "current"
    assert ask(path, "select count(*) from params") == [(0,)]


def test_looking_at_a_store_leaves_the_locks_of_other_threads_alone(tmp_path: Path, empty_store: Path) -> None:
    """By POSIX a process that closes a file loses its locks on it, also those of another thread's transaction."""
    path = Path(shutil.copy(empty_store, tmp_path))
    asking = (
        "import sqlite3, sys; d = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None); "
        "d.execute('begin immediate')"
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("begin immediate")
        refuse_store(sqlite(path))
        assert not is_new(path)
        assert sqlite_version(path)
        other = subprocess.run([sys.executable, "-c", asking, str(path)], capture_output=True, text=True, timeout=60)
    assert "database is locked" in other.stderr


def test_a_locked_store_is_told_in_seconds(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(shutil.copy(empty_store, tmp_path))
    monkeypatch.setattr(sqlite_file, "PATIENCE", 0.2)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("begin exclusive")
        refuse_store(sqlite(path))  # a run goes on without it
        began = time.monotonic()
        with pytest.raises(TrackingError, match=r"mlflow\.db' is locked by (process \d+|another process)$"):
            open_store(sqlite(path), "study")
        assert time.monotonic() - began < 15  # MLflow waits for 20 s, in each of several calls


def test_a_store_in_which_others_write_in_turn_is_not_called_locked(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file changes at each attempt, so somebody gets on; at the third one the lock is free."""
    path, asked = Path(shutil.copy(empty_store, tmp_path)), []
    monkeypatch.setattr(sqlite_file, "PATIENCE", 0.01)
    real = sqlite_file.connected
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("begin exclusive")

        def connected(path: Path, patience: float | None = None) -> AbstractContextManager[sqlite3.Connection]:
            asked.append(patience)
            os.utime(path, ns=(len(asked), len(asked)))
            if len(asked) == 3:
                holder.rollback()
            return real(path, patience)

        monkeypatch.setattr(sqlite_file, "connected", connected)
        wait_until_free(path)
    assert len(asked) == 3


def test_a_full_disk_is_told_and_the_next_start_begins_afresh(tmp_path: Path, empty_store: Path) -> None:
    """A limit on the size of files stands for the disk: SQLite meets it in the middle of MLflow's tables."""
    path = tmp_path / "mlflow.db"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        with pytest.raises(
            TrackingError, match=r"mlflow\.db' cannot be created: .*; name a place in tracking"
        ) as caught:
            open_store(sqlite(path), "study")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == ["mlflow.db.lock"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mlflow.MlflowClient", lambda uri: shutil.copy(empty_store, uri.removeprefix("sqlite:///")))
        create_database(path)
    assert names(tmp_path) == ["mlflow.db"]


def test_a_link_stays_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path) -> None:
    (tmp_path / "big").mkdir()
    link, target = tmp_path / "mlflow.db", tmp_path / "big" / "runs.db"
    link.symlink_to(target)
    monkeypatch.setattr("mlflow.MlflowClient", lambda uri: shutil.copy(empty_store, uri.removeprefix("sqlite:///")))
    create_database(link)
    assert link.is_symlink()
    assert names(target.parent) == ["runs.db"]
    assert not is_new(link)
    astray = tmp_path / "astray.db"
    astray.symlink_to(tmp_path / "unmounted" / "runs.db")
    with pytest.raises(TrackingError, match=r"astray\.db' is a link to '.*runs\.db', whose folder is not there"):
        create_database(astray)
    assert names(tmp_path) == ["astray.db", "big", "mlflow.db"]


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_what_is_no_file_is_refused_at_once(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)  # which blocks whoever opens it
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(TrackingError, match="' is not a file; name another"):
        refuse_store(sqlite(path))
    with pytest.raises(TrackingError, match="' is not a file; name another"):
        open_store(sqlite(path), "study")


@pytest.mark.parametrize("kept", [1, 15, 16, 99, 4096])
def test_a_truncated_database_is_told_as_damaged(kept: int, tmp_path: Path, empty_store: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.write_bytes(empty_store.read_bytes()[:kept])
    with pytest.raises(TrackingError, match=r"cannot be opened: .*; `python -m bpexp task=doctor` says"):
        open_store(sqlite(path), "study")
    assert path.stat().st_size == kept


@pytest.mark.parametrize("text", ["x", "a few words of somebody's notes"])
def test_a_short_file_of_somebody_is_kept(text: str, tmp_path: Path) -> None:
    """SQLite takes a file of one byte for an empty database, and overwrites it."""
    path = tmp_path / "mlflow.db"
    path.write_text(text)
    with pytest.raises(TrackingError, match="is not an SQLite database; name another file"):
        open_store(sqlite(path), "study")
    assert path.read_text() == text


def test_a_database_without_tables_becomes_the_store(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript("create table t (x); drop table t")
    assert path.stat().st_size
    monkeypatch.setattr("mlflow.MlflowClient", lambda uri: shutil.copy(empty_store, uri.removeprefix("sqlite:///")))
    create_database(path)
    assert age(sqlite_version(path)) == "current"


def test_an_older_database_is_never_upgraded_without_being_asked(tmp_path: Path, empty_store: Path) -> None:
    """MLflow itself upgrades in silence where a table is missing, as it is in that of an older version."""
    path = Path(shutil.copy(empty_store, tmp_path))
    with closing(sqlite3.connect(path)) as database:
        database.executescript("drop table job_locks; update alembic_version set version_num = '451aebb31d03'")
    before = path.read_bytes()
    with pytest.raises(TrackingError, match=re.escape(f"back it up, then run `mlflow db upgrade {sqlite(path)}`")):
        open_store(sqlite(path), "study")
    assert path.read_bytes() == before


def test_a_newer_and_an_unfinished_database_are_told_apart(tmp_path: Path, empty_store: Path) -> None:
    path = Path(shutil.copy(empty_store, tmp_path))
    with closing(sqlite3.connect(path)) as database:
        database.executescript("drop table job_locks; update alembic_version set version_num = 'ffffffffffff'")
    with pytest.raises(TrackingError, match=r"is of a newer MLflow than .*schema ffffffffffff is unknown"):
        open_store(sqlite(path), "study")
    with closing(sqlite3.connect(path)) as database:
        database.executescript("drop table alembic_version")
    with pytest.raises(TrackingError, match=r"creation of the store .* was broken off; `python -m bpexp task=doctor`"):
        open_store(sqlite(path), "study")


def test_a_store_that_may_not_be_written_is_refused_before_a_run(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(shutil.copy(empty_store, tmp_path))
    path.chmod(0o444)
    if os.access(path, os.W_OK):  # this user may write anywhere
        monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)
    with pytest.raises(ConfigError, match=r"mlflow\.db' cannot be written \(Permission denied\)"):
        refuse_store(sqlite(path))


def test_many_runs_are_sorted_by_statistics_which_the_next_start_makes(tmp_path: Path, empty_store: Path) -> None:
    """The plan of MLflow's query for the best runs: without statistics it goes through all values for each run."""
    query = (
        "explain query plan select distinct runs.run_uuid, runs.name, runs.source_type, runs.source_name, "
        "runs.entry_point_name, runs.user_id, runs.status, runs.start_time, runs.end_time, runs.deleted_time, "
        "runs.source_version, runs.lifecycle_stage, runs.artifact_uri, runs.experiment_id, case when (best.is_nan = 1) "
        "then ? when (best.value is null) then ? else ? end as clause_1, best.value from runs left outer join (select "
        "latest_metrics.key as key, latest_metrics.value as value, latest_metrics.timestamp as timestamp, "
        "latest_metrics.step as step, latest_metrics.is_nan as is_nan, latest_metrics.run_uuid as run_uuid from "
        "latest_metrics where latest_metrics.key = ?) as best on runs.run_uuid = best.run_uuid where "
        "runs.experiment_id in (?) and runs.lifecycle_stage in (?) order by clause_1, best.value desc, "
        "runs.start_time desc, runs.run_uuid limit ? offset ?"
    )
    path = Path(shutil.copy(empty_store, tmp_path))
    with closing(sqlite3.connect(path)) as database:
        for number in range(400):
            run = f"{number:032}"
            database.execute(
                "insert into runs (run_uuid, status, lifecycle_stage, experiment_id, start_time) "
                "values (?, 'FINISHED', 'active', 0, 0)", [run]
            )  # fmt: skip
            rows = [(f"m{n}", 0.5, 0, 0, 0, run) for n in range(10)]
            database.executemany("insert into latest_metrics values (?, ?, ?, ?, ?, ?)", rows)
        database.commit()
    before = plan_of(path, query)
    assert any("SCAN best" in step for step in before), before
    assert keep_statistics(path)
    assert not keep_statistics(path)
    after = plan_of(path, query)
    assert not any("SCAN best" in step for step in after), after


def plan_of(path: Path, query: str) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return [str(row[3]) for row in database.execute(query, (1, 2, 0, "m1", 0, "active", 11, 0))]
