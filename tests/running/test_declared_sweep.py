"""A study is declared before it runs: hash and time are recorded when the first job begins."""

from __future__ import annotations

import json
import os
import re
import signal
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from children import fork
from command_line import command, refused
from stores import ask

from bpexp.records.outcome import read_outcome
from bpexp.running import execute as running
from bpexp.running import sweep as sweeping
from bpexp.study import looks
from bpexp.study.declaration import read_record, record
from bpexp.study.looks import final_verdicts
from bpexp.tracking import session as sessions
from bpexp.training.events import RunEnded
from bpexp.training.trainer import Trainer

LEAN = ["progress=false", "tracking.model=false", "tracking.figures=false"]
STUDY: dict[str, Any] = {
    "factors": {"activation": ["tanh", "relu"]},
    "repeats": 2,
    "measures": ["final loss/test"],
    "claims": [{"text": "It is positive", "measure": "final loss/test", "of": {}, "above": 0}],
}


def declare(**changes: Any) -> None:
    """Write the study `mine` below the folder `own`."""
    file = Path("own/experiment/mine.yaml")
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {"epochs": 1, "data": {"n": 60}, "model": {"hidden": [3]}, "study": {**STUDY, **changes}}
    header = "# @package _global_\ndefaults:\n  - override /data: xor\n"
    file.write_text(header + yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def study(*said: str) -> list[str]:
    return ["--config-dir", "own", "experiment=mine", *LEAN, *said]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    declare()


def test_the_declaration_stands_when_the_first_job_begins(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train, seen = running.train, []

    def watched(trainer: Trainer, callbacks: Any, *rest: Any) -> RunEnded:
        params = dict(ask(store, "select key, value from params where key like 'declaration.%'"))
        tags = ask(store, "select value from tags where key = 'bpexp.study'")
        seen.append((Path("sweep/study.json").read_text(encoding="utf-8"), params, tags))
        return train(trainer, callbacks, *rest)

    monkeypatch.setattr(running, "train", watched)
    before = datetime.now(UTC).isoformat(timespec="seconds")
    assert command(study("hydra.sweep.dir=sweep"), monkeypatch) == 0
    (text, params, tags), *others = seen
    found = read_record(text)
    assert found.whole
    assert params == found.params()
    assert tags == [("mine",)]
    assert before <= found.at <= datetime.now(UTC).isoformat(timespec="seconds")
    assert len(found.content["jobs"]) == len(set(found.content["jobs"])) == len(others) + 1 == 4
    assert found.content["said"] == {"activation": ["tanh", "relu"], "seed": ["0", "1"]}
    assert found.content["config"]["epochs"] == 1
    assert found.content["data"][0].startswith("xor ")
    assert Path("sweep/study.json").read_text(encoding="utf-8") == text, "nothing changes it afterwards"


def test_a_second_sweep_knows_the_first(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the store, also where the first was deleted there and its folder is gone; with tracking=none in the folder."""
    assert command(study("hydra.sweep.dir=first"), monkeypatch) == 0
    Path("away/deep").mkdir(parents=True)
    Path("first").rename("away/deep/first")
    from bpexp.tracking.store import open_store

    opened = open_store(None, "bpexp")
    ((parent,),) = ask(store, "select run_uuid from tags where key = 'bpexp.study'")
    opened.client.delete_run(parent)
    declare(claims=[{**STUDY["claims"][0], "above": 0.1}])
    assert command(study("hydra.sweep.dir=second", "seed=1,2", "tracking.experiment=other"), monkeypatch) == 0
    Path("mlflow.db").rename("gone.db")
    assert command(study("hydra.sweep.dir=third", "tracking=none"), monkeypatch) == 0
    for name, common in (("second", [2]), ("third", [2])):
        content = json.loads(Path(name, "study.json").read_text(encoding="utf-8"))["declaration"]
        assert sorted(sweep["runs"] for sweep in content["earlier"]) == sorted(common)


def test_a_sweep_without_a_result_shows_nothing(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(trainer: Trainer, callbacks: Any, *rest: Any) -> RunEnded:
        raise RuntimeError("no luck")

    with monkeypatch.context() as patch:
        patch.setattr(running, "train", fails)
        assert command(study("hydra.sweep.dir=a/b/first"), monkeypatch) == 1
    assert command(study("hydra.sweep.dir=second"), monkeypatch) == 0
    content = json.loads(Path("second/study.json").read_text(encoding="utf-8"))["declaration"]
    assert content["earlier"] == []


def test_a_plain_sweep_declares_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    small = ["data=xor", "model.hidden=[3]", "data.n=60", "epochs=1", "progress=false", "tracking=none"]
    assert command(["-m", *small, "lr=0.1,0.2", "hydra.sweep.dir=sweep"], monkeypatch) == 0
    assert not Path("sweep/study.json").exists()


def claims_in(report: str) -> list[tuple[str, str]]:
    """(verdict, text) of the claims on a page."""
    text = Path(report).read_text(encoding="utf-8")
    return re.findall(r'<b class="answer">(.*?)</b> (.*?)<(?:div|svg) ', text)


def rebuilt(monkeypatch: pytest.MonkeyPatch, *said: str) -> str:
    """The page that task=report writes."""
    assert command(["--config-dir", "own", "task=report", *said], monkeypatch) == 0
    return Path("report.html").read_text(encoding="utf-8")


def test_a_report_of_an_edited_study(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Edited after the results, asked again from MLflow, from the folder, and from a folder that was edited too."""
    assert command(study("hydra.sweep.dir=sweep"), monkeypatch) == 0
    declared = claims_in("sweep/report.html")
    assert len(declared) == 1
    assert declared[0][1] == "It is positive"
    assert not declared[0][0].startswith("post hoc")
    assert "Claims declared before the results" in Path("sweep/report.html").read_text(encoding="utf-8")
    new = {"text": "It is small", "measure": "final loss/test", "of": {"activation": "relu"}, "below": 9}
    declare(claims=[{**STUDY["claims"][0], "above": -1}, new], title="Another title")
    capfd.readouterr()
    for place in ([], ["hydra.sweep.dir=sweep"], ["hydra.sweep.dir=sweep", "tracking=none"]):
        page = rebuilt(monkeypatch, "experiment=mine", *place)
        assert [text for _, text in claims_in("report.html")] == ["It is positive", "It is positive", "It is small"]
        assert [v.startswith("post hoc") for v, _ in claims_in("report.html")] == [False, True, True]
        assert "changed after the results: above was 0, is -1" in page
        assert "study.title was absent before the results, and is Another title now" in page
        assert "doubts" not in page.partition("</style>")[2]
        assert ("on the parent run in MLflow" in page) == ("tracking=none" not in place)
    out = capfd.readouterr().out
    assert "post hoc: It is small" in out
    assert "added after the results" in out
    assert "note         study.title was absent" in out
    assert claims_in("report.html") != declared
    rebuilt(monkeypatch, "study=mine")
    assert claims_in("report.html") == declared, "asked by its name, the study is the recorded one"

    file = Path("sweep/study.json")
    told = json.loads(file.read_text(encoding="utf-8"))
    told["declaration"]["study"]["claims"][0]["above"] = -1
    told["declaration"]["claims"] = ["0" * 16]
    file.write_text(record(told["declaration"], told["parent"]).text(), encoding="utf-8")
    page = rebuilt(monkeypatch, "experiment=mine", "hydra.sweep.dir=sweep")
    assert "study.json is not the declaration that the parent run recorded" in page
    assert "1 of the 1 declared claims can no longer be read" in page
    assert all(verdict.startswith("post hoc") for verdict, _ in claims_in("report.html"))


def test_a_report_of_a_folder_without_a_study(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    told = ["task=report", "study=mine", "tracking=none", "hydra.sweep.dir=nowhere"]
    assert "nowhere' has no readable study.json" in refused(told, monkeypatch, capfd)


# Stages

CLEAR = {"text": "It is positive", "measure": "final loss/test", "of": {}, "above": 0}
OPEN = {"text": "They differ", "measure": "final loss/test", "of": {"activation": "relu"}, "below": 0.5}
STAGED = {"factors": {"activation": ["relu"]}, "repeats": "auto", "stages": [5, 6, 7], "curves": ["loss/test"]}


def undecided(store: Path) -> dict[int, int]:
    """The number of undecided claims on the parent run, by the seeds at which it was looked at."""
    return {step: int(n) for step, n in ask(store, "select step, value from metrics where key = 'study/undecided'")}


def test_a_study_ends_when_its_claims_are_decided(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(**STAGED, claims=[CLEAR])
    assert command(study("hydra.sweep.dir=sweep"), monkeypatch) == 0
    assert sorted(path.name for path in Path("sweep").iterdir() if path.is_dir()) == [str(n) for n in range(5)]
    assert undecided(store) == {5: 0}
    page = Path("sweep/report.html").read_text(encoding="utf-8")
    assert "Declared stages: 5, 6, 7 seeds. Looked at after 5 seeds, when every claim was decided." in page
    content = read_record(Path("sweep/study.json").read_text(encoding="utf-8")).content
    assert len(content["jobs"]) == 7, "all that may run is declared"
    assert [text for _, text in claims_in("sweep/report.html")] == ["It is positive"]
    rebuilt(monkeypatch, "experiment=mine")
    assert claims_in("report.html") == claims_in("sweep/report.html")


def never(study: Any, frame: Any) -> list[Any]:
    """The verdicts of a study whose claims nothing decides."""
    return [replace(v, answer="inconclusive") for v in final_verdicts(study, frame)]


@pytest.mark.usefixtures("joblib_ends")
@pytest.mark.parametrize("launcher", [[], ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]])
def test_seeds_are_added_up_to_the_last_stage(
    launcher: list[str], store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if launcher:
        pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="hydra-joblib-launcher is not installed")
    monkeypatch.setattr(looks, "final_verdicts", never)
    declare(**{**STAGED, "factors": {"activation": ["relu", "tanh"]}, "claims": [CLEAR, OPEN]})
    assert command(study("hydra.sweep.dir=sweep", *launcher), monkeypatch) == 0
    seeds = [read_outcome(Path("sweep", str(number))).params["seed"] for number in range(14)]
    assert seeds == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 5, 6, 6]
    assert undecided(store) == {5: 2, 6: 2, 7: 2}
    (parent,) = ask(
        store,
        "select status from runs where run_uuid not in (select run_uuid from tags where key = 'mlflow.parentRunId')",
    )
    assert parent == ("FINISHED",)


def test_an_interruption_between_stages_leaves_what_was_looked_at(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = running.train

    def interrupted(trainer: Trainer, callbacks: Any, *rest: Any) -> RunEnded:
        if Path("sweep/6").exists():
            signal.raise_signal(signal.SIGINT)
        return train(trainer, callbacks, *rest)

    declare(**STAGED, claims=[CLEAR])
    with monkeypatch.context() as patch:
        patch.setattr(running, "train", interrupted)
        patch.setattr(looks, "final_verdicts", never)
        assert command(study("hydra.sweep.dir=sweep"), monkeypatch) == 130
    assert undecided(store) == {5: 1, 6: 1}
    page = rebuilt(monkeypatch, "experiment=mine")
    assert "1 of 7 runs killed" in page or "1 run killed" in page
    assert [text for _, text in claims_in("report.html")] == ["It is positive"]


def test_killed_between_two_stages_and_resumed_it_is_the_study_that_was_not_killed(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By SIGKILL, when the second look has been taken: no run, no look and no claim is lost or doubled."""
    declare(**STAGED, claims=[CLEAR, OPEN])
    monkeypatch.setattr(looks, "final_verdicts", never)
    assert command(study("hydra.sweep.dir=whole", "tracking=none"), monkeypatch) == 0
    goes_on, taken = sweeping.goes_on, []

    def dies(*args: Any, **kwargs: Any) -> bool:
        taken.append(goes_on(*args, **kwargs))
        if len(taken) == 2:
            sessions.current().wait_for_all()
            os.kill(os.getpid(), signal.SIGKILL)
        return taken[-1]

    monkeypatch.setattr(sweeping, "goes_on", dies)
    child = fork(lambda: command(study("hydra.sweep.dir=sweep", "tracking.patience=60"), monkeypatch), tmp_path)
    assert child.ended() == -signal.SIGKILL, child.err
    monkeypatch.setattr(sweeping, "goes_on", goes_on)
    assert ask(store, LOOKS) == [(5, 2.0), (6, 2.0)]
    declared = Path("sweep/study.json").read_bytes()
    assert command(["resume=sweep", "progress=false"], monkeypatch) == 0
    assert Path("sweep/study.json").read_bytes() == declared
    assert ask(store, LOOKS) == [(5, 2.0), (6, 2.0), (7, 2.0)]
    whole, resumed = ([read_outcome(Path(folder, str(number))) for number in range(7)] for folder in ("whole", "sweep"))
    assert [run.theta_sha256 for run in resumed] == [run.theta_sha256 for run in whole]
    assert [run.params["seed"] for run in resumed] == list(range(7))
    assert claims_in("sweep/report.html") == claims_in("whole/report.html")
    assert len(claims_in("sweep/report.html")) == 2
    assert ask(store, "select status, count(*) from runs group by status") == [("FINISHED", 8)]
    again = "select count(*) from metrics group by run_uuid, key, step having count(*) > 1"
    assert ask(store, again) == []


LOOKS = "select step, value from metrics where key = 'study/undecided' order by step"
"""Every look that was told of, also one that was told twice."""


def test_a_number_of_seeds_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(**STAGED, claims=[CLEAR])
    quiet = ["tracking=none", "hydra.sweep.dir=sweep"]
    assert command(study("study.repeats=3", *quiet), monkeypatch) == 0
    assert len(list(Path("sweep").glob("*/result.json"))) == 3


def test_stages_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(claims=[CLEAR])
    quiet = ["tracking=none", "hydra.sweep.dir=sweep", "activation=relu"]
    assert command(study("study.repeats=auto", "+study.stages=[5,6]", *quiet), monkeypatch) == 0
    assert len(list(Path("sweep").glob("*/result.json"))) == 5
    page = Path("sweep/report.html").read_text(encoding="utf-8")
    assert "set on the command line: activation: relu in place of relu, tanh" not in page
    assert "set on the command line: activation: relu in place of tanh, relu" in page


def test_whatever_the_command_line_set_stands_in_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report said "five epochs" in its question, and of epochs=1 in its provenance alone."""
    quiet = ["tracking=none", "hydra.sweep.dir=sweep"]
    assert (
        command(study("epochs=2", "optimizer=adam", "optimizer.beta1=0.8", "study.repeats=2", *quiet), monkeypatch) == 0
    )
    page = Path("sweep/report.html").read_text(encoding="utf-8")
    told = re.findall("set on the command line: ([^<]*)<", page)
    assert told == ["epochs=2", "optimizer=adam", "optimizer.beta1=0.8"]


def test_a_newer_sweep_that_was_broken_off_is_told(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report is of the newest sweep that came to its end; of a newer one nothing was said."""
    assert command(study("hydra.sweep.dir=first"), monkeypatch) == 0
    assert "a newer sweep" not in rebuilt(monkeypatch, "experiment=mine")

    def interrupted(trainer: Trainer, callbacks: Any, *rest: Any) -> RunEnded:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(running, "train", interrupted)
        assert command(study("hydra.sweep.dir=second"), monkeypatch) == 130
    page = rebuilt(monkeypatch, "experiment=mine")
    assert re.search("a newer sweep of this study, the parent run [0-9a-f]{32}, is killed and has not come", page)
