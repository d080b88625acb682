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
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from clusters import RAY, DaskCluster, RayCluster, until
from command_line import refused
from deadly import ROOT, deadly
from postgres import MlflowServer, Postgres, running_postgres

from bpexp.records.outcome import read_outcome
from bpexp.running.away.engine import CONNECT
from bpexp.running.away.introduction import Introduction

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

ENGINES = {"dask": "distributed", "ray": "ray"}
SECRET = "swordfish-4711"
SMALL = ["data=xor", "model.hidden=[3]", "data.n=60", "tracking.figures=false"]


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
        for key, value in RAY.items():
            patch.setenv(key, value)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        with deadly(folder / "site", patch):
            yield SimpleNamespace(home=folder / "home", cluster=folder / "cluster", site=folder / "site")


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


class Sweep:
    """A sweep in a process of its own, in a new folder that the second machine does not see."""

    def __init__(self, cluster: DaskCluster | RayCluster, places: SimpleNamespace, *words: str) -> None:
        self.home = Path(tempfile.mkdtemp(dir=places.home))
        launcher = [f"launcher={name_of(cluster)}", f"launcher.address={cluster.address}"]
        line = [sys.executable, "-m", "bpexp", "-m", *SMALL, *launcher, "hydra.sweep.dir=there", *words]
        patient = {**os.environ, "MLFLOW_HTTP_REQUEST_TIMEOUT": "120"}  # of a server on a busy machine
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(line, cwd=self.home, env=patient, stdout=pipe, stderr=pipe, text=True)

    def statuses(self) -> dict[int, str]:
        """The status of each job in ranking.csv."""
        with (self.home / "there/ranking.csv").open(encoding="utf-8", newline="") as file:
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
    run = Sweep(cluster, places, *deaths, *recorded, "epochs=2", "tracking.model=false")
    out, err = run.process.communicate(timeout=300)
    home = run.home
    assert run.process.returncode == 1, err
    assert run.statuses() == {0: "finished", 1: "finished", 2: "killed", 3: "finished", 4: "finished"}
    assert read_outcome(home / "there/2").reason.startswith("its process was ended by SIGKILL")
    lines = [line for line in err.splitlines() if not re.match(r"sweep, 5 jobs: |launcher: |\d/5 done  ", line)]
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
    assert set(run.statuses().values()) == {"finished"}
    assert read_outcome(home / "there/2").theta_sha256 == read_outcome(folders[0]).theta_sha256
    kept = [path for path in (*places.home.rglob("*"), *places.cluster.rglob("*")) if path.is_file()]
    assert len(kept) > 50
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]
    assert SECRET not in out + err


# Machines that go away, and sweeps


def trained(cluster: DaskCluster | RayCluster, home: Path) -> list[Path]:
    """The folders in which a job trains: below that of the sweep, and in those of the machine apart."""
    found = [*home.glob("there/*/metrics.jsonl"), *cluster.folder.glob("bpexp-*/metrics.jsonl")]
    return [path.parent for path in found if path.read_text(encoding="utf-8").count("\n") > 2]


def slow(cluster: DaskCluster | RayCluster, places: SimpleNamespace, *words: str) -> Sweep:
    """A sweep of three slow jobs, now that two of them train, each on its machine."""
    slowly = ["+callbacks.death.kind=slow", "+callbacks.death.seconds=0.1", "tracking=none", "seed=0,1,2"]
    left = trained(cluster, places.site)  # by a machine of an earlier test that went away
    run = Sweep(cluster, places, *slowly, *words)

    def both() -> bool:
        begun = [folder for folder in trained(cluster, run.home) if folder not in left]
        return {folder.is_relative_to(run.home) for folder in begun} == {True, False}

    until(lambda: run.process.poll() is not None or both())
    assert run.process.poll() is None, run.process.communicate()
    return run


