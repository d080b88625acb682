"""Which jobs of a sweep are trained together, as one computation.

Jobs fit together where networks of one shape see batches of one size of one data set: seeds, learning rates,
initializers, activations, losses, optimizers, schedules, penalties and epochs may differ. What needs more than the
batched pass gives is trained alone: other gradient methods, compiled steps, the gradient check, batches that are
processed in pieces, components and callbacks of plug-ins, and jobs that go on from a checkpoint.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice, pairwise
from typing import Any

from bpexp.config.groups import GROUPS
from bpexp.config.launching import Fuse
from bpexp.config.schema import Config
from bpexp.data import DataSet
from bpexp.gradients.backprop import Backprop
from bpexp.nn.activations import activations
from bpexp.nn.outputs import outputs
from bpexp.running.build import Experiment, batch_size
from bpexp.running.job import Job
from bpexp.running.loading import load_data
from bpexp.running.outline import declared_activations
from bpexp.training.callbacks import callbacks
from bpexp.training.fused.member import Kinds

OURS = "bpexp."

MOST = 32
"""Runs that are trained together at most: beyond, the gain grows no more and a run waits for more others."""

LARGEST = 60_000
"""Weights of the largest network that is fused where the batches are shared."""

SMALL = 20_000
"""Weights of the largest network that is fused where each run has batches of its own."""

STEP = 300_000
"""Multiplications of the largest forward pass that is fused where each run has batches of its own."""

MEMORY = 2**28
"""Bytes of inputs that runs with splits of their own may hold at once."""


def arranged(jobs: Iterable[Job], fuse: Fuse, workers: int = 1) -> Iterable[Job]:
    """The jobs of a sweep in an order in which those that are to be trained together follow each other.

    Jobs that are decided one after the other, as those of a search, stay as they are.

    Args:
        jobs: of a sweep, with their directories.
        fuse: off, or auto to train together what fits together and gains by it.
        workers: the number of processes that should all have something to do.
    """
    if fuse == "off" or not isinstance(jobs, Sequence):
        return jobs
    groups: dict[object, list[Job]] = {}
    for job in jobs:
        groups.setdefault(_shape(job) or job.number, []).append(job)
    fair = max(1, -(-len(jobs) // workers))
    found = [unit for group in groups.values() for unit in _split(group, min(MOST, fair))]
    return [replace(job, together=len(unit) if job is unit[0] else 1) for unit in found for job in unit]


def units(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    """Each job with those that are trained together with it, pulled at once."""
    waiting = iter(jobs)
    for job in waiting:
        yield [job, *islice(waiting, job.together - 1)]


def _shape(job: Job) -> str | None:
    """What jobs that fit together have in common, as text; None for a job that fits with none."""
    config = job.config
    if config.task != "train" or config.engine != "numpy":
        return None
    if config.check["name"] != "off" or not _plain(config):
        return None
    if job.again and job.directory.exists():  # it goes on from its checkpoint, or sets aside what lies there
        return None
    method = GROUPS["gradient"].build(config.gradient)
    if type(method) is not Backprop or (config.batch_size != "full" and config.batch_size > method.piece):
        return None
    reduction = GROUPS["loss"].declared(config.loss).shared.get("batch")
    common = [config.model.widths, config.batch_size, config.dtype, config.data, config.threads, reduction]
    return json.dumps([*common, config.evaluation.train_samples, config.gradient], default=str)


def kinds_of(experiment: Experiment) -> Kinds:
    """What a training may have in common with others, as text."""
    config, text = experiment.config, partial(json.dumps, sort_keys=True, default=str)
    hidden = tuple(text(function) for function in experiment.spec["hidden"])
    return Kinds(hidden, text([config.output, config.loss]), text(config.optimizer), text(config.schedule))


def _plain(config: Config) -> bool:
    """Whether all that the batched pass calls is ours: what a plug-in does with an array (n, B) is its own."""
    made: list[Any] = [activations[activations.parse(node)[0]] for node in declared_activations(config)]
    made += [outputs[config.output["name"]], *(callbacks[name] for name in config.callbacks)]
    made += [GROUPS[group].registry[getattr(config, group)["name"]] for group in ("loss", "optimizer", "schedule")]
    return all(factory.__module__.startswith(OURS) for factory in made)


def _split(group: Sequence[Job], most: int) -> Iterator[tuple[Job, ...]]:
    """Jobs of one shape in units that gain by it."""
    if len(group) == 1:
        yield tuple(group)
        return
    config = group[0].config
    data = load_data(config)
    B = batch_size(config, data)
    if GROUPS["gradient"].build(config.gradient).piece < B:  # a full batch, in pieces
        yield from ((job,) for job in group)
        return
    seeds: dict[int, list[Job]] = {}
    for job in group:
        seeds.setdefault(job.config.seed, []).append(job)
    weights = sum(n * m for n, m in pairwise([data.n_inputs, *config.model.widths, data.n_outputs]))
    if weights <= SMALL and weights * B <= STEP:
        bound = max(1, MEMORY // _bytes(data))
        yield from _pieces([job for jobs in seeds.values() for job in jobs], min(most, bound))
    else:
        for jobs in seeds.values():
            yield from _pieces(jobs, most if weights <= LARGEST else 1)


def _bytes(data: DataSet) -> int:
    return int(data.train.X.nbytes)


def _pieces(jobs: Sequence[Job], most: int) -> Iterator[tuple[Job, ...]]:
    """The jobs in as few units of at most `most` as possible, of nearly equal size."""
    count = -(-len(jobs) // most)
    bounds = [len(jobs) * i // count for i in range(count + 1)]
    yield from (tuple(jobs[start:stop]) for start, stop in pairwise(bounds))
