"""Sweeps whose workers are killed: each death is told truly, costs its job alone, and the others have their weights.

python -m experiments.scale.worker_kills                                    50 workers of launcher=process
python -m experiments.scale.worker_kills launcher=dask launcher.n_jobs=2    of another launcher
python -m experiments.scale.worker_kills --kills 4 --jobs 4                 a short form

The process of a job is the one that holds the lock in the folder of the job. It gets SIGKILL at a random moment of its
training. Told truly: the job is `killed` in ranking.csv, in result.json and in MLflow, the parent run is FAILED, and
the command ends with exit code 1. The other jobs: finished, with the weights of a sweep in which nobody was killed.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from bpexp.records.journal import JOURNAL
from bpexp.records.lock import holder, liveness
from bpexp.records.outcome import RESULT

EPOCHS = 400
RUN = ["data=xor", "data.n=400", "model.hidden=[8]", f"epochs={EPOCHS}"]
RUN += ["tracking.figures=false", "tracking.model=false"]
"""A run of about a second."""

LATEST = 0.7
"""The share of its epochs after which a job is killed at the latest: the process that kills needs time to see it."""

PATIENCE = 1800.0
"""Seconds for a sweep."""

PIPES: dict[str, int] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


def line(jobs: int, words: list[str]) -> list[str]:
    """The command of a sweep of so many jobs."""
    said = ["-m", *RUN, f"seed=range({jobs})", "progress=false", "hydra.sweep.dir=sweep", *words]
    return [sys.executable, "-m", "bpexp", *said]


def begin(folder: Path, jobs: int, words: list[str]) -> subprocess.Popen[str]:
    """A sweep in a folder of its own."""
    folder.mkdir(parents=True)
    return subprocess.Popen(line(jobs, words), cwd=folder, env=surroundings(), text=True, **PIPES)


def surroundings() -> dict[str, str]:
    """The environment without a store of its own."""
    return {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}


def kill_some(sweep: subprocess.Popen[str], folder: Path, doomed: set[int], rng: random.Random) -> set[int]:
    """Kill the processes of the doomed jobs, each after an epoch drawn for it; the jobs that were hit."""
    after = {job: rng.randrange(int(LATEST * EPOCHS)) for job in sorted(doomed)}
    hit: set[int] = set()
    while sweep.poll() is None and hit != doomed:
        for job in doomed - hit:
            place = folder / "sweep" / str(job)
            pid = int(holder(place).get("pid", 0))
            if pid > 0 and pid != sweep.pid and trains(place, after[job]):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    hit.add(job)
        time.sleep(0.005)
    return hit


def trains(place: Path, epoch: int) -> bool:
    """Whether the job in a folder trains: this evaluation is written, its result is not, and its process lives."""
    journal = place / JOURNAL
    evaluated = journal.exists() and journal.read_bytes().count(b'"time/epoch"') > epoch
    return evaluated and not (place / RESULT).exists() and liveness(place).state == "alive"


def statuses(folder: Path) -> dict[int, str]:
    """The status of each job in ranking.csv."""
    with (folder / "sweep" / "ranking.csv").open(encoding="utf-8", newline="") as file:
        return {int(row["job"]): row["status"] for row in csv.DictReader(file)}


def results(folder: Path) -> dict[int, dict[str, Any]]:
    """What result.json of each job says."""
    found = (folder / "sweep").glob(f"[0-9]*/{RESULT}")
    return {int(path.parent.name): json.loads(path.read_text(encoding="utf-8")) for path in found}


def recorded(folder: Path) -> tuple[Counter[str], Counter[str]]:
    """Statuses in MLflow of the parent runs and of their children, after what a busy machine could not send in time."""
    line = [sys.executable, "-m", "bpexp", "task=sync"]
    sent = subprocess.run(line, cwd=folder, env=surroundings(), text=True, check=False, **PIPES)
    if sent.returncode != 0:
        raise SystemExit(f"task=sync: {sent.stdout} {sent.stderr}")
    with sqlite3.connect(folder / "mlflow.db") as store:
        rows = store.execute("select run_uuid, status from runs").fetchall()
        pairs = store.execute("select run_uuid, value from tags where key = 'mlflow.parentRunId'").fetchall()
    children = dict(pairs)
    parents = set(children.values())
    return (
        Counter(status for run, status in rows if run in parents),
        Counter(status for run, status in rows if run in children),
    )


def judge(folder: Path, hit: set[int], jobs: int, code: int, expected: dict[int, str]) -> dict[str, Any]:
    """How many of the killed are told truly, how many of the others finished with their weights, and what is wrong."""
    status, found = statuses(folder), results(folder)
    parents, children = recorded(folder)
    true = [job for job in hit if status[job] == found[job]["status"] == "killed" and found[job]["reason"]]
    others = [
        job
        for job in range(jobs)
        if job not in hit and status[job] == "finished" and found[job]["theta_sha256"] == expected[job]
    ]
    sound = code == (1 if hit else 0) and parents == Counter({"FAILED" if hit else "FINISHED": 1})
    sound = sound and children == Counter({"KILLED": len(hit), "FINISHED": jobs - len(hit)}) - Counter()
    return {
        "killed": len(hit),
        "told truly": len(true) if sound else 0,
        "others": jobs - len(hit),
        "finished": len(others),
        "reasons": Counter(str(found[job]["reason"]) for job in hit),
        "wrong": "" if sound and len(true) == len(hit) else f"exit code {code}, {parents}, {children}, {status}",
    }


def kills(folder: Path, words: list[str], wanted: int, jobs: int, seed: int) -> dict[str, Any]:
    """Sweeps of so many jobs, in each of which every other job is killed, until enough were."""
    rng = random.Random(seed)
    calm = begin(folder / "calm", jobs, [*words, "tracking=none"])  # for its weights alone
    _, err = calm.communicate(timeout=PATIENCE)
    if calm.returncode != 0:
        raise SystemExit(err)
    expected = {job: str(found["theta_sha256"]) for job, found in results(folder / "calm").items()}
    total: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    problems = []
    while total["killed"] < wanted:
        place = folder / f"round-{total['sweeps']}"
        sweep = begin(place, jobs, words)
        doomed = set(rng.sample(range(jobs), min(jobs // 2, wanted - total["killed"])))
        hit = kill_some(sweep, place, doomed, rng)
        _, err = sweep.communicate(timeout=PATIENCE)
        found = judge(place, hit, jobs, sweep.returncode, expected)
        reasons += found.pop("reasons")
        problems += [text for text in (found.pop("wrong"),) if text]
        problems += [line for line in err.splitlines() if "Traceback" in line]
        total += Counter(found) + Counter(sweeps=1)
        print(f"{total['told truly']} of {total['killed']} told truly", file=sys.stderr)
    return {
        "launcher": " ".join(words),
        "sweeps": total["sweeps"],
        "told truly": f"{total['told truly']} of {total['killed']} killed",
        "finished with the same weights": f"{total['finished']} of {total['others']} others",
        "reasons": dict(reasons),
        "problems": problems,
    }


def main() -> None:
    """Kill workers of the launcher that the command line names, in a temporary folder, and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*", default=["launcher=process", "launcher.n_jobs=2"])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(kills(Path(folder), said.words, said.kills, said.jobs, said.seed), indent=1))


if __name__ == "__main__":
    main()
