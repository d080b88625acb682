"""Runs that are resumed in a store that thins their rows, or in which somebody deleted what they belong to."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import command
from stores import ask

from bpexp.records.outcome import Outcome, read_outcome
from bpexp.running.resuming.resume import resume
from tests.support.plans import planned
from tests.support.resuming import killed

TINY = ["data=xor", "data.n=60", "model.hidden=[4]", "epochs=40", "batch_size=7", "progress=false"]
BARE = ["tracking.model=false", "tracking.figures=false", "tracking.points=4"]


def broken(name: str, at: int) -> Path:
    """The folder of a run that was killed within step number `at`."""
    killed(planned(*TINY, *BARE), Path(name).absolute(), lambda position: position.step == at)
    return Path(name).absolute()


def recorded(store: Path, outcome: Outcome) -> list[tuple[str, int, float]]:
    """The rows of a run in the store, without those of the clock; each once."""
    own = f"run_uuid = '{outcome.run_id}' and key not like '%seconds'"
    assert ask(store, f"select key, step from metrics where {own} group by key, step having count(*) > 1") == []
    return ask(store, f"select key, step, value from metrics where {own} order by key, step")


def test_thinned_rows_are_those_of_a_run_that_was_not_killed(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command([*TINY, *BARE, "hydra.run.dir=whole"], monkeypatch) == 0
    whole = recorded(store, read_outcome(Path("whole")))
    assert len([row for row in whole if row[0] == "loss/test"]) < 20
    run = broken("broken", 100)
    outcome = resume(run)
    assert recorded(store, outcome) == whole
    for _ in range(2):
        assert command(["task=sync", f"hydra.run.dir={run}"], monkeypatch) == 0
        assert recorded(store, outcome) == whole


@pytest.mark.parametrize("what", ["run", "experiment"])
def test_what_was_deleted_meanwhile_is_told_and_delivered_when_it_is_back(
    what: str, store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from mlflow import MlflowClient

    assert command([*TINY, *BARE, "hydra.run.dir=run"], monkeypatch) == 0
    outcome, client = read_outcome(Path("run")), MlflowClient(f"sqlite:///{store}")
    ids = {"run": str(outcome.run_id), "experiment": str(outcome.experiment_id)}
    getattr(client, f"delete_{what}")(ids[what])
    capfd.readouterr()
    assert command(["resume=run", "epochs=41", "progress=false"], monkeypatch) == 0
    err = capfd.readouterr().err
    assert err.count("\n") == 1, err
    assert "was deleted in MLflow; restore it there" in err
    again = ["task=sync", f"hydra.run.dir={Path('run').absolute()}"]
    assert command(["task=sync"], monkeypatch) == 1
    assert f"`python -m bpexp {' '.join(again)}` delivers the rest" in capfd.readouterr().out
    getattr(client, f"restore_{what}")(ids[what])
    assert command(again, monkeypatch) == 0
    latest = f"select value from latest_metrics where run_uuid = '{outcome.run_id}' and key = 'final/epoch'"
    assert ask(store, latest) == [(41,)]
    assert ask(store, "select count(*) from runs") == [(1,)]
