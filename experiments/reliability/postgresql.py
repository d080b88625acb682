"""PostgreSQL as the store: first starts of several processes together, and kills while its tables are created.

python -m experiments.reliability.postgresql [--processes 4] [--rounds 10] [--kills 20] [--unguarded] [--seed 0]

Needs PostgreSQL's programs; runs a server of its own in a temporary folder. A first start is good if it ends without an
error. A kill is recovered from if the next start finds or makes the tables and takes a run. With --unguarded the first
starts are those of MLflow alone.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import time
import warnings

from bpexp.tracking.environment import mlflow_environment
from tests.support.postgres import Postgres, running_postgres


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--unguarded", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    with mlflow_environment(), running_postgres() as server:
        import mlflow.store.tracking.sqlalchemy_store  # noqa: F401, imported once, before the processes are forked

        good = sum(together(server, n, arguments.processes, arguments.unguarded) for n in range(arguments.rounds))
        starts = arguments.processes * arguments.rounds
        print(
            f"{good} of {starts} first starts are good ({'unguarded' if arguments.unguarded else 'ours'})", flush=True
        )
        recovered = kills(server, arguments.kills, random.Random(arguments.seed))
        print(f"{recovered} of {arguments.kills} kills recovered")
    sys.exit(0 if good == starts and recovered == arguments.kills else 1)


def together(server: Postgres, number: int, processes: int, unguarded: bool) -> int:
    """The number of good ones among first starts that begin at the same moment."""
    uri = server.create(f"race{number}")
    gate, go = os.pipe()
    children = []
    for _ in range(processes):
        if (child := os.fork()) == 0:
            os.close(go)
            os.read(gate, 1)  # ends when the other side is closed, for all of them at once
            start(uri, unguarded)
        children.append(child)
    os.close(gate)
    os.close(go)
    return sum(os.waitpid(child, 0)[1] == 0 for child in children)


def kills(server: Postgres, times: int, chance: random.Random) -> int:
    """The number of kills at random moments of a creation after which the next start is good."""
    began = time.monotonic()
    os.waitpid(forked(server.create("timed")), 0)
    lasts, killed, recovered = time.monotonic() - began, 0, 0
    while killed < times:
        uri = server.create(f"kill{killed}")
        child = forked(uri)
        time.sleep(chance.random() * lasts)
        os.kill(child, signal.SIGKILL)
        if not os.WIFSIGNALED(os.waitpid(child, 0)[1]):
            server.ask("postgres", f'drop database "kill{killed}" with (force)')
            continue
        recovered += os.waitpid(forked(uri), 0)[1] == 0
        killed += 1
    return recovered


def forked(uri: str) -> int:
    """The id of a process that starts."""
    child = os.fork()
    if child == 0:
        start(uri, unguarded=False)
    return child


def start(uri: str, unguarded: bool) -> None:
    """Open the store and create a run; never returns."""
    from mlflow import MlflowClient

    from bpexp.tracking.store import open_store

    code = 1
    try:
        if unguarded:
            MlflowClient(uri).create_run("0")
        else:
            store = open_store(uri, "study")
            store.client.create_run(store.experiment_id)
        code = 0
    except Exception as error:
        print(f"a start failed: {' '.join(str(error).split())[:120]}", flush=True)
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
