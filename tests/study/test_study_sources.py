"""One small study, really run: what its folder, MLflow and the parent run hold, and the report made once more."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from bpexp.cli.main import main
from bpexp.errors import TrackingError
from bpexp.records.outcome import read_outcome
from bpexp.study.analysis import Analysis, analyse, frame_of
from bpexp.study.conclude import rebuild
from bpexp.study.declaration import STUDY_TAG, read_record
from bpexp.study.design import Study, declared
from bpexp.study.revision import asked
from bpexp.study.sources import _infinite, from_folder, from_mlflow, recorded_sweep
from bpexp.tracking.query import RecordedRun, children, newest_run
from bpexp.tracking.store import Store, open_store

STUDY: dict[str, Any] = {
    "title": "A small study",
    "question": "Does it hold together?",
    "factors": {"activation": ["sigmoid", "relu"], "lr": [0.1, 1]},
    "tuned": "lr",
    "repeats": 2,
    "measures": [
        "final accuracy/test",
        "best loss/test",
        "epochs until accuracy/test >= 0.3",
        "first delta_norm/layer_1 / delta_norm/layer_last",
        "mean grad_norm/W_last",
    ],
    "curves": ["accuracy/test", "loss/train"],
    "by_depth": ["delta_norm"],
    "heat_map": ["activation", "lr"],
    "claims": [
        {"text": "It learns", "measure": "final accuracy/test", "of": {"activation": "relu"}, "above": -1},
        {"text": "It is perfect", "measure": "final accuracy/test", "of": {"lr": 1}, "above": 5, "at": "equal"},
        {
            "text": "One is better",
            "measure": "best loss/test",
            "of": {"activation": "relu"},
            "against": {"activation": "sigmoid"},
            "below": 0,
        },
        {
            "text": "Accuracy is at most 1",
            "measure": "final accuracy/test",
            "of": {},
            "within": 1,
            "theorem": "it is a share",
        },
    ],
}

SETTINGS: dict[str, Any] = {
    "epochs": 2,
    "batch_size": 12,
    "progress": False,
    "objective": "loss/validation",
    "data": {"limit": 60},
    "model": {"hidden": [4]},
    "tracking": {"model": False, "figures": False},
}


def command(*args: str) -> int:
    """The exit code of `bpexp ARGS`, run in this process."""
    before, sys.argv = sys.argv, ["bpexp", *args]
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv = before
    return int(str(ended.value.code))


@dataclass(frozen=True)
class Ran:
    """Where the study ran, and how it ended."""

    home: Path
    code: int

    @property
    def folder(self) -> Path:
        """The folder of the sweep."""
        return self.home / "sweep"

    @property
    def study(self) -> Study:
        """The study as declared."""
        return declared("mine", STUDY)

    def store(self) -> Store:
        """The store that it was recorded in."""
        return open_store(f"sqlite:///{self.home / 'mlflow.db'}", "bpexp")

    def from_mlflow(self) -> Analysis:
        """The analysis of what MLflow holds."""
        return analysed(self.store())

    def parent(self) -> RecordedRun:
        """The parent run."""
        found = newest_run(self.store(), {STUDY_TAG: "mine"})
        assert found is not None
        return found


def analysed(store: Store) -> Analysis:
    """The analysis of the newest recorded sweep, by its own declaration."""
    parent, text, _ = recorded_sweep(store, "mine")
    study, _ = asked(read_record(str(text)).content, None)
    return analyse(study, from_mlflow(store, parent.run_id, study))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """2 x 2 levels and 2 seeds on sixty images, recorded in a SQLite store."""
    home = tmp_path_factory.mktemp("study")
    file = home / "conf/experiment/mine.yaml"
    file.parent.mkdir(parents=True)
    text = yaml.safe_dump({**SETTINGS, "study": STUDY}, sort_keys=False)
    header = "# @package _global_\ndefaults:\n  - override /data: mnist_5k\n"
    file.write_text(header + text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, chdir(home):
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("HYDRA_FULL_ERROR", "0")
        code = command("--config-dir", "conf", "experiment=mine", "hydra.sweep.dir=sweep")
        yield Ran(home, code)


def same(first: Analysis, second: Analysis) -> None:
    """Both say the same of every arm, difference and claim."""
    assert repr(first.best) == repr(second.best)
    assert repr(first.equal) == repr(second.equal)
    assert repr(first.comparison) == repr(second.comparison)
    assert repr(first.shares) == repr(second.shares)
    assert [(v.claim.text, v.answer, repr(v.interval), v.note) for v in first.verdicts] == [
        (v.claim.text, v.answer, repr(v.interval), v.note) for v in second.verdicts
    ]
    assert first.problems == second.problems


def without_edges(analysis: Analysis) -> list[str]:
    """The problems but for levels at an edge: of two levels, each is one."""
    return [problem for problem in analysis.problems if not problem.startswith("the best lr of ")]


# What a study leaves


def test_the_study_ended_well(ran: Ran) -> None:
    assert ran.code == 0
    assert sorted(path.name for path in ran.folder.iterdir() if path.is_dir()) == [str(n) for n in range(8)]
    analysis = analyse(ran.study, from_folder(ran.folder))
    assert without_edges(analysis) == []
    assert {arm.runs for arm in [*analysis.best, *analysis.equal]} == {2}
    assert [v.answer for v in analysis.verdicts] == ["inconclusive", "inconclusive", "inconclusive", "holds"]
    assert analysis.verdicts[0].note.count("a verdict needs at least 5 seeds") == 1
    assert all(math.isfinite(i.mean) for arm in analysis.best for i in arm.intervals.values())


def test_the_parent_carries_the_answer(ran: Ran) -> None:
    store = ran.store()
    parent = ran.parent()
    names = {item.path for item in store.client.list_artifacts(parent.run_id)}
    assert {"report.html", "summary.csv", "study.json", "ranking.csv"} <= names
    assert parent.status == "finished"
    note = parent.tags["mlflow.note.content"]
    assert note.startswith("**A small study**")
    assert "- **inconclusive**: It is perfect" in note
    assert "- **holds**: Accuracy is at most 1 (within 1 of 0 in 8 of 8 runs, from 0" in note
    assert parent.metrics["jobs/finished"] == 8
    assert len(list(children(store, parent.run_id))) == 8


def test_the_best_of_the_parent_is_the_run_with_the_least_loss(ran: Ran) -> None:
    """The objective is a loss: lower is better, on the parent and in the table."""
    results = [json.loads(path.read_text(encoding="utf-8")) for path in ran.folder.glob("*/result.json")]
    losses = [result["metrics"]["final/loss_validation"] for result in results]
    table = pd.read_csv(ran.folder / "ranking.csv")
    assert table["final loss_validation"].tolist() == pytest.approx(sorted(losses), abs=1e-4)
    metrics = ran.parent().metrics
    assert metrics["final/loss_validation"] == pytest.approx(min(losses))
    best = results[losses.index(min(losses))]
    shown = {key: value for key, value in best["metrics"].items() if key in metrics}
    assert len(shown) >= 6
    assert {key: metrics[key] for key in shown} == pytest.approx(shown)


def test_the_summary(ran: Ran) -> None:
    frame = pd.read_csv(ran.folder / "summary.csv")
    assert len(frame) == 8
    assert set(frame["lr"]) == {0.1, 1.0}
    assert set(frame["run_id"]) == {record.run_id for record in from_folder(ran.folder)}


# The report once more, from MLflow


def test_mlflow_and_the_folder_say_the_same(ran: Ran) -> None:
    same(ran.from_mlflow(), analyse(ran.study, from_folder(ran.folder)))


def test_a_server_is_read_through_the_client_of_its_store(ran: Ran) -> None:
    """The address alone opens nothing: that of a server is no database."""
    server = replace(ran.store(), uri="http://tracking.example:8080")
    same(analysed(server), ran.from_mlflow())


def test_the_report_made_once_more(ran: Ran, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """By the command, in another folder."""
    with chdir(tmp_path):
        assert command("task=report", "study=mine", f"tracking.uri=sqlite:///{ran.home / 'mlflow.db'}") == 0
    out = capfd.readouterr().out
    assert "INCONCLUSIVE It is perfect" in out
    assert "HOLDS        Accuracy is at most 1" in out
    columns = ["activation", "lr", "seed"]
    old, new = (pd.read_csv(folder / "summary.csv").sort_values(columns) for folder in (ran.folder, tmp_path))
    pd.testing.assert_frame_equal(old.reset_index(drop=True), new.reset_index(drop=True))
    assert _claims(ran.folder) == _claims(tmp_path)
    assert _pictures(ran.folder) == _pictures(tmp_path) == 4


def _claims(folder: Path) -> str:
    """Of a report all between the claims and the first chart."""
    text = (folder / "report.html").read_text(encoding="utf-8")
    return text.partition("<h2>Claims")[2].partition("<figure>")[0]


def _pictures(folder: Path) -> int:
    return (folder / "report.html").read_text(encoding="utf-8").count("<figure>")


UNKNOWN = {
    "nope": "no sweep of the study 'nope' is recorded in the experiment 'bpexp'; run it with: ",
    "'mine'": "no sweep of the study",
    "5": "task=report needs the name of a study, as in experiment=vanishing_gradients, or study=vanishing_gradients",
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_study(name: str, ran: Ran, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said = name if name != "'mine'" else '"mi\\\'ne"'
    with chdir(tmp_path):
        assert command("task=report", f"study={said}", f"tracking.uri=sqlite:///{ran.home / 'mlflow.db'}") == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(f"bpexp: {UNKNOWN[name]}")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_report_without_mlflow(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with chdir(tmp_path):
        assert command("task=report", "study=mine", "tracking=none") == 2
    assert "task=report reads MLflow" in capfd.readouterr().err


def child(store: Store, parent: str | None, params: dict[str, str], name: str) -> str:
    """A run that was not made by the study; its id."""
    tags = {"mlflow.parentRunId": parent} if parent else {}
    run = store.client.create_run(store.experiment_id, run_name=name, tags=tags)
    for key, value in params.items():
        store.client.log_param(run.info.run_id, key, value)
    store.client.set_terminated(run.info.run_id, status="FAILED" if parent else "FINISHED")
    return str(run.info.run_id)


def test_foreign_runs(ran: Ran) -> None:
    """In the same experiment, below the same parent, without metrics or parameters, with names that mean harm."""
    before, store = ran.from_mlflow(), ran.store()
    parent = ran.parent().run_id
    job = {"activation": "relu", "lr": "0.1"}
    made = [
        child(store, None, {**job, "seed": "0"}, "alone"),
        child(store, parent, {}, "died early"),
        child(store, parent, {"seed": "0"}, "another study's"),
        child(store, parent, {**job, "seed": "a"}, "<script>alert(1)</script>"),
        child(store, parent, {**job, "seed": "7"}, "' or 1=1; --"),
    ]
    try:
        after = ran.from_mlflow()
    finally:
        for run in made:
            store.client.delete_run(run)
    assert [replace(a, missing=0) for a in after.best] == [replace(a, missing=0) for a in before.best]
    assert without_edges(after) == ["1 run failed, left out of every mean: activation=relu, lr=0.1"]
    same(ran.from_mlflow(), before)


def test_a_parent_whose_declaration_is_broken(ran: Ran, tmp_path: Path) -> None:
    store = ran.store()
    uri = str(store.client.get_run(ran.parent().run_id).info.artifact_uri)
    path = Path(uri.removeprefix("file://")) / "study.json"
    text = path.read_text(encoding="utf-8")
    try:
        for broken in ("{", "[]", "{}", '{"name": "x", "study": {"factors": 3}}'):
            path.write_text(broken, encoding="utf-8")
            with pytest.raises(TrackingError, match=r"has no readable study\.json: ") as refused:
                rebuild("mine", store, tmp_path)
            assert "\n" not in str(refused.value)
        path.unlink()
        with pytest.raises(TrackingError, match=r"has no readable study\.json: "):
            rebuild("mine", store, tmp_path)
    finally:
        path.write_text(text, encoding="utf-8")


def test_infinity_out_of_sqlite() -> None:
    assert [_infinite(v) for v in (sys.float_info.max, -sys.float_info.max, 1e300, 0.0)] == [
        *(math.inf, -math.inf),
        *(1e300, 0.0),
    ]
    assert math.isnan(_infinite(math.nan))


# What is broken in a folder is told, and the rest is read


@pytest.fixture
def copied(ran: Ran, tmp_path: Path) -> Path:
    """A copy of the sweep's folder, to be broken."""
    return Path(shutil.copytree(ran.folder, tmp_path / "sweep"))


