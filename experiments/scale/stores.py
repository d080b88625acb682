"""Stores of 2 000 and 10 000 runs, SQLite and PostgreSQL: a new run, the experiment page, a sweep's children, a report.

python -m experiments.scale.stores [--runs 2000 10000] [--without-postgresql] [--wal]

One run is recorded by the calls of bpexp's delivery of a job of a sweep; the others are copies of its rows in MLflow's
tables, written directly, each with an id, a start, a seed, a learning rate and an accuracy of its own. Three parents
have 100, 300 and 1 000 of them as children. Times are those of the processor of this process, medians of three, and of
the clock where a server does the work. PostgreSQL is started in a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from bpexp.records.outcome import Outcome
from bpexp.running.collector import collect_seldom
from bpexp.study.conclude import conclude
from bpexp.study.design import Study, declared
from bpexp.study.ranking import rank
from bpexp.study.sources import from_mlflow
from bpexp.tracking.credentials import keep, whole
from bpexp.tracking.environment import mlflow_environment
from bpexp.tracking.query import children
from bpexp.tracking.sql_database import engine_of
from bpexp.tracking.store import Store, open_store
from bpexp.tracking.upkeep import keep_statistics

SERIES, POINTS = 28, 10
"""Metrics of a run, and rows of each: 280 of a job of a sweep with one epoch of mnist_5k."""

BEST, LOSS = "final/accuracy_test", "loss/validation"
SWEEPS = (100, 300, 1_000)
ARMS = 10


def main() -> None:
    """Fill stores, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, nargs="+", default=[2_000, 10_000])
    parser.add_argument("--without-postgresql", action="store_true")
    parser.add_argument("--wal", action="store_true", help="SQLite with a write-ahead log")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    collect_seldom()  # as the command does: 30 000 objects of a query would be looked at again and again
    with mlflow_environment(), tempfile.TemporaryDirectory() as scratch, databases(arguments) as addresses:
        os.chdir(scratch)
        for runs in arguments.runs:
            for name, address in addresses(runs, Path(scratch)).items():
                store = open_store(keep(address), "bpexp")
                if arguments.wal and name == "SQLite":
                    with engine_of(address).connect() as database:
                        database.execute(text("pragma journal_mode = wal"))
                began = time.perf_counter()
                parents = fill(store, runs)
                print(f"\n{name}, {runs} runs, filled in {time.perf_counter() - began:.0f} s, {size(store):.0f} MB")
                print("| what | ms of the processor | ms by the clock |\n|---|---|---|")
                for what, action in actions(store, parents, Path(scratch)).items():
                    cpu, wall = measured(action)
                    print(f"| {what} | {cpu:.1f} | {wall:.1f} |", flush=True)


@contextmanager
def databases(arguments: argparse.Namespace) -> Iterator[Callable[[int, Path], dict[str, str]]]:
    """Gives the addresses of new databases."""
    if arguments.without_postgresql:
        yield lambda runs, folder: {"SQLite": f"sqlite:///{folder}/{runs}.db"}
        return
    from tests.support.postgres import running_postgres

    with running_postgres() as server:
        yield lambda runs, folder: {
            "SQLite": f"sqlite:///{folder}/{runs}.db",
            "PostgreSQL": server.create(f"runs{runs}"),
        }


def measured(action: Callable[[], Any], times: int = 3) -> tuple[float, float]:
    """Median times in ms, of the processor and by the clock, after one that is not counted."""
    action()
    taken = []
    for _ in range(times):
        began = time.process_time(), time.perf_counter()
        action()
        taken.append((1000 * (time.process_time() - began[0]), 1000 * (time.perf_counter() - began[1])))
    cpu, wall = zip(*taken, strict=True)
    return statistics.median(cpu), statistics.median(wall)


