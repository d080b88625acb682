"""What each request of a job to an SQLite store costs, with a rollback journal and with a write-ahead log (WAL).

python -m experiments.scale.calls [--times 11]

Medians of the processor time of this process, in ms; the two kinds of store take turns.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from bpexp.running.collector import collect_seldom
from bpexp.tracking.environment import mlflow_environment
from bpexp.tracking.store import Store, open_store


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=11)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    collect_seldom()
    with mlflow_environment(), tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        stores = {mode: open_store(f"sqlite:///{scratch}/{mode}.db", "bpexp") for mode in ("delete", "wal")}
        for mode in stores:
            with closing(sqlite3.connect(f"{mode}.db")) as database:
                assert database.execute(f"pragma journal_mode = {mode}").fetchone() == (mode,)
        print("| request | rollback journal | WAL | ratio |\n|---|---|---|---|")
        for what, action in requests(Path(scratch)).items():
            taken: dict[str, list[float]] = {mode: [] for mode in stores}
            for _ in range(arguments.times):
                for mode, store in stores.items():
                    taken[mode].append(timed(action, store))
            plain, wal = (1000 * statistics.median(taken[mode][1:]) for mode in stores)
            print(f"| {what} | {plain:.1f} | {wal:.1f} | {wal / plain:.2f} |", flush=True)


def timed(action: Callable[[Store, str], Any], store: Store) -> float:
    """Seconds of the processor that an action on a new run takes."""
    run = store.client.create_run(store.experiment_id).info.run_id
    began = time.process_time()
    action(store, run)
    return time.process_time() - began


def requests(folder: Path) -> dict[str, Callable[[Store, str], Any]]:
    """The requests by name."""
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

    files = folder / "files"
    files.mkdir()
    for number in range(4):
        (files / str(number)).write_text("x" * 10_000)
    tags = {f"tag_{n}": "value" for n in range(25)}
    params = [Param(f"key_{n}", str(n)) for n in range(50)]
    told = [RunTag(f"told_{n}", "value") for n in range(8)]
    card = DatasetInput(Dataset("d", "0", "bpexp", "s", "{}"), [InputTag("mlflow.data.context", "training")])

    def rows(number: int) -> list[Metric]:
        return [Metric(f"metric_{n % 28}", 0.5, n, n // 28) for n in range(number)]

    return {
        "create_run with 25 tags": lambda store, run: store.client.create_run(store.experiment_id, tags=tags),
        "log_batch of 1 000 rows": lambda store, run: store.client.log_batch(run, metrics=rows(1000)),
        "log_batch of 280 rows, 50 parameters, 8 tags": lambda store, run: store.client.log_batch(
            run, metrics=rows(280), params=params, tags=told
        ),
        "log_inputs": lambda store, run: store.client.log_inputs(run, [card]),
        "log_artifact, 4 times": lambda store, run: [
            store.client.log_artifact(run, str(file)) for file in files.iterdir()
        ],
        "log_artifacts of 4": lambda store, run: store.client.log_artifacts(run, str(files)),
        "set_terminated": lambda store, run: store.client.set_terminated(run),
    }


if __name__ == "__main__":
    main()
