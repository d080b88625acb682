"""The options of `launcher`: what executes the jobs of a sweep.

An option names the function that launches jobs and is imported when a sweep starts, so that validation and help never
wait for an engine. A package of your own registers a further one here; `bpexp.running.launchers` says what the function
takes and yields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from bpexp.registry import Count, Positive, Registry

OnError = Annotated[str, Literal["continue", "stop"]]
Fuse = Literal["off", "auto"]


@dataclass(frozen=True, slots=True)
class Launching:
    """A function that launches jobs, as `package.module:function`, and its keyword arguments.

    Args:
        function: the launcher.
        settings: its keyword arguments.
        opens: whether `function` is a context manager that is given the first job: it checks, connects and starts what
            it needs for a whole sweep before anything is written, and yields the function that launches jobs.
        shares_folder: promises that the processes of the jobs see the folder of the sweep under its own path.
        fuse: whether jobs are to be trained together; `function` performs units of them.
    """

    function: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    shares_folder: bool = False
    opens: bool = False
    fuse: Fuse = "off"


@dataclass(frozen=True, slots=True)
class SweepSettings:
    """What a sweep does that none of its jobs knows of.

    Args:
        on_error: continue executes every job whatever becomes of the others; stop ends the sweep after the first job
            that failed or was lost. A job that diverged has a result.
    """

    on_error: OnError = "continue"


launchings: Registry[Launching] = Registry("launcher")


@launchings.register("auto")
def auto(fuse: Fuse = "off") -> Launching:
    """Process with a worker for each usable core; serial for one job, one usable core or too little memory.

    Serial, too, where a job needs a component that was registered in a script or a notebook, which a worker lacks.

    Args:
        fuse: auto trains jobs of one network shape, batch size and data together, as one batched computation, where
            that is faster; the last digits of a float32 result may change by it, and each run tells that it was fused.
    """
    serially = "bpexp.running.launchers.serial:serial"  # `bpexp.running.launchers.choice` decides
    return Launching(serially, shares_folder=True, fuse=fuse)


@launchings.register("serial")
def serial(fuse: Fuse = "off") -> Launching:
    """One job after the other in the process of the command: what ends that process ends the sweep.

    Args:
        fuse: auto trains jobs of one network shape, batch size and data together, as one batched computation, where
            that is faster; the last digits of a float32 result may change by it, and each run tells that it was fused.
    """
    return Launching("bpexp.running.launchers.serial:serial", shares_folder=True, fuse=fuse)


@launchings.register("process")
def process(
    n_jobs: Count | None = None, memory: Count | None = None, preload: bool = True, fuse: Fuse = "off"
) -> Launching:
    """Jobs in processes of their own, so that what ends one of them, such as a lack of memory, ends one job alone.

    Args:
        n_jobs: jobs that run at the same time; null for one on each usable core.
        memory: largest memory of a process in MiB, beyond which its job fails; null for no limit. Linux alone keeps it.
        preload: fork the processes from one that has imported everything and read the data; false for plug-ins that
            start threads or use a graphics processor when they are imported.
        fuse: auto trains jobs of one network shape, batch size and data together, as one batched computation, where
            that is faster; the last digits of a float32 result may change by it, and each run tells that it was fused.
    """
    settings = {"n_jobs": n_jobs, "memory": memory, "preload": preload}
    return Launching("bpexp.running.launchers.process:process", settings, shares_folder=True, opens=True, fuse=fuse)


@launchings.register("ray")
def ray(address: str | None = None, n_jobs: Count | None = None, cpus: Positive = 1.0) -> Launching:
    """Jobs on a Ray cluster; needs `pip install 'bpexp[ray]'`. The machines share nothing but bpexp and the data.

    Args:
        address: of the head, as HOST:PORT on a machine of the cluster, or auto; null starts Ray on this machine.
        n_jobs: jobs that run at the same time; null for as many as the processors of the cluster allow.
        cpus: processors that Ray reserves for a job.
    """
    return Launching(
        "bpexp.running.launchers.ray:ray", {"address": address, "n_jobs": n_jobs, "cpus": cpus}, opens=True
    )


@launchings.register("dask")
def dask(address: str | None = None, n_jobs: Count | None = None) -> Launching:
    """Jobs on a Dask cluster; needs `pip install 'bpexp[dask]'`. The machines share nothing but bpexp and the data.

    Args:
        address: of the scheduler, as tcp://HOST:PORT; null starts one in this process.
        n_jobs: jobs that run at the same time; null for as many as the workers have threads.
    """
    return Launching("bpexp.running.launchers.dask:dask", {"address": address, "n_jobs": n_jobs}, opens=True)


Cluster = Annotated[str, Literal["slurm", "local"]]


@launchings.register("submitit")
def submitit(
    cluster: Cluster | None = None,
    n_jobs: Count | None = None,
    per_task: Count = 1,
    timeout_min: Count = 60,
    parameters: dict[str, Any] | None = None,
) -> Launching:
    """Jobs on a SLURM cluster, sent as arrays; needs `pip install 'bpexp[slurm]'`. The machines share a file system.

    Args:
        cluster: slurm, or local for processes on this machine; null for slurm where its commands are installed.
        n_jobs: tasks at the same time; null for 64 of SLURM, and for one on each usable core of this machine.
        per_task: jobs that a task performs one after the other.
        timeout_min: minutes after which a task is ended; resume=FOLDER goes on.
        parameters: of submitit, such as {slurm_partition: cpu, cpus_per_task: 2, mem_gb: 4}.
    """
    settings: dict[str, Any] = {"cluster": cluster, "n_jobs": n_jobs, "per_task": per_task, "timeout_min": timeout_min}
    settings |= {"parameters": parameters or {}}
    return Launching("bpexp.running.launchers.submitit:submitit", settings, shares_folder=True, opens=True)