def actions(store: Store, parents: list[str], folder: Path) -> dict[str, Callable[[], Any]]:
    """What is measured, by its name."""
    empty = open_store(f"sqlite:///{folder}/empty.db", "bpexp")
    found: dict[str, Callable[[], Any]] = {
        "insert a run: the five calls of a job of a sweep": lambda: record(store),
        "the same in an empty store": lambda: record(empty),
        "experiment page: the newest 100": lambda: page(store, "attributes.start_time DESC"),
        "experiment page: the best 100 by a metric": lambda: page(store, f"metrics.`{BEST}` DESC"),
        "experiment page: 100 with lr > 0.5 and a metric": lambda: page(
            store, "attributes.start_time DESC", f"metrics.`{BEST}` > 0.5 and params.lr = '0.5'"
        ),
    }
    for number, parent in zip(SWEEPS, parents, strict=True):
        found[f"children of a sweep of {number}"] = lambda parent=parent: list(children(store, parent))
    study = of_the_study()
    for number, parent in zip(SWEEPS, parents, strict=True):
        found[f"ranking of {number}"] = lambda number=number: rank(outcomes(number), range(number))
        runs = [
            replace(run, params={**run.params, "seed": str(n // ARMS), "lr": str((n % ARMS + 1) / 10)})
            for n, run in enumerate(from_mlflow(store, parent, study))
        ]
        found[f"report of {number}: reading from MLflow"] = lambda parent=parent: from_mlflow(store, parent, study)
        found[f"report of {number}: analysis and pages"] = lambda runs=runs: conclude(study, runs, folder, "", None)
    return found


def of_the_study() -> Study:
    """A study of one factor with ten levels, which reads two series of each run."""
    factors = {"lr": [(n + 1) / ARMS for n in range(ARMS)]}
    measures = ["final loss/validation", "first grad_norm/1"]
    content = {"title": "t", "question": "q?", "factors": factors, "repeats": 10, "measures": measures}
    return declared("scale", content)


def outcomes(number: int) -> list[Outcome]:
    """Outcomes of runs, as a ranking takes them."""
    return [
        Outcome(
            name=str(n),
            directory=f"/{n}",
            status="finished",
            reason="all epochs are done",
            overrides=(f"lr={n}", f"seed={n}"),
            params={f"key_{k}": k for k in range(50)} | {"lr": n, "seed": n},
            seconds=1.0,
            metrics={BEST: n / number, "final/loss_test": 1.0, "best/accuracy_validation": n / number},
            chosen_by="accuracy/validation",
        )
        for n in range(number)
    ]


def page(store: Store, order: str, wanted: str = "") -> list[Any]:
    """A page of runs, as MLflow's interface asks for it."""
    return list(store.client.search_runs([store.experiment_id], wanted, order_by=[order], max_results=100))


def record(store: Store) -> str:
    """One run with the calls of bpexp's delivery of a job; its id."""
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

    now = round(time.time() * 1000)
    tags = {f"bpexp.fact_{n}": "a fact" for n in range(22)} | {"bpexp.key": uuid.uuid4().hex}
    run = str(store.client.create_run(store.experiment_id, start_time=now, run_name="a run", tags=tags).info.run_id)
    names = [LOSS, BEST, *(f"grad_norm/{n}" for n in range(SERIES - 2))]
    rows = [Metric(name, 1 / (step + 1), now + step, step) for name in names for step in range(POINTS)]
    params = [Param(f"key_{n}", str(n)) for n in range(48)] + [Param("seed", "0"), Param("lr", "0.5")]
    ended = [RunTag(f"bpexp.told_{n}", "told") for n in range(8)]
    store.client.log_batch(run, metrics=rows, params=params, tags=ended)
    card = Dataset(name="mnist_5k", digest="0" * 36, source_type="bpexp", source="s", profile="{}")
    store.client.log_inputs(run, [DatasetInput(card, [InputTag("mlflow.data.context", "training")])])
    with tempfile.TemporaryDirectory() as files:
        for name in ("config.yaml", "metrics.jsonl", "result.json", "split.npz"):
            (Path(files) / name).write_text("x" * 10_000)
        store.client.log_artifacts(run, files)
    store.client.set_terminated(run, status="FINISHED", end_time=now + 1000)
    return run


def fill(store: Store, runs: int) -> list[str]:
    """Copies of a run, of which some belong to sweeps; the ids of the parents."""
    source = record(store)
    parents = [record(store) for _ in SWEEPS]
    copies = [(uuid.uuid4().hex, number) for number in range(runs - 1 - len(parents))]
    belongs = [parent for parent, number in zip(parents, SWEEPS, strict=True) for _ in range(number)]
    with engine_of(whole(store.uri)).connect() as database:
        database.execute(text("begin"))
        database.execute(text("create temporary table copies (id varchar(32) primary key, n integer)"))
        database.execute(text("insert into copies values (:id, :n)"), [{"id": c, "n": n} for c, n in copies])
        copy(database, "runs", source, {"run_uuid": "c.id", "start_time": "s.start_time - 60000 * (c.n + 1)"})
        for table in ("tags", "params", "metrics", "latest_metrics"):
            copy(database, table, source, {"run_uuid": "c.id"})
        parts = [{"id": c, "p": parent} for (c, _), parent in zip(copies, belongs, strict=False)]
        tag = "insert into tags (key, value, run_uuid) values ('mlflow.parentRunId', :p, :id)"
        database.execute(text(tag), parts)
        for table in ("metrics", "latest_metrics"):
            own = f"(select (c.n * 7919 % {runs}) * 1.0 / {runs} from copies c where c.id = {table}.run_uuid)"
            mine = "run_uuid in (select id from copies)"
            database.execute(text(f"update {table} set value = {own} where key = '{BEST}' and {mine}"))
        database.execute(text("commit"))
        if database.dialect.name == "postgresql":
            database.execute(text("analyze"))
    if store.uri.startswith("sqlite"):
        keep_statistics(Path(store.uri.removeprefix("sqlite:///")))
    return parents


def copy(database: Connection, table: str, source: str, own: dict[str, str]) -> None:
    """The rows of a run in a table, once for each copy, with its own values in some columns."""
    from sqlalchemy import inspect

    names = [column["name"] for column in inspect(database).get_columns(table)]
    values = ", ".join(own.get(name, f's."{name}"') for name in names)
    listed = ", ".join(f'"{name}"' for name in names)
    database.execute(
        text(f"insert into {table} ({listed}) select {values} from {table} s, copies c where s.run_uuid = :source"),
        {"source": source},
    )


def size(store: Store) -> float:
    """Megabytes of the database."""
    with engine_of(whole(store.uri)).connect() as database:
        if database.dialect.name == "postgresql":
            return int(database.execute(text("select pg_database_size(current_database())")).scalar() or 0) / 2**20
    return Path(store.uri.removeprefix("sqlite:///")).stat().st_size / 2**20


if __name__ == "__main__":
    main()
