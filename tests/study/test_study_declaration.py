"""What a study declares: equal declarations have one hash, and whatever decides the answer changes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from synthetic import claim, study

from bpexp.errors import RecordError
from bpexp.study.claims import Claim
from bpexp.study.declaration import claim_digest, declaration, job_digest, read_record, record, shared
from bpexp.study.earlier import earlier_sweeps

ASKED = {"of": {"activation": "relu"}, "against": {"activation": "sigmoid"}, "above": 0}


def only(**said: Any) -> Claim:
    return study(claims=[claim(**said)]).claims[0]


SAME = [
    {**ASKED, "above": 0.0},
    {"above": 0, **dict(reversed(list(ASKED.items())))},
    {**ASKED, "at": "best"},
    {**ASKED, "below": None},
]


@pytest.mark.parametrize("said", SAME)
def test_a_claim_that_is_spelt_otherwise_has_the_same_hash(said: dict[str, Any]) -> None:
    assert claim_digest(only(**said)) == claim_digest(only(**ASKED))


def test_a_level_counts_by_its_value() -> None:
    at = {**ASKED, "at": "equal"}
    assert claim_digest(only(**{**at, "of": {"lr": 1}})) == claim_digest(only(**{**at, "of": {"lr": 1.0}}))


OTHER = [
    {**ASKED, "above": 1e-9},
    {**ASKED, "above": None, "below": 0},
    {**ASKED, "at": "equal"},
    {**ASKED, "against": None},
    {**ASKED, "of": {"activation": "relu", "init": "he"}},
    {**ASKED, "text": "so it is!"},
    {**ASKED, "measure": "best accuracy/test"},
]


@pytest.mark.parametrize("said", OTHER)
def test_whatever_decides_a_claim_changes_its_hash(said: dict[str, Any]) -> None:
    assert claim_digest(only(**said)) != claim_digest(only(**ASKED))


JOB = {
    "lr": 0.1,
    "seed": 0,
    "epochs": 5,
    "loss": "mse",
    "tracking": "mlflow",
    "tracking.model": False,
    "progress": True,
}


def test_a_run_is_the_same_however_it_is_recorded() -> None:
    quiet = {
        **JOB,
        "threads": 2,
        "evaluation.every": 3,
        "tracking": "none",
        "progress": False,
        "run_name": "x",
        "probe": "full",
        "objective": "loss/test",
    }
    assert job_digest(quiet) == job_digest(JOB)
    for key, value in {"lr": 0.2, "seed": 1, "epochs": 6, "loss": "mae", "data.limit": 9}.items():
        assert job_digest({**JOB, key: value}) != job_digest(JOB)


def test_what_the_jobs_share() -> None:
    assert shared([JOB, {**JOB, "lr": 0.2, "seed": 1, "penalty.l2": 0.1}]) == {"epochs": 5, "loss": "mse"}
    assert shared([]) == {}


def content(**changes: Any) -> dict[str, Any]:
    made = study(claims=[claim(**ASKED)], **changes)
    node = {"factors": dict(made.factors), "claims": [claim(**ASKED)], **changes}
    return declaration(made, node, [JOB, {**JOB, "seed": 1}], ["mnist abc"])


def test_a_record_is_read_as_it_was_written() -> None:
    made = record(content(), "parent")
    found = read_record(made.text())
    assert found.whole
    assert (found.sha256, found.at, found.parent) == (made.sha256, made.at, "parent")
    assert found.content == made.content
    assert found.params()["declaration.sha256"] == made.sha256
    assert len(found.params()["declaration.claims"].split()) == 1


EDITS = ["study", "said", "config", "data", "jobs", "claims", "code", "name"]


@pytest.mark.parametrize("key", EDITS)
def test_an_edit_of_any_part_is_seen(key: str) -> None:
    told = json.loads(record(content(), None).text())
    was = told["declaration"][key]
    edits = {dict: lambda: was | {"edited": ["1"] if key == "said" else "1"}, list: lambda: [*was, "edited"]}
    told["declaration"][key] = edits.get(type(was), lambda: "edited")()
    assert not read_record(json.dumps(told)).whole


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"declaration": []}, r"declaration: found \[\]; expected a mapping"),
        ({"sha256": None}, "sha256: found None; expected a text"),
        ({"declared_at": 3}, "declared_at: found 3; expected a text"),
        ({"declaration": {"jobs": [[]]}}, r"declaration\.jobs\[0\]: found \[\]; expected a text"),
        ({"declaration": {"said": {"lr": "1"}}}, r"declaration\.said\['lr'\]: found '1'; expected a list"),
        ({"format": 9}, "has format 9; this version reads 1"),
        ({"extra": 9}, "unknown field 'extra'"),
    ],
)
def test_a_record_with_a_wrong_field_is_refused(change: dict[str, Any], message: str) -> None:
    told = json.loads(record(content(), None).text())
    with pytest.raises(RecordError, match=message):
        read_record(json.dumps({**told, **change}))


def test_a_record_of_an_earlier_version_is_read() -> None:
    told = json.loads(record(content(), None).text())
    del told["format"], told["declaration"]["code"]
    assert not read_record(json.dumps(told)).whole


def test_white_space_and_the_order_of_keys_are_no_edits() -> None:
    told = json.loads(record(content(), None).text())
    told["declaration"] = dict(reversed(list(told["declaration"].items())))
    assert read_record(json.dumps(told, indent=7)).whole


# Earlier sweeps, in folders


def sweep(folder: Path, made: dict[str, Any], *, ran: bool = True) -> Path:
    (folder / "0").mkdir(parents=True)
    (folder / "study.json").write_text(record(made, None).text(), encoding="utf-8")
    if ran:
        (folder / "0/result.json").write_text("{}", encoding="utf-8")
    return folder


def test_an_earlier_sweep_is_found_by_its_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mine = content()
    assert earlier_sweeps(mine, None, tmp_path / "here/new") == []
    sweep(tmp_path / "here/renamed", {**mine, "name": "renamed", "claims": []})
    sweep(tmp_path / "multirun/2026-01-01/10-00-00", {**mine, "jobs": [mine["jobs"][1], "another"]})
    sweep(tmp_path / "here/other", {**mine, "jobs": ["another"]})
    sweep(tmp_path / "here/without runs", mine, ran=False)
    (sweep(tmp_path / "here/broken", mine) / "study.json").write_text("[", encoding="utf-8")
    sweep(tmp_path / "here/new", mine)
    found = earlier_sweeps(mine, None, tmp_path / "here/new")
    assert sorted((s["study"], s["runs"], len(s["claims"])) for s in found) == [("renamed", 2, 0), ("synthetic", 1, 1)]
