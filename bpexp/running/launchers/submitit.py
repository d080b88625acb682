"""The jobs of a sweep as tasks of SLURM, sent as arrays by submitit; without SLURM, as processes of submitit's.

The machines share the folder of the sweep. Below it, in `.submitit`, lie the logs and, while the sweep lasts, the jobs
and their answers. submitit pickles for its own process on the other machine the names of a function and a folder, and
numbers; what it pickles there is not read.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bpexp.errors import ConfigError, warn
from bpexp.running.away.engine import engine, first_line, quiet
from bpexp.running.away.home import Home
from bpexp.running.cores import usable_cores
from bpexp.running.job import Ending, Job
from bpexp.running.launchers import Launcher
from bpexp.running.launchers.slurm import refuse_silent
from bpexp.running.launchers.tasks import Tasks

FOLDER = ".submitit"

MOST = 64
"""Tasks at once of SLURM, where nothing else is said."""


@contextmanager
def submitit(
    first: Job,
    *,
    cluster: str | None,
    n_jobs: int | None,
    per_task: int,
    timeout_min: int,
    parameters: Mapping[str, Any],
) -> Iterator[Launcher]:
    """A launcher for at most `n_jobs` tasks at once; raises ConfigError where SLURM is not there or a name is wrong."""
    engine("submitit", "slurm", "submitit")
    from submitit import AutoExecutor

    cluster = cluster or AutoExecutor.which()
    if cluster == "slurm":
        refuse_silent()
    cores = usable_cores()
    if cluster == "local" and n_jobs is not None and n_jobs > cores:
        warn(f"launcher.n_jobs={n_jobs} is more processes than the {cores} cores that this process may use")
    most = n_jobs or (MOST if cluster == "slurm" else cores)
    settings = Settings(cluster, most, per_task, timeout_min, parameters)
    with quiet("submitit"):
        with TemporaryDirectory() as scratch:
            settings.executor(Path(scratch), "bpexp", 1)
        yield partial(launch, Home(first), settings)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user declares; `cluster` is slurm or local."""

    cluster: str
    n_jobs: int
    per_task: int
    timeout_min: int
    parameters: Mapping[str, Any]

    def executor(self, folder: Path, name: str, at_once: int) -> Any:
        """An executor of submitit for jobs of this name; raises ConfigError for a parameter that it does not take."""
        from submitit import AutoExecutor

        try:
            more = {"requeue": False, **self.parameters.get("slurm_additional_parameters", {})}
            if not more["requeue"]:  # a node that fails is the ending of its jobs, with which resume= goes on
                more = {"no_requeue": True, **{key: value for key, value in more.items() if key != "requeue"}}
            own = {
                "slurm_signal_delay_s": min(90, 10 * self.timeout_min),
                "slurm_array_parallelism": at_once,
                **self.parameters,
                "slurm_additional_parameters": more,
            }
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of names that submitit calls deprecated, and takes
                executor = AutoExecutor(folder=folder, cluster=self.cluster)
                executor.update_parameters(name=name, timeout_min=self.timeout_min, **own)
        except (NameError, AssertionError, ValueError, TypeError) as error:
            raise ConfigError(f"launcher.parameters: {first_line(error)}") from None
        return executor


def launch(home: Home, settings: Settings, jobs: Iterable[Job]) -> Generator[Ending, None, None]:
    """Execute the jobs and yield their endings."""
    waiting = iter(jobs)
    if (first := next(waiting, None)) is None:
        return
    sweep = first.directory.parents[len(first.subdirectory.parts) - 1]
    tasks = Tasks(home, settings, sweep / FOLDER)
    try:
        yield from tasks.endings(chain([first], waiting))
    except BaseException:
        tasks.stop()
        raise
    tasks.tidy()
