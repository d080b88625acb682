"""A declared search: its sampler, pruner, space, objectives and seed, with what decides its trials as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, Literal

from bpexp.errors import ConfigError
from bpexp.search.pruners import NONE, Pruning
from bpexp.search.samplers import Sampling
from bpexp.search.space import Dimension
from bpexp.training.metrics import better

PARAMETERS = "parameters"
"""An objective that is no metric: the number of parameters of the network, of which fewer are better."""

INSTALL = "pip install 'bpexp[search]'"


@dataclass(frozen=True, slots=True)
class Search:
    """A search as it was declared.

    Args:
        sampler: name of the option, such as tpe.
        sampling: what it stands for.
        pruner: name of the pruner; none for none.
        pruning: what it stands for.
        trials: runs of the search.
        seed: of the sampler.
        confirm: seeds on which the best trial is compared with the preset; 0 for none.
        objectives: one or two metrics, such as accuracy/validation.
        space: the dimensions, each after the one on which it depends.
        epochs: of every trial, unless epochs are searched.
    """

    sampler: str
    sampling: Sampling
    pruner: str
    pruning: Pruning
    trials: int
    seed: int
    confirm: int
    objectives: tuple[str, ...]
    space: tuple[Dimension, ...]
    epochs: int

    @property
    def prunes(self) -> bool:
        """Whether trials may end early."""
        return self.pruner != NONE

    @property
    def directions(self) -> list[Literal["minimize", "maximize"]]:
        """minimize or maximize, for each objective."""
        return ["minimize" if lower_is_better(name) else "maximize" for name in self.objectives]

    def declaration(self) -> dict[str, Any]:
        """What decides the trials, as JSON has it: a search with another one is another search."""
        return {
            "sampler": self.sampler,
            "sampling": dict(self.sampling.settings),
            "pruner": self.pruner,
            "pruning": dict(self.pruning.settings),
            "seed": self.seed,
            "objectives": list(self.objectives),
            "space": [dimension.plain() for dimension in self.space],
            "epochs": self.epochs,
        }


@dataclass(frozen=True, slots=True)
class TrialPlace:
    """Where a trial reports, for its pruner: plain data, which can be sent to any process with the same folder.

    Args:
        storage: path of the storage of the search.
        number: of the trial.
        objective: the metric that is reported.
        pruner: its name.
        pruning: its declaration, as plain data.
        epochs: of a trial.
    """

    storage: str
    number: int
    objective: str
    pruner: str
    pruning: dict[str, Any]
    epochs: int


def place_of(search: Search, storage: str, number: int) -> dict[str, Any] | None:
    """Where a trial reports, as plain data; None in a search that prunes nothing."""
    if not search.prunes:
        return None
    pruning = asdict(search.pruning)
    return asdict(TrialPlace(storage, number, search.objectives[0], search.pruner, pruning, search.epochs))


def lower_is_better(objective: str) -> bool:
    """Whether an objective is to be as small as possible."""
    return objective == PARAMETERS or better(objective) == "lower"


def refuse_objectives(objectives: Sequence[str], measured: Sequence[str]) -> None:
    """Raise ConfigError for an objective that a search must not choose by, or that is not measured."""
    for name in objectives:
        part = name.rpartition("/")[2]
        if name == PARAMETERS:
            continue
        if part in ("test", "train") and name in measured:
            why = {
                "test": "chosen by the test part, the best would have none left that it was not chosen by",
                "train": "chosen by the training part, the best is the one that fits it most",
            }[part]
            metric = name.rpartition("/")[0]
            raise ConfigError(f"a search cannot take {name} as its objective: {why}; say objective={metric}/validation")
        if name not in measured:
            known = [n for n in measured if n.endswith("/validation")]
            hint = "" if known else "set data.validation=0.1 to have a validation part; "
            listed = ", ".join([*known, *([PARAMETERS] if len(objectives) > 1 else [])]) or "no metric without it"
            raise ConfigError(f"the objective {name!r} of a search is not measured; {hint}choose from: {listed}")
    if tuple(objectives) == (PARAMETERS,):
        raise ConfigError("fewest parameters alone need no search; add an objective such as loss/validation")
    if len(set(objectives)) < len(objectives) or not 1 <= len(objectives) <= 2:
        raise ConfigError(f"search.objectives takes one or two different metrics, not {list(objectives)}")


def refuse_unsuited(search: Search) -> None:
    """Raise ConfigError for a space, objectives or a pruner that the sampler cannot take, and where a package lacks."""
    if not search.space:
        raise ConfigError(
            f"search={search.sampler} has nothing to search; name a range or choices, such as "
            "'lr=tag(log, interval(0.001, 1))' or 'optimizer=choice(sgd,adam)'"
        )
    numbers = [d for d in search.space if d.kind != "choice" and not d.of]
    if len(numbers) < search.sampling.numbers:
        raise ConfigError(
            f"search={search.sampler} needs {search.sampling.numbers} ranges of numbers, and there "
            f"{'is one' if len(numbers) == 1 else 'are none'}; use search=tpe"
        )
    if len(search.objectives) > search.sampling.objectives:
        raise ConfigError(f"search={search.sampler} takes one objective, not two; use search=nsga2")
    if search.prunes and len(search.objectives) > 1:
        raise ConfigError(f"search.pruner={search.pruner} needs one objective, not two; say search.pruner=none")
    if search.prunes and any(d.key == "epochs" for d in search.space):
        raise ConfigError(
            f"search.pruner={search.pruner} compares trials of as many epochs; search epochs with search.pruner=none"
        )
    if search.confirm and len(search.objectives) > 1:
        raise ConfigError("search.confirm needs one objective: of two there is no best trial; say search.confirm=0")


def refuse_absent_packages(sampler: str, sampling: Sampling) -> None:
    """Raise ConfigError, with the command, where Optuna or a package of the sampler is not installed."""
    if find_spec("optuna") is None:
        raise ConfigError(f"search={sampler} needs Optuna, which is not installed; {INSTALL}")
    try:
        major = int(version("optuna").split(".")[0])
    except (PackageNotFoundError, ValueError):
        major = 4
    if major < 4:
        raise ConfigError(f"search={sampler} needs Optuna 4 or later, not {version('optuna')}; {INSTALL}")
    for module, package in sampling.modules.items():
        if find_spec(module) is None:
            raise ConfigError(f"search={sampler} needs {package}, which is not installed; pip install {package}")
