"""Sweeps with launcher.fuse=auto: each job has the files, records and end that it has alone."""

from __future__ import annotations

import csv
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from children import bpexp
from command_line import command, refused
from stores import ask
from together import jobs_of

from bpexp.nn.arrays import Array
from bpexp.records.journal import JOURNAL, history
from bpexp.records.journal_lines import read
from bpexp.records.network_file import load_network
from bpexp.records.outcome import RESULT, Outcome, read_outcome
from bpexp.running import open_run, perform_together
from bpexp.running.fusing import arranged
from bpexp.training.fused.together import Together

SMALL = ["data=xor", "data.n=60", "model.hidden=[4]", "batch_size=7", "epochs=4", "progress=false"]
QUIET = [*SMALL, "tracking=none"]
FUSED = ["launcher=serial", "launcher.fuse=auto"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def outcomes(folder: str) -> dict[int, Outcome]:
    """What each job of a sweep came to."""
    return {int(path.parent.name): read_outcome(path.parent) for path in Path(folder).glob(f"*/{RESULT}")}


def lines(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's journal."""
    return [line for _, line in read(folder / JOURNAL)]


def fused_with(folder: Path) -> int:
    """With how many runs a run was trained, itself included; 0 where it was alone."""
    return next((line["runs"] for line in lines(folder) if line.get("event") == "fused"), 0)


def series(folder: Path) -> dict[str, Any]:
    """The recorded series of a run, without those of time."""
    return {name: rows for name, rows in history(folder / JOURNAL).items() if not name.startswith("time/seconds")}


def losses(folder: Path) -> list[float]:
    """The losses of all batches."""
    return [loss for line in lines(folder) if "losses" in line for loss in line["losses"]]


def assert_equal_to_rounding(some: str, others: str) -> None:
    """Two sweeps of three jobs came to the same weights."""
    for job in range(3):
        one, other = (load_network(Path(folder, str(job))).weights["last"] for folder in (some, others))
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


def test_every_file_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Journal with probes and learning rates, weights, best epoch, status and reason; and it says that it was fused."""
    words = [*QUIET, "dtype=float64", "probe=full", "schedule=cosine", "optimizer=adam", "activation=tanh,relu"]
    words += ["lr=0.01,0.1,1e200", "+callbacks.early_stopping.metric=loss/train", "callbacks.early_stopping.patience=1"]
    assert command(["-m", *words, "launcher=serial", "hydra.sweep.dir=alone"], monkeypatch) == 0
    assert command(["-m", *words, *FUSED, "hydra.sweep.dir=fused"], monkeypatch) == 0
    alone, fused = outcomes("alone"), outcomes("fused")
    assert len(fused) == 6
    assert {outcome.status for outcome in fused.values()} >= {"finished", "diverged"}
    for job in range(6):
        ours, theirs = Path("fused", str(job)), Path("alone", str(job))
        assert (fused_with(ours), fused_with(theirs)) == (6, 0)
        for key in ("status", "reason", "weights", "step", "name", "params"):
            assert getattr(fused[job], key) == getattr(alone[job], key)
        np.testing.assert_allclose(losses(ours), losses(theirs), rtol=1e-9)
        same, known = series(ours), series(theirs)
        assert same.keys() == known.keys()
        for name, rows in known.items():
            assert [step for step, _ in same[name]] == [step for step, _ in rows], name
            np.testing.assert_allclose([v for _, v in same[name]], [v for _, v in rows], rtol=1e-7, atol=1e-12)
        ours_too, theirs_too = (sorted(path.name for path in folder.iterdir()) for folder in (ours, theirs))
        assert ours_too == theirs_too


def test_the_report_of_a_study_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    small = ["experiment=symmetry", "data=mnist_5k", "data.limit=60", "epochs=1", "init=zeros,normal", "seed=0,1"]
    words = [*small, "activation=tanh", "probe.fixed=0", "tracking=none", "progress=false", "launcher=serial"]
    for fuse, told in (("auto", "runs: 4, 4 of them trained together with others (launcher.fuse)"), ("off", "runs: 4")):
        assert command([*words, f"launcher.fuse={fuse}", f"hydra.sweep.dir={fuse}"], monkeypatch) == 0
        page = Path(fuse, "report.html").read_text(encoding="utf-8")
        assert told in page
        assert ("trained together" in page) == (fuse == "auto")


def test_the_store_has_every_run_with_its_tag(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["-m", *SMALL, "lr=0.1,0.2,0.3", "tracking.figures=false", "tracking.model=false", *FUSED]
    assert command([*words, "hydra.sweep.dir=there"], monkeypatch) == 0
    assert ask(store, "select count(*) from tags where key = 'bpexp.fused' and value = '3'") == [(3,)]
    assert ask(store, "select count(*), status from runs group by status") == [(4, "FINISHED")]
    assert ask(store, "select count(distinct run_uuid) from metrics where key = 'loss/train'") == [(3,)]
    assert ask(store, "select value from tags where key = 'bpexp.launcher'") == [("serial, fuse=auto",)]


class Stop:
    """Sends this process a signal in a step, or raises."""

    def __init__(self, at: int, what: int | BaseException) -> None:
        self.at, self.what, self.count = at, what, 0

    def __call__(self, workspace: Callable[..., Any]) -> Callable[..., Any]:
        def counted(together: Together, x: Array, y: Array) -> None:
            self.count += 1
            if self.count == self.at:
                if isinstance(self.what, int):
                    os.kill(os.getpid(), self.what)
                else:
                    raise self.what
            workspace(together, x, y)

        return counted


THERE = ["-m", *QUIET, "lr=0.1,0.2,0.3", *FUSED, "hydra.sweep.dir=there"]


def broken(monkeypatch: pytest.MonkeyPatch, at: int, what: int | BaseException, words: list[str] = THERE) -> int:
    """The exit code of a sweep in whose shared training something happens."""
    with monkeypatch.context() as patched:
        patched.setattr(Together, "_train", Stop(at, what)(Together._train))
        return command(words, monkeypatch)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_and_each_goes_on_from_its_checkpoint(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command([*THERE[:-1], "hydra.sweep.dir=whole"], monkeypatch) == 0
    assert broken(monkeypatch, 15, number) == 128 + number
    assert {o.status for o in outcomes("there").values()} == {"killed"}
    assert {len(losses(Path("there", str(job)))) for job in range(3)} == {15}
    assert command(["resume=there"], monkeypatch) == 0
    assert_equal_to_rounding("there", "whole")
    assert all("resumed" in {line.get("event") for line in lines(Path("there", str(job)))} for job in range(3))


def test_a_killed_process_leaves_jobs_that_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command([*THERE[:-1], "hydra.sweep.dir=whole"], monkeypatch) == 0
    with monkeypatch.context() as patched:
        patched.setattr(Together, "_train", Stop(15, signal.SIGKILL)(Together._train))
        assert bpexp(THERE, tmp_path).ended() == -signal.SIGKILL
    assert not list(Path("there").glob(f"*/{RESULT}"))
    assert len(list(Path("there").glob("*/checkpoint*"))) >= 3
    assert command(["resume=there"], monkeypatch) == 0
    assert_equal_to_rounding("there", "whole")


def test_an_error_of_the_shared_computation_is_the_end_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    assert broken(monkeypatch, 10, MemoryError("none left")) == 1
    assert {(o.status, o.reason) for o in outcomes("there").values()} == {("failed", "MemoryError: none left")}
    assert command(["resume=there"], monkeypatch) == 0
    assert {o.status for o in outcomes("there").values()} == {"finished"}


def test_an_error_of_one_run_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that cannot be written, and a run that cannot begin."""
    flush = open_run.open_journal

    def full(experiment: Any, info: Any, resumed: Any) -> Any:
        if experiment.config.lr == 0.1:
            raise OSError(28, "No space left on device")
        journal = flush(experiment, info, resumed)
        if experiment.config.lr == 0.2:
            monkeypatch.setattr(journal, "on_epoch", _no_luck)
        return journal

    with monkeypatch.context() as patched:
        patched.setattr(open_run, "open_journal", full)
        assert command(THERE, monkeypatch) == 1
    found = outcomes("there")
    assert [found[job].status for job in range(3)] == ["failed", "failed", "finished"]
    assert "No space left on device" in found[0].reason
    assert found[1].reason == "RuntimeError: no luck"


def _no_luck(event: Any) -> None:
    raise RuntimeError("no luck")


def test_stop_ends_the_others_with_a_true_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first job that fails ends the sweep; those that were trained with it say so, and go on later."""
    begin = perform_together.open_run

    def failing(experiment: Any, *args: Any, **named: Any) -> Any:
        run = begin(experiment, *args, **named)
        if experiment.config.lr == 0.1:
            monkeypatch.setattr(run.observers[-1], "on_epoch", _no_luck)
        return run

    with monkeypatch.context() as patched:
        patched.setattr(perform_together, "open_run", failing)
        assert command([*THERE, "sweep.on_error=stop"], monkeypatch) == 1
    found = outcomes("there")
    assert [found[job].status for job in range(3)] == ["failed", "killed", "killed"]
    assert found[1].reason == perform_together.CLOSED
    with Path("there/ranking.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 3


def test_under_process_the_weights_are_those_of_serial(tmp_path: Path) -> None:
    words = ["-m", *QUIET, "lr=0.1,0.2", "seed=1,2", "launcher.fuse=auto"]
    for folder, launcher in (("one", "serial"), ("two", "process")):
        child = bpexp([*words, f"launcher={launcher}", f"hydra.sweep.dir={folder}"], tmp_path)
        assert child.ended() == 0, child.err
    one, two = outcomes("one"), outcomes("two")
    assert {job: o.theta_sha256 for job, o in one.items()} == {job: o.theta_sha256 for job, o in two.items()}
    assert {fused_with(Path("one", str(job))) for job in range(4)} == {4}
    assert len({fused_with(Path("two", str(job))) for job in range(4)} - {0}) == 1


ALONE = {
    "another gradient method": ["gradient=jacobian"],
    "a gradient check": ["check=start"],
    "a batch in pieces": ["batch_size=full", "gradient.piece=20"],
    "one job": ["lr=0.1"],
    "shapes of their own": ["model.hidden=[3],[4]"],
    "batches of their own size": ["batch_size=5,6"],
    "data of their own": ["data.noise=0.1,0.2"],
    "dtypes of their own": ["dtype=float32,float64"],
}


@pytest.mark.parametrize("why", ALONE)
def test_what_is_trained_alone(why: str) -> None:
    given = {line.partition("=")[0] for line in ALONE[why]}
    small = [line for line in SMALL if line.partition("=")[0] not in {*given, "progress"}]
    seeds = [] if why in {"one job"} or any("," in line for line in ALONE[why]) else ["seed=1,2"]
    assert all(job.together == 1 for job in arranged(jobs_of(*small, *ALONE[why], *seeds), "auto"))


def test_what_does_not_pay_is_trained_alone() -> None:
    """Seeds of their own with large inputs, and networks whose products take all the time."""
    wide = ["data=digits", "batch_size=128", "epochs=1"]
    assert all(job.together == 1 for job in arranged(jobs_of(*wide, "model.hidden=[64]", "seed=1,2"), "auto"))
    assert all(job.together == 1 for job in arranged(jobs_of(*wide, "model.hidden=[900]", "lr=0.1,0.2"), "auto"))
    shared = arranged(jobs_of(*wide, "model.hidden=[64]", "lr=0.1,0.2", "seed=1,2"), "auto")
    assert [(job.config.seed, job.together) for job in shared] == [(1, 2), (1, 1), (2, 2), (2, 1)]


def test_all_workers_have_something_to_do() -> None:
    jobs = jobs_of(*SMALL[:-1], "seed=range(10)")
    assert [job.together for job in arranged(jobs, "auto", 3) if job.together > 1] == [3, 3, 4]
    assert arranged(iter(jobs), "auto") is not jobs  # a search decides them one by one
    assert arranged(jobs, "off") is jobs


@pytest.mark.parametrize("words", ["launcher.fuse=on", "launcher.fuse=true", "launcher.fuse=8"])
def test_bad_input(words: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    told = refused(["-m", *QUIET, "lr=0.1,0.2", words], monkeypatch, capfd)
    assert "fuse must be one of off, auto" in told


def test_a_single_run_has_nothing_to_fuse(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    assert "no effect on a single run" in refused([*QUIET, "launcher.fuse=auto"], monkeypatch, capfd)
