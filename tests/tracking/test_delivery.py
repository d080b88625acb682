"""Servers and databases that fail: a warning, no delay to speak of, and everything there once when they work again."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from children import bound_by_permissions, fork
from command_line import command
from stores import ask

from bpexp.records.journal import JOURNAL, Journal, history
from bpexp.records.lock import RunLock
from bpexp.records.outcome import Outcome, RunInfo, read_outcome
from bpexp.tracking import session as sessions
from bpexp.tracking.content import shown_summary
from bpexp.tracking.delivery import Delivery
from bpexp.tracking.feed import DataCard, JournalFeed
from bpexp.tracking.files import send_files
from bpexp.tracking.manifest import FACTS, SENT, Facts, Sent, model_name, read_facts, read_sent, write_facts
from bpexp.tracking.open_runs import FOLDER, open_runs
from bpexp.tracking.run import TrackedRun
from bpexp.tracking.session import recording
from bpexp.tracking.settings import TrackingSettings
from bpexp.tracking.store import Store, open_store
from bpexp.tracking.wants import EVERYTHING, Want
from bpexp.training.events import EpochEnded
from experiments.reliability.faulty_server import FaultyServer

TINY = ["data=xor", "epochs=2", "progress=false", "tracking.figures=false"]


@pytest.fixture(scope="module")
def serving(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyServer]:
    """MLflow's server in a process of its own."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_store, folder / "server.db")
    server = FaultyServer(folder)
    yield server
    server.close()


