"""Which launcher a sweep gets, with how many workers, and the words that say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from bpexp.config.groups import GROUPS
from bpexp.config.launching import Launching
from bpexp.errors import ConfigError, warn
from bpexp.running.bounds import job_memory
from bpexp.running.cores import usable_cores
from bpexp.running.job import Job
from bpexp.running.launchers import Chosen, load
from bpexp.running.launchers.foreign import unknown
from bpexp.running.loading import load_data
from bpexp.running.memory import GIB, free_memory
from bpexp.running.plan import Plan

PROCESS = 100 * 2**20
"""Bytes that a worker has for itself, beside its data and its network: what `experiments.scale.worker_memory` measures,
rounded up."""


def launcher_of(plan: Plan) -> Chosen:
    """The launcher of a sweep; raises ConfigError for one that cannot do its jobs."""
    if plan.first.launcher != "basic":
        from bpexp.running.launchers.hydra_plugin import hydra_plugin

        return Chosen(partial(hydra_plugin, first=plan.first), f"hydra/launcher={plan.first.launcher}")
    return choose(plan.jobs, len(plan.jobs))


def choose(jobs: Sequence[Job], number: int) -> Chosen:
    """The launcher of the config of jobs like these, which are `number` in all.

    `auto` is decided here, and `process` gets a number of workers. Warns of more workers than there are cores, or than
    fit into the memory. Raises ConfigError for `process` where a job needs a component that no worker knows.
    """
    node = jobs[0].config.launcher
    launching: Launching = GROUPS["launcher"].build(node)
    if node["name"] == "auto":
        return _by_itself(jobs, number, launching)
    if node["name"] != "process":
        return _serially(launching, str(node["name"]))
    for lacking in unknown():
        if any(lacking.used_by(job) for job in jobs):
            raise ConfigError(f"{lacking}; put it into a module of its own, or use launcher=serial")
    cores = usable_cores()
    workers = launching.settings["n_jobs"] or _cores(jobs)
    if workers > cores:
        warn(f"launcher.n_jobs={workers} is more workers than the {cores} cores that this process may use")
    need, free = _memory(jobs), free_memory()
    if min(workers, number) * need > free:
        warn(
            f"launcher.n_jobs={workers} workers of about {_gib(need)} each are more than the {_gib(free)} that are free"
        )
    return _process(launching, workers)


def _by_itself(jobs: Sequence[Job], number: int, declared: Launching) -> Chosen:
    """A worker a core; serial where nothing is gained by workers, or where they could not do the jobs."""
    cores, need, free = _cores(jobs), _memory(jobs), free_memory()
    fitting = int(free / need)
    lacking = next((found for found in unknown() if any(found.used_by(job) for job in jobs)), None)
    reasons = {
        "one job": number == 1,
        "one usable core": cores == 1,
        f"a worker needs about {_gib(need)}, and {_gib(free)} are free": fitting < 2,
        f"{lacking}": lacking is not None,
    }
    for reason, holds in reasons.items():
        if holds:
            return _serially(declared, f"serial ({reason})")
    fewer = f" (as many as fit into {_gib(free)})" if fitting < min(cores, number) else ""
    launching = replace(GROUPS["launcher"].build({"name": "process"}), fuse=declared.fuse)
    chosen = _process(launching, min(cores, fitting, number))
    return replace(chosen, words=f"{chosen.words}{fewer}")


def _cores(jobs: Sequence[Job]) -> int:
    """Cores for workers, as far as the bound of processes allows."""
    return min(usable_cores(), jobs[0].config.limits.processes)


def _process(launching: Launching, workers: int) -> Chosen:
    settings = {**launching.settings, "n_jobs": workers}
    words = f"process, {workers} worker{'s' * (workers > 1)}{_fusing(launching)}"
    return Chosen(load(Launching(launching.function, settings)), words, launching.fuse, workers)


def _serially(launching: Launching, words: str) -> Chosen:
    return Chosen(load(launching), f"{words}{_fusing(launching)}", launching.fuse)


def _fusing(launching: Launching) -> str:
    return "" if launching.fuse == "off" else f", fuse={launching.fuse}"


def _memory(jobs: Sequence[Job]) -> int:
    """Bytes that a worker needs for itself, at most: data are shared only until a job splits them by another seed."""
    data = load_data(jobs[0].config)
    return PROCESS + max(job_memory(job.config, data) for job in jobs)


def _gib(size: float) -> str:
    return f"{size / GIB:.2g} GiB"
