"""Sweeps that are stopped at a random moment by Ctrl-C, SIGTERM or the end of the terminal: how soon, and how truly.

python -m experiments.scale.stops                              30 stops of launcher=process with two workers
python -m experiments.scale.stops launcher=serial --rounds 6   of another launcher

The moment lies between the start of the command and some seconds after its first job began. Counted are the stops after
which the command ended with the code of the signal, no process of it was left, and each job that had begun is finished
or `killed` in its result.json. Seconds are those until the last process was gone.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from bpexp.records.journal import JOURNAL
from bpexp.records.outcome import RESULT
from experiments.scale.worker_kills import begin

SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
JOBS = 200
"""More than a sweep can do before it is stopped."""

SECONDS = 6.0
"""The longest time from the start of a command to its stop."""

LONGEST = 30.0
"""Seconds after a stop for which a process may be left before it counts as one that stays."""


def stopped(folder: Path, words: list[str], number: int, after: float) -> dict[str, Any]:
    """One stop: seconds until every process was gone, and what was wrong."""
    sweep = begin(folder, JOBS, words)
    time.sleep(after)
    processes = [sweep, *psutil.Process(sweep.pid).children(recursive=True)]
    began = time.monotonic()
    sweep.send_signal(number)
    _, err = sweep.communicate()
    while (left := [process for process in processes[1:] if _lives(process)]) and time.monotonic() - began < LONGEST:
        time.sleep(0.01)
    seconds = time.monotonic() - began
    wrong = [f"exit code {sweep.returncode}"] if sweep.returncode != SIGNALS[signal.Signals(number)] else []
    wrong += [f"{len(left)} processes are left"] if left else []
    wrong += ["a traceback"] if "Traceback" in err else []
    for journal in (folder / "sweep").glob(f"[0-9]*/{JOURNAL}"):
        result = journal.parent / RESULT
        status = json.loads(result.read_text(encoding="utf-8"))["status"] if result.exists() else "nothing"
        if status not in ("finished", "killed"):
            wrong.append(f"job {journal.parent.name} is told as {status}")
    return {"seconds": seconds, "wrong": wrong}


def _lives(process: psutil.Process) -> bool:
    """Whether it has not ended: one that nobody has waited for yet has."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def stops(folder: Path, words: list[str], rounds: int, seed: int) -> dict[str, Any]:
    """Stops at random moments, by one signal after the other."""
    rng, found = random.Random(seed), []
    for n in range(rounds):
        number = list(SIGNALS)[n % len(SIGNALS)]
        found.append(stopped(folder / f"round-{n}", words, number, rng.uniform(0.2, SECONDS)))
    seconds = sorted(row["seconds"] for row in found)
    return {
        "launcher": " ".join(words),
        "true": f"{sum(not row['wrong'] for row in found)} of {rounds}",
        "within 2 s": f"{sum(value <= 2 for value in seconds)} of {rounds}",
        "median and longest, s": [round(statistics.median(seconds), 2), round(seconds[-1], 2)],
        "wrong": [text for row in found for text in row["wrong"]],
    }


def main() -> None:
    """Stop sweeps of the launcher that the command line names, in a temporary folder, and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*", default=["launcher=process", "launcher.n_jobs=2"])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(stops(Path(folder), said.words, said.rounds, said.seed), indent=1))


if __name__ == "__main__":
    main()
