"""Runs that are killed by SIGKILL and resumed: the same weights, the same rows, none lost and none doubled."""

from __future__ import annotations

import json
import os
import shutil
import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import bpexp
from bpexp.errors import BpexpError, CheckpointError, ConfigError
from bpexp.records import checkpoint as file
from bpexp.records.checkpoint import checkpoints, read_checkpoint
from bpexp.records.journal import JOURNAL, read
from bpexp.records.lock import LOCK, RunLock
from bpexp.records.outcome import read_outcome
from bpexp.running.perform import perform
from bpexp.running.plan import Plan
from bpexp.running.resuming.resume import resume
from bpexp.running.tasks.recovery import complete
from bpexp.tracking.content import shown_summary
from bpexp.tracking.manifest import Facts
from tests.support.command_line import command, listing
from tests.support.plans import planned
from tests.support.resuming import die_within, killed, last_state, rows, write_at_once
from tests.support.stores import ask

TINY = ["data=xor", "data.n=60", "model.hidden=[4]", "epochs=4", "batch_size=7", "tracking=none", "progress=false"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after each step, without waiting for the disk."""
    write_at_once(monkeypatch)


@cache
def plan_of(overrides: tuple[str, ...]) -> Plan:
    said = {text.partition("=")[0] for text in overrides}
    return planned(*(text for text in TINY if text.partition("=")[0] not in said), *overrides)


def whole(*overrides: str, name: str = "whole") -> Path:
    """The directory of a run that was not broken off."""
    perform(plan_of(overrides).jobs[0].below(Path(name).absolute()))
    return Path(name)


def broken(*overrides: str, at: int, name: str = "broken") -> Path:
    """The directory of the same run, killed within step number `at`."""
    killed(plan_of(overrides), Path(name).absolute(), lambda position: position.step == at)
    return Path(name)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was killed within step 9, with two checkpoints."""
    with pytest.MonkeyPatch.context() as patched:
        write_at_once(patched)
        patched.chdir(tmp_path_factory.mktemp("kept"))
        return broken(at=9).absolute()


@pytest.fixture
def run(kept: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(kept, "broken"))


def assert_same(one: Path, other: Path) -> None:
    """The same weights, rows, state, and outcome."""
    assert rows(one) == rows(other)
    assert last_state(one) == last_state(other)
    a, b = read_outcome(one), read_outcome(other)
    assert (a.theta_sha256, a.status, a.weights, a.step) == (b.theta_sha256, b.status, b.weights, b.step)
    assert {k: v for k, v in a.metrics.items() if "seconds" not in k} == pytest.approx(
        {k: v for k, v in b.metrics.items() if "seconds" not in k}, rel=0, abs=0, nan_ok=True
    )
    assert (one / "network.npz").read_bytes() == (other / "network.npz").read_bytes()


FULL = ["probe=full", "probe.every=3", "check=every_n", "check.every=4", "optimizer=adam", "schedule=cosine"]


@pytest.mark.parametrize("at", [0, 1, 5, 6, 20])
def test_killed_and_resumed_is_the_run_that_was_not_killed(at, eager):
    """Within the first step, in the middle of an epoch, at its last step and at the first of the next one."""
    uninterrupted, run = whole(*FULL), broken(*FULL, at=at)
    assert not (run / "result.json").exists()
    assert resume(run).ok
    assert_same(uninterrupted, run)
    with np.load(uninterrupted / "histograms.npz") as a, np.load(run / "histograms.npz") as b:
        assert a.files == b.files
        assert all((a[name] == b[name]).all() for name in a.files)


def test_what_was_written_after_the_checkpoint_stays_with_its_time(monkeypatch):
    """No checkpoint but the first: all that the dead process wrote is computed again, and not written again."""
    uninterrupted, run = whole(*FULL), broken(*FULL, at=22)
    before = (run / JOURNAL).read_bytes()
    assert before.count(b'"losses"') > 2
    resume(run)
    after = (run / JOURNAL).read_bytes()
    assert after.startswith(before[: before.rindex(b"\n") + 1])
    assert len(set(rows(run))) == len(rows(run))
    assert_same(uninterrupted, run)


def test_killed_again_and_again(eager):
    uninterrupted, run = whole(*FULL), broken(*FULL, at=3)
    for at in (5, 11, 12, 21):
        child = os.fork()
        if child == 0:
            die_within(lambda position, at=at: position.step == at)
            resume(run)
            os._exit(0)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == 9
        assert len(checkpoints(run)) <= 2
    resume(run)
    assert_same(uninterrupted, run)


def test_killed_again_before_it_came_to_where_it_had_been(monkeypatch):
    """Its checkpoint is written when the journal holds later steps already."""
    uninterrupted, run = whole(*FULL), broken(*FULL, at=22)
    child = os.fork()
    if child == 0:
        write_at_once(monkeypatch)
        die_within(lambda position: position.step == 10)
        resume(run)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == 9
    assert checkpoints(run)[-1].name == "step-000010.ckpt"
    resume(run)
    assert_same(uninterrupted, run)


def test_a_run_that_failed_within_a_step_goes_on(monkeypatch, eager):
    from bpexp.training.trainer import Trainer

    uninterrupted, step = whole(*FULL), Trainer.step

    def failing(self, epoch, number, x, y):
        if number == 12:
            raise RuntimeError("the dog ate the weights")
        return step(self, epoch, number, x, y)

    monkeypatch.setattr(Trainer, "step", failing)
    run = whole(*FULL, name="failed")
    monkeypatch.setattr(Trainer, "step", step)
    assert read_outcome(run).status == "failed"
    assert resume(run).ok
    assert_same(uninterrupted, run)
    assert not (run / "traceback.txt").exists()


def test_an_interruption_between_two_steps_leaves_a_checkpoint_of_that_moment(monkeypatch):
    from bpexp.training.callbacks import EarlyStopping

    uninterrupted = whole(*FULL)
    with monkeypatch.context() as patched:

        def interrupt(self, at):
            if at.step == 10:
                raise KeyboardInterrupt

        patched.setattr(EarlyStopping, "after_step", interrupt)
        with pytest.raises(KeyboardInterrupt):
            whole(*FULL, name="interrupted")
    run = Path("interrupted")
    assert [path.name for path in checkpoints(run)] == ["step-000000.ckpt", "step-000010.ckpt"]
    assert read_outcome(run).status == "killed"
    resume(run)
    assert_same(uninterrupted, run)


def test_more_epochs_are_those_of_a_longer_run():
    longer = whole("epochs=6", "optimizer=adam", "probe.every=3")
    run = whole("optimizer=adam", "probe.every=3", name="short")
    outcome = resume(run, {"epochs": 6})
    assert outcome.params["epochs"] == 6
    assert "epochs: 6" in (run / "config.yaml").read_text(encoding="utf-8")
    assert_same(longer, run)
    with pytest.raises(CheckpointError, match="is finished: 6 epochs are done; add epochs=N"):
        resume(run)


def test_fewer_epochs_than_the_journal_tells_of_are_refused():
    """The figures would be those of a later epoch than the weights."""
    run = broken("epochs=8", at=30)
    assert read_checkpoint(checkpoints(run)[-1]).step == 0
    with pytest.raises(CheckpointError, match=r"epochs=2 is less than the \d epochs of which metrics.jsonl tells"):
        resume(run, {"epochs": 2})
    assert_same(whole("epochs=8"), Path(resume(run).directory))


def test_a_config_that_a_loss_of_power_took(run):
    """It is written without waiting for the disk, and the checkpoint holds it, too."""
    (run / "config.yaml").write_bytes(b"")
    resume(run)
    assert_same(whole(), run)


def test_a_finished_run_is_finished_without_a_checkpoint_of_its_end(run):
    resume(run, {"checkpoint.every": None})
    before = (run / JOURNAL).read_bytes()
    with pytest.raises(CheckpointError, match="is finished: 4 epochs are done"):
        resume(run)
    assert (run / JOURNAL).read_bytes() == before
    resume(run, {"epochs": 6, "checkpoint.every": 1})
    assert rows(run) == rows(whole("epochs=6"))


def test_zeros_that_a_loss_of_power_left_behind_the_checkpoint(run):
    with (run / JOURNAL).open("ab") as file:
        file.write(bytes(60) + b'0.3}}\n{"time": 1.0, "step": 90, "metrics": {"loss/train": 9.0}}\n')
    resume(run)
    assert_same(whole(), run)


def test_a_named_folder_that_another_process_filled_meanwhile():
    """Both found it empty, and one waited for the lock of the other."""
    run = whole()
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != "run.lock"}
    with pytest.raises(ConfigError, match=r"already holds a run; choose another hydra\.run\.dir"):
        perform(plan_of(("seed=1",)).jobs[0].below(run.absolute()))
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file() and p.name != "run.lock"} == before