def test_an_interrupted_sweep_has_true_records_of_the_jobs_on_both_machines(
    cluster: DaskCluster | RayCluster, places: SimpleNamespace
) -> None:
    run = slow(cluster, places, "epochs=100000")
    run.process.send_signal(signal.SIGINT)
    _, err = run.process.communicate(timeout=120)
    assert run.process.returncode == 130
    assert "Traceback" not in err
    assert run.statuses() == {0: "killed", 1: "killed", 2: "lost"}
    for number in (0, 1):
        last = (run.home / f"there/{number}/metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1]
        assert json.loads(last)["event"] == "ended"
        assert read_outcome(run.home / f"there/{number}").reason == "interrupted"
        assert (run.home / f"there/{number}/checkpoints").is_dir()
    assert not trained(cluster, places.site)


@pytest.mark.parametrize("name", ["dask"])
def test_the_jobs_of_a_sweep_that_is_killed_train_no_longer(
    name: str, dask: DaskCluster, places: SimpleNamespace
) -> None:
    run = slow(dask, places, "epochs=100000")
    (here,) = [folder for folder in trained(dask, run.home) if folder.is_relative_to(run.home)]
    run.process.kill()
    run.process.communicate()
    until(lambda: trained(dask, run.home) == [here] and (here / "result.json").exists())
    assert read_outcome(here).status == "killed"


def test_a_machine_that_goes_away_costs_its_job_and_the_others_go_on(
    cluster: DaskCluster | RayCluster, places: SimpleNamespace
) -> None:
    run = slow(cluster, places, "epochs=40")
    cluster.lose()
    out, err = run.process.communicate(timeout=300)
    assert run.process.returncode == 1, out + err
    found = run.statuses()
    assert sorted(found.values()) == ["finished", "finished", "killed"]
    (lost,) = [number for number, status in found.items() if status == "killed"]
    assert read_outcome(run.home / f"there/{lost}").reason.endswith("died, or its machine went away")


def test_the_digests_are_those_of_serial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The short form of `python -m experiments.scale.digests`, with a Dask in the process of the sweep."""
    engine("dask")
    monkeypatch.syspath_prepend(str(ROOT))
    from experiments.scale.digests import LAUNCHERS, compared
    from experiments.scale.launchers import SWEEPS

    monkeypatch.setitem(SWEEPS, "small", [*SMALL, "epochs=1", "lr=0.1,0.3", "seed=0,1", "tracking=none"])
    found = compared(tmp_path, "small", {name: LAUNCHERS[name] for name in ("serial", "dask")})
    assert found == {"jobs": 4, "digests": 4, "launchers": ["serial", "dask"], "differ": {"serial": [], "dask": []}}


# Bad input


@pytest.fixture
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_that_is_not_installed_is_named_with_the_command_that_installs_it(
    name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, ENGINES[name], None)
    told = refused(["-m", *SMALL, "seed=0,1", f"launcher={name}"], monkeypatch, capfd)
    expected = f"launcher={name} needs {ENGINES[name]}, which is not installed; type: pip install 'bpexp[{name}]'"
    assert told.strip() == expected


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("kind", ["nothing listens", "something else listens"])
def test_an_address_that_does_not_answer_is_told(name: str, kind: str, tmp_path: Path) -> None:
    """How soon, `python -m experiments.scale.silence` measures; the bound is the constant."""
    engine(name)
    assert CONNECT <= 4
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if kind == "something else listens":
            listener.listen()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        done = command_in(tmp_path, "-m", *SMALL, "seed=0,1", f"launcher={name}", f"launcher.address={address}")
    assert done.returncode == 2
    assert f"answers at launcher.address='{address}' (" in done.stderr
    assert done.stderr.count("\n") == 1, "others than bpexp speak"
    assert not list(tmp_path.iterdir())


WRONG = {
    "version": ("introduction", lambda: Introduction("0.0.1", "", [], {}), "install the same version there"),
    "data": ("named_data", lambda config: "xor 0123456789abcdef", "its data set xor is another one (digest "),
}


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize("kind", WRONG)
def test_a_worker_that_differs_is_told_before_anything_is_made(
    kind: str, dask: DaskCluster, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    name, instead, expected = WRONG[kind]
    monkeypatch.setattr(f"bpexp.running.away.home.{name}", instead)
    words = ["-m", *SMALL, "seed=0,1", "launcher=dask", f"launcher.address={dask.address}"]
    told = refused(words, monkeypatch, capfd)
    assert told.startswith("the worker tcp://")
    assert expected in told


def command_in(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bpexp", *words], cwd=home, capture_output=True, text=True, timeout=300, check=False
    )
