"""The options of `search`: what decides the next trial, by name, and the settings that all of them share.

An option names a class of `optuna.samplers`, which is imported when a search starts, so that validation and help never
wait for Optuna. The names of the parameters are Optuna's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from bpexp.registry import Count, Range, Registry

Natural = Annotated[int, Range(least=0)]


@dataclass(frozen=True, slots=True)
class Sampling:
    """A class of `optuna.samplers` and its keyword arguments, beside the seed.

    Args:
        sampler: name of the class.
        settings: its keyword arguments.
        modules: what it imports, by the name of the package that is to be installed.
        objectives: the largest number of objectives that it can take.
        numbers: fewest numbers, not choices, that its space must have.
        one_sequence: whether all its trials are points of one sequence, so that they need one seed.
        start: name of the setting with the number of random trials with which it begins; empty for a sampler that
            decides no trial by the others.
    """

    sampler: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    modules: Mapping[str, str] = field(default_factory=dict)
    objectives: int = 2
    numbers: int = 0
    one_sequence: bool = False
    start: str = ""

    @property
    def at_random(self) -> int:
        """The number of trials at its beginning that no result decides; 0 for a sampler that decides none."""
        return int(self.settings[self.start]) if self.start else 0


def shared(
    trials: Count = 20,
    seed: Natural = 0,
    objectives: list[str] | None = None,
    pruner: Any = "none",
    confirm: Natural = 0,
    space: dict[str, Any] | None = None,
) -> None:
    """The settings of every search.

    Args:
        trials: runs of the search; those that fail or are pruned count.
        seed: seed of the sampler. A trial depends on it, on its number and on the results before it alone.
        objectives: one or two metrics on the validation part, or parameters, the number of them; null for `objective`.
        pruner: what ends a trial early that will not be the best; none, median, halving or hyperband, or a mapping such
            as {name:median,n_startup_trials:10}.
        confirm: new seeds on which the best trial is compared with the preset when the search is over; 0 for none.
        space: what is searched, by key, in the grammar of the command line, such as {lr: "interval(0.001, 1)"}; a key
            that is set on the command line is searched, or fixed, as that says.
    """


samplers: Registry[Sampling] = Registry("search")


@samplers.register("tpe")
def tpe(n_startup_trials: Count = 10, n_ei_candidates: Count = 24, multivariate: bool | None = None) -> Sampling:
    """Tree-structured Parzen estimator: trials where good results were dense and bad ones were not.

    Args:
        n_startup_trials: random trials before the first that is decided.
        n_ei_candidates: candidates of which the best is tried.
        multivariate: whether values are drawn together instead of one by one; null as Optuna decides.
    """
    return Sampling(
        "TPESampler",
        {"n_startup_trials": n_startup_trials, "n_ei_candidates": n_ei_candidates}
        | ({} if multivariate is None else {"multivariate": multivariate}),
        start="n_startup_trials",
    )


@samplers.register("random")
def random() -> Sampling:
    """Independent random trials: the search that every other one has to beat."""
    return Sampling("RandomSampler")


@samplers.register("quasi_random")
def quasi_random(qmc_type: Annotated[str, Literal["sobol", "halton"]] = "sobol", scramble: bool = True) -> Sampling:
    """A low-discrepancy sequence, which fills the space of the numbers evenly; choices are drawn at random.

    Args:
        qmc_type: the sequence.
        scramble: whether it is randomized by the seed.
    """
    return Sampling("QMCSampler", {"qmc_type": qmc_type, "scramble": scramble}, {"scipy": "scipy"}, one_sequence=True)


@samplers.register("cmaes")
def cmaes(n_startup_trials: Count = 1, popsize: Annotated[int, Range(least=4)] | None = None) -> Sampling:
    """CMA-ES, an evolution strategy for two numbers or more; choices are drawn at random.

    Args:
        n_startup_trials: random trials before it begins.
        popsize: trials of a generation; null for 4 + floor(3 ln d) with d numbers.
    """
    settings = {"n_startup_trials": n_startup_trials, "popsize": popsize}
    return Sampling("CmaEsSampler", settings, {"cmaes": "cmaes"}, objectives=1, numbers=2, start="n_startup_trials")


@samplers.register("nsga2")
def nsga2(population_size: Annotated[int, Range(least=2)] = 20) -> Sampling:
    """NSGA-II, a genetic algorithm for two objectives: the trials that no other one beats in both.

    Args:
        population_size: trials of a generation, the first of which is random.
    """
    return Sampling("NSGAIISampler", {"population_size": population_size}, start="population_size")


@samplers.register("gp")
def gp(n_startup_trials: Count = 10) -> Sampling:
    """A Gaussian process: few trials, each decided with much arithmetic; needs torch.

    Args:
        n_startup_trials: random trials before the first that is decided.
    """
    modules = {"torch": "torch", "scipy": "scipy"}
    return Sampling("GPSampler", {"n_startup_trials": n_startup_trials}, modules, start="n_startup_trials")
