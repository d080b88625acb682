"""Living runs and dead ones: what the doctor and the next start make of them.

python -m experiments.reliability.living_and_dead [--living 100] [--dead 20] [--stopped 60]

Every run is RUNNING in MLflow, and is carried out by a process of its own that holds the lock of its folder. Half of
the living ones write into their journals all the time, the others sleep, and one is stopped by SIGSTOP for a minute.
The dead ones got SIGKILL. Then the doctor looks, and another run is started in the same folder. A living run must be
RUNNING afterwards, a dead one must not, and must have every row of its journal.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import closing
from pathlib import Path

from bpexp.records.journal import JOURNAL, read
from bpexp.records.lock import RunLock
from bpexp.tracking.delivery import Delivery
from bpexp.tracking.environment import mlflow_environment
from bpexp.tracking.manifest import Facts, write_facts
from bpexp.tracking.open_runs import announce
from bpexp.tracking.store import open_store

START = [
    "data=spirals",
    "epochs=1",
    "data.limit=60",
    "progress=false",
    "tracking.figures=false",
    "tracking.patience=300",
]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--living", type=int, default=100)
    parser.add_argument("--dead", type=int, default=20)
    parser.add_argument("--stopped", type=float, default=60.0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        numbers = range(arguments.living + arguments.dead)
        ids = [recorded(Path(scratch, "outputs", str(number)), Path(scratch)) for number in numbers]
        processes = [carried_out(Path(scratch, "outputs", str(number)), busy=number % 2 == 0) for number in numbers]
        for process in processes[arguments.living :]:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        os.kill(processes[0], signal.SIGSTOP)
        began = time.monotonic()
        time.sleep(arguments.stopped)
        looks = (("the next start", START), ("the doctor", ["task=doctor"]), ("the doctor again", ["task=doctor"]))
        good = True
        for what, words in looks:
            done = subprocess.run([sys.executable, "-m", "bpexp", *words], capture_output=True, text=True)
            print(done.stderr, end="")
            good = tell(what, done.returncode, ids, arguments.living, began) and good
        for process in processes[: arguments.living]:
            os.kill(process, signal.SIGKILL)
    sys.exit(0 if good else 1)


def recorded(directory: Path, cwd: Path) -> str:
    """A run that MLflow knows; its id."""
    directory.mkdir(parents=True)
    uri = f"sqlite:///{cwd / 'mlflow.db'}"
    tags = {"bpexp.directory": str(directory)}
    facts = Facts("run", directory.name, uri, "bpexp", round(time.time() * 1000), tags=tags)
    write_facts(facts, directory)
    announce(facts.key, directory, uri, "run", cwd)
    with mlflow_environment():
        delivery = Delivery(directory, facts, fresh=True)
        delivery.ensure(open_store(uri, "bpexp"))
        delivery.save()
    return str(delivery.sent.run_id)


def carried_out(directory: Path, *, busy: bool) -> int:
    """The id of a process that holds the lock of a folder, and has written its first epochs."""
    ready, told = os.pipe()
    child = os.fork()
    if child:
        os.close(told)
        os.read(ready, 1)
        os.close(ready)
        return child
    with RunLock(directory), (directory / JOURNAL).open("a") as journal:
        journal.write(json.dumps({"time": time.time(), "event": "started", "epochs": 9, "steps_per_epoch": 1}) + "\n")
        epoch = 0
        while True:
            metrics = {"loss/test": 1.5, "time/epoch": epoch}
            journal.write(json.dumps({"time": time.time(), "step": epoch, "metrics": metrics}) + "\n")
            journal.flush()
            epoch += 1
            if epoch == 20:
                os.write(told, b"x")
            if epoch > 20:
                time.sleep(0.5 if busy else 3600)


def tell(what: str, code: int, ids: list[str], living: int, began: float) -> bool:
    """Print what is RUNNING after a look, and whether the dead have their rows; whether all is as it must be."""
    with closing(sqlite3.connect("mlflow.db")) as database:
        running = {row[0] for row in database.execute("select run_uuid from runs where status = 'RUNNING'")}
        query = "select count(*) from metrics where run_uuid = ? and key = 'loss/test'"
        rows = [database.execute(query, [run]).fetchone()[0] for run in ids]
    written = [sum("metrics" in line for _, line in read(Path("outputs", str(n), JOURNAL))) for n in range(len(ids))]
    declared_dead = sum(run not in running for run in ids[:living])
    left = sum(run in running for run in ids[living:])
    short = sum(got != wanted for got, wanted in zip(rows[living:], written[living:], strict=True))
    print(
        f"{what} (code {code}, {time.monotonic() - began:.0f} s after SIGSTOP): {declared_dead} of {living} living "
        f"runs declared dead, {left} of {len(ids) - living} dead runs RUNNING, {short} without all their rows",
        flush=True,
    )
    return declared_dead == left == short == 0


if __name__ == "__main__":
    main()