def told(ran: Ran, folder: Path) -> list[str]:
    return without_edges(analyse(ran.study, from_folder(folder)))


def test_foreign_folders_are_passed_over(ran: Ran, copied: Path) -> None:
    for name in ("backup", "0.old", ".9", "1a", "\u00b2"):
        shutil.copytree(copied / "0", copied / name)
    (copied / "77").mkdir()
    (copied / "78").touch()
    assert len(from_folder(copied)) == 8
    assert told(ran, copied) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"metrics": 3}', '"x"', "\x00"])
def test_a_broken_result_is_missing(text: str, ran: Ran, copied: Path) -> None:
    (copied / "3/result.json").write_text(text, encoding="utf-8")
    assert told(ran, copied) == ["1 of 8 runs are missing"]


def test_a_result_that_is_not_text_is_missing(ran: Ran, copied: Path) -> None:
    (copied / "3/result.json").write_bytes(b"\xff\xfe")
    assert told(ran, copied) == ["1 of 8 runs are missing"]


@pytest.mark.parametrize("text", [None, "nonsense\n", '{"step": 1}\n{"metrics": 3}\n', "[]\n"])
def test_a_broken_journal_is_told(text: str | None, ran: Ran, copied: Path) -> None:
    journal = copied / "3/metrics.jsonl"
    if text is None:
        journal.unlink()
    else:
        journal.write_text(text, encoding="utf-8")
    (problem, *_) = told(ran, copied)
    assert problem.startswith("1 run without a readable journal, left out of every mean: activation=")


