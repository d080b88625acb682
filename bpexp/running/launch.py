"""Jobs handed to the launcher of a sweep, and their endings taken from it, while the progress is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from bpexp.config.plugins import named_plugins
from bpexp.running.fusing import arranged
from bpexp.running.job import Ending, Job
from bpexp.running.launchers import Chosen
from bpexp.running.plan import Plan
from bpexp.running.resuming.results import closed
from bpexp.running.sweep_progress import SweepProgress
from bpexp.running.tally import Tally

if TYPE_CHECKING:
    from bpexp.running.sweep import Sweep

LAUNCHER = "bpexp.launcher"
"""The tag of the parent run that says what executed its jobs."""


def execute_jobs(plan: Plan, jobs: Iterable[Job], sweep: Sweep, total: int | None = None) -> bool:
    """Launch jobs and keep their endings; False where sweep.on_error=stop ends the sweep before its last job.

    Jobs are pulled as the launcher can begin them, so that an iterable may decide the next one from `sweep.endings`.
    `total` is the number of jobs of the whole sweep; None for those of the plan.
    """
    chosen = chosen_for(plan)
    number = len(plan.jobs) if total is None else total
    tally = Tally(number, common=common_words(plan), brief=plan.trials is not None)
    for ending in sweep.endings:
        tally.add(ending.job.number, ending.outcome, fresh=False)
    progress = SweepProgress(tally, chosen.words, plan.config.progress)
    pulled = progress.pulled(arranged(jobs, chosen.fuse, chosen.workers))
    with progress, named_plugins(), closing(chosen.launcher(pulled)) as endings:
        for found in _each_once(endings, progress):
            ending = found if found.outcome is not None else closed(found.job, found.reason)
            sweep.endings.append(ending)
            progress.ended(ending)
            if plan.config.sweep.on_error == "stop" and not (ending.outcome and ending.outcome.ok):
                return False
    return True


def _each_once(endings: Iterable[Ending], progress: SweepProgress) -> Iterator[Ending]:
    """One ending of each job that was pulled: of those that a launcher forgot, none but what their folders tell."""
    for ending in endings:
        if progress.awaits(ending.job):
            yield ending
    yield from (Ending(job, None) for job in progress.awaited())


def chosen_for(plan: Plan) -> Chosen:
    """The launcher of a sweep that has begun."""
    assert plan.chosen is not None, "a sweep has a launcher from its beginning"
    return plan.chosen


def common_words(plan: Plan) -> frozenset[str]:
    """The overrides that all jobs of a sweep of several have; of a search, those of the preset."""
    jobs = plan.jobs
    if plan.trials is not None:
        return frozenset(jobs[0].overrides)
    return frozenset.intersection(*(frozenset(job.overrides) for job in jobs)) if len(jobs) > 1 else frozenset()
