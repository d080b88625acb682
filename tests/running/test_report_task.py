"""`task=report`: the list of recorded studies, and the report of an interrupted one, from MLflow and from folders."""

from __future__ import annotations

import os
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import command, refused

from bpexp.config.programs import PROGRAMS
from bpexp.running import execute as running
from bpexp.training.events import RunEnded
from bpexp.training.trainer import Trainer

LEAN = ["progress=false", "tracking.model=false", "tracking.figures=false", "launcher=serial"]
STUDY = {
    "factors": {"activation": ["tanh", "relu"]},
    "repeats": 3,
    "measures": ["final loss/test"],
    "claims": [{"text": "It is positive", "measure": "final loss/test", "of": {}, "above": 0}],
}
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    file = Path("own/experiment/mine.yaml")
    file.parent.mkdir(parents=True)
    content = {"epochs": 1, "data": {"n": 60}, "model": {"hidden": [3]}, "study": STUDY}
    header = "# @package _global_\ndefaults:\n  - override /data: xor\n"
    file.write_text(header + yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def study(*said: str) -> list[str]:
    return ["--config-dir", "own", "experiment=mine", *LEAN, *said]


def interrupted(monkeypatch: pytest.MonkeyPatch, *said: str) -> None:
    """Run the study, which has six runs, and end it by SIGTERM in the fourth."""
    train, begun = running.train, []

    def ends(trainer: Trainer, callbacks: Any, *rest: Any) -> RunEnded:
        begun.append(trainer)
        if len(begun) == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        return train(trainer, callbacks, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(running, "train", ends)
        assert command(study(*said), monkeypatch) == 143


def test_an_interrupted_study_is_listed_and_reported_as_one(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """U14: 22 of 48 runs were kept, yet task=report said that none is recorded."""
    interrupted(monkeypatch, "hydra.sweep.dir=multirun/a/b")
    capfd.readouterr()
    assert command(["task=report"], monkeypatch) == 0
    name, line = capfd.readouterr().out.splitlines()
    assert re.fullmatch(r"mine  \d{4}-.* UTC, 3 of 6 runs with a result \(interrupted, or still running\)", name)
    assert line == "    python -m bpexp task=report study=mine"
    folder = Path("multirun/a/b").absolute()
    told = "This study was interrupted: 3 of 6 runs have a result, and this report is of those; its verdicts hold only"
    for words in (["study=mine"], [f"hydra.sweep.dir={folder}"]):
        Path("report.html").unlink(missing_ok=True)
        assert command(["task=report", *words], monkeypatch) == 0
        assert told in capfd.readouterr().out
        page = Path("report.html").read_text(encoding="utf-8")
        assert told in page
        assert f"python -m bpexp resume={folder}" in page
        assert "It is positive" in page
    assert command([f"resume={folder}"], monkeypatch) == 0
    assert command(["task=report", "study=mine"], monkeypatch) == 0
    assert "interrupted" not in Path("report.html").read_text(encoding="utf-8")


def test_the_list_holds_every_sweep_once_and_each_command_writes_its_report(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert command(study("hydra.sweep.dir=multirun/a/1", "seed=0"), monkeypatch) == 0
    assert command(study("hydra.sweep.dir=multirun/a/2", "seed=1,2"), monkeypatch) == 0
    assert command(study("hydra.sweep.dir=multirun/a/3", "seed=4", "tracking=none"), monkeypatch) == 0
    Path("multirun/a/4").mkdir()
    Path("multirun/a/4/study.json").write_text("{", encoding="utf-8")
    capfd.readouterr()
    assert command(["task=report"], monkeypatch) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.partition("UTC, ")[2] for line in lines[::2]] == [f"{n} of {n} runs with a result" for n in (2, 4, 2)]
    folders = [line.partition("hydra.sweep.dir=")[2] for line in lines[1::2]]
    assert sorted(folders) == ["", *(str(Path(f"multirun/a/{number}").absolute()) for number in (1, 3))]
    for line in lines[1::2]:
        assert command(line.split()[3:], monkeypatch) == 0
    assert "runs: 2" in Path("report.html").read_text(encoding="utf-8")


def test_where_nothing_is_recorded_a_line_says_how_to_begin(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    told = refused(["task=report", "tracking=none"], monkeypatch, capfd)
    assert "no study is recorded here; run one, as in: python -m bpexp experiment=" in told


def test_the_report_of_a_folder_that_lost_its_sweep_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(study("hydra.sweep.dir=sweep", "seed=0", "tracking=none"), monkeypatch) == 0
    assert "from the beginning of the sweep" in Path("sweep/report.html").read_text(encoding="utf-8")
    Path("sweep/sweep.json").unlink()
    shutil.rmtree("sweep/1")
    assert command(["task=report", "tracking=none", "hydra.sweep.dir=sweep"], monkeypatch) == 0
    page = Path("report.html").read_text(encoding="utf-8")
    assert "1 of 2 runs have a result" in page
    assert "from the beginning of the sweep" not in page


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_folder_of_programs_is_answered_with_what_to_run(
    name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """U15: experiment=gradient_methods and experiment=speed did not exist, though the folders do."""
    told = refused([f"experiment={name}"], monkeypatch, capfd)
    assert f"in experiments/{name}; see its README.md" in told
    if line := PROGRAMS[name]:
        assert told.rstrip().endswith(line)
        module = line.split()[2]
        assert (ROOT / Path(*module.split(".")).with_suffix(".py")).is_file()


def test_every_folder_without_a_study_is_known() -> None:
    studies = {path.stem for path in (ROOT / "conf/experiment").glob("*.yaml")}
    folders = {path.parent.name for path in (ROOT / "experiments").glob("*/README.md")}
    assert folders - studies == set(PROGRAMS)
