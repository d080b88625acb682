"""launcher=ray and launcher=dask on real clusters, whose second machine shares no folder with the sweep.

All tests of both are in this file, so that the clusters, PostgreSQL and its server are started once.
"""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from clusters import RAY, DaskCluster, Program, RayCluster, until
from command_line import command, refused
from deadly import ROOT, deadly
from postgres import MlflowServer, Postgres, running_postgres

from bpexp.errors import ConfigError
from bpexp.records.outcome import read_outcome
from bpexp.running.away.introduction import Introduction, introduction

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

ENGINES = {"dask": "distributed", "ray": "ray"}
SECRET = "swordfish-4711"
SMALL = ["data=xor", "model.hidden=[3]", "data.n=60", "epochs=2", "tracking.figures=false"]


def engine(name: str) -> None:
    """Skip the test where an engine is not installed."""
    if find_spec(ENGINES[name]) is None:
        pytest.skip(f"{name} is not installed (pip install 'bpexp[{name}]')")


@pytest.fixture(scope="module")
def places() -> Iterator[SimpleNamespace]:
    """A folder that the second machines do not see, the one of the clusters, and that of the plug-in."""
    with tempfile.TemporaryDirectory(prefix="bpexp-") as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        for part in ("home", "cluster", "site"):
            (folder / part).mkdir()
        patch.setenv("BPEXP_SITE", name)
        for key, value in RAY.items():
            patch.setenv(key, value)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        with deadly(folder / "site", patch):
            yield SimpleNamespace(home=folder / "home", cluster=folder / "cluster")


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[MlflowServer, Postgres]]:
    with running_postgres() as postgres, tempfile.TemporaryDirectory() as folder:
        found = MlflowServer(postgres.create("clusters"), Path(folder))
        found.start()
        try:
            yield found, postgres
        finally:
            found.kill()


@pytest.fixture(scope="module")
def dask(places: SimpleNamespace) -> Iterator[DaskCluster]:
    engine("dask")
    cluster = DaskCluster(places.cluster, places.home)
    try:
        cluster.ready()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(scope="module")
def ray(places: SimpleNamespace) -> Iterator[RayCluster]:
    engine("ray")
    cluster = RayCluster(places.cluster, places.home)
    try:
        cluster.ready()
        cluster.add_node()
        cluster.ready()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(params=ENGINES)
def cluster(request: pytest.FixtureRequest) -> DaskCluster | RayCluster:
    found: DaskCluster | RayCluster = request.getfixturevalue(request.param)
    return found


def name_of(cluster: DaskCluster | RayCluster) -> str:
    return "dask" if isinstance(cluster, DaskCluster) else "ray"


def sweep(cluster: DaskCluster | RayCluster, places: SimpleNamespace, *words: str) -> subprocess.Popen[str]:
    """A sweep in a process of its own, in a new folder that the second machine does not see."""
    home = Path(tempfile.mkdtemp(dir=places.home))
    launcher = [f"launcher={name_of(cluster)}", f"launcher.address={cluster.address}"]
    line = [sys.executable, "-m", "bpexp", "-m", *SMALL, *launcher, "hydra.sweep.dir=there", *words]
    process = subprocess.Popen(line, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.home = home  # type: ignore[attr-defined]
    return process


def statuses(home: Path) -> dict[int, str]:
    with (home / "there/ranking.csv").open(encoding="utf-8", newline="") as file:
        return {int(row["job"]): row["status"] for row in csv.DictReader(file)}


def test_a_job_that_kills_its_process_costs_one_job_and_the_folder_is_as_in_serial(
    cluster: DaskCluster | RayCluster, places: SimpleNamespace, server: tuple[MlflowServer, Postgres]
) -> None:
    """With a server over PostgreSQL, to which the workers record live with a password that nothing keeps."""
    mlflow, postgres = server
    uri = f"http://me:{SECRET}@{mlflow.url.removeprefix('http://')}"
    marks = places.cluster / f"marks-{name_of(cluster)}"
    deaths = ["+callbacks.death.job=0,1,2,3,4", "+callbacks.death.deaths='2 kill'", f"+callbacks.death.marks={marks}"]
    recorded = [f"tracking.uri={uri}", f"tracking.experiment={name_of(cluster)}", "tracking.patience=300"]
    run = sweep(cluster, places, *deaths, *recorded, "tracking.model=false")
    out, err = run.communicate(timeout=300)
    home = run.home
    assert run.returncode == 1, err
    assert statuses(home) == {0: "finished", 1: "finished", 2: "killed", 3: "finished", 4: "finished"}
    assert read_outcome(home / "there/2").reason.startswith("its process was ended by SIGKILL")
    lines = [line for line in err.splitlines() if not re.match(r"launcher: |\d/5 done  ", line)]
    assert not lines, "others than bpexp speak"
    folders = [home / "there" / str(number) for number in (0, 1, 3, 4)]
    apart = [folder for folder in folders if not (folder / "run.lock").exists()]
    assert 0 < len(apart) < 4, "one machine shares the folder, and one does not"
    files = [sorted(path.name for path in folder.iterdir() if path.name != "run.lock") for folder in folders]
    assert all(found == files[0] for found in files)
    assert all(json.loads((folder / "result.json").read_text())["directory"] == str(folder) for folder in folders)
    assert len({read_outcome(folder).theta_sha256 for folder in folders}) == 1
    in_experiment = f"select experiment_id from experiments where name = '{name_of(cluster)}'"
    query = f"select status, count(*) from runs where experiment_id in ({in_experiment}) group by status"
    assert set(postgres.ask("clusters", query)) == {("FINISHED", 4), ("KILLED", 1), ("FAILED", 1)}
    query = "select count(*) from tags where key = 'bpexp.directory' and value like '" + str(home) + "/%'"
    assert postgres.ask("clusters", query) == [(6,)]
    again = command_in(home, "-m", "resume=there")
    assert again.returncode == 0, again.stderr
    assert set(statuses(home).values()) == {"finished"}
    assert read_outcome(home / "there/2").theta_sha256 == read_outcome(folders[0]).theta_sha256
    kept = [path for path in (*places.home.rglob("*"), *places.cluster.rglob("*")) if path.is_file()]
    assert len(kept) > 50
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]
    assert SECRET not in out + err


def command_in(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bpexp", *words], cwd=home, capture_output=True, text=True, timeout=300, check=False
    )
