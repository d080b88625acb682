"""task=doctor and the file of a store: each thing that can be wrong is told in plain words, and mended or handed on."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from command_line import command, refused
from stores import ask

from bpexp.tracking.doctor import database_file
from bpexp.tracking.doctor.database_file import examine_file
from bpexp.tracking.doctor.finding import Finding
from bpexp.tracking.doctor.settings import Doctor
from bpexp.tracking.schema import age, sqlite_version

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def _tables(empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow's tables are copied where a fresh store would be made for their names, which costs a second each."""
    monkeypatch.setattr("mlflow.MlflowClient", lambda uri: shutil.copy(empty_store, uri.removeprefix("sqlite:///")))


def examined(path: Path, **doctor: bool) -> list[Finding]:
    return list(examine_file(path, Doctor(**doctor)))  # type: ignore[arg-type]


def marks(findings: list[Finding]) -> list[str]:
    return [finding.mark for finding in findings]


def sql(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(script)


def test_a_store_without_a_fault_is_well_and_is_left_as_it_is(store: Path) -> None:
    before = store.read_bytes()
    assert set(marks(examined(store))) == {"well"}
    assert store.read_bytes() == before
    assert [path.name for path in store.parent.iterdir()] == ["mlflow.db"]


def test_the_command_says_so_and_ends_with_0(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(store.parent)
    assert command(["task=doctor"], monkeypatch) == 0
    out, err = capfd.readouterr()
    assert out.splitlines()[-1] == "all is well"
    assert err == ""
    assert [path.name for path in store.parent.iterdir()] == ["mlflow.db"]


def test_without_a_store_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command(["task=doctor"], monkeypatch) == 0
    assert "there is no store at" in capfd.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_gone_is_missed_where_its_runs_lie(tmp_path: Path) -> None:
    run = tmp_path / "outputs" / "2030-01-01" / "10-00-00"
    run.mkdir(parents=True)
    (run / "tracked.json").write_text("{}")
    (finding,) = examined(tmp_path / "mlflow.db")
    assert finding.mark == "person"
    assert "task=sync hydra.run.dir=outputs" in finding.remedy


@pytest.mark.parametrize("place", ["header", "middle", "cut"])
def test_a_damaged_database_is_moved_away_only_when_that_is_said(place: str, store: Path) -> None:
    damage(store, place)
    broken = store.read_bytes()
    (finding,) = examined(store)
    assert finding.mark == "person"
    assert "damaged" in finding.text or "cannot be opened" in finding.text
    assert "doctor.move_away=true" in finding.remedy
    assert store.read_bytes() == broken
    (moved,) = examined(store, move_away=True)
    assert "task=sync" in moved.remedy
    assert store.with_name("mlflow.db.damaged").read_bytes() == broken
    assert "person" not in marks(examined(store))


def damage(path: Path, place: str) -> None:
    """What a bad disk does: zeros over the header, over pages in the middle, or a file that ends too early."""
    content = bytearray(path.read_bytes())
    if place == "cut":
        del content[len(content) // 2 :]
    else:
        start = 20 if place == "header" else len(content) // 3
        content[start : start + 30_000] = os.urandom(30_000)
    path.write_bytes(content)


def test_rows_without_their_run_are_found(store: Path) -> None:
    sql(store, "insert into params values ('lr', '0.1', 'nobody')")
    (finding,) = examined(store)
    assert "1 rows refer to rows that are not there" in finding.text


@pytest.mark.parametrize(
    ("script", "told", "remedy"),
    [
        ("update alembic_version set version_num = '451aebb31d03'", "an older MLflow", "mlflow db upgrade sqlite:"),
        ("update alembic_version set version_num = 'ffffffffffff'", "a newer MLflow", "install that MLflow"),
        ("drop table job_locks", "lacks the tables job_locks", "move it away"),
    ],
)
def test_another_version_is_left_to_a_person(script: str, told: str, remedy: str, store: Path) -> None:
    sql(store, script)
    finding = examined(store)[-1]
    assert finding.mark == "person"
    assert told in finding.text
    assert remedy in finding.remedy


def test_tables_of_another_program_are_named(store: Path) -> None:
    sql(store, "create table trials (id integer)")
    assert examined(store)[-1].text.endswith("in the database, too: trials; they do no harm")
    sql(store, "drop table experiments; drop table runs")
    (finding,) = examined(store)
    assert "another program's" in finding.text


def test_a_creation_that_was_broken_off_is_begun_again_where_nothing_was_recorded(store: Path) -> None:
    """MLflow leaves such a database when it is killed, and no later start of it accepts that."""
    sql(store, "drop table alembic_version; drop table job_locks")
    assert marks(examined(store, mend=False))[-1] == "unmended"
    assert marks(examined(store))[-1] == "mended"
    assert age(sqlite_version(store)) == "current"
    assert store.with_name("mlflow.db.unfinished").exists()


def test_what_a_killed_creator_left_is_removed(store: Path) -> None:
    (store.parent / "mlflow.db.lock").touch()
    (store.parent / "mlflow.db.new").mkdir()
    assert "unmended" in marks(examined(store, mend=False))
    assert len(list(store.parent.iterdir())) == 3
    assert "mended" in marks(examined(store))
    assert [path.name for path in store.parent.iterdir()] == ["mlflow.db"]


def test_a_write_ahead_log_is_turned_off(store: Path) -> None:
    sql(store, "pragma journal_mode = wal")
    assert "unmended" in marks(examined(store, mend=False))
    assert ask(store, "pragma journal_mode") == [("wal",)]
    assert "mended" in marks(examined(store))
    assert ask(store, "pragma journal_mode") == [("delete",)]


def test_a_process_that_holds_the_store_is_named(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bpexp.tracking.sqlite_file.PATIENCE", 0.2)
    holding = (
        "import sqlite3, sys, time; d = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "d.execute('begin exclusive'); print('held', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", holding, str(store)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        try:
            (finding,) = examined(store)
        finally:
            holder.send_signal(signal.SIGKILL)
    assert re.search(rf"locked by (process {holder.pid}|another process)$", finding.text)


def test_a_disk_that_is_nearly_full_is_told(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_file, "SCARCE", 1 << 60)
    assert "MB are free" in next(finding.text for finding in examined(store) if finding.mark == "person")


def test_what_is_left_for_a_person_is_listed_and_the_code_is_1(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    damage(store, "middle")
    assert command(["task=doctor"], monkeypatch) == 1
    out = capfd.readouterr().out
    assert "\nleft for you:\n  1. the store " in out
    assert "task=doctor doctor.move_away=true" in out
    assert "Traceback" not in out


def test_its_options_are_refused_elsewhere(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert "no effect without task=doctor" in refused(["doctor.mend=false"], monkeypatch, capfd)
    assert "done once; leave -m out" in refused(["-m", "task=doctor", "seed=1,2"], monkeypatch, capfd)
    assert "leave tracking=mlflow" in refused(["task=doctor", "tracking=none"], monkeypatch, capfd)
