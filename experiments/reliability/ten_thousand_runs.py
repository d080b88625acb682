"""A store of 10 000 runs: what it costs to record one more, to find the best, to look at it, and to start.

python -m experiments.reliability.ten_thousand_runs [--runs 10000] [--metrics 100] [--keep FOLDER]

One run, and one parent run of a study in a hundred, are recorded through bpexp; the others are copies of their rows in
MLflow's tables (runs, tags, params, metrics, latest_metrics), written directly, with an id, a start and an accuracy of
their own. Times are measured in the store and in an empty one; that of the
processor, because the machine may be busy, and that of the clock.
"""

from __future__ import annotations

import argparse
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from bpexp.running.tasks.doctor_runs import examine_runs
from bpexp.study.declaration import STUDY_TAG
from bpexp.tracking.doctor.database_file import examine_file
from bpexp.tracking.doctor.settings import Doctor
from bpexp.tracking.environment import mlflow_environment
from bpexp.tracking.query import children, first_start, left_running, newest_run, runs_with
from bpexp.tracking.store import Store, open_store

TABLES = ("tags", "params", "metrics", "latest_metrics")
"""Tables whose rows belong to a run by `run_uuid`."""

BEST = "final/accuracy_test"


def main() -> None:
    """Fill a store, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--metrics", type=int, default=100)
    parser.add_argument("--keep", type=Path, help="fill a store in this folder, and leave it there")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    with mlflow_environment(), tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        os.chdir(folder)
        empty, full = (open_store(f"sqlite:///{folder / name}.db", "bpexp") for name in ("empty", "full"))
        parent = fill(full, arguments.runs, arguments.metrics)
        slow, _ = measured(lambda store: best(store, 10), full, times=1)
        full = again(full)  # the next start
        record(empty, arguments.metrics)
        size = (folder / "full.db").stat().st_size
        print(f"{arguments.runs} runs of {arguments.metrics} metrics: {size / 2**20:.0f} MB")
        print(f"the best ten, before the next start made statistics: {slow:.0f} ms by the clock")
        print(f"{'ms, median of 9':<46} {'cpu empty':>9} {'cpu full':>9} {'wall full':>9}")
        for what, action in actions(folder, parent, arguments.metrics).items():
            (_, idle), (wall, cpu) = measured(action, empty), measured(action, full)
            print(f"{what:<46} {idle:9.1f} {cpu:9.1f} {wall:9.1f}", flush=True)
        with closing(sqlite3.connect(folder / "full.db")) as database:
            whole = database.execute("pragma integrity_check").fetchall() == [("ok",)]
        print(f"integrity: {'ok' if whole else 'broken'}")
        sys.exit(0 if whole else 1)


def actions(folder: Path, parent: str, metrics: int) -> dict[str, Callable[[Store], Any]]:
    """What is measured, by its name."""

    def path(store: Store) -> Path:
        return Path(store.uri.removeprefix("sqlite:///"))

    return {
        f"record one more run of {metrics} metrics": lambda store: record(store, metrics),
        "the best ten": lambda store: best(store, 10),
        "newest_run (task=report)": lambda store: newest_run(store, {STUDY_TAG: "symmetry"}, ended=True),
        "runs_with, 200 (a study's earlier sweeps)": lambda store: runs_with(store, STUDY_TAG, 200),
        "children of a sweep": lambda store: list(children(store, parent)),
        "first_start of a sweep": lambda store: first_start(store, parent),
        "left_running": lambda store: list(left_running(store.client)),
        "open_store, in a process that has MLflow": lambda store: again(store),
        "doctor: the file": lambda store: list(examine_file(path(store), Doctor())),
        "doctor: the runs": lambda store: list(examine_runs(store.client, store.uri, Doctor(), folder)),
    }


def measured(action: Callable[[Store], Any], store: Store, times: int = 9) -> tuple[float, float]:
    """The median times of an action in ms, by the clock and of the processor, after one that is not counted."""
    action(store)
    taken = []
    for _ in range(times):
        began = time.perf_counter(), time.process_time()
        action(store)
        taken.append((1000 * (time.perf_counter() - began[0]), 1000 * (time.process_time() - began[1])))
    wall, cpu = zip(*taken, strict=True)
    return statistics.median(wall), statistics.median(cpu)


def record(store: Store, metrics: int, **tags: str) -> str:
    """One run with the calls of bpexp's delivery; its id."""
    from mlflow.entities import Metric, Param, RunTag

    now = round(time.time() * 1000)
    tags = {"bpexp.directory": "/nowhere", "bpexp.key": uuid.uuid4().hex, **tags}
    run = store.client.create_run(store.experiment_id, start_time=now, run_name="a run", tags=tags).info.run_id
    store.client.log_batch(run, params=[Param(f"key_{n}", str(n)) for n in range(40)])
    values = [Metric(f"loss/test_{n % 10}", 1 / (n + 1), now + n, n // 10) for n in range(metrics - 1)]
    last = Metric(BEST, random.random(), now, 0)
    store.client.log_batch(run, metrics=[*values, last], tags=[RunTag("bpexp.status", "finished")])
    store.client.set_terminated(run, status="FINISHED", end_time=now + 1000)
    return str(run)


def best(store: Store, number: int) -> list[Any]:
    """The runs with the highest accuracy, as MLflow's page asks for them."""
    order = [f"metrics.`{BEST}` DESC"]
    return list(store.client.search_runs([store.experiment_id], order_by=order, max_results=number))


def again(store: Store) -> Store:
    """The store, opened as a new process does."""
    from bpexp.tracking import store as module

    module._opened.clear()
    return open_store(store.uri, "bpexp")


def fill(store: Store, runs: int, metrics: int) -> str:
    """Copies of a run, and of parents of studies; the id of a parent with eight children."""
    run = record(store, metrics)
    parent = record(store, 2, **{STUDY_TAG: "symmetry", "bpexp.sweep": "experiment=symmetry"})
    for _ in range(8):
        record(store, metrics, **{"mlflow.parentRunId": parent})
    with closing(sqlite3.connect(store.uri.removeprefix("sqlite:///"))) as database:
        for number in range(runs - 10):
            copy(database, parent if number % 100 == 0 else run, number)
        database.commit()
    return parent


def copy(database: sqlite3.Connection, source: str, number: int) -> None:
    """The rows of a run again under another id, with a start and an accuracy of their own."""
    target = uuid.uuid4().hex
    row = list(database.execute("select * from runs where run_uuid = ?", [source]).fetchone())
    names = [about[1] for about in database.execute("pragma table_info(runs)")]
    row[names.index("run_uuid")] = target
    row[names.index("start_time")] -= 60_000 * (number + 1)
    database.execute(f"insert into runs values ({','.join('?' * len(row))})", row)
    for table in TABLES:
        names = [about[1] for about in database.execute(f"pragma table_info({table})")]
        values = ["?" if name == "run_uuid" else f'"{name}"' for name in names]
        query = f"insert into {table} select {','.join(values)} from {table} where run_uuid = ?"
        database.execute(query, [target, source])
    accuracy = random.Random(number).random()
    for table in ("metrics", "latest_metrics"):
        database.execute(f"update {table} set value = ? where run_uuid = ? and key = ?", [accuracy, target, BEST])


if __name__ == "__main__":
    main()
