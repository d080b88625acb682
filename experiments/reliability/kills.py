"""SIGKILL at random moments of runs that are resumed until they end: are weights and rows those of an unbroken run?

    TMPDIR=/dev/shm python -m experiments.reliability.kills [--kills 200] [--real 10] [--seed 0] [--alone]

Every run is killed again and again: three of ten times at a moment drawn from the whole life of a process, else at
one after it began to train, so that a machine on which the start takes long is no way out. The processes are forked
from one that has imported everything; `--real` of the kills are of processes of their own. What is compared with a
run that nobody killed: SHA-256 of theta, the state in the last checkpoint, every row of the journal and every row in
MLflow (SQLite), the clock left out; of the summaries final/... and best/..., which each end of a run says anew, the
last. With --alone the runs are not recorded in MLflow, which takes most of the time. A kill before the first
checkpoint leaves nothing to go on from: resume says so, the run is started again, and the kill is counted by itself.
After every fourth kill, and after one that came when the outcome was written, task=sync delivers what MLflow lacks,
as the next start would.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bpexp.config.composition import CommandLine
from bpexp.errors import BpexpError
from bpexp.records.archive import packed
from bpexp.records.checkpoint import checkpoints, read_checkpoint
from bpexp.records.journal import JOURNAL, points, read
from bpexp.records.outcome import read_outcome
from bpexp.running.perform import perform
from bpexp.running.plan import Plan, plan
from bpexp.running.resuming.resume import resume
from bpexp.running.tasks.sync_task import deliver_all

COMMON = ["data=digits", "progress=false", "tracking.model=false", "tracking.figures=false", "checkpoint.every=1"]

SUMMARY = ("final/", "best/")
"""Begin the names of the metrics that the end of a run writes."""

RUNS = [
    ["optimizer=adam", "schedule=cosine", "probe=full", "probe.every=20", "epochs=40", "evaluation.every=2"],
    ["optimizer=nesterov", "lr=0.03", "dtype=float64", "batch_size=full", "epochs=300", "evaluation.every=50"],
    ["gradient=forward_gradient", "lr=0.001", "model.hidden=[16]", "epochs=30", "schedule=warm_up"],
    ["optimizer=rmsprop", "lr=0.001", "penalty.l2=0.01", "batch_size=8", "epochs=20", "check=every_n", "check.every=9"],
    ["callbacks.early_stopping.patience=400", "lr=0.05", "epochs=80", "init.biases=drawn", "probe.histograms=true"],
]  # fmt: skip


@dataclass
class Tally:
    """What happened so far."""

    kills: int = 0
    survived: int = 0
    early: int = 0
    runs: int = 0
    where: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = ", ".join(f"{count} {where}" for where, count in sorted(self.where.items()))
        return (
            f"{self.kills} SIGKILLs ({told}): {self.survived} resumed, {self.early} before the first checkpoint; "
            f"{self.runs} runs compared, {len(self.faults)} faults"
        )


@dataclass
class Case:
    """A run that is declared: its words, its plan, and the folder of the run that nobody killed.

    `seconds` is the longest life of a process: shorter after one that came to its end, longer after one that was
    killed, so that on any machine about four of five are killed. `imports` are those that a process of its own takes
    before it begins.
    """

    words: Sequence[str]
    planned: Plan
    whole: Path
    seconds: float
    imports: float


def forked(action: Callable[[], object]) -> int:
    """A process that does something and ends; its number."""
    child = os.fork()
    if child:
        return child
    try:
        silent = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(silent, number)
        action()
        os._exit(0)
    except BaseException:
        with open(f"failed-{os.getpid()}.txt", "w", encoding="utf-8") as file:
            traceback.print_exc(file=file)
        os._exit(1)


def started(words: Sequence[str], folder: Path, first: bool) -> int:
    """The same as a process of its own: `python -m bpexp ...`; its number."""
    own = [*words, f"hydra.run.dir={folder}"] if first else [f"resume={folder}"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    process = subprocess.Popen(
        [sys.executable, "-m", "bpexp", *own], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )
    return process.pid


def trains(child: int, folder: Path) -> bool:
    """Wait until a process writes to its journal; False if it came to its end."""
    journal, before = folder / JOURNAL, size(folder / JOURNAL)
    while size(journal) == before:
        if not lives_on(child):
            return False
        time.sleep(0.001)
    return True


def size(path: Path) -> int:
    """The size of a file; 0 if there is none."""
    return path.stat().st_size if path.exists() else 0


def lives_on(child: int) -> bool:
    """Whether a process is there; raises RuntimeError if it failed."""
    done, status = os.waitpid(child, os.WNOHANG)
    if done and status:
        raise RuntimeError(f"process {child} ended with {os.waitstatus_to_exitcode(status)}; see failed-{child}.txt")
    return not done


def lives(child: int, seconds: float) -> bool:
    """Whether a process was still there after that long, and was killed; raises RuntimeError if it failed."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not lives_on(child):
            return False
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def broken(case: Case, folder: Path, rng: random.Random, tally: Tally, real: int) -> None:
    """One run, killed at moments between 0 and the longest life of a process, until it lives to its end."""
    alone = Counter[str]()
    words, planned, first = case.words, case.planned, True
    while True:
        lifetime = case.seconds
        if real > 0:
            child, real, lifetime = started(words, folder, first), real - 1, case.seconds + case.imports
        elif first:
            child = forked(lambda: perform(planned.jobs[0].below(folder)))
        else:
            child = forked(lambda: resume(folder))
        if rng.random() < 0.7 and not trains(child, folder):
            break
        if not lives(child, rng.uniform(0, lifetime)):
            case.seconds *= 0.6
            break
        case.seconds *= 1.12
        tally.kills += 1
        alone[stage(folder)] += 1
        if checkpoints(folder):
            first = False
            tally.survived += 1
            if ((over := is_over(folder)) or rng.random() < 0.25) and "tracking=none" not in words:
                lives(forked(sync), 600)
            if over:
                break
        else:
            tally.early += 1
            first = True
            shutil.rmtree(folder, ignore_errors=True)
    tally.where += alone


