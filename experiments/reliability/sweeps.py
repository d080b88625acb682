"""Sweeps whose jobs die, and sweeps that are killed: what is left, and what the resumed sweep makes of it.

python -m experiments.reliability.sweeps deaths     a sweep of 100 with four deaths of different kinds
python -m experiments.reliability.sweeps kills      a sweep killed at 20 random moments and resumed to its end
python -m experiments.reliability.sweeps cost       what a process of its own costs a sweep of 24
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.reliability.plug_in import plug_in

SMALL = [
    "data=xor",
    "data.n=60",
    "model.hidden=[3]",
    "progress=false",
    "tracking.model=false",
    "tracking.figures=false",
]
DEATHS = {10: "exception", 30: "kill", 50: "memory", 70: "exit", 90: "diverge"}
"""What becomes of these jobs, once. Memory is what a limit of 4 GiB does not give."""


def bpexp(
    folder: Path, *words: str, kill_after: float | None = None, pin: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """The command in a folder; killed, if it is wanted and the command takes so long, with its own process alone."""
    environment = {**os.environ, "PYTHONPATH": plug_in(folder / "site"), "MLFLOW_TRACKING_URI": ""}
    line = [*pin, sys.executable, "-m", "bpexp", *words]
    process = subprocess.Popen(
        line, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    if kill_after is not None:
        try:
            process.wait(kill_after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
    out, err = process.communicate()
    return subprocess.CompletedProcess(line, process.returncode, out, err)


def table(sweep: Path) -> list[dict[str, str]]:
    """ranking.csv without the times."""
    with (sweep / "ranking.csv").open(encoding="utf-8", newline="") as file:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]


def digests(sweep: Path) -> dict[str, str]:
    """The hash of theta of each job with a result."""
    found = {
        path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in sweep.glob("[0-9]*/result.json")
    }
    return {name: outcome["theta_sha256"] for name, outcome in found.items()}


def recorded(folder: Path) -> dict[str, Any]:
    """What MLflow holds: the statuses of the parents and of their children, and how many rows occur twice."""
    with sqlite3.connect(folder / "mlflow.db") as store:
        parents = dict(store.execute("select run_uuid, value from tags where key = 'mlflow.parentRunId'").fetchall())
        statuses = dict(store.execute("select run_uuid, status from runs").fetchall())
        twice = {run for run, *_ in store.execute(TWICE).fetchall()} & set(parents)
        values = [
            dict(store.execute("select key, value from latest_metrics where run_uuid = ?", (run,)).fetchall())
            for run in set(parents.values())
        ]
    sweeps = set(parents.values())
    return {
        "parents": dict(Counter(status for run, status in statuses.items() if run in sweeps)),
        "children": dict(Counter(statuses[run] for run in parents)),
        "children with a row twice": len(twice),
        "parent": [{key: value for key, value in found.items() if value and "seconds" not in key} for found in values],
        "earlier attempts": dict(Counter(status for run, status in statuses.items() if run not in {*parents, *sweeps})),
    }


TWICE = """select run_uuid, key, step from metrics where key not like 'final/%' and key not like 'best/%'
group by 1, 2, 3 having count(*) > 1"""
"""Summaries are those of an end: a run that was interrupted and went on has had two."""


def compared(folder: Path) -> dict[str, Any]:
    """The part of it that a sweep has that was never disturbed."""
    return {key: value for key, value in recorded(folder).items() if key != "earlier attempts"}


def written(sweep: Path) -> dict[str, int]:
    """When the result of each job was written."""
    return {path.parent.name: path.stat().st_mtime_ns for path in sweep.glob("*/result.json")}


def deaths(
    folder: Path,
    jobs: int = 100,
    dying: dict[int, str] | None = None,
    command: Callable[..., subprocess.CompletedProcess[str]] = bpexp,
) -> dict[str, Any]:
    """A sweep whose jobs die in different ways, and the same sweep resumed; `command` executes a line in a folder."""
    dying = DEATHS if dying is None else dying
    named = " ".join(f"{job} {kind}" for job, kind in dying.items())
    words = [*SMALL, "epochs=2", f"callbacks.death.job=range({jobs})", f"callbacks.death.deaths='{named}'"]
    first = command(folder, "-m", *words, "launcher=process", "launcher.memory=4096", "hydra.sweep.dir=sweep")
    sweep = folder / "sweep"
    statuses, before = Counter(row["status"] for row in table(sweep)), written(sweep)
    told = re.findall(r"^(?:problem)? *(job \d+ .*)", first.stdout, re.MULTILINE)
    store = recorded(folder)
    again = command(folder, "resume=sweep")
    after = written(sweep)
    return {
        "exit codes": [first.returncode, again.returncode],
        "statuses": dict(statuses),
        "named": told,
        "MLflow": store,
        "done again": sorted(int(job) for job in after if after[job] != before.get(job)),
        "statuses after": dict(Counter(row["status"] for row in table(sweep))),
        "MLflow after": recorded(folder),
    }


def kills(folder: Path, rounds: int = 20, jobs: int = 6, launcher: str = "process") -> dict[str, Any]:
    """A sweep that is killed at random moments, and resumed to its end; against one that is left alone."""
    words = ["-m", *SMALL, "epochs=40", f"seed=range({jobs})", f"launcher={launcher}", "hydra.sweep.dir=sweep"]
    left_alone = folder / "left-alone"
    left_alone.mkdir()
    started = time.monotonic()
    done = bpexp(left_alone, *words)
    assert done.returncode == 0, done.stderr
    length = time.monotonic() - started
    good, found, problems = 0, Counter[str](), []
    for n in range(rounds):
        place = folder / f"round-{n}"
        place.mkdir()
        moment = random.uniform(0, length)
        killed = bpexp(place, *words, kill_after=moment)
        begun = (place / "sweep" / "sweep.json").exists()
        ended = "killed" if killed.returncode == -signal.SIGKILL else "over before"
        found[f"{ended}, {'begun' if begun else 'not begun'}"] += 1
        again = bpexp(place, *(["resume=sweep"] if begun else words))
        same = {
            "exit code": again.returncode == 0,
            "ranking": again.returncode == 0 and table(place / "sweep") == table(left_alone / "sweep"),
            "theta": digests(place / "sweep") == digests(left_alone / "sweep"),
            "MLflow": compared(place) == compared(left_alone),
        }
        good += all(same.values())
        print(f"{good} of {n + 1} good", file=sys.stderr)
        if not all(same.values()):
            wrong = [key for key, value in same.items() if not value]
            problems.append(
                {
                    "round": n,
                    "moment": moment,
                    "wrong": wrong,
                    "err": again.stderr[-600:],
                    "store": str(recorded(place)),
                }
            )
        else:
            shutil.rmtree(place)
    return {"rounds": rounds, "good": good, "found": dict(found), "problems": problems}


def cost(folder: Path, pairs: int = 3) -> dict[str, Any]:
    """Processor time of a sweep of 24 short trainings in one process and with a process of its own, in pairs."""
    rows = []
    for n in range(pairs):
        row = {}
        for launcher in ("serial", "process") if n % 2 else ("process", "serial"):
            place = folder / f"{launcher}-{n}"
            place.mkdir()
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            words = ["epochs=1", "lr=0.03,0.1,0.3", "seed=range(8)", "progress=false", f"launcher={launcher}"]
            assert bpexp(place, "-m", *words, pin=("taskset", "-c", "0")).returncode == 0
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            row[launcher] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        rows.append(row["process"] / row["serial"])
    return {"process over serial, processor time": [round(ratio, 3) for ratio in rows]}


def main() -> None:
    """Measure what the command line names, in a temporary folder, and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["deaths", "kills", "cost"])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--launcher", choices=["serial", "process"], default="process")
    parser.add_argument("--keep", type=Path, default=None)
    said = parser.parse_args()
    folder = said.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    measured = {
        "deaths": lambda: deaths(folder),
        "kills": lambda: kills(folder, said.rounds, launcher=said.launcher),
        "cost": lambda: cost(folder),
    }[said.what]()
    print(json.dumps(measured, indent=1))
    if said.keep is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
