"""What a store refuses for good, and which folders a warning names."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_line import command
from stores import ask

from bpexp.tracking.delivery import Delivery
from bpexp.tracking.manifest import Facts, read_facts, read_sent, write_facts
from bpexp.tracking.open_runs import announce, open_runs
from bpexp.tracking.session import Session
from bpexp.tracking.store import open_store
from bpexp.tracking.wants import EVERYTHING

TINY = ["data=xor", "data.n=60", "model.hidden=[3]", "epochs=1", "progress=false", "tracking.figures=false"]
TINY += ["tracking.patience=60"]  # a store that a busy machine delays is waited for, and no warning of it is printed


@pytest.fixture
def there(store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a sweep of one job, which is delivered."""
    monkeypatch.chdir(store.parent)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}")
    assert command(["-m", *TINY, "lr=0.1", "hydra.sweep.dir=there", "launcher=serial"], monkeypatch) == 0
    folder = Path("there").absolute()
    changed(folder, params={"search.trials": "6"})
    assert command(["task=sync"], monkeypatch) == 0
    assert (read_sent(folder) or Facts).done is True  # type: ignore[union-attr]
    return folder


def changed(folder: Path, **facts: Any) -> None:
    """As an earlier version left it: tracked.json says something else than the store holds."""
    known = read_facts(folder)
    assert known is not None
    write_facts(replace(known, **facts), folder)
    announce(known.key, folder, known.store, "sweep", Path.cwd())


def stored(store: Path, table: str, folder: Path) -> dict[str, str]:
    sent = read_sent(folder)
    assert sent is not None
    return dict(ask(store, f"select key, value from {table} where run_uuid = '{sent.run_id}'"))


def test_another_value_of_a_parameter_is_told_once_and_the_rest_is_delivered(
    there: Path, store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """MLflow lets no parameter change: a sweep that an earlier version resumed with more trials has such a one."""
    changed(there, params={"search.trials": "12", "search.seed": "3"}, tags={**read_facts(there).tags, "new": "tag"})  # type: ignore[union-attr]
    capfd.readouterr()
    assert command([*TINY, "seed=1"], monkeypatch) == 0
    told = [line for line in capfd.readouterr().err.splitlines() if "MLflow" in line]
    assert told == [
        f"bpexp: warning: MLflow refuses a part of {there} for good: parameter search.trials is 6 there, and 12 here; "
        "the rest is delivered"
    ]
    assert stored(store, "params", there) == {"search.trials": "6", "search.seed": "3"}
    tags = stored(store, "tags", there)
    assert (tags["new"], tags["bpexp.refused"]) == ("tag", "parameter search.trials is 6 there, and 12 here")
    assert json.loads((there / "delivery.json").read_text())["refused"] == {
        "parameter search.trials": "parameter search.trials is 6 there, and 12 here"
    }
    assert list(open_runs(Path.cwd())) == []
    assert command([*TINY, "seed=2"], monkeypatch) == 0
    assert "MLflow" not in capfd.readouterr().err
    assert command(["task=sync", "hydra.sweep.dir=there"], monkeypatch) == 0
    assert "search.trials is 6 there" in capfd.readouterr().err  # whoever asks is told again


def test_what_is_refused_and_then_taken_is_refused_no_longer(
    there: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(there, params={"search.trials": "12"})
    opened = open_store(f"sqlite:///{store}", "bpexp")
    delivery = Delivery(there)
    delivery.bring(opened, EVERYTHING)
    assert (delivery.done, list(delivery.sent.refused)) == (True, ["parameter search.trials"])
    changed(there, params={"search.trials": "6"})
    delivery = Delivery(there)
    delivery.bring(opened, EVERYTHING)
    assert (delivery.done, delivery.sent.refused) == (True, {})


def test_a_parameter_that_no_store_takes_does_not_hold_up_the_others(there: Path, store: Path) -> None:
    changed(there, params={"search.trials": "6", "a:\x01b": "1", "fine": "2"})
    delivery = Delivery(there)
    delivery.bring(open_store(f"sqlite:///{store}", "bpexp"), EVERYTHING)
    assert stored(store, "params", there) == {"search.trials": "6", "fine": "2"}
    assert (delivery.done, list(delivery.sent.refused)) == (True, ["parameter a:\x01b"])


def test_what_a_deleted_run_does_not_take_is_not_refused_for_good(there: Path, store: Path) -> None:
    """It may be restored: the next start tries again."""
    opened = open_store(f"sqlite:///{store}", "bpexp")
    delivery = Delivery(there)
    delivery.ensure(opened)
    opened.client.delete_run(str(delivery.sent.run_id))
    delivery.facts = replace(delivery.facts, params={"search.trials": "12"}, status="FAILED")
    with pytest.raises(Exception, match="active"):
        delivery.bring(opened, EVERYTHING)
    assert (delivery.done, delivery.sent.refused) == (False, {})


def test_a_warning_names_the_folder_that_is_not_delivered(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Not that of the sweep which begins now; a job of it goes by the name of the sweep."""
    new, old = tmp_path / "new", [tmp_path / f"old{number}" for number in range(5)]
    facts = Facts("sweep", "", "sqlite:///x.db", "bpexp", 0)
    session = Session()
    session.sweep = new
    session.warn(old[0], "no room", None)
    err = capfd.readouterr().err
    assert f"(no room); kept in {old[0]}, `python -m bpexp task=sync hydra.run.dir={old[0]}` delivers it" in err
    assert str(new) not in err
    session = Session()
    session.sweep = new
    for folder in old:
        session.parcel(Delivery(folder, facts), "sqlite:///x.db", None).error = "no room"
    session.warn(new / "3", "no room", None)
    assert f"kept in {new}, {old[0]}, {old[1]} and 3 more, " in capfd.readouterr().err
