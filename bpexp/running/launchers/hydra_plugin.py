"""Jobs executed by a launcher of Hydra, such as `hydra/launcher=joblib`, without composing them again.

A launcher gets the config of each job from a config loader and calls Hydra's `run_job` with it. Our loader returns the
config that was composed when the sweep was planned: a job is passed as one line of JSON in place of its overrides. The
interfaces used here (Plugins.instantiate_launcher, the abstract ConfigLoader, HydraContext) are documented for authors
of plug-ins.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Generator, Iterable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict

from bpexp.config.composed import Composition
from bpexp.config.plugins import load_plugins
from bpexp.config.schema import Config, construct
from bpexp.records.outcome import read_outcome
from bpexp.running.job import Ending, Job
from bpexp.running.perform import perform
from bpexp.tracking.credentials import borrow, lent

PARENT = "BPEXP_PARENT_RUN"
"""The environment variable that passes the MLflow id of the parent run to a worker."""

AGAIN = "BPEXP_AGAIN"
"""The one that says that the folders of the jobs may hold earlier attempts."""

VARIED = "BPEXP_VARIED"
"""The one that holds the keys in which the jobs differ, as JSON."""


def hydra_plugin(stream: Iterable[Job], first: Composition) -> Generator[Ending, None, None]:
    """Execute the jobs with the launcher of the composition `first`, and yield their endings.

    A launcher of Hydra takes a list: all jobs are pulled before the first one begins, and end before the first ending.
    """
    jobs = list(stream)
    master = _master(first, jobs[0])
    context = HydraContext(config_loader=PlannedJobs(), callbacks=NoCallbacks())  # type: ignore[arg-type]
    task = partial(perform_planned, lent())  # a worker is given it through a pipe
    launcher = Plugins.instance().instantiate_launcher(context, task, master)
    launcher.launch([[_packed(job)] for job in jobs], initial_job_idx=jobs[0].number)
    for job in jobs:
        try:
            yield Ending(job, read_outcome(job.directory))
        except (OSError, ValueError, KeyError, TypeError) as error:
            yield Ending(job, None, f"it left no readable result ({type(error).__name__})")


def _master(first: Composition, job: Job) -> DictConfig:
    """The config of the launcher itself."""
    master = copy.deepcopy(first.whole)
    assert master is not None  # the first job shares no composition
    sweep = job.directory.parents[len(Path(job.subdirectory).parts) - 1]
    OmegaConf.update(master, "hydra.sweep.dir", str(sweep))
    told = {PARENT: job.parent, AGAIN: "1" if job.again else None, VARIED: json.dumps(job.varied)}
    for name, value in told.items():
        if value:
            OmegaConf.update(master, f"hydra.job.env_set.{name}", value, force_add=True)
    return master


def _packed(job: Job) -> str:
    return json.dumps({"config": asdict(job.config), "overrides": job.overrides, "subdirectory": str(job.subdirectory)})


def perform_planned(credentials: Mapping[str, str], config: DictConfig) -> float:
    """The task function: perform the job that `run_job` was given; returns its objective."""
    borrow(credentials)
    load_plugins()  # a worker is a process of its own, or a machine of its own
    hydra = HydraConfig.get()
    content: Any = OmegaConf.to_container(config)
    job = Job(
        config=construct(Config, content),
        overrides=tuple(hydra.overrides.task),
        directory=Path(hydra.runtime.output_dir),
        number=int(hydra.job.num),
        parent=os.environ.get(PARENT),
        one_of_many=True,
        again=AGAIN in os.environ,
        varied=tuple(json.loads(os.environ[VARIED])),
    )
    return perform(job).objective


class PlannedJobs(ConfigLoader):
    """A config loader that composes nothing: it unpacks a job, which it is given in place of overrides."""

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """The whole config of one job."""
        packed = json.loads(sweep_overrides[0])
        whole = copy.deepcopy(master_config)
        with open_dict(whole):
            for key in [key for key in whole if key != "hydra"]:
                del whole[key]
            for key, value in packed["config"].items():
                whole[key] = value
        OmegaConf.update(whole, "hydra.overrides.task", packed["overrides"])
        OmegaConf.update(whole, "hydra.sweep.subdir", packed["subdirectory"])
        return whole

    def load_configuration(self, *args: Any, **kwargs: Any) -> DictConfig:
        """Raise NotImplementedError, as do the methods below: jobs are composed already."""
        raise NotImplementedError("the jobs of a sweep are composed already")

    get_search_path = get_sources = list_groups = get_group_options = compute_defaults_list = load_configuration  # type: ignore[assignment]


class NoCallbacks:
    """The callbacks that `run_job` calls before and after a job; a config cannot declare any."""

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        """No-op."""

    def on_job_end(self, config: DictConfig, **kwargs: Any) -> None:
        """No-op."""
