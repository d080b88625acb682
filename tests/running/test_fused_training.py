"""Runs that are trained together: their weights and ends are those of the same runs alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpexp
from bpexp.config.composition import CommandLine, composer
from bpexp.config.groups import GROUPS
from bpexp.errors import ConfigError
from bpexp.nn.arrays import Array
from bpexp.nn.penalties import Clip, Penalty
from bpexp.running.build import build
from bpexp.running.fusing import MOST, arranged, units
from bpexp.running.job import Job
from bpexp.training.events import Callback, Position, RunStarted
from tests.support.together import alone, apart, jobs_of, together, told

CONF = Path(bpexp.__file__).parents[1] / "conf"
SMALL = {"data": "xor", "data.n": "96", "model.hidden": "[5,4]", "batch_size": "7", "epochs": "10", "dtype": "float64"}
"""100 steps, the last of each epoch on a shorter batch."""

ROUNDING = 1e-12

EARLY = {"early_stopping": {"patience": 1, "metric": "loss/train", "restore_best": True}}


def names(group: str) -> list[str]:
    """The components of a group that need no parameter."""
    registry = GROUPS[group].registry
    return sorted(name for name in registry if not any(p.required for p in registry.parameters(name).values()))


def small(lines: Iterable[str]) -> list[Job]:
    """A sweep of small runs."""
    return jobs_of(
        *(f"{key}={value}" for key, value in {**SMALL, **dict(line.split("=", 1) for line in lines)}.items())
    )


def varied(base: Job, **nodes: Any) -> Job:
    """The job with other values in its config; a node of a group loses its other parameters."""
    return replace(base, config=replace(base.config, **nodes))


def groups(jobs: list[Job], workers: int = 1) -> list[list[Job]]:
    """The jobs that are trained together."""
    return list(units(arranged(jobs, "auto", workers)))


def fits(job: Job) -> bool:
    """Whether the loss of a job is defined on its output."""
    try:
        build(job.config)
    except ConfigError:
        return False
    return True


def hold(jobs: list[Job], tolerance: float = ROUNDING) -> None:
    """The jobs trained together are the jobs trained alone."""
    (weights, ends), (fused, fused_ends) = alone(jobs), together(jobs)
    assert told(fused_ends) == told(ends)
    assert apart(weights, fused) <= tolerance
    assert all(np.abs(weight).max() > 0 for weight in weights)


def test_every_component_in_one_batch():
    """Each activation, output with loss, optimizer, schedule, initializer, penalty and clipping, side by side."""
    base, *_ = small([])
    adam, cost = {"optimizer": {"name": "adam"}}, {"batch": "mean", "shortcut": True}
    nodes: list[dict[str, Any]] = [{"activation": {"name": name}} for name in names("activation")]
    pairs = product(names("output"), names("loss"))
    nodes += [{"output": {"name": output}, "loss": {"name": loss, **cost}} for output, loss in pairs]
    nodes += [{"loss": {"name": "mse", **cost, **more}} for more in ({}, {"shortcut": False}, {"factor": 0.5})]
    nodes += [{"optimizer": {"name": name}, "lr": 0.01} for name in names("optimizer")] + [adam, {**adam, "lr": 0.003}]
    nodes += [
        {"optimizer": {"name": "momentum", "momentum": 0.5}},
        {"optimizer": {"name": "sgd", "weight_decay": 0.01}},
    ]
    nodes += [{"schedule": {"name": name}, **adam, "lr": 0.01} for name in names("schedule")]
    nodes += [{"init": {"name": name}} for name in names("init")] + [{"init": {"name": "zeros", "bias_std": 0.1}}]
    nodes += [{"penalty": Penalty(l1=0.001)}, {"penalty": Penalty(l2=0.01)}]
    nodes += [{"clip": Clip(norm=0.1)}, {"clip": Clip(value=0.01), "optimizer": {"name": "momentum"}}]
    jobs = [job for job in (varied(base, **node) for node in nodes) if fits(job)]
    assert {job.config.optimizer["name"] for job in jobs} == set(GROUPS["optimizer"].registry)
    assert {job.config.loss["name"] for job in jobs} == set(GROUPS["loss"].registry)
    assert {job.config.output["name"] for job in jobs} == set(names("output"))
    assert len(jobs) >= 70
    assert len(groups(jobs)) == -(-len(jobs) // MOST)
    hold(jobs)


@pytest.mark.parametrize(
    "lines",
    [
        ["seed=1,2,3", "lr=0.1,0.5"],
        ["seed=1,2,3", "batch_size=full"],
        ["lr=0.1,0.5", "batch_size=full"],
        ["lr=0.1,0.2", "batch_size=1", "epochs=2"],
        ["lr=0.1,0.2", "batch_size=67"],
        ["lr=0.1,0.2", "gradient.blocks=2"],
        ["seed=1,2", "data=polynomial", "data.n=80", "loss=mse,mae,huber", "output=identity"],
        ["seed=1,2", "data.one_hot=false", "output=sigmoid", "loss=binary_cross_entropy"],
        ["loss.batch=sum", "lr=0.01,0.02"],
        ["epochs=3,7,10", "schedule=cosine"],
        ["evaluation.every=3,5", "seed=1,2"],
        ["model.hidden=[]", "lr=0.1,0.2"],
        ["model.hidden=[3,3,3,3,3,3]", "activation=tanh,sigmoid", "optimizer=adam", "lr=0.01,0.02"],
        ["model.activations=[relu,tanh],[tanh,relu],[tanh,tanh]"],
    ],
    ids="_".join,
)
def test_what_jobs_may_have_of_their_own(lines: list[str]):
    jobs = small(lines)
    assert len(groups(jobs)) < len(jobs)
    hold(jobs)


PRESETS = [f"model={path.stem}" for path in sorted((CONF / "model").glob("*.yaml"))]
PRESETS += [f"experiment={path.stem}" for path in sorted((CONF / "experiment").glob("*.yaml"))]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset(preset: str):
    """Two seeds and two learning rates of its first job, by back-propagation, for 20 steps on a small data set."""
    with composer(CommandLine((preset,))) as composing:
        config = composing.compose(composing.parse([preset])).config
    if config.data["name"] != "polynomial":
        config = replace(config, data={"name": "digits", "limit": 256})
    batch = config.batch_size if config.batch_size == "full" else 10
    config = replace(config, gradient={"name": "backprop"}, dtype="float64", epochs=1, batch_size=batch)
    both = product((1, 2), (config.lr, config.lr / 2))
    hold([Job(replace(config, seed=seed, lr=lr), ()) for seed, lr in both])


class Rows(Callback):
    """Keeps a copy of theta after each epoch."""

    def __init__(self) -> None:
        self.rows: list[Array] = []

    def on_start(self, event: RunStarted) -> None:
        self._network = event.network

    def after_epoch(self, at: Position) -> None:
        self.rows.append(self._network.theta.copy())


@pytest.mark.parametrize("more", [["batch_size=7"], ["batch_size=full"], ["seed=1,2", "batch_size=7"]], ids=str)
def test_a_run_that_leaves_disturbs_nobody(more: list[str]):
    """One diverges within its first epoch, one is stopped early and goes back to its best epoch; bit for bit."""
    jobs = small(["lr=0.3,0.1,0.2", "dtype=float32", *more])
    leaving = varied(jobs[0], lr=1e30), varied(jobs[1], callbacks=EARLY, lr=5.0)
    rows, crowded = [Rows() for _ in jobs], [Rows() for _ in range(len(jobs) + 2)]
    together(jobs, *rows)
    weights, ends = together([*jobs, *leaving], *crowded)
    assert [end.status for end in ends].count("diverged") == 1
    assert [end.restored is not None for end in ends].count(True) == 1
    assert len(weights) == len(jobs) + 2
    stayed = [one for one, end in zip(crowded, ends, strict=True) if end.status == "finished"]
    for alone_, among in zip(rows, stayed, strict=True):
        assert len(alone_.rows) == len(among.rows) == 11
        assert all(np.array_equal(a, b) for a, b in zip(alone_.rows, among.rows, strict=True))


def test_float32_moves_no_further_than_by_another_blocking_of_the_products():
    """The short form of `python -m experiments.scale.fused rounding`, with products that are done in blocks."""
    shape = ["data=digits", "model.hidden=[128]", "batch_size=128", "epochs=4", "dtype=float32", "lr=0.1,0.2"]
    (single, _), (fused, _) = alone(jobs_of(*shape)), together(jobs_of(*shape))
    (blocked, _) = alone(jobs_of(*shape, "gradient.piece=32"))
    assert 0 < apart(single, blocked) < 1e-4
    assert apart(single, fused) < 10 * apart(single, blocked)
