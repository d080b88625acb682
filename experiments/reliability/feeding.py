"""What recording costs a training, and whether the cost of an epoch grows: processor time and memory.

python -m experiments.reliability.feeding [--epochs 10000] [--pairs 5]

Trains the same run with tracking=none, on a database and on a healthy server, in turn, each in a process of its own.
Processor time is that of the whole process, all threads, between the first and the last epoch, so that what is sent
meanwhile is counted; memory is that of the process at an epoch.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from experiments.reliability.faulty_server import FaultyServer

CHILD = """
import json, sys, time
import psutil
from bpexp.cli.main import main
from bpexp.records.journal import Journal

real, marks, process = Journal.on_epoch, [], psutil.Process()

def evaluated(*args, **kwargs):
    real(*args, **kwargs)
    marks.append((time.process_time(), process.memory_info().rss if len(marks) % 100 == 0 else 0))

Journal.on_epoch = evaluated
sys.argv = ["bpexp", *json.loads(sys.argv[1])]
try:
    main()
finally:
    print(json.dumps(marks))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch, "server")
        home.mkdir()
        server = FaultyServer(home)
        uris = {"none": None, "database": "sqlite:///mlflow.db", "server": server.uri}
        measured: dict[str, list[list[tuple[float, float]]]] = {name: [] for name in uris}
        try:
            for number in range(-1, arguments.pairs):  # the first one warms up
                for name, uri in uris.items():
                    marks = _train(Path(scratch, f"{name}-{number}"), uri, arguments.epochs)
                    measured[name] += [marks] if number >= 0 else []
        finally:
            server.close()
    _print(measured, arguments.epochs)


def _train(folder: Path, uri: str | None, epochs: int) -> list[tuple[float, float]]:
    """(seconds of processor time, bytes of memory) after each epoch."""
    folder.mkdir(parents=True)
    store = ["tracking=none"] if uri is None else [f"tracking.uri={uri}", "tracking.figures=false"]
    words = ["data=xor", f"epochs={epochs}", "progress=false", "checkpoint.every=3600", *store]
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, json.dumps(words)], cwd=folder, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return [tuple(mark) for mark in json.loads(done.stdout.splitlines()[-1])]


def _print(measured: dict[str, list[list[tuple[float, float]]]], epochs: int) -> None:
    tenth = epochs // 10
    print(f"{epochs} epochs of xor, {len(measured['none'])} runs each; ms of processor time an epoch, MB of memory")
    print("| tracking | whole training | against none | first tenth | last tenth | memory first, last |")
    print("| --- | --- | --- | --- | --- | --- |")
    totals = {name: [marks[-1][0] - marks[0][0] for marks in runs] for name, runs in measured.items()}
    for name, runs in measured.items():
        ratios = [mine / plain for mine, plain in zip(totals[name], totals["none"], strict=True)]
        first = statistics.median(marks[tenth][0] - marks[0][0] for marks in runs) / tenth * 1e3
        last = statistics.median(marks[-1][0] - marks[-1 - tenth][0] for marks in runs) / tenth * 1e3
        whole = statistics.median(totals[name]) / epochs * 1e3
        memory = [statistics.median(seen[where] for seen in map(_memory, runs)) / 2**20 for where in (1, -1)]
        cells = [name, f"{whole:.3f}", f"{statistics.median(ratios):.3f}", f"{first:.3f}", f"{last:.3f}"]
        print(f"| {' | '.join([*cells, f'{memory[0]:.0f}, {memory[1]:.0f}'])} |")


def _memory(marks: list[tuple[float, float]]) -> list[float]:
    return [memory for _, memory in marks if memory]


if __name__ == "__main__":
    main()
