"""Several processes open one store that does not exist yet, at the same moment, again and again.

python -m experiments.reliability.first_starts [--processes 16] [--rounds 20] [--unguarded]

Each process waits until all have imported MLflow; then all go at once. A first start is good if it ends without an
error in the experiment that the others see, the database is whole afterwards, and nothing else lies beside it. With
--unguarded the same is done by MLflow alone, for comparison.
"""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

WORKER = """
import sys, warnings
warnings.simplefilter("ignore")
from bpexp.tracking.environment import mlflow_environment
with mlflow_environment():
    from mlflow import MlflowClient
    from bpexp.tracking.store import open_store
    def ours(uri): return open_store(uri, "study").experiment_id
    def unguarded(uri): return MlflowClient(uri).search_experiments()[0].experiment_id
    print("ready", flush=True)
    for line in sys.stdin:
        try:
            print({"ours": ours, "unguarded": unguarded}[sys.argv[1]](line.strip()), flush=True)
        except Exception as error:
            print("failed:", type(error).__name__, " ".join(str(error).split())[:120], flush=True)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--unguarded", action="store_true")
    arguments = parser.parse_args()
    way = "unguarded" if arguments.unguarded else "ours"
    workers = [_worker(way) for _ in range(arguments.processes)]
    assert [_line(worker) for worker in workers] == ["ready"] * len(workers)
    good = 0
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(arguments.rounds):
            good += _round(workers, Path(scratch, str(number)))
    for worker in workers:
        worker.communicate()
    print(f"{good} of {arguments.processes * arguments.rounds} first starts are good ({way})")
    sys.exit(0 if good == arguments.processes * arguments.rounds else 1)


def _worker(way: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", WORKER, way], stdin=pipe, stdout=pipe, text=True)


def _round(workers: list[subprocess.Popen[str]], folder: Path) -> int:
    """The number of good first starts of one store."""
    folder.mkdir()
    path = folder / "mlflow.db"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write(f"sqlite:///{path}\n")
        worker.stdin.flush()
    answers = [_line(worker) for worker in workers]
    with closing(sqlite3.connect(path)) as database:
        whole = database.execute("pragma integrity_check").fetchall() == [("ok",)]
    clean = [file.name for file in folder.iterdir()] == ["mlflow.db"]
    same = [answer for answer in answers if answer.isdigit() and answer == max(answers, key=answers.count)]
    for answer in answers:
        if not answer.isdigit():
            print(answer)
    return len(same) if whole and clean else 0


def _line(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    return worker.stdout.readline().strip()


if __name__ == "__main__":
    main()
