"""The runs that confirm a search: its best trial and the preset, on seeds that the search has not used."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

from bpexp.errors import BpexpError
from bpexp.records.outcome import Outcome
from bpexp.running.job import Ending, Job
from bpexp.running.resuming.results import await_others, results
from bpexp.running.searching.trials import Trials
from bpexp.running.searching.values import value_of
from bpexp.search.confirmation import BEST, PRESET, Confirmation, compared, measures_of
from bpexp.search.found import Found

FOLDER = "confirm"
"""The folder of these runs below that of the search."""

Execute = Callable[[Sequence[Job], list[Ending]], None]
"""Executes jobs and adds their endings."""


def confirm(trials: Trials, found: Found, directory: Path, parent: str | None, execute: Execute) -> Confirmation | None:
    """Run the best trial and the preset on as many new seeds as search.confirm says; None where there is no best one.

    Runs that an earlier process has finished are recognised.
    """
    if found.best is None or not trials.search.confirm:
        return None
    seeds = new_seeds(trials)
    jobs = [job.below(directory, parent) for job in _jobs(trials, found, seeds)]
    await_others(jobs)
    endings = list(results(jobs).values())
    known = {ending.job.number for ending in endings}
    left = [replace(job, again=job.directory.exists()) for job in jobs if job.number not in known]
    if left:
        execute(left, endings)
    return _compared(trials, found.best.number, seeds, {ending.job.number: ending for ending in endings})


def new_seeds(trials: Trials) -> tuple[int, ...]:
    """The seeds after that of the search."""
    base = trials.job(0, {}).config.seed
    return tuple(islice(count(base + 1), trials.search.confirm))


def _jobs(trials: Trials, found: Found, seeds: Sequence[int]) -> list[Job]:
    """Both arms with each seed: the even numbers are the best trial, the odd ones the preset."""
    assert found.best is not None
    jobs = []
    for place, seed in enumerate(seeds):
        for arm, said in enumerate((found.best.said, {})):
            job = trials.job(2 * place + arm, {**said, "seed": str(seed)})
            name = f"trial_{found.best.number}" if arm == 0 else PRESET
            jobs.append(replace(job, subdirectory=Path(FOLDER, f"{name}_seed_{seed}")))
    return jobs


def _compared(trials: Trials, number: int, seeds: Sequence[int], endings: dict[int, Ending]) -> Confirmation:
    outcomes = {arm: {s: endings.get(2 * p + n) for p, s in enumerate(seeds)} for n, arm in enumerate((BEST, PRESET))}
    objective = trials.search.objectives[0]
    known = next((e.outcome.metrics for arm in outcomes.values() for e in arm.values() if e and e.outcome), {})
    named = {key.removeprefix("final/").rpartition("_")[0] + "/" + key.rpartition("_")[2]: 0 for key in known}
    rows = []
    for measure in measures_of(objective, named):
        arms = {arm: {s: _value(e, measure) for s, e in mine.items()} for arm, mine in outcomes.items()}
        rows.append(compared(measure, arms[BEST], arms[PRESET]))
    missing = [
        f"{arm}, seed {seed}: {_reason(ending)}"
        for arm, mine in outcomes.items()
        for seed, ending in mine.items()
        if math.isnan(_value(ending, objective))
    ]
    return Confirmation(number, tuple(seeds), rows, missing)


def _value(ending: Ending | None, measure: str) -> float:
    outcome = _outcome(ending)
    if outcome is None or not outcome.ok:
        return math.nan
    try:
        return value_of(outcome, measure)
    except (BpexpError, OSError, ValueError, KeyError):
        return math.nan


def _outcome(ending: Ending | None) -> Outcome | None:
    return None if ending is None else ending.outcome


def _reason(ending: Ending | None) -> str:
    outcome = _outcome(ending)
    if outcome is not None:
        return f"{outcome.status}: {outcome.reason}"
    return (ending.reason if ending else "") or "it was not begun"
