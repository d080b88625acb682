"""A SLURM on this machine, two nodes with a core each: what a job costs there, and what becomes of one that is ended.

python -m experiments.scale.slurm overhead [--what mnist|xor] [--pairs 3] [--per-task 1]    beside serial
python -m experiments.scale.slurm deaths      20 jobs, of which 10 die, and the sweep resumed
python -m experiments.scale.slurm node        a node that goes away, and is missed after SlurmdTimeout
python -m experiments.scale.slurm timeout     a job beyond its time limit, and the sweep resumed
python -m experiments.scale.slurm orphans     a sweep killed by SIGKILL with jobs in the queue, and resumed

Needs root, and Debian's slurmctld, slurmd and munge.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.reliability.plug_in import plug_in
from experiments.reliability.sweeps import SMALL, bpexp, digests, recorded, table
from experiments.scale.launchers import compared
from tests.support.slurm import Slurm, running_slurm

SUBMITIT = ["launcher=submitit", "hydra.sweep.dir=sweep"]
DEATHS = ["kill", "segfault", "exit"]
SLOW = ["callbacks.death.kind=slow", "callbacks.death.seconds=0.2"]


def results(folder: Path) -> dict[int, tuple[str, str]]:
    """Status and reason of each job, as its result.json tells them."""
    found = {}
    for path in folder.glob("sweep/[0-9]*/result.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        found[int(path.parent.name)] = content["status"], content["reason"]
    return found


def deaths(folder: Path, slurm: Slurm, jobs: int = 20) -> dict[str, Any]:
    """Every second job dies, each by another signal or code than the one before."""
    dying = {job: DEATHS[job // 2 % 3] for job in range(0, jobs, 2)}
    named = " ".join(f"{job} {kind}" for job, kind in dying.items())
    words = [*SMALL, "epochs=2", f"callbacks.death.job=range({jobs})", f"callbacks.death.deaths='{named}'"]
    marks = "callbacks.death.marks='marks/${callbacks.death.job}'"
    (folder / "marks").mkdir()
    first = bpexp(folder, "-m", *words, marks, *SUBMITIT)
    found, before = results(folder), recorded(folder)
    expected = {"kill": "FAILED (SIGKILL)", "segfault": "FAILED (SIGSEGV)", "exit": "FAILED (exit code 4)"}
    told = [
        job in found and found[job][0] == "killed" and f"as {expected[kind]};" in found[job][1]
        for job, kind in dying.items()
    ]
    again = bpexp(folder, "resume=sweep")
    return {
        "exit codes": [first.returncode, again.returncode],
        "told truly": f"{sum(told)} of {len(dying)}",
        "the others": dict(Counter(found.get(job, ("lost", ""))[0] for job in range(jobs) if job not in dying)),
        "lost": [line for line in first.stdout.splitlines() if line.startswith("job ") and " lost: " in line],
        "MLflow": before["children"],
        "after resume": dict(Counter(row["status"] for row in table(folder / "sweep"))),
        "MLflow after": recorded(folder)["children"],
    }


def told_truly(found: tuple[str, str], expected: str) -> bool:
    """Whether status and reason are those of a job that SLURM saw end so."""
    return found[0] == "killed" and f" ended as {expected};" in found[1]


def begun(folder: Path, *words: str, jobs: int) -> subprocess.Popen[str]:
    """A sweep of jobs that take a while, as soon as the first two train."""
    environment = {**os.environ, "PYTHONPATH": plug_in(folder / "site"), "MLFLOW_TRACKING_URI": ""}
    line = [sys.executable, "-m", "bpexp", "-m", *SMALL, *SLOW, f"seed=range({jobs})", *SUBMITIT, *words]
    sweep = subprocess.Popen(line, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: all((folder / f"sweep/{job}/metrics.jsonl").exists() for job in (0, 1)))
    return sweep  # type: ignore[return-value]


def until(there: Callable[[], object], seconds: float = 300.0) -> None:
    """Wait."""
    end = time.monotonic() + seconds
    while not there():
        if time.monotonic() > end:
            raise SystemExit("it does not happen")
        time.sleep(0.1)


def node(folder: Path, slurm: Slurm) -> dict[str, Any]:
    """Daemon and processes of one node are killed, and nobody tells the controller."""
    sweep = begun(folder, "epochs=60", jobs=4)
    slurm.kill_node("bp1")
    sweep.wait(600)
    found = results(folder)
    slurm.restart_node("bp1")
    again = bpexp(folder, "resume=sweep")
    return {
        "exit codes": [sweep.returncode, again.returncode],
        "statuses": dict(Counter(status for status, _ in found.values())),
        "reasons": [reason.partition("; its log")[0] for status, reason in found.values() if status == "killed"],
        "after resume": dict(Counter(row["status"] for row in table(folder / "sweep"))),
        "MLflow after": recorded(folder)["children"],
    }


def timeout(folder: Path, slurm: Slurm) -> dict[str, Any]:
    """Jobs of about 100 seconds with a limit of one minute: SIGTERM, a checkpoint, and two commands to the end."""
    words = ["epochs=500", "launcher.timeout_min=1"]
    sweep = begun(folder, *words, jobs=2)
    sweep.wait(600)
    first = results(folder)
    again = [bpexp(folder, "resume=sweep").returncode for _ in range(2)]
    journal = [json.loads(line) for line in (folder / "sweep/0/metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    alone = folder / "alone"
    alone.mkdir()
    bpexp(alone, "-m", *SMALL, "epochs=500", "seed=range(2)", "launcher=serial", "hydra.sweep.dir=sweep")
    return {
        "exit codes": [sweep.returncode, *again],
        "first": sorted({f"{status}: {reason.partition('; its log')[0]}" for status, reason in first.values()}),
        "after resume": dict(Counter(row["status"] for row in table(folder / "sweep"))),
        "times that the run went on": sum(line.get("event") == "resumed" for line in journal),
        "same weights as without a limit": digests(folder / "sweep") == digests(alone / "sweep"),
    }


def orphans(folder: Path, slurm: Slurm) -> dict[str, Any]:
    """The process of the sweep is killed; what runs ends by itself, and what waits is ended when the sweep goes on."""
    sweep = begun(folder, "epochs=40", jobs=5)
    sweep.send_signal(signal.SIGKILL)
    sweep.wait()
    waiting = Counter(slurm.states().values())
    until(lambda: all((folder / f"sweep/{job}/result.json").exists() for job in (0, 1)))
    early = bpexp(folder, "resume=sweep")
    until(lambda: early.returncode == 0 or not set(slurm.states().values()) & {"RUNNING", "COMPLETING"})
    again = early if early.returncode == 0 else bpexp(folder, "resume=sweep")
    return {
        "in the queue after SIGKILL": dict(waiting),
        "first resume": f"{early.returncode} {early.stderr.strip().splitlines()[-1:] if early.returncode else ''}",
        "exit code": again.returncode,
        "after resume": dict(Counter(row["status"] for row in table(folder / "sweep"))),
        "MLflow after": recorded(folder),
        "tasks by state": dict(Counter(slurm.states().values())),
    }


def main() -> None:
    """Measure what the command line says, in a temporary folder, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["overhead", "deaths", "node", "timeout", "orphans"])
    parser.add_argument("--what", choices=["mnist", "xor"], default="mnist")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--per-task", type=int, default=1)
    said = parser.parse_args()
    tasks = {"deaths": deaths, "node": node, "timeout": timeout, "orphans": orphans}
    with tempfile.TemporaryDirectory(prefix="slurm-") as place, running_slurm() as slurm:
        os.environ.update(slurm.environment)
        if said.task == "overhead":
            words = ["launcher=submitit", f"launcher.per_task={said.per_task}"]
            found = compared(Path(place), said.what, words, said.pairs, workers=2)
        else:
            found = tasks[said.task](Path(place), slurm)
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
