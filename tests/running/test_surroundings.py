"""R15: odd folders, clocks and terminals. The long form is `experiments.reliability.surroundings`."""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import bpexp
from bpexp.records.clock import milliseconds
from bpexp.records.lock import RunLock
from bpexp.tracking.environment import mlflow_environment
from bpexp.tracking.location import refuse_unmakeable
from tests.support.command_line import command, refused
from tests.support.stores import ask

SMALL = ("data=xor", "model.hidden=[3]", "data.n=60", "epochs=2")
ODD = "a#b\\c${d} ${now:%Y} %(x)s {e} [f]* 'g\" -h\nsecond \N{MICROSCOPE} é&;`"


def test_a_run_in_an_odd_folder_is_recorded_and_read_back(
    empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ODD / ("x" * 150)
    folder.mkdir(parents=True)
    shutil.copy(empty_store, folder)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    ran = bpexp.run(*SMALL)
    assert ran.outcome.status == "finished"
    assert ran.outcome.run_id is not None
    kept = bpexp.load(ran.outcome.run_id)
    assert kept.network.theta.tobytes() == ran.network.theta.tobytes()
    assert kept.directory != ran.directory


@pytest.mark.parametrize("name", ["before 1970", "put back", "2100"])
def test_a_clock_that_is_wrong_loses_no_metric(name: str, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 1970 MLflow took none of them."""
    true, began = time.time, time.time()
    clocks = {
        "before 1970": lambda: true() - 2.5e9,
        "put back": lambda: began - 40 * (true() - began),
        "2100": lambda: true() + 2.4e9,
    }
    monkeypatch.setattr(time, "time", clocks[name])
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    ran = bpexp.run(*SMALL)
    monkeypatch.undo()
    ((status, start, end),) = ask(store, "select status, start_time, end_time from runs")
    assert (status, ran.outcome.status) == ("FINISHED", "finished")
    assert 0 <= start <= end
    rows = dict(ask(store, "select step, value from metrics where key = 'loss/test'"))
    mine = ran.history["loss/test"].dropna()
    assert rows == dict(mine)
    seconds = ran.history["time/seconds"].dropna()
    assert seconds.is_monotonic_increasing
    assert seconds.iloc[0] >= 0


def other(true: Callable[[], float], clock: Callable[[float, float], float]) -> Callable[[], float]:
    """A clock by the time at which it begins and the seconds that have passed."""
    began = true()
    return lambda: clock(began, true() - began)


FROZEN, BACKWARDS = lambda began, passed: began, lambda began, passed: began - passed


@pytest.mark.parametrize("clock", [FROZEN, BACKWARDS], ids=["frozen", "backwards"])
def test_clocks_that_stand_still_or_run_backwards_fail_nothing(
    clock: Callable[[float, float], float],
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Both clocks: a run that took no time had no speed, and failed; also going on, a sweep, locks and delivery."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    words = [*SMALL, "tracking.figures=false", "tracking.model=false", "tracking.patience=60", "progress=true"]
    for name in ("time", "monotonic"):
        monkeypatch.setattr(time, name, other(getattr(time, name), clock))
    with RunLock(Path()):
        assert command([*words, "hydra.run.dir=run"], monkeypatch) == 0
    assert command(["resume=run", "epochs=3"], monkeypatch) == 0
    assert command(["-m", *words, "lr=0.1,0.2", "launcher=serial", "hydra.sweep.dir=sweep"], monkeypatch) == 0
    assert command(["task=sync", "hydra.run.dir=."], monkeypatch) == 0
    monkeypatch.undo()
    assert "Error" not in capfd.readouterr().err
    assert ask(store, "select status, count(*) from runs group by status") == [("FINISHED", 4)]
    assert ask(store, "select count(*) from metrics where key = 'loss/test'") == [(4 + 3 + 3,)]


def test_no_time_is_before_1970() -> None:
    assert milliseconds(-1.0) == 1
    assert milliseconds(1.5) == 1500
    assert abs(milliseconds() - 1000 * time.time()) < 10_000


def test_a_working_directory_that_was_removed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    try:
        assert command(SMALL, monkeypatch) == 2
    finally:
        os.chdir(tmp_path)
    assert capfd.readouterr().err.startswith("bpexp: the working directory cannot be found (No such file or directory)")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_the_letters_of_a_name_shows_them_escaped(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    words = [*SMALL, "tracking=none", "hydra.run.dir=here", "run_name='données \N{MICROSCOPE}'"]
    assert command(words, monkeypatch) == 0
    out.flush()
    assert b"\\U0001f52c" in out.buffer.getvalue()  # type: ignore[attr-defined]
    config = yaml.safe_load(Path("here/config.yaml").read_text(encoding="utf-8"))
    assert config["run_name"] == "données \N{MICROSCOPE}", "files are in UTF-8"


@pytest.mark.parametrize("name", ["'\"", "\"a'", "a :b"])
def test_a_folder_whose_name_mlflow_takes_for_sql_is_refused_before_the_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert "has a meaning in SQL; move elsewhere" in refused(SMALL, monkeypatch, capfd)


@pytest.mark.parametrize("name", ["'", '"', "a:b", "a: b"])
def test_a_folder_with_one_kind_of_quotes_is_not_refused(name: str) -> None:
    refuse_unmakeable(Path("/", name))


def test_mlflow_is_given_a_home_where_the_user_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number without a name, as in a container: the import of MLflow failed."""

    def nobody(*_: object) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pathlib.Path.home", nobody)
    with mlflow_environment():
        assert os.environ["HOME"] == tempfile.gettempdir()
    assert "HOME" not in os.environ
