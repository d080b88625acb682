"""The pruners of a search: what ends a trial early that will not be the best, by name. Steps are epochs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from bpexp.registry import Count, Range, Registry

Natural = Annotated[int, Range(least=0)]
Factor = Annotated[int, Range(least=2)]


@dataclass(frozen=True, slots=True)
class Pruning:
    """A class of `optuna.pruners` and its keyword arguments.

    Args:
        pruner: name of the class.
        settings: its keyword arguments.
        horizon: name of the argument that takes the number of epochs, if there is one.
    """

    pruner: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    horizon: str | None = None


pruners: Registry[Pruning] = Registry("search.pruner")

NONE = "none"
"""The pruner that ends no trial."""


@pruners.register(NONE)
def none() -> Pruning:
    """Every trial is trained to its end."""
    return Pruning("NopPruner")


@pruners.register("median")
def median(n_startup_trials: Natural = 5, n_warmup_steps: Natural = 0, interval_steps: Count = 1) -> Pruning:
    """End a trial whose best value so far is worse than the median of the others at the same epoch.

    Args:
        n_startup_trials: trials to their end before the first is pruned.
        n_warmup_steps: epochs of every trial in which it is not pruned.
        interval_steps: epochs between two decisions.
    """
    settings = {"n_startup_trials": n_startup_trials, "n_warmup_steps": n_warmup_steps}
    return Pruning("MedianPruner", {**settings, "interval_steps": interval_steps})


@pruners.register("halving")
def halving(min_resource: Count = 1, reduction_factor: Factor = 4, min_early_stopping_rate: Natural = 0) -> Pruning:
    """Asynchronous successive halving: of the trials that reach a rung, the best 1 / reduction_factor go on.

    Args:
        min_resource: epochs before the first rung.
        reduction_factor: how many times as many epochs the next rung is at.
        min_early_stopping_rate: rungs that are left out at the beginning.
    """
    settings = {"min_resource": min_resource, "reduction_factor": reduction_factor}
    return Pruning("SuccessiveHalvingPruner", {**settings, "min_early_stopping_rate": min_early_stopping_rate})


@pruners.register("hyperband")
def hyperband(min_resource: Count = 1, reduction_factor: Factor = 3) -> Pruning:
    """Successive halving from several first rungs at once, for not knowing which one is right.

    Args:
        min_resource: epochs before the first rung.
        reduction_factor: how many times as many epochs the next rung is at.
    """
    settings = {"min_resource": min_resource, "reduction_factor": reduction_factor}
    return Pruning("HyperbandPruner", settings, horizon="max_resource")


def declared_pruner(node: Any) -> tuple[str, Pruning]:
    """Name and declaration of the pruner of a config; raises ConfigError."""
    name, params = pruners.parse("none" if node is None else node)
    return name, pruners.build(name, **params)