def test_a_schedule_that_depends_on_the_number_of_steps_is_told(capfd, monkeypatch):
    run = whole("schedule=cosine")
    assert command(["resume=whole", "epochs=5", "progress=true"], monkeypatch) == 0
    err = capfd.readouterr().err
    assert "schedule=cosine depends on the number of all steps, which is now" in err
    (line,) = [line for _, line in read(run / JOURNAL) if line.get("event") == "resumed"]
    assert "schedule=cosine depends" in line["note"]


def test_a_run_that_was_killed_before_its_record_gets_one():
    """Training was over, and then the process died."""
    uninterrupted, run = whole(*FULL), whole(*FULL, name="again")
    for name in ("result.json", "network.npz", "network.json"):
        (run / name).unlink()
    resume(run)
    assert_same(uninterrupted, run)


def test_a_folder_that_was_moved_goes_on_where_it_is(run):
    uninterrupted = whole()
    shutil.move(run, "elsewhere")
    outcome = resume(Path("elsewhere"))
    assert outcome.directory == str(Path("elsewhere").absolute())
    assert_same(uninterrupted, Path("elsewhere"))


def test_a_folder_of_another_machine_goes_on_with_a_warning(run, capfd):
    """Its process may be alive, and nothing here can tell."""
    uninterrupted = whole()
    said = json.loads((run / LOCK).read_text(encoding="utf-8").rstrip("\0"))
    (run / LOCK).write_text(json.dumps(said | {"host": "elsewhere", "machine": "x", "boot": "y"}), encoding="utf-8")
    resume(run)
    err = capfd.readouterr().err
    assert (err.count("\n"), "elsewhere: another machine's lock proves nothing here" in err) == (1, True), err
    assert_same(uninterrupted, run)


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_the_end_before_a_resume_is_not_that_of_a_run_that_was_killed_again(eager):
    """Whatever the clock says: it was set back, so that the journal seems to be older than result.json."""
    run = whole()
    assert read_outcome(run).status == "finished"
    child = os.fork()
    if child == 0:
        die_within(lambda position: position.epoch == 6)
        resume(run, {"epochs": 6})
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == 9
    os.utime(run / JOURNAL, (0, 0))
    assert complete(run, Facts("run", "again", "sqlite:///mlflow.db", "bpexp", 1))
    outcome = read_outcome(run)
    assert (outcome.status, outcome.metrics["final/epoch"]) == ("killed", 5)
    assert resume(run).metrics["final/epoch"] == 6


