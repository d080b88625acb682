"""Which launcher a sweep gets, with how many workers, and the words that say so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from bpexp.config.groups import GROUPS
from bpexp.config.launching import Launching
from bpexp.errors import ConfigError, warn
from bpexp.running.bounds import job_memory
from bpexp.running.cores import usable_cores
from bpexp.running.job import Job
from bpexp.running.launchers import Chosen, opened
from bpexp.running.launchers.foreign import Foreign, unknown
from bpexp.running.loading import in_memory, load_data
from bpexp.running.memory import GIB, free_memory
from bpexp.running.plan import Plan

PROCESS = 100 * 2**20
"""Bytes that a worker has for itself, beside its data and its network: what `experiments.scale.worker_memory` measures,
rounded up."""

COMPILER = 125 * 2**20
"""Bytes more of a worker that compiles its steps: what the same measures with `engine=numba`, rounded up."""

IN_MEMORY = "the data are in the memory of this process, and not in that of workers"

SERIAL: Launching = GROUPS["launcher"].build({"name": "serial"})


@contextmanager
def launched(plan: Plan) -> Iterator[Chosen]:
    """The launcher of a sweep, ready for its jobs; raises ConfigError for one that cannot do them."""
    _refuse_elsewhere(plan)
    if plan.first.launcher != "basic":
        from bpexp.running.launchers.hydra_plugin import hydra_plugin

        yield Chosen(partial(hydra_plugin, first=plan.first), f"hydra/launcher={plan.first.launcher}")
        return
    if plan.trials is None:
        launching, words = choose(plan.jobs, len(plan.jobs))
    elif plan.config.launcher["name"] == "auto":  # several at once would be decided without the results of one another
        launching, words = SERIAL, "serial (each trial is decided by those before it)"
    else:
        launching, words = choose(plan.jobs, plan.trials.search.trials)
    with opened(launching, plan.jobs[0]) as launcher:
        yield Chosen(launcher, words, launching.fuse, launching.settings.get("n_jobs") or 1)


def _refuse_elsewhere(plan: Plan) -> None:
    """Raise ConfigError for a launcher whose workers lack data that are in the memory of this process."""
    name = plan.config.launcher["name"] if plan.first.launcher == "basic" else plan.first.launcher
    if any(in_memory(job.config) for job in plan.jobs) and name not in ("auto", "serial"):
        raise ConfigError(f"{IN_MEMORY}, which launcher={name} needs; use launcher=serial, or write them: data=npz")


def choose(jobs: Sequence[Job], number: int) -> tuple[Launching, str]:
    """The launcher of the config of jobs like these, which are `number` in all, and the words for it.

    `auto` is decided here, and `process` gets a number of workers. Warns of more workers than there are cores, or than
    fit into the memory. Raises ConfigError for `process` where a job needs a component that no worker knows.
    """
    node = jobs[0].config.launcher
    launching: Launching = GROUPS["launcher"].build(node)
    if node["name"] == "auto":
        reason = _serial(jobs, number)
        if reason:
            return replace(SERIAL, fuse=launching.fuse), f"serial ({reason}){_fusing(launching)}"
        wanted, fitting = min(_cores(jobs), number), _fitting(jobs)
        fewer = f" (as many as fit into {_gib(free_memory())})" if fitting < wanted else ""
        process = replace(GROUPS["launcher"].build({"name": "process"}), fuse=launching.fuse)
        chosen, words = _process(process, min(wanted, fitting), number)
        return chosen, f"{words}{fewer}"
    if node["name"] != "process":
        return launching, f"{node['name']}{_fusing(launching)}"
    for lacking in _lacking(jobs, number):
        raise ConfigError(f"{lacking}; put it into a module of its own, or use launcher=serial")
    workers = launching.settings["n_jobs"] or _cores(jobs)
    _warn(jobs, workers, min(workers, number))
    return _process(launching, workers, number)


def _serial(jobs: Sequence[Job], number: int) -> str:
    """Why workers would gain nothing, or could not do the jobs; empty where they are worth it."""
    if number == 1:
        return "one job"
    if _cores(jobs) == 1:
        return "one usable core"
    for lacking in _lacking(jobs, number):
        return str(lacking)
    if any(in_memory(job.config) for job in jobs):
        return IN_MEMORY
    if _fitting(jobs) < 2:
        return f"a worker needs about {_gib(_memory(jobs))}, and {_gib(free_memory())} are free"
    return ""


def _lacking(jobs: Sequence[Job], number: int) -> list[Foreign]:
    """The components of the jobs that no worker knows; all such, where most jobs are decided later, as in a search."""
    return [found for found in unknown() if number > len(jobs) or any(found.used_by(job) for job in jobs)]


def _warn(jobs: Sequence[Job], workers: int, busy: int) -> None:
    """Say that there are more workers than cores, or than fit into the memory; `busy` of them will have a job."""
    if workers > (cores := usable_cores()):
        warn(f"launcher.n_jobs={workers} is more workers than the {cores} cores that this process may use")
    need, free = _memory(jobs), free_memory()
    if busy * need > free:
        told = f"launcher.n_jobs={workers} workers of about {_gib(need)} each"
        warn(f"{told} are more than the {_gib(free)} that are free")


def _cores(jobs: Sequence[Job]) -> int:
    """Cores for workers, as far as the bound of processes allows."""
    return min(usable_cores(), jobs[0].config.limits.processes)


def _fitting(jobs: Sequence[Job]) -> int:
    """Workers that fit into the memory."""
    return int(free_memory() / _memory(jobs))


def _process(launching: Launching, workers: int, number: int) -> tuple[Launching, str]:
    """The launcher with so many workers; of more than there are jobs only as many have something to do, and are told.

    The others stay allowed: the runs that confirm a search may be more than its trials.
    """
    settings, busy = {**launching.settings, "n_jobs": workers}, min(workers, number)
    words = f"process, {busy} worker{'s' * (busy > 1)}{_fusing(launching)}"
    return replace(launching, settings=settings), words


def _fusing(launching: Launching) -> str:
    return "" if launching.fuse == "off" else f", fuse={launching.fuse}"


def _memory(jobs: Sequence[Job]) -> int:
    """Bytes that a worker needs for itself, at most: data are shared only until a job splits them by another seed."""
    data = load_data(jobs[0].config)
    compiler = COMPILER if any(job.config.engine == "numba" for job in jobs) else 0
    return PROCESS + compiler + max(job_memory(job.config, data) for job in jobs)


def _gib(size: float) -> str:
    return f"{size / GIB:.2g} GiB"
