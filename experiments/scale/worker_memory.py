"""What a worker of launcher=process has for itself, and what it shares with the process that it was forked from.

python -m experiments.scale.worker_memory                 after a run on mnist_5k, recorded in MLflow
python -m experiments.scale.worker_memory data=mnist      after one on all of MNIST
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil

from bpexp.config.composition import CommandLine
from bpexp.running.launchers.forks import ForkServer
from bpexp.running.plan import plan

MIB = 2**20


def measured(words: list[str]) -> dict[str, Any]:
    """Private and shared MiB of two workers after a run each, forked after imports and data, or on their own."""
    jobs = plan(CommandLine(("epochs=1", "progress=false", "seed=0,1", *words), multirun=True)).jobs
    found: dict[str, Any] = {"run": " ".join(words) or "data=mnist_5k"}
    for preload in (True, False):
        server, rows = ForkServer(preload, []), []
        folder = Path(f"preload-{preload}").absolute()
        for job in jobs:
            worker = server.worker(job)
            worker.perform([job.below(folder)])
            worker.connection.recv_bytes()
            memory = psutil.Process(worker.pid).memory_full_info()
            rows.append({"private": round(memory.uss / MIB), "with its share": round(memory.pss / MIB)})
            worker.leave(10)
        server.close()
        found["forked after imports and data" if preload else "importing by itself"] = rows
    return found


def main() -> None:
    """Measure in a temporary folder, and print it."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        print(json.dumps(measured(sys.argv[1:]), indent=1))


if __name__ == "__main__":
    main()
