"""A real server: `mlflow server` over PostgreSQL, and PostgreSQL itself as the store.

All tests of PostgreSQL are in this file, so that its server is started once.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from postgres import MlflowServer, Postgres, running_postgres

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

OPEN = """
import sys
from mlflow import MlflowClient
from bpexp.tracking.store import open_store
print("ready", flush=True)
sys.stdin.readline()
print(open_store(sys.argv[1], "study").experiment_id, flush=True)
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def server(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    server = MlflowServer(postgres.create("served"), tmp_path_factory.mktemp("server"))
    server.start()
    try:
        yield server
    finally:
        server.kill()


def test_four_processes_create_the_tables_of_one_database_together(postgres: Postgres) -> None:
    uri = postgres.create("race")
    pipe = subprocess.PIPE
    command = [sys.executable, "-W", "ignore", "-c", OPEN, uri]
    processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ends = [process.communicate(timeout=120) for process in processes]
    assert [err for _, err in ends] == [""] * 4
    assert len({out for out, _ in ends}) == 1
    assert ends[0][0].strip().isdigit()