def test_a_damaged_checkpoint_is_refused_and_the_previous_one_goes_on(eager):
    uninterrupted, run = whole(*FULL), broken(*FULL, at=9)
    damage(checkpoints(run)[-1])
    before = listing(run)
    with pytest.raises(CheckpointError, match=r"SHA-256 is .*; expected .*; resume.from=previous goes on from the one"):
        resume(run)
    assert listing(run) == before
    resume(run, previous=True)
    assert_same(uninterrupted, run)
    assert len(checkpoints(run)) == 2


def change_config(run: Path) -> None:
    text = (run / "config.yaml").read_text(encoding="utf-8")
    (run / "config.yaml").write_text(text.replace("lr: 0.1", "lr: 0.2"), encoding="utf-8")


def config_bomb(run: Path) -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join(9 * [f'*a{n - 1}'])}]" for n in range(1, 9)]
    (run / "config.yaml").write_text("\n".join(lines), encoding="utf-8")


def config_of_no_number(run: Path) -> None:
    text = (run / "config.yaml").read_text(encoding="utf-8")
    (run / "config.yaml").write_text(text.replace("lr: 0.1", "lr: 0x_"), encoding="utf-8")


def no_config(run: Path) -> None:
    (run / "config.yaml").unlink()


def change_journal(run: Path) -> None:
    text = (run / JOURNAL).read_bytes()
    (run / JOURNAL).write_bytes(text.replace(b"loss/train", b"lass/train"))


