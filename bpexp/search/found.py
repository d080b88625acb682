"""What a search found: its trials, the best one, how the best came about, and which keys mattered."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import optuna
from optuna.trial import FrozenTrial, TrialState

from bpexp.search.begun import DIVERGED
from bpexp.search.declared import Search, lower_is_better
from bpexp.search.space import said_of
from bpexp.search.storage import quiet

STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "unfinished",
    TrialState.WAITING: "unfinished",
}

FEWEST = 4
"""Trials with a value below which nothing is said about the importance of keys."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One trial.

    Args:
        number: of the trial, and of its job.
        state: complete, diverged, pruned, failed or unfinished.
        said: its values by key, in the grammar of overrides.
        values: of the objectives, empty unless it is complete or diverged; of one that diverged they are those before
            its first step, which guide the sampler and are no result.
        reports: the objective by epoch, where a pruner was told.
    """

    number: int
    state: str
    said: dict[str, str]
    values: tuple[float, ...] = ()
    reports: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a search found.

    Args:
        search: as it was declared.
        trials: in their order.
        best: the best trial by one objective; by two the first of the front; None without a complete one.
        front: with two objectives, the trials that no other one beats in both.
        importance: for each objective, the share of its variance over the space that each key explains by itself
            (fANOVA, Hutter et al. 2014), the largest first; of keys that every trial has. Empty of too few trials.
    """

    search: Search
    trials: list[Tried]
    best: Tried | None
    front: list[Tried]
    importance: dict[str, dict[str, float]]

    def count(self, state: str) -> int:
        """The number of trials with a state."""
        return sum(trial.state == state for trial in self.trials)

    def best_so_far(self) -> list[tuple[int, float]]:
        """The best value of the first objective after each complete trial, by the number of the trial."""
        better, found, best = min if lower_is_better(self.search.objectives[0]) else max, [], math.nan
        for trial in self.trials:
            if trial.state == "complete":
                best = trial.values[0] if math.isnan(best) else better(best, trial.values[0])
                found.append((trial.number, best))
        return found


def found_by(search: Search, study: optuna.Study, *, importance: bool = True) -> Found:
    """What the trials of a search show; without `importance`, which takes a second, not which keys mattered."""
    trials = study.get_trials(deepcopy=False)
    tried = [_tried(search, trial) for trial in trials]
    front = _front(search, [trial for trial in tried if trial.state == "complete"])
    best = front[0] if front else None
    shares = _importance(search, study, [trial for trial in tried if trial.values]) if importance else {}
    return Found(search, tried, best, front if len(search.objectives) > 1 else [], shares)


def _tried(search: Search, trial: FrozenTrial) -> Tried:
    values = tuple(trial.values) if trial.state == TrialState.COMPLETE else ()
    reports = dict(sorted(trial.intermediate_values.items()))
    state = "diverged" if values and DIVERGED in trial.user_attrs else STATES[trial.state]
    return Tried(trial.number, state, said_of(search.space, trial.params), values, reports)


def _front(search: Search, complete: list[Tried]) -> list[Tried]:
    """The trials that no other one beats, or equals and came before, the best by the first objective first."""
    signs = [1.0 if lower_is_better(name) else -1.0 for name in search.objectives]
    costs = {t.number: tuple(s * v for s, v in zip(signs, t.values, strict=True)) for t in complete}
    ordered = sorted(complete, key=lambda trial: (costs[trial.number], trial.number))
    front: list[Tried] = []
    for trial in ordered:
        cost = costs[trial.number]
        if not any(all(a <= b for a, b in zip(costs[other.number], cost, strict=True)) for other in front):
            front.append(trial)
    return front


def _importance(search: Search, study: optuna.Study, valued: list[Tried]) -> dict[str, dict[str, float]]:
    from optuna.importance import FanovaImportanceEvaluator  # which loads scikit-learn

    found: dict[str, dict[str, float]] = {}
    for place, name in enumerate(search.objectives):
        values = [trial.values[place] for trial in valued]
        if len(values) < FEWEST or max(values) == min(values) or not all(map(math.isfinite, values)):
            continue
        with quiet():
            try:
                shares = FanovaImportanceEvaluator(seed=search.seed).evaluate(study, target=_target(place))
            except (RuntimeError, ValueError):  # trials that differ in nothing that every trial has
                continue
        found[name] = {key: float(share) for key, share in shares.items() if not math.isnan(share)}
    return found


def _target(place: int) -> Callable[[FrozenTrial], float]:
    return lambda trial: float(trial.values[place])
