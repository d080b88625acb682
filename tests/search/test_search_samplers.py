"""Every sampler: the same seed decides the same trials, also where the storage is opened anew before each of them."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from bpexp.errors import ConfigError
from bpexp.search.begun import DIVERGED
from bpexp.search.declared import Search, refuse_absent_packages
from bpexp.search.found import found_by
from bpexp.search.pruners import Pruning, declared_pruner, pruners
from bpexp.search.samplers import Sampling, samplers
from bpexp.search.sampling import pruner_of
from bpexp.search.space import Dimension, suggested
from bpexp.search.storage import Stored, begin, goes_on, quiet

SPACE = (
    Dimension("lr", "float", 0.001, 1.0, log=True),
    Dimension("model.width", "int", 8, 64),
    Dimension("optimizer", "choice", choices=("sgd", "momentum")),
    Dimension("optimizer.momentum", "float", 0.5, 0.9, of="optimizer", options=("momentum",)),
)
OWN = {"tpe": {"n_startup_trials": 2}, "cmaes": {"popsize": 4}, "nsga2": {"population_size": 3}}
OWN["gp"] = {"n_startup_trials": 3}
Tried = list[dict[str, str]]


def declared(name: str, seed: int = 0) -> Search:
    objectives = ("loss/validation", "parameters") if name == "nsga2" else ("loss/validation",)
    sampling = samplers.build(name, **OWN.get(name, {}))
    return Search(name, sampling, "none", Pruning("NopPruner"), 12, seed, 0, objectives, SPACE, 5)


def costs(said: dict[str, str], search: Search) -> list[float]:
    cost = abs(math.log10(float(said["lr"])) + 1) + float(said["model.width"]) / 64 + (said["optimizer"] == "sgd")
    return [cost, float(said["model.width"])][: len(search.objectives)]


def trials(folder: Path, search: Search, *, anew: bool = False, number: int = 9) -> Tried:
    folder.mkdir()
    stored: Stored = begin(folder, search, {})
    found: Tried = []
    for n in range(number):
        with quiet():
            stored.fit(search, n)
            said = suggested(search.space, stored.study.ask())
            stored.study.tell(n, costs(said, search))
        found.append(said)
        if anew:
            stored = goes_on(folder, search, {})
    return found


@pytest.mark.parametrize("name", sorted(samplers))
def test_a_trial_depends_on_seed_number_and_results_alone(name: str, tmp_path: Path) -> None:
    if name == "gp":
        pytest.importorskip("torch")
    whole = trials(tmp_path / "whole", declared(name))
    assert len({tuple(said.items()) for said in whole}) == len(whole), "none is tried twice"
    assert all(("optimizer.momentum" in said) == (said["optimizer"] == "momentum") for said in whole)
    assert trials(tmp_path / "again", declared(name), anew=True) == whole
    other = trials(tmp_path / "other", declared(name, seed=1), number=3)
    assert other != whole[:3]


@pytest.mark.parametrize("name", sorted(pruners))
def test_every_pruner_is_made(name: str) -> None:
    assert type(pruner_of(declared_pruner(name)[1], 5)).__name__ == pruners.build(name).pruner


def test_a_package_that_is_not_installed_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="search=best needs luck, which is not installed; pip install luck"):
        refuse_absent_packages("best", Sampling("BestSampler", modules={"no_such_module": "luck"}))
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(
        ConfigError, match=r"search=tpe needs Optuna, which is not installed; pip install 'bpexp\[search"
    ):
        refuse_absent_packages("tpe", samplers.build("tpe"))


@pytest.mark.parametrize("name", ["nsga2", "random"])
def test_a_trial_that_diverged_is_neither_the_best_nor_on_the_front(name: str, tmp_path: Path) -> None:
    """Its value is that of the network before its first step, which nobody trained."""
    search = declared(name)
    tmp_path.joinpath("s").mkdir()
    stored = begin(tmp_path / "s", search, {})
    for cost in (1.0, 2.0, 3.0):
        with quiet():
            trial = stored.study.ask()
            suggested(search.space, trial)
            if cost == 1.0:
                trial.set_user_attr(DIVERGED, "the loss of the batch is nan")
            stored.study.tell(trial, [cost, cost][: len(search.objectives)])
    found = found_by(search, stored.study, importance=False)
    assert found.best is not None
    assert (found.best.number, [trial.number for trial in found.front]) == (1, [1] if name == "nsga2" else [])
    assert [trial.state for trial in found.trials] == ["diverged", "complete", "complete"]
    assert found.best_so_far() == [(1, 2.0), (2, 2.0)]