def shorten_journal(run: Path) -> None:
    os.truncate(run / JOURNAL, 100)


def other_version(run: Path) -> None:
    path = checkpoints(run)[-1]
    known = read_checkpoint(path)
    known.versions["numpy"] = "1.0"
    file.write_checkpoint(run, known)


def other_threads(run: Path) -> None:
    known = read_checkpoint(checkpoints(run)[-1])
    known.versions["threads"] = "2"
    file.write_checkpoint(run, known)


def other_network(run: Path) -> None:
    known = read_checkpoint(checkpoints(run)[-1])
    known.network["sizes"] = [2, 5, 2]
    file.write_checkpoint(run, known)


def other_data(run: Path) -> None:
    import dataclasses

    known = read_checkpoint(checkpoints(run)[-1])
    file.write_checkpoint(run, dataclasses.replace(known, data="0" * 64))


def foreign_checkpoint(run: Path) -> None:
    shutil.copy(checkpoints(whole("lr=0.1", "epochs=1", name="other"))[0], checkpoints(run)[-1])


def linked_checkpoint(run: Path) -> None:
    path = checkpoints(run)[-1]
    path.rename("aside.ckpt")
    path.symlink_to(Path("aside.ckpt").absolute())


def linked_folder(run: Path) -> None:
    (run / "checkpoints").rename("aside")
    (run / "checkpoints").symlink_to(Path("aside").absolute())


def no_checkpoints(run: Path) -> None:
    shutil.rmtree(run / "checkpoints")


def diverged(run: Path) -> None:
    outcome = read_outcome(whole(name="done"))
    (run / "result.json").write_text(json.dumps({**outcome_of(outcome), "status": "diverged", "reason": "at step 3"}))


def outcome_of(outcome) -> dict:
    return json.loads(Path(outcome.directory, "result.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("hurt", "told"),
    [
        (change_config, r"says lr=0.2, but the checkpoint 0.1; put it back"),
        (config_bomb, r"holds more than 200000 keys and values"),
        (config_of_no_number, r"config.yaml' cannot be read: invalid literal"),
        (no_config, r"config.yaml': cannot be opened"),
        (change_journal, r"is not the journal of the checkpoint: the SHA-256"),
        (shorten_journal, r"has 100 bytes, but the checkpoint covers \d+"),
        (other_version, rf"was written with numpy 1.0, but this is {np.__version__}"),
        (other_threads, r"was written with threads 2, but this is 1"),
        (other_network, r"is of a network with sizes \[2, 5, 2\], not \[2, 4, 2\]"),
        (other_data, r"its digest is [0-9a-f]{12}..., but the run began with 000000000000"),
        (foreign_checkpoint, r"or the checkpoint is of another run"),
        (linked_checkpoint, r"is a symbolic link; expected a regular file"),
        (linked_folder, r"is a symbolic link; checkpoints lie in the folder"),
        (no_checkpoints, r"has no checkpoint to go on from; start it again"),
        (diverged, r"diverged, and would diverge again: at step 3"),
    ],
)
def test_what_does_not_fit_is_refused_with_both_values(hurt, told, run, monkeypatch, capfd):
    hurt(run)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != "run.lock"}
    with pytest.raises(CheckpointError, match=told) as error:
        resume(run)
    assert "\n" not in str(error.value)
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file() and p.name != "run.lock"} == before
    capfd.readouterr()
    assert command([f"resume={run}"], monkeypatch) == 2
    assert capfd.readouterr().err.count("\n") == 1


