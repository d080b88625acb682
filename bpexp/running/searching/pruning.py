"""What ends the trial of a search early, in whatever process its job is performed."""

from __future__ import annotations

from bpexp.running.job import Job
from bpexp.training.events import Callback


def pruning(job: Job) -> list[Callback]:
    """The callback that reports for the pruner of a search; [] for a job that no search prunes.

    Raises ConfigError where the process of the job does not see the storage of the search.
    """
    if job.trial is None:
        return []
    from bpexp.search.pruning import Pruner  # which needs Optuna

    return [Pruner(job.trial)]
