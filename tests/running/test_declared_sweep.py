"""A study is declared before it runs: hash and time are recorded when the first job begins."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import command
from stores import ask

from bpexp.running import execute as running
from bpexp.study.declaration import read_record
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

    def watched(trainer: Trainer, callbacks: Any) -> RunEnded:
        params = dict(ask(store, "select key, value from params where key like 'declaration.%'"))
        tags = ask(store, "select value from tags where key = 'bpexp.study'")
        seen.append((Path("sweep/study.json").read_text(encoding="utf-8"), params, tags))
        return train(trainer, callbacks)

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
    assert command(study("hydra.sweep.dir=second", "seed=1,2"), monkeypatch) == 0
    Path("mlflow.db").rename("gone.db")
    assert command(study("hydra.sweep.dir=third", "tracking=none"), monkeypatch) == 0
    for name, common in (("second", [2]), ("third", [2])):
        content = json.loads(Path(name, "study.json").read_text(encoding="utf-8"))["declaration"]
        assert sorted(sweep["runs"] for sweep in content["earlier"]) == sorted(common)


def test_a_sweep_without_a_result_shows_nothing(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(trainer: Trainer, callbacks: Any) -> RunEnded:
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
