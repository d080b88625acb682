"""What a sweep, a study or a search says before it begins: what it is going to do, and what is decided unasked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bpexp.running.job import Job
from bpexp.running.loading import load_data
from bpexp.running.observers import notes

if TYPE_CHECKING:
    from bpexp.running.plan import Plan


def header(plan: Plan) -> str:
    """What kind of sweep it is, its jobs, its arms and its seeds, and how long a job trains."""
    if plan.trials is not None:
        search = plan.trials.search
        searched = ", ".join(dimension.key for dimension in search.space)
        kind = f"search by {search.sampler}, {_counted(search.trials, 'trial')}, over {searched}"
    elif plan.study is not None:
        kind = f"study {plan.study.name}, {_size(plan)}"
    else:
        kind = f"sweep, {_size(plan)}"
    return f"{kind}; {_epochs(plan.jobs)}"


def notes_of(plan: Plan) -> list[str]:
    """What the jobs decide without being told, each sentence once; of a search, whether all of it is at random."""
    data = load_data(plan.config)
    return [*dict.fromkeys(note for job in plan.jobs for note in notes(job.config, data)), *_at_random(plan)]


def _at_random(plan: Plan) -> list[str]:
    """That a search is over before its sampler decides the first trial by the results of others."""
    if plan.trials is None or plan.trials.search.trials > plan.trials.search.sampling.at_random:
        return []
    search, start = plan.trials.search, plan.trials.search.sampling
    begins = f"search={search.sampler} begins with {start.at_random} (search.{start.start}={start.at_random})"
    which = "the only trial is" if search.trials == 1 else f"all {search.trials} trials are"
    return [f"search: {which} drawn at random, as {begins}; it decides by results in a search of more trials"]


def _size(plan: Plan) -> str:
    """Jobs, and the numbers of which they are the product, if they are one."""
    jobs, study = plan.jobs, plan.study
    seeds = {job.config.seed for job in jobs}
    arms = len({tuple(word for word in job.overrides if _key(word) != "seed") for job in jobs})
    told, product = _counted(len(jobs), "job"), [_counted(arms, "arm")]
    if study is not None and study.tuned:
        levels = len(study.factors[study.tuned])
        product = [_counted(arms // levels, "arm"), f"{_counted(levels, 'level')} of {study.tuned}"]
    if arms * len(seeds) != len(jobs):
        return f"{told}: {_counted(arms, 'arm')}, {_counted(len(seeds), 'seed')}"
    told = f"{told}: {' x '.join([*product, _counted(len(seeds), 'seed')])}"
    if study is None or not study.stages:
        return told
    return f"at most {told}, looked at after {', '.join(map(str, study.stages))} seeds"


def _epochs(jobs: Sequence[Job]) -> str:
    """How many epochs the jobs train."""
    fewest, most = (pick(job.config.epochs for job in jobs) for pick in (min, max))
    return f"{_counted(most, 'epoch')} each" if fewest == most else f"{fewest} to {most} epochs each"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _key(override: str) -> str:
    return override.lstrip("+").partition("=")[0]
