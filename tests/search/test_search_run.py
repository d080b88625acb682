"""A search as it runs: repeatable, pruned, resumed, in several processes, and truly recorded."""

from __future__ import annotations

import json
import pickle
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_line import command, refused
from stores import ask

from bpexp.records.outcome import read_outcome
from bpexp.running import execute as running
from bpexp.search.storage import opened
from bpexp.training.events import RunEnded
from bpexp.training.trainer import Trainer

QUIET = ["-m", "data=xor", "data.n=60", "model.hidden=[3]", "epochs=3", "progress=false", "tracking=none"]
SPACE = ["lr=tag(log, interval(0.001, 1))", "optimizer=choice(sgd,momentum)", "optimizer.momentum=interval(0.5,0.9)"]
NUMBERS = ["lr=tag(log, interval(0.001, 1))", "penalty.l2=interval(0,0.1)"]
Trials = list[tuple[Any, ...]]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def tried(folder: str) -> Trials:
    """Everything that a search decided and measured, trial by trial, down to the weights."""
    found = []
    for trial in opened(Path(folder, "search.jsonl")).study.get_trials():
        outcome = read_outcome(Path(folder, str(trial.number)))
        values = (trial.state.name, trial.values, trial.params, dict(trial.intermediate_values))
        found.append((trial.number, *values, outcome.status, outcome.theta_sha256))
    return found


def search(folder: str, monkeypatch: pytest.MonkeyPatch, *words: str, trials: int = 5) -> Trials:
    """The trials of a search that is run to its end in a folder."""
    assert command([*QUIET, f"search.trials={trials}", *words, f"hydra.sweep.dir={folder}"], monkeypatch) == 0
    return tried(folder)


def test_the_same_seed_gives_the_same_trials_and_one_that_is_broken_off_goes_on_with_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["search=tpe", "search.n_startup_trials=2", "search.pruner=halving", *SPACE]
    whole = search("whole", monkeypatch, *words)
    assert len({json.dumps(row[3]) for row in whole}) == 5, "each trial is another one"
    with monkeypatch.context() as patched:
        train, begun = running.train, []

        def interrupted(trainer: Trainer, *args: Any) -> RunEnded:
            begun.append(trainer)
            if len(begun) == 4:
                signal.raise_signal(signal.SIGTERM)
            return train(trainer, *args)

        patched.setattr(running, "train", interrupted)
        assert command([*QUIET, "search.trials=5", *words, "hydra.sweep.dir=broken"], patched) == 143
    assert command(["resume=broken", "progress=false"], monkeypatch) == 0
    assert tried("broken") == whole


def test_a_search_goes_on_to_more_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    three = search("three", monkeypatch, "search=random", "search.seed=1", *NUMBERS, trials=3)
    assert command(["resume=three", "search.trials=5", "progress=false"], monkeypatch) == 0
    assert tried("three")[:3] == three
    assert [row[0] for row in tried("three")] == [0, 1, 2, 3, 4]