def test_a_failed_run_keeps_its_status_without_a_journal(ran: Ran, copied: Path) -> None:
    path = copied / "3/result.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"finished"', '"failed"'), encoding="utf-8")
    (copied / "3/metrics.jsonl").unlink()
    assert told(ran, copied)[0].startswith("1 run failed")


def test_an_empty_folder(ran: Ran, tmp_path: Path) -> None:
    assert from_folder(tmp_path) == []
    assert from_folder(tmp_path / "nowhere") == []
    assert told(ran, tmp_path) == ["8 of 8 runs are missing"]


def test_a_sweep_tells_a_broken_result(copied: Path) -> None:
    from plans import planned

    from bpexp.running.job import Job
    from bpexp.running.sweep import Sweep, conclude_sweep
    from bpexp.tracking.parent import ParentRun
    from bpexp.tracking.settings import TrackingSettings

    (copied / "3/result.json").write_text("{", encoding="utf-8")
    shutil.rmtree(copied / "5")
    sweep, parent = Sweep(copied), ParentRun(TrackingSettings(mlflow=False), copied, "sweep", [])
    config = planned("data=xor").config
    jobs = [Job(config, (), copied / str(number), number=number) for number in range(8)]
    conclude_sweep(sweep, jobs, parent, "KILLED", [])
    assert not sweep.ok
    assert sweep.ranking.problems == [
        "job 3 killed: its process died",
        "job 5 lost: it was not begun",
    ]