@pytest.fixture
def server(serving: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    """The server as the store of an empty working directory, healthy at first and again at the end."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", serving.uri)
    yield serving
    serving.say("none")


def folders() -> list[Path]:
    """The folders of the runs, in the order of their start."""
    return [file.parent for file in sorted(Path.cwd().glob("outputs/*/*/tracked.json"))]


def rows_of(database: Path, directory: Path) -> list[tuple[str, int, int]]:
    """(metric, step, how often) in the store of the run that lies in a folder; it has exactly one there."""
    key = read_facts(directory).key  # type: ignore[union-attr]
    runs = ask(
        database,
        "select run_uuid from tags join runs using (run_uuid) "
        f"where key = 'bpexp.key' and value = '{key}' and lifecycle_stage = 'active'",
    )
    assert len(runs) == 1, "a run was lost, or is there twice"
    return ask(database, f"select key, step, count(*) from metrics where run_uuid = '{runs[0][0]}' group by key, step")


def assert_whole(database: Path, directory: Path, status: str = "FINISHED") -> None:
    """The store holds every row of the journal once, the summary, the model once, the files, and the status."""
    found = rows_of(database, directory)
    assert {count for _, _, count in found} == {1}
    outcome = read_outcome(directory)
    journal = {(name, step) for name, points in history(directory / JOURNAL).items() for step, _ in points}
    summary = {(name, 0) for name in (*shown_summary(outcome), "final/seconds")}
    assert {(name, step) for name, step, _ in found} == journal | summary
    assert ask(database, f"select status from runs where run_uuid = '{outcome.run_id}'") == [(status,)]
    models = (
        f"select count(*) from logged_models where source_run_id = '{outcome.run_id}' and lifecycle_stage = 'active'"
    )
    assert ask(database, models) == [(1 if status == "FINISHED" else 0,)]
    sent = read_sent(directory)
    assert sent is not None
    assert sent.done
    assert {"config.yaml", JOURNAL, "result.json"} <= set(sent.files)


def sync(monkeypatch: pytest.MonkeyPatch, code: int = 0, *words: str) -> None:
    assert command(["task=sync", *words], monkeypatch) == code


# A process without means


def test_without_a_thread_everything_is_kept_for_later(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    start = threading.Thread.start

    def none(thread: threading.Thread) -> None:
        if thread.name == "bpexp courier":
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", none)
        assert command(TINY, patched) == 0
        err = capfd.readouterr().err
        assert err.count("\n") == 1, err
        assert err.startswith("bpexp: warning: MLflow did not take everything (can't start new thread)")
        sync(patched, 1)
    sync(monkeypatch)
    assert_whole(store, folders()[0])


def test_a_temporary_folder_that_stays_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / JOURNAL).touch()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    client = SimpleNamespace(log_artifacts=lambda *_: resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard)))
    sent = Sent("a run")
    try:  # no folder can be opened afterwards
        send_files(SimpleNamespace(client=client), sent, [tmp_path / JOURNAL])  # type: ignore[arg-type]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert list(sent.files) == [JOURNAL]


# Servers


def test_a_healthy_server_has_everything_when_the_command_ends(
    server: FaultyServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert command([*TINY, "tracking.patience=60"], monkeypatch) == 0
    assert capfd.readouterr().err == ""
    assert_whole(server.database, folders()[0])
    assert not FOLDER.parent.exists()
    outcome = read_outcome(folders()[0])
    assert outcome.model == f"runs:/{outcome.run_id}/{model_name(outcome.name)}"
    sync(monkeypatch, 0, "hydra.run.dir=outputs")  # once more: nothing is there twice
    assert_whole(server.database, folders()[0])


FAULTS = [("503", "middle"), ("503", "end"), ("gone", "middle"), ("hang", "start"), ("withhold", "start")]


@pytest.mark.parametrize(("fault", "moment"), FAULTS)
def test_a_server_that_fails_costs_a_line_and_no_row(
    fault: str, moment: str, server: FaultyServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    server.say(fault, moment)
    patience = 0.05 if fault == "hang" else 1
    assert command([*TINY, f"tracking.patience={patience}"], monkeypatch) == 0
    err = capfd.readouterr().err
    if fault != "withhold":  # which may have been overcome
        assert err.count("\n") == 1, err
        assert err.startswith("bpexp: warning: MLflow did not take everything (")
        assert [entry.directory for entry in open_runs(Path.cwd())] == folders()
    assert read_outcome(folders()[0]).status == "finished"
    server.say("none")
    sync(monkeypatch)
    assert_whole(server.database, folders()[0])
    assert not FOLDER.parent.exists()


def test_a_server_that_refuses_is_known_at_once_and_the_next_start_delivers(
    server: FaultyServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    server.say("stop")
    try:
        assert command([*TINY, "tracking.patience=30"], monkeypatch) == 0
        err = capfd.readouterr().err
        assert err.count("\n") == 1
        assert f"no MLflow server answers at '{server.uri}' (Connection refused)" in err
        sync(monkeypatch, 1)
        assert capfd.readouterr().out.count("\n") == 1
    finally:
        server.say("start")
    assert command([*TINY, "seed=1", "tracking.patience=60"], monkeypatch) == 0
    assert capfd.readouterr().err == ""
    for directory in folders():
        assert_whole(server.database, directory)


def test_a_sweep_says_it_once_and_its_runs_find_their_parent_later(
    server: FaultyServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    server.say("503")
    assert command(["-m", *TINY, "tracking.model=true", "tracking.points=500", "seed=0,1,2"], monkeypatch) == 0
    assert capfd.readouterr().err.count("\n") == 1
    server.say("none")
    sync(monkeypatch)
    (parent,) = [file.parent for file in Path.cwd().glob("multirun/*/*/tracked.json")]
    sent = read_sent(parent)
    assert sent is not None
    children = f"select count(*) from tags where key = 'mlflow.parentRunId' and value = '{sent.run_id}'"
    assert ask(server.database, children) == [(3,)]
    assert ask(server.database, f"select status from runs where run_uuid = '{sent.run_id}'") == [("FINISHED",)]
    finished = f"select value from metrics where run_uuid = '{sent.run_id}' and key = 'jobs/finished'"
    assert ask(server.database, finished) == [(3.0,)]
    for job in sorted(parent.glob("[0-9]")):
        assert_whole(server.database, job)


def test_a_process_leaves_though_its_server_hangs(
    server: FaultyServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its thread is in the middle of a request that is never answered."""
    server.say("hang", "middle")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "600")
    line = [sys.executable, "-m", "bpexp", *TINY, "tracking.patience=0.2"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1, done.stderr
    assert "it has not answered in time" in done.stderr
    server.say("none")
    sync(monkeypatch)
    assert_whole(server.database, folders()[0])


def test_another_store_is_refused(server: FaultyServer, monkeypatch: pytest.MonkeyPatch, empty_store: Path) -> None:
    server.say("503")
    assert command(TINY, monkeypatch) == 0
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    sync(monkeypatch, 1, f"tracking.uri=sqlite:///{empty_store}")
    assert ask(empty_store, "select count(*) from runs") == [(0,)]


# Databases


@pytest.mark.parametrize("moment", ["start", "middle", "end"])
def test_a_locked_database_costs_a_line_and_no_row(
    moment: str, store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        lock = {
            "start": (TrackedRun, "__init__"),
            "middle": (JournalFeed, "on_epoch"),
            "end": (TrackedRun, "finish"),
        }
        owner, name = lock[moment]
        real = getattr(owner, name)

        def locked(*args: object, **kwargs: object) -> object:
            if not other.in_transaction:
                other.execute("begin exclusive")
            return real(*args, **kwargs)

        with monkeypatch.context() as inside:
            inside.setattr(owner, name, locked)
            inside.setattr("bpexp.tracking.feed.PAUSE", 0.0)
            assert command([*TINY, "tracking.patience=0.2"], inside) == 0
        other.execute("rollback")
    err = capfd.readouterr().err
    assert err.count("\n") == 1, err
    sync(monkeypatch)
    assert_whole(store, folders()[0])


READ_ONLY = {
    "by its permissions": lambda path: (path.chmod(0o444), path.parent.chmod(0o555)),
    "in place of another": lambda path: (
        shutil.copy(path, path.with_suffix(".copy")),
        path.with_suffix(".copy").chmod(0o444),
        path.with_suffix(".copy").replace(path),
    ),
}


@pytest.mark.parametrize("how", READ_ONLY)
def test_a_database_that_is_read_only_from_the_middle_on_costs_a_line_and_no_row(
    how: str, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a child, since root may write anywhere."""
    Path("kept").mkdir()
    path, real = store.replace("kept/mlflow.db"), JournalFeed.on_epoch
    words = [TINY[0], "epochs=20", *TINY[2:], "tracking.uri=sqlite:///kept/mlflow.db", "tracking.patience=0.5"]

    def on_epoch(self: JournalFeed, event: EpochEnded) -> None:
        if event.epoch == 9:
            until = time.monotonic() + 60
            while ask(path, "select count(*) from metrics") == [(0,)] and time.monotonic() < until:
                real(self, event)  # it is in the middle when MLflow has something
                time.sleep(0.05)
            READ_ONLY[how](path)
        real(self, event)

    monkeypatch.setattr(JournalFeed, "on_epoch", on_epoch)
    monkeypatch.setattr("bpexp.tracking.feed.PAUSE", 0.0)
    child = fork(lambda: sys.exit(command(words, monkeypatch)), tmp_path, streams=bound_by_permissions)
    assert child.ended() == 0, child.err
    (directory,) = folders()
    path.parent.chmod(0o755)
    path.chmod(0o644)
    assert child.err.count("\n") == 1, child.err
    assert "MLflow did not take everything" in child.err
    assert read_outcome(directory).status == "finished"
    before = rows_of(path, directory)
    assert 0 < len(before) < sum(len(series) for series in history(directory / JOURNAL).values())
    sync(monkeypatch, 0, words[-2])
    assert_whole(path, directory)


def test_a_database_that_is_removed_in_the_middle_is_made_again_with_everything(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    real = Journal.on_start

    def removed(self: Journal, event: object) -> None:
        store.unlink()
        real(self, event)  # type: ignore[arg-type]

    monkeypatch.setattr(Journal, "on_start", removed)
    assert command(TINY, monkeypatch) == 0
    assert "was removed" in capfd.readouterr().err
    assert not store.exists()
    done = subprocess.run([sys.executable, "-m", "bpexp", "task=sync"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_whole(store, folders()[0])


def test_a_store_is_made_again_from_the_folders_of_its_runs(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(TINY, monkeypatch) == 0
    with closing(sqlite3.connect(store)) as database:  # as if it had been lost with all that was in it
        for table in ("metrics", "latest_metrics", "params", "tags", "inputs", "logged_models", "runs"):
            database.execute(f"delete from {table}")
        database.commit()
    sync(monkeypatch)
    assert ask(store, "select count(*) from runs") == [(0,)]  # nothing was left to do, as far as this folder knows
    sync(monkeypatch, 0, "hydra.run.dir=outputs")
    assert_whole(store, folders()[0])


# Processes that die


def killed_run() -> Path:
    """A run of another process, killed after some epochs of which MLflow has had none."""
    line = [sys.executable, "-m", "bpexp", "data=xor", "epochs=100000", *TINY[2:]]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 200
        while not any(file.stat().st_size > 100_000 for file in Path.cwd().glob(f"outputs/*/*/{JOURNAL}")):
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    return folders()[-1]


def test_a_killed_run_is_ended_by_the_next_start_with_all_its_metrics(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes find it at once, and deliver it once."""
    directory = killed_run()
    assert ask(store, "select status from runs") == [("RUNNING",)]
    with subprocess.Popen([sys.executable, "-m", "bpexp", "task=sync"], stdout=subprocess.DEVNULL) as other:
        assert command([*TINY, "seed=1", "tracking.patience=60"], monkeypatch) == 0
        assert other.wait(timeout=300) in (0, 1)
    sync(monkeypatch)
    outcome, sent = read_outcome(directory), read_sent(directory)
    assert (outcome.status, outcome.reason) == ("killed", "its process died")
    assert outcome.metrics["final/epoch"] > 0
    assert sent is not None
    assert sent.done
    assert sent.offset == (directory / JOURNAL).read_bytes().rfind(b"\n") + 1
    assert ask(store, f"select status from runs where run_uuid = '{sent.run_id}'") == [("KILLED",)]
    assert not FOLDER.parent.exists()
    assert {count for _, _, count in rows_of(store, directory)} == {1}


def test_a_run_that_is_alive_is_left_alone(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(TINY, monkeypatch) == 0
    (directory,) = folders()
    (directory / SENT).unlink()
    (directory / "result.json").unlink()
    with RunLock(directory):
        sync(monkeypatch, 0, f"hydra.run.dir={directory}")
        assert not (directory / "result.json").exists()
        assert ask(store, "select distinct status from runs") == [("FINISHED",)]


def test_a_folder_that_is_gone_is_forgotten(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FOLDER.mkdir(parents=True)
    (FOLDER / "a.json").write_text('{"format": 1, "kind": "run", "directory": "/nowhere", "store": "x"}')
    (FOLDER / "b.json").write_text("{")
    sync(monkeypatch, 1)
    assert [path.name for path in FOLDER.iterdir()] == ["b.json"]


# The same run in several processes


def tracked(directory: Path, journal: Journal, name: str = "a run") -> TrackedRun:
    info = RunInfo(name, directory, ["lr=1"], {"lr": 1.0, "epochs": 2})
    card = DataCard("data", "0", "here", "{}")
    return TrackedRun(
        TrackingSettings(True), info, journal.path, card, {}, committed=lambda: journal.path.stat().st_size
    )


def epoch(number: int) -> EpochEnded:
    return EpochEnded(number, 10 * number, {"loss/train": 1 / (1 + number)}, 0.1 * number)


def test_a_run_goes_on_in_another_process(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each half is delivered by a session of its own, in part during the run."""
    monkeypatch.setattr("bpexp.tracking.feed.PAUSE", 0.0)
    ids = set()
    for part in (range(3), range(3, 6)):
        with recording():
            journal = Journal(tmp_path)
            run = tracked(tmp_path, journal)
            for number in part:
                for callback in (journal, *run.callbacks):
                    callback.on_epoch(epoch(number))
            journal.close("killed", "as said")
            run.finish(Outcome("a run", str(tmp_path), "killed", "as said", [], {}, 1.0))
            ids.add(run.run_id)
    assert len(ids) == 1
    found = rows_of(store, tmp_path)
    assert [(step, count) for key, step, count in found if key == "loss/train"] == [(10 * n, 1) for n in range(6)]
    assert ask(store, "select status from runs") == [("KILLED",)]


def test_only_what_a_checkpoint_covers_is_sent_during_a_run(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bpexp.tracking.feed.PAUSE", 0.0)
    journal, opened = Journal(tmp_path), open_store(None, "bpexp")
    info = RunInfo("a run", tmp_path, [], {})
    card = DataCard("data", "0", "here", "{}")
    with recording() as session:
        run = TrackedRun(TrackingSettings(True), info, journal.path, card, {}, committed=lambda: 0)
        for callback in (journal, *run.callbacks):
            callback.on_epoch(epoch(1))
        assert session.wait(run._parcel)  # type: ignore[arg-type]
        assert opened.client.get_run(str(run.run_id)).data.metrics == {}
    journal.close("finished", "done")


def opened_delivery(tmp_path: Path) -> tuple[Store, Facts]:
    facts = Facts(
        "run", "a run", "sqlite:///x", "bpexp", 1, params={"lr": 1}, data={"name": "d", "digest": "0", "source": "here"}
    )
    write_facts(facts, tmp_path)
    return open_store(None, "bpexp"), facts


def test_what_was_sent_may_be_forgotten_at_any_time(store: Path, tmp_path: Path) -> None:
    """delivery.json is lost, as by a power failure, and everything is sent again: nothing is there twice."""
    opened, _ = opened_delivery(tmp_path)
    journal = Journal(tmp_path)
    for number in range(5):
        journal.on_epoch(epoch(number))
    journal.close("finished", "done")
    for _ in range(3):
        Delivery(tmp_path).bring(opened, EVERYTHING)
        before = {
            table: ask(store, f"select count(*) from {table}") for table in ("runs", "metrics", "params", "inputs")
        }
        (tmp_path / SENT).unlink()
    Delivery(tmp_path).bring(opened, EVERYTHING)
    assert {table: ask(store, f"select count(*) from {table}") for table in before} == before
    assert before["runs"] == [(1,)]


def test_a_creation_that_comes_late_leaves_one_run(store: Path, tmp_path: Path) -> None:
    """The first creation is not answered, and is carried out after we looked: the second run is removed again."""
    opened, facts = opened_delivery(tmp_path)
    delivery = Delivery(tmp_path, facts, fresh=True)
    real = type(opened.client).create_run

    def unanswered(*args: object, **kwargs: object) -> object:
        raise ConnectionError("the connection was closed")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mlflow.MlflowClient.create_run", unanswered)
        with pytest.raises(ConnectionError):
            delivery.bring(opened, Want(begin=True))
    delivery.bring(opened, Want(begin=True))
    real(opened.client, opened.experiment_id, tags={"bpexp.key": facts.key})
    delivery.sent.doubtful = True
    delivery.bring(opened, EVERYTHING)
    assert ask(store, "select lifecycle_stage, status from runs order by 1") == [
        ("active", "KILLED"),
        ("deleted", "RUNNING"),
    ]


REST = '"name": "a", "store": "x", "experiment": "bpexp", "started": 1'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is no JSON"),
        ("[]", r"found \[\]; expected a mapping"),
        ('{"format": 9}', "has format 9; this version reads 1"),
        ('{"format": 1, "kind": "run"}', "name: is missing"),
        (f'{{"kind": "dance", {REST}}}', "kind: found 'dance'; expected one of run, sweep"),
        (f'{{"kind": "run", {REST}, "rows": 3}}', "rows: found 3; expected a list"),
        (f'{{"kind": "run", {REST}, "rows": [["a", 1, 2]]}}', r"rows\[0\]: found 3 values; expected 4"),
        (f'{{"kind": "run", {REST}, "dance": 3}}', "unknown field 'dance'"),
    ],
)
def test_a_broken_tracked_json_is_named(text: str, told: str, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = Path("outputs/a/b")
    directory.mkdir(parents=True)
    (directory / FACTS).write_text(text)
    with pytest.raises(ValueError, match=f"tracked.json.*{told}"):
        read_facts(directory)
    sync(monkeypatch, 1, "hydra.run.dir=outputs")


def test_no_password_reaches_the_files(server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "sesame-open-7"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri.replace("://", f"://me:{secret}@"))
    server.say("503", "middle")
    assert command(TINY, monkeypatch) == 0
    files = [path for path in Path.cwd().rglob("*") if path.is_file()]
    assert any(path.parent == FOLDER.absolute() for path in files)
    assert not [path for path in files if secret.encode() in path.read_bytes()]
    server.say("none")
    sync(monkeypatch)
    assert_whole(server.database, folders()[0])


def test_a_forked_process_has_a_courier_of_its_own(store: Path) -> None:
    with recording():
        pid = os.fork()
        if pid == 0:
            os._exit(0 if sessions._open() is None and sessions.current().process == os.getpid() else 1)
        assert os.waitpid(pid, 0)[1] == 0


def test_a_sweep_whose_run_a_job_has_created_has_one(store: Path, tmp_path: Path) -> None:
    """A job in another process may come first, where a server did not answer its sweep."""
    opened = open_store(None, "bpexp")
    sweep = Delivery(tmp_path, Facts("sweep", "a sweep", "sqlite:///x", "bpexp", 1), fresh=True)
    write_facts(sweep.facts, tmp_path)
    job = tmp_path / "0"
    job.mkdir()
    write_facts(Facts("run", "a job", "sqlite:///x", "bpexp", 2), job)
    Delivery(job).bring(opened, Want(begin=True))
    sweep.bring(opened, Want(begin=True))
    parents = "select value from tags where key = 'mlflow.parentRunId'"
    assert ask(store, parents) == [(sweep.sent.run_id,)]
    assert ask(store, "select count(*) from runs") == [(2,)]


def test_a_run_that_was_deleted_in_mlflow_is_not_told_to_be_delivered(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert command([*TINY, "tracking.model=false", "hydra.run.dir=mine"], monkeypatch) == 0
    run_id = str(read_outcome(Path("mine")).run_id)
    open_store(None, "bpexp").client.delete_run(run_id)
    capfd.readouterr()
    assert command(["task=sync", "hydra.run.dir=mine"], monkeypatch) == 1
    said = "".join(capfd.readouterr())
    assert f"the run '{run_id}' was deleted in MLflow; restore it there" in said