def is_over(folder: Path) -> bool:
    """Whether a run that was killed has its outcome: what MLflow lacks is brought by task=sync."""
    try:
        return read_outcome(folder).ok
    except BpexpError:
        return False


def sync() -> None:
    """What `python -m bpexp task=sync` does."""
    list(deliver_all(plan(CommandLine(("task=sync",))), Path.cwd()))


def stage(folder: Path) -> str:
    """What a run that was killed was doing."""
    if not (folder / JOURNAL).exists():
        return "at the start"
    if any((folder / "checkpoints").glob("*.new")):
        return "within a checkpoint"
    return "at the end" if (folder / "network.json").exists() else "in training"


def state(folder: Path) -> bytes:
    """The state in the last checkpoint, without its clock."""
    found = read_checkpoint(checkpoints(folder)[-1]).state
    return packed({**found, "at": {**found["at"], "seconds": 0.0}})


def journal_rows(folder: Path) -> list[tuple[str, int, str]]:
    """Every row of the journal; of the seconds, that there is one."""
    found = [row for _, line in read(folder / JOURNAL) for row in points(line)]
    return sorted((name, step, "" if name == "time/seconds" else repr(value)) for name, value, step in found)


def store_rows(store: Path, run_id: str) -> list[tuple[str, int, str]]:
    """Every row of a run in MLflow; of the seconds, that there is one; of the summaries, the last."""
    with closing(sqlite3.connect(store)) as database:
        found = database.execute("select key, step, value from metrics where run_uuid = ?", (run_id,)).fetchall()
        last = database.execute("select key, step, value from latest_metrics where run_uuid = ?", (run_id,)).fetchall()
    rows = [row for row in found if not row[0].startswith(SUMMARY)] + [r for r in last if r[0].startswith(SUMMARY)]
    return sorted((key, step, "" if key.endswith("/seconds") else repr(value)) for key, step, value in rows)


def compare(whole: Path, other: Path, store: Path) -> list[str]:
    """How two runs differ."""
    a, b = read_outcome(whole), read_outcome(other)
    journals = journal_rows(whole), journal_rows(other)
    stores = [store_rows(store, outcome.run_id) if outcome.run_id else [] for outcome in (a, b)]
    found: list[tuple[str, Any, Any]] = [
        ("theta", a.theta_sha256, b.theta_sha256),
        ("status", (a.status, a.reason, a.step), (b.status, b.reason, b.step)),
        ("state of the last checkpoint", state(whole), state(other)),
        ("rows of the journal", *journals),
        ("rows in MLflow", *stores),
        ("doubled rows", 0, sum(len(rows) - len({row[:2] for row in rows}) for rows in (journals[1], stores[1]))),
    ]
    if b.run_id:
        with closing(sqlite3.connect(store)) as database:
            (status,) = database.execute("select status from runs where run_uuid = ?", (b.run_id,)).fetchone()
        found.append(("status in MLflow", "FINISHED", status))
    return [what for what, one, two in found if one != two]


def case(words: Sequence[str], whole: Path, imports: float) -> Case:
    """Plan a run, and execute it once without a kill."""
    words = [*COMMON, *words]
    planned = plan(CommandLine(tuple(words)))
    begun = time.monotonic()
    lives(forked(lambda: perform(planned.jobs[0].below(whole))), 600)
    return Case(words, planned, whole, time.monotonic() - begun, imports)


def main() -> None:
    """Kill as often as asked, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--real", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--alone", action="store_true")
    options = parser.parse_args()
    rng, tally = random.Random(options.seed), Tally()
    folder = Path(tempfile.mkdtemp(prefix="bpexp-kills-"))
    os.chdir(folder)
    import mlflow  # noqa: F401  so that no child waits for it

    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", "import mlflow, bpexp.running.plan"], check=True)
    imports = time.monotonic() - begun
    recorded = ["tracking=none"] if options.alone else []
    cases = [case([*recorded, *words], folder / f"whole-{n}", imports) for n, words in enumerate(RUNS)]
    while tally.kills < options.kills:
        chosen, other = cases[tally.runs % len(cases)], folder / f"broken-{tally.runs}"
        broken(chosen, other, rng, tally, -(-options.real // len(cases)) if tally.runs < len(cases) else 0)
        tally.runs += 1
        tally.faults += [f"{other.name}: {what}" for what in compare(chosen.whole, other, folder / "mlflow.db")]
        print(tally, flush=True)
    print("\n".join(tally.faults) or "every run equals the one that nobody killed")
    if not tally.faults:
        shutil.rmtree(folder)
    sys.exit(bool(tally.faults))


if __name__ == "__main__":
    main()