def test_a_search_that_goes_on_to_more_trials_is_whole_in_the_store(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words = [*QUIET[:-1], "search=random", "search.trials=2", *NUMBERS, "hydra.sweep.dir=s"]
    assert command(words, monkeypatch) == 0
    assert command(["resume=s", "search.trials=3", "progress=false"], monkeypatch) == 0
    assert "MLflow did not take" not in capfd.readouterr().err
    assert json.loads(Path("s", "delivery.json").read_text())["done"]
    rows = ask(store, "SELECT value FROM latest_metrics WHERE key IN ('trials/complete', 'search/trials')")
    assert rows == [(3.0,), (3.0,)]


@pytest.mark.parametrize("launcher", [["launcher=serial"], ["launcher=process", "launcher.n_jobs=2"]])
def test_a_pruned_trial_ends_early_and_says_so(
    launcher: list[str], store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["search=random", "search.pruner={name:halving,reduction_factor:2}", *SPACE, *launcher]
    words += ["objective=loss/validation", "hydra.sweep.dir=s"]
    assert command([*QUIET[:-1], "search.trials=6", *words], monkeypatch) == 0
    rows = tried("s")
    pruned = [row for row in rows if row[1] == "PRUNED"]
    assert pruned
    assert all(row[5] == "pruned" and 1 <= len(row[4]) < 3 for row in pruned)
    assert all(len(row[4]) == 3 for row in rows if row[1] == "COMPLETE")
    outcome = read_outcome(Path("s", str(pruned[0][0])))
    assert outcome.ok
    epoch = len(pruned[0][4])  # of two workers, who is first decides what a trial is compared with
    assert outcome.reason.startswith(f"pruned after epoch {epoch} of 3 by search.pruner=halving: loss/validation")
    assert f"{len(pruned)} pruned" in capfd.readouterr().out
    assert ask(store, "SELECT DISTINCT status FROM runs") == [("FINISHED",)]
    ((parent,),) = ask(store, "SELECT DISTINCT value FROM tags WHERE key = 'mlflow.parentRunId'")
    assert ask(store, f"SELECT run_uuid FROM runs WHERE run_uuid = '{parent}'")
    assert ask(store, "SELECT COUNT(*) FROM tags WHERE key = 'mlflow.parentRunId'") == [(6,)]
    told = ask(store, "SELECT value FROM tags WHERE key = 'bpexp.status' AND value = 'pruned'")
    assert len(told) == len(pruned)
    metrics = dict(ask(store, f"SELECT key, value FROM latest_metrics WHERE run_uuid = '{parent}'"))
    assert metrics["trials/pruned"] == len(pruned)
    assert metrics["search/best_value"] == min(row[2][0] for row in rows if row[1] == "COMPLETE")
    assert ("space.lr", "0.001 to 1.0, logarithmic") in ask(
        store, f"SELECT key, value FROM params WHERE run_uuid = '{parent}'"
    )


def test_a_trial_that_fails_or_diverges_counts_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    train, begun = running.train, []

    def fails(trainer: Trainer, *args: Any) -> RunEnded:
        begun.append(trainer)
        if len(begun) == 2:
            raise RuntimeError("no luck")
        if len(begun) == 3:
            trainer = replace(trainer, lr=1e30)
        return train(trainer, *args)

    monkeypatch.setattr(running, "train", fails)
    rows = search("s", monkeypatch, "search=random", *SPACE)
    assert [row[1] for row in rows] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE", "COMPLETE"]
    assert [row[5] for row in rows] == ["finished", "failed", "diverged", "finished", "finished"]
    first = json.loads(Path("s/2/metrics.jsonl").read_text(encoding="utf-8").split("\n")[1])
    assert rows[2][2] == [first["metrics"]["accuracy/validation"]], "as the network scored before its first step"
    out = capfd.readouterr().out
    assert "job 1 failed: RuntimeError: no luck" in out
    assert "5 trials of search=random: 3 complete, 1 diverged, 1 failed" in out
    assert command(["resume=s", "search.trials=6", "progress=false"], monkeypatch) == 0
    assert len(tried("s")) == 6


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search of three trials."""
    folder = tmp_path_factory.mktemp("search")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        search("s", patched, "search=cmaes", "search.popsize=4", *NUMBERS, trials=4)
    return folder / "s"


def at_hand(made: Path) -> Path:
    """A copy of it, as if it had been made here."""
    shutil.copytree(made, "s")
    record = Path("s/sweep.json")
    text = record.read_text(encoding="utf-8").replace(f'"folder": "{made.parent}"', f'"folder": "{Path.cwd()}"')
    record.write_text(text, encoding="utf-8")
    return Path("s/search.jsonl")


class Evil:
    """What runs when it is unpickled."""

    def __reduce__(self) -> Any:
        return exec, ("open('evil', 'w')",)


def damaged(text: str, how: str) -> str:
    lines = text.split("\n")
    if how == "no line":
        return "\n".join([*lines[:3], "{half", *lines[3:]])
    if how == "no operation":
        return "\n".join([lines[0], '{"op_code":4,"worker_id":"x"}', *lines[1:]])
    if how == "empty":
        return ""
    if how == "another search":
        return text.replace('"seed":0', '"seed":7')
    operation = {"op_code": 9, "worker_id": "x", "trial_id": 4}
    trial = {"op_code": 4, "worker_id": "x", "study_id": 0, "datetime_start": None}
    attribute = {**operation, "system_attr": {"cma:optimizer:0": pickle.dumps(Evil()).hex()}}
    return text + json.dumps(trial) + "\n" + json.dumps(attribute) + "\n"


REFUSALS = {
    "no line": "line 4: it is no operation of a search; it is damaged",
    "no operation": "is no storage of a search: KeyError",
    "empty": "is no storage of a search",
    "another search": "is the storage of another search: its seed is 7, and now it is 0",
    "code": "the state of trial 4 is refused: it names builtins.exec",
}


@pytest.mark.parametrize("how", REFUSALS)
def test_a_damaged_or_strange_storage_is_refused_in_a_line(
    how: str, made: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    file = at_hand(made)
    file.write_text(damaged(file.read_text(encoding="utf-8"), how), encoding="utf-8")
    assert REFUSALS[how] in refused(["resume=s", "search.trials=9"], monkeypatch, capfd)


def test_half_a_line_of_a_killed_process_is_cut_off(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = at_hand(made)
    before = tried("s")
    with file.open("a", encoding="utf-8") as half:
        half.write('{"op_code":4,"worker')
    assert tried("s") == before
    assert command(["resume=s", "search.trials=5", "progress=false"], monkeypatch) == 0
    assert tried("s")[:4] == before
    assert len(tried("s")) == 5


def test_a_folder_with_a_search_and_another_space_are_refused(
    made: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    file = at_hand(made)
    Path("s/sweep.json").rename("sweep.json")
    Path("s/multirun.yaml").unlink()
    words = [*QUIET, "search=cmaes", *NUMBERS, "hydra.sweep.dir=s"]
    assert "already holds a sweep" in refused(words, monkeypatch, capfd)
    Path("sweep.json").rename("s/sweep.json")
    assert "lr=interval(0.1,0.2) cannot change" in refused(["resume=s", "lr=interval(0.1,0.2)"], monkeypatch, capfd)
    file.unlink()
    assert "is gone, so that nothing tells what trial" in refused(["resume=s"], monkeypatch, capfd)


def test_a_key_that_is_added_is_a_parameter_of_the_parent_by_its_plain_name(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow takes no plus in a name, and would have been left with a parent that never ends."""
    words = ["search=random", "search.trials=5", "+callbacks.early_stopping.patience=range(1,4)", *NUMBERS]
    assert command([*QUIET[:-1], *words, "hydra.sweep.dir=s"], monkeypatch) == 0
    assert ask(store, "SELECT DISTINCT status FROM runs") == [("FINISHED",)]
    assert ask(store, "SELECT value FROM params WHERE key = 'space.callbacks.early_stopping.patience'")
    assert ask(store, "SELECT value FROM latest_metrics WHERE key = 'search/best_trial'")