def test_a_run_that_stopped_by_itself_is_refused():
    run = whole("callbacks.early_stopping.patience=1", "lr=3", "epochs=30")
    assert read_outcome(run).status == "stopped"
    with pytest.raises(CheckpointError, match="stopped, and would stop again"):
        resume(run, {"epochs": 50})


def test_early_stopping_stops_a_resumed_run_at_the_same_epoch(eager):
    stopping = ["callbacks.early_stopping.patience=2", "lr=3", "epochs=30"]
    uninterrupted, run = whole(*stopping), broken(*stopping, at=8)
    assert resume(run).status == "stopped"
    assert rows(uninterrupted) == rows(run)
    assert (uninterrupted / "network.npz").read_bytes() == (run / "network.npz").read_bytes()


def test_a_run_that_is_going_on_is_refused(run):
    with RunLock(run):
        child = os.fork()
        if child == 0:
            try:
                resume(run)
            except BpexpError as error:
                os._exit(0 if "is still going on" in str(error) else 1)
            os._exit(2)
        assert os.waitpid(child, 0)[1] == 0


def test_words_that_are_refused(run, monkeypatch, capfd):
    Path("empty").mkdir()
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    before = listing(Path())
    for words, told in (
        (["resume=nowhere"], "is no folder"),
        (["resume=empty"], "holds no run: it has no metrics.jsonl"),
        (["resume="], "needs the folder of a run"),
        (["resume=broken", "lr=0.2"], "lr=0.2 cannot change when a run is resumed"),
        (["resume=broken", "epochs=1"], "epochs=1 is less than the 2 epochs"),
        (["resume=broken", "epochs=zero"], "epochs must be a whole number"),
        (["resume=broken", "epochs=0x_"], "epochs=0x_ cannot be read"),
        (["resume=broken", "epochs=2001-99-99"], "epochs=2001-99-99 cannot be read"),
        (["resume=broken", "epochs=" + 5000 * "1"], "cannot be read"),
        (["resume=broken", "checkpoint.every=-1"], "checkpoint.every must be"),
        (["resume=broken", "checkpoint.evry=1"], "unknown key 'checkpoint.evry'"),
        (["resume=broken", "resume.from=first"], "resume.from must be previous"),
        (["resume=broken", "resume=broken"], "resume is given 2 times"),
        (["-m", "resume=broken"], "leave -m and --config-... out"),
        (["resume.from=previous"], "has no effect without resume=FOLDER"),
        (["resume=" + "0" * 32], "there is no store"),
    ):
        assert command(words, monkeypatch) == 2
        err = capfd.readouterr().err
        assert told in err
        assert err.count("\n") == 1
        assert listing(Path()) == before


