"""Jobs trained one by one and together, to be held to each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bpexp.nn.arrays import Array
from bpexp.running.build import Experiment, build
from bpexp.running.fusing import kinds_of
from bpexp.running.job import Job
from bpexp.training.events import Callback, RunEnded
from bpexp.training.fused.member import Member
from bpexp.training.fused.together import Together
from bpexp.training.trainer import train
from tests.support.plans import planned

QUIET = ("tracking=none", "progress=false")


def jobs_of(*overrides: str) -> list[Job]:
    """The jobs of a sweep that is not recorded."""
    return planned(*overrides, *QUIET, multirun=True).jobs


def made(jobs: Sequence[Job]) -> list[Experiment]:
    """The objects of jobs, in the order in which they are put side by side."""
    return sorted((build(job.config) for job in jobs), key=kinds_of)


def alone(jobs: Sequence[Job]) -> tuple[list[Array], list[RunEnded]]:
    """The weights and the ends of jobs that are trained one by one."""
    experiments = made(jobs)
    ends = [train(experiment.trainer, experiment.callbacks) for experiment in experiments]
    return [experiment.trainer.network.theta for experiment in experiments], ends


def together(jobs: Sequence[Job], *watching: Callback) -> tuple[list[Array], list[RunEnded]]:
    """The weights and the ends of jobs that are trained together, each watched by one of the given callbacks."""
    experiments = made(jobs)
    each = [[one] for one in watching] or [[] for _ in experiments]
    members = [
        Member(experiment.trainer, [*more, *experiment.callbacks], kinds=kinds_of(experiment))
        for experiment, more in zip(experiments, each, strict=True)
    ]
    training = Together(members, one_order=len({experiment.config.seed for experiment in experiments}) == 1)
    training.begin(lambda: None)
    while training.members:
        training.epoch(lambda: None)
    ends = [member.ended for member in members]
    for end in ends:
        if isinstance(end, Exception):
            raise end
    return [experiment.trainer.network.theta for experiment in experiments], [
        e for e in ends if isinstance(e, RunEnded)
    ]


def apart(some: Sequence[Array], others: Sequence[Array]) -> float:
    """The largest difference of two weights, relative to the largest weight of their network."""
    pairs = zip(some, others, strict=True)
    return max(float(np.abs(a - b).max() / max(1.0, np.abs(a).max())) for a, b in pairs)


def told(ends: Sequence[RunEnded]) -> list[tuple[str, int, int, int | None]]:
    """How trainings ended, without words and times."""
    return [(end.status, end.epoch, end.step, end.restored) for end in ends]