# Jobs in the order of their numbers, the last of equals counting


def test_ten_comes_after_nine(ran: Ran, copied: Path) -> None:
    for number in (10, 9):
        shutil.copytree(copied / "0", copied / str(number))
        path = copied / str(number) / "result.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**content, "run_id": str(number)}), encoding="utf-8")
    records = from_folder(copied)
    assert [record.run_id for record in records][-2:] == ["9", "10"]
    analysis = analyse(ran.study, records)
    assert "10" in set(analysis.frame["run_id"])
    assert without_edges(analysis) == ["2 runs with the levels and the seed of a later run, which replaces it"]


def test_the_parent_run_is_no_longer_in_the_environment(ran: Ran) -> None:
    assert "BPEXP_PARENT_RUN" not in os.environ


def test_final_is_of_the_restored_weights(tmp_path: Path) -> None:
    words = ["data=digits", "model.hidden=[8]", "lr=0.5,1", "seed=0", "epochs=12", "progress=false"]
    words += ["callbacks.early_stopping.patience=2", "tracking.model=false", "tracking.figures=false"]
    with chdir(tmp_path):
        assert command("-m", *words, "hydra.sweep.dir=sweep") == 0
        store = open_store(f"sqlite:///{tmp_path / 'mlflow.db'}", "bpexp")
        outcomes = [read_outcome(tmp_path / "sweep" / str(job)) for job in (0, 1)]
        study = declared("mine", {**STUDY, "factors": {"lr": [0.5, 1]}, "tuned": None, "claims": [], "heat_map": None})
        parent = store.client.get_run(str(outcomes[0].run_id)).data.tags["mlflow.parentRunId"]
        found = [from_folder(tmp_path / "sweep"), from_mlflow(store, parent, study)]
    assert [outcome.weights for outcome in outcomes] == ["best", "best"]
    for records in found:
        read = frame_of(study, records)["final accuracy/test"].tolist()
        assert read == [outcome.metrics["final/accuracy_test"] for outcome in outcomes]
        assert read != [record.series["accuracy/test"][-1][1] for record in records]
