"""Launching what was planned: one run or a sweep, in a directory of its own, with Hydra calling each job."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from bpexp.errors import BpexpError, ConfigError

if TYPE_CHECKING:
    from bpexp.config.composition import Plan
    from bpexp.config.schema import Config
    from bpexp.records.outcome import Outcome
    from bpexp.running.sweep import Sweep
    from bpexp.study.report import Report

PARENT = "BPEXP_PARENT_RUN"
"""The environment variable by which a sweep tells its jobs, in whatever process, the MLflow run they belong to."""


def launch_run(plan: Plan) -> Outcome:
    """Check the one run of a plan, then carry it out."""
    from bpexp.config.composition import compose_job, quoted
    from bpexp.running.build import build

    build(compose_job(plan, plan.jobs[0]))
    directory = claim(plan, "run")
    plan.hydra.run(plan.config_name, job, [*plan.overrides, f"hydra.run.dir={quoted(directory)}"])
    from bpexp.records.outcome import read_outcome

    return read_outcome(directory)


def launch_sweep(plan: Plan, command: Sequence[str]) -> tuple[Sweep, Report | None]:
    """Check every job of a plan, then carry them out below one parent; a study ends in its report."""
    from omegaconf import OmegaConf

    from bpexp.config.composition import quoted
    from bpexp.config.validation import tracking_of

    tracking = tracking_of(check_jobs(plan))
    directory = claim(plan, "sweep")
    from bpexp.running.sweep import Sweep

    said = " ".join(o for o in plan.overrides if not o.lstrip("+").startswith("hydra."))
    name = f"study: {plan.study.name}" if plan.study else f"sweep: {said}"
    with Sweep(tracking, directory, len(plan.jobs), command, name) as sweep:
        if sweep.run_id:
            os.environ[PARENT] = sweep.run_id
        try:
            with _composed_already(plan):
                plan.hydra.multirun(plan.config_name, job, [*plan.overrides, f"hydra.sweep.dir={quoted(directory)}"])
        finally:
            os.environ.pop(PARENT, None)
    if plan.study is None:
        return sweep, None
    from bpexp.study.conclude import conclude

    declaration: Any = OmegaConf.to_container(plan.master.study, resolve=True)
    return sweep, conclude(plan.study, declaration, sweep, directory, " ".join(command))


def _composed_already(plan: Plan) -> Any:
    """Spare the grid sweeper its own composition of every job ahead of the first, where `check_jobs` has done it.

    It costs as much as a short run: 0.08 s a job.
    """
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    return (
        patch.object(BasicSweeper, "validate_batch_is_legal", lambda self, batch: None) if plan.jobs else nullcontext()
    )


def check_jobs(plan: Plan) -> Config:
    """Build every job of a grid before the first one runs; answers with the config of one of them."""
    from bpexp.config.composition import compose_job
    from bpexp.running.build import build

    config = None
    for overrides in plan.jobs or [[]]:
        try:
            config = compose_job(plan, overrides)
            build(config)
        except BpexpError as error:
            raise type(error)(f"{error} (in the job {' '.join(overrides)})" if overrides else str(error)) from error
    assert config is not None
    return config


def job(cfg: Any) -> float:
    """One run, called by Hydra in its run directory; answers with the run's objective, for sweepers that optimise.

    Never raises for what goes wrong inside a run: that is an outcome, and the other jobs of a sweep go on.
    """
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode
    from omegaconf import OmegaConf

    from bpexp.cli.terminal import run_name
    from bpexp.config.composition import parameters, typed
    from bpexp.records.outcome import Order, Outcome, write_outcome
    from bpexp.running.build import build
    from bpexp.running.execute import execute
    from bpexp.running.trace_task import execute_trace

    hydra = HydraConfig.get()
    directory = Path(hydra.runtime.output_dir)
    OmegaConf.save(cfg, directory / "config.yaml")
    overrides = list(hydra.overrides.task)
    params = parameters(OmegaConf.to_container(cfg, resolve=True))  # type: ignore[arg-type]
    name = run_name(params, overrides)
    try:
        experiment = build(typed(cfg))
    except BpexpError as error:
        outcome = Outcome(name, str(directory), "failed", str(error), overrides, params, 0.0)
        write_outcome(outcome, directory)
    else:
        many = hydra.mode == RunMode.MULTIRUN
        order = Order(name, directory, overrides, params, os.environ.get(PARENT), one_of_many=many)
        outcome = (execute_trace if experiment.config.task == "trace" else execute)(experiment, order)
    return outcome.objective


def claim(plan: Plan, kind: str) -> Path:
    """Make the directory of a run or a sweep, which nobody else has: two that start in one second get two.

    A directory that was asked for by name is taken as it is, unless a run lies in it.
    """
    wanted = Path(plan.directory).absolute()
    named = any(o.lstrip("+").startswith(f"hydra.{kind}.dir=") for o in plan.overrides)
    try:
        if named:
            if any((wanted / mark).exists() for mark in ("metrics.jsonl", "multirun.yaml")):
                raise ConfigError(f"{str(wanted)!r} already holds a {kind}; choose another hydra.{kind}.dir")
            wanted.mkdir(parents=True, exist_ok=True)
            return wanted
        wanted.parent.mkdir(parents=True, exist_ok=True)
        for n in range(10_000):
            directory = wanted if n == 0 else wanted.with_name(f"{wanted.name}-{n}")
            try:
                directory.mkdir()
            except FileExistsError:
                continue
            return directory
    except OSError as error:
        raise ConfigError(
            f"cannot make the directory {str(wanted)!r} ({error.strerror}); "
            f"go to a folder that you may write to, or set hydra.{kind}.dir"
        ) from error
    raise ConfigError(f"no free name beside {str(wanted)!r}; set hydra.{kind}.dir")
