"""The weights on disk are those that the record names: of the last epoch, the best one, or one never evaluated."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import command

import bpexp
from bpexp.api import Result
from bpexp.errors import ConfigError
from bpexp.tracking.manifest import model_name
from bpexp.training.callbacks import EarlyStopping
from bpexp.training.events import EpochEnded

SMALL = ("data=digits", "model.hidden=[4]", "batch_size=20", "data.limit=200", "probe=off")
LEAN = (*SMALL, "lr=1.5", "epochs=12")
QUIET = (*LEAN, "tracking=none")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def accuracy(run: Result, weights: str | None = None, part: str = "test") -> float:
    """Of the saved network on raw rows of one part, as a user would measure it."""
    from sklearn.datasets import load_digits

    rows, labels = load_digits(return_X_y=True)
    chosen = getattr(run.split, part)
    return float((run.predict(rows[chosen], weights)["class"] == labels[chosen].astype(str)).mean())


def sha(run: Result, weights: str) -> str:
    return hashlib.sha256(run.networks[weights].theta.tobytes()).hexdigest()


def test_both_weights_give_the_figures_that_name_them() -> None:
    run = bpexp.run(*QUIET)
    assert run.metrics["best/epoch"] < run.metrics["final/epoch"] == 12
    assert run.outcome.weights == "last"
    for part in ("test", "validation", "train"):
        assert accuracy(run, part=part) == accuracy(run, "last", part) == run.metrics[f"final/accuracy_{part}"]
        assert accuracy(run, "best", part) == run.metrics[f"best/accuracy_{part}"]
    assert run.network is run.networks["last"]
    assert sha(run, "last") == run.outcome.theta_sha256 != sha(run, "best")


def test_early_stopping_restores_the_best_epoch_and_the_figures_follow() -> None:
    stopping = ("callbacks.early_stopping.patience=2", "callbacks.early_stopping.min_delta=9")
    run = bpexp.run(*QUIET, *stopping)
    assert (run.outcome.status, run.outcome.weights) == ("stopped", "best")
    assert run.metrics["final/epoch"] == run.metrics["best/epoch"] < run.history["time/epoch"].max() == 2
    finals = {name: value for name, value in run.metrics.items() if name.startswith("final/")}
    assert finals == {name: run.metrics[name.replace("final/", "best/")] for name in finals}
    assert accuracy(run) == run.metrics["final/accuracy_test"]
    assert run.network is run.networks["best"]
    assert sha(run, "best") == run.outcome.theta_sha256
    last = run.history["accuracy/test"].dropna().iloc[-1]
    assert accuracy(run, "last") == last
    kept = bpexp.run(*QUIET, *stopping, "callbacks.early_stopping.restore_best=false")
    assert (kept.outcome.weights, kept.metrics["final/epoch"], accuracy(kept)) == ("last", 2, last)
    assert [sha(kept, name) for name in ("last", "best")] == [sha(run, name) for name in ("last", "best")]


def test_restoring_needs_a_validation_part() -> None:
    """Otherwise the final figures of the test part would be its best ones."""
    stopping = ("callbacks.early_stopping.patience=2", "callbacks.early_stopping.metric=loss/train")
    with pytest.raises(ConfigError, match=r"restore_best=true needs a validation part.*or restore_best=false"):
        bpexp.run(*QUIET, *stopping, "data.validation=0")
    run = bpexp.run(*QUIET, *stopping, "data.validation=0", "callbacks.early_stopping.restore_best=false")
    assert run.outcome.chosen_by == "accuracy/test"


def test_one_epoch_is_saved_once() -> None:
    run = bpexp.run(*SMALL, "tracking=none", epochs=1, lr=0.1)
    assert run.metrics["final/epoch"] == run.metrics["best/epoch"]
    with np.load(run.directory / "network.npz") as archive:
        assert [name for name in archive.files if name.startswith("theta")] == ["theta"]
    assert sha(run, "last") == sha(run, "best")


@pytest.mark.parametrize("how", ["diverged", "interrupted"])
def test_a_run_that_ends_within_an_epoch_says_so(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "diverged":
        said = [*QUIET, "loss=mse", "output=identity", "lr=0.2", "model.hidden=[]", "hydra.run.dir=here"]
        assert command([word for word in said if word not in ("lr=1.5", "model.hidden=[4]")], monkeypatch) == 0
    else:
        count = iter(range(1000))

        def on_step(self: Any, event: Any) -> None:
            if next(count) == 25:
                raise KeyboardInterrupt

        monkeypatch.setattr(EarlyStopping, "on_step", on_step)
        assert command([*QUIET, "hydra.run.dir=here", "progress=false"], monkeypatch) == 130
    run = Result(Path("here"))
    assert run.outcome.weights == "unevaluated"
    spec = json.loads(Path("here", "network.json").read_text())["weights"]
    assert spec["last"]["evaluated"] is False
    assert spec["last"]["step"] == run.outcome.step > run.history["accuracy/test"].dropna().index[-1]
    if how == "interrupted":
        assert (run.outcome.step, run.metrics["final/epoch"]) == (25, 2)
        assert accuracy(run, "best") == run.metrics["best/accuracy_test"]


def test_a_best_epoch_that_the_journal_does_not_know_is_not_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted between an evaluation and its record: no weights are called best that no figure is of."""
    original = EpochEnded.__init__

    def interrupted(self: Any, epoch: int, *args: Any) -> None:
        if epoch == 1:
            raise KeyboardInterrupt
        original(self, epoch, *args)

    monkeypatch.setattr(EpochEnded, "__init__", interrupted)
    assert command([*SMALL, "tracking=none", "hydra.run.dir=here", "progress=false"], monkeypatch) == 130
    run = Result(Path("here"))
    assert (run.metrics["best/epoch"], list(run.networks)) == (0, ["last"])
    assert run.outcome.weights == "unevaluated"


def test_mlflow_holds_both_weights_and_says_which_are_which(store: Path) -> None:
    from stores import ask

    run = bpexp.run(*SMALL, "tracking.figures=false", lr=1.5, epochs=4)
    tags = dict(ask(store, "select key, value from tags"))
    assert tags["bpexp.weights"] == "last"
    best = f"{run.metrics['best/epoch']:.0f}"
    assert f"|  | last epoch (4) | best epoch ({best}) |" in tags["mlflow.note.content"]
    assert {"final/epoch", "best/epoch"} <= {key for (key,) in ask(store, "select key from metrics")}
    loaded = bpexp.load(str(run.outcome.run_id))
    for name in ("last", "best"):
        assert loaded.networks[name].theta.tobytes() == run.networks[name].theta.tobytes()
    np.testing.assert_array_equal(loaded.split.train, run.split.train)
    assert run.outcome.model == f"runs:/{run.outcome.run_id}/{model_name(run.outcome.name)}"