def test_a_config_file_cannot_resume(monkeypatch):
    Path("conf/experiment").mkdir(parents=True)
    Path("conf/experiment/again.yaml").write_text("# @package _global_\nresume: broken\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="resume"):
        planned(*TINY, "experiment=again", config_dir="conf")


def test_without_checkpoints_there_is_none():
    run = whole("checkpoint.every=null")
    assert not (run / "checkpoints").exists()
    with pytest.raises(CheckpointError, match="has no checkpoint"):
        resume(run, {"epochs": 6})


def test_from_python(run):
    uninterrupted = whole()
    result = bpexp.resume(run)
    assert result.outcome.theta_sha256 == read_outcome(uninterrupted).theta_sha256
    assert bpexp.resume(run, epochs=6).outcome.params["epochs"] == 6


def test_a_clock_that_is_set_back_leaves_the_last_value_the_latest(store, eager, monkeypatch):
    run = whole("tracking=mlflow", "tracking.model=false", "tracking.figures=false")
    today = time.time
    monkeypatch.setattr(time, "time", lambda: today() - 86400)
    outcome = resume(run, {"epochs": 5})
    latest = f"select value from latest_metrics where run_uuid = '{outcome.run_id}' and key = "
    for name, value in shown_summary(outcome).items():
        assert ask(store, f"{latest} '{name}'") == [(value,)], name
    assert ask(store, f"{latest} 'final/epoch'") == [(5,)]
    times = [line["time"] for _, line in read(run / JOURNAL)]
    assert times == sorted(times)


def test_a_copy_of_a_folder_goes_on_as_a_run_of_its_own(store, eager, monkeypatch, capfd):
    run = broken("tracking=mlflow", "tracking.model=false", "tracking.figures=false", at=9)
    copy = shutil.copytree(run, Path("copy"))
    assert command(["task=sync", f"hydra.run.dir={copy}"], monkeypatch) == 1
    assert f"is a copy of {str(run.absolute())!r}, which delivers it" in capfd.readouterr().out
    theirs, other = resume(run), resume(copy)
    assert f"{copy.absolute()} is a copy of {run.absolute()}: it goes on as a run of its own" in capfd.readouterr().err
    assert theirs.run_id != other.run_id
    again = resume(copy, {"epochs": 5})
    assert (again.run_id, capfd.readouterr().err) == (other.run_id, ""), "the copy is a run of its own from then on"
    for one, epochs in ((theirs, 4), (again, 5)):
        tag = f"select value from tags where run_uuid = '{one.run_id}' and key = 'bpexp.directory'"
        assert ask(store, tag) == [(one.directory,)]
        count = f"select count(*), max(step) from metrics where run_uuid = '{one.run_id}' and key = 'time/epoch'"
        assert ask(store, count) == [(epochs + 1, epochs * 6)]
    assert ask(store, "select count(*) from runs") == [(2,)]
    shutil.rmtree(run)
    copy.rename("moved")
    assert resume(Path("moved"), {"epochs": 6}).run_id == other.run_id


def test_on_the_same_run_in_mlflow(store, eager, monkeypatch):
    tracked = ["tracking=mlflow", "tracking.model=false", "tracking.figures=false"]
    run = broken(*tracked, at=9)
    outcome = bpexp.resume(run, epochs=5).outcome
    from mlflow import MlflowClient

    client = MlflowClient("sqlite:///mlflow.db")
    (recorded,) = client.search_runs([str(outcome.experiment_id)])
    assert (recorded.info.run_id, recorded.info.status) == (outcome.run_id, "FINISHED")
    for name in ("loss/test", "grad_norm/W1", "loss/batch"):
        points = client.get_metric_history(str(outcome.run_id), name)
        expected = [row for row in rows(run) if row[0] == name]
        assert sorted((p.step, repr(p.value)) for p in points) == sorted((s, v) for _, v, s in expected)
    with pytest.raises(CheckpointError, match="is finished"):
        bpexp.resume(str(outcome.run_id))

    Path("elsewhere").mkdir()
    folder, uri = run.absolute(), f"sqlite:///{Path('mlflow.db').absolute()}"
    monkeypatch.chdir("elsewhere")
    assert bpexp.resume(folder, epochs=6).outcome.run_id == outcome.run_id
    assert list(Path().glob("mlflow.db")) == [], "the run is in the store where it began"
    assert command([f"resume={folder}", "epochs=7", "tracking.uri=sqlite:///own.db"], monkeypatch) == 0
    assert read_outcome(folder).run_id != outcome.run_id
    assert read_outcome(folder).store != uri
