"""Jobs as tasks of a SLURM that is started here: two nodes, arrays, deaths, nodes that go away, Ctrl-C, resume."""

from __future__ import annotations

import csv
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest
from command_line import command, refused
from deadly import deadly
from plans import planned
from postgres import PASSWORD, running_postgres
from slurm import Slurm, programs, running_slurm
from stores import ask

import bpexp
from bpexp.errors import BpexpError
from bpexp.records.outcome import read_outcome
from bpexp.running.away.home import Home
from bpexp.running.away.introduction import introduction
from bpexp.running.away.parcel import opened
from bpexp.running.launchers.submitted import ANSWER, HELLO, KEY, LENT, SENT, lend, perform_all

pytest.importorskip("submitit", reason="submitit is not installed")

SMALL = ["data=xor", "model.hidden=[3]", "data.n=60", "progress=false"]
LEAN = ["epochs=2", "tracking.model=false", "tracking.figures=false"]
SUBMITIT = ["launcher=submitit", "hydra.sweep.dir=there"]
SLOW = ["+callbacks.death.kind=slow", "+callbacks.death.seconds=0.05", "epochs=10000"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Slurm]:
    with running_slurm() as slurm:
        yield slurm


@pytest.fixture
def slurm(cluster: Slurm, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    return cluster


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with deadly(tmp_path / "site", monkeypatch):
        yield


@pytest.fixture
def collected() -> Iterator[None]:
    """What submitit leaves is deleted with its test: it does not wait for the process that watches a local task."""
    yield
    gc.collect()


def locally(test: Callable[..., None]) -> Callable[..., None]:
    """Of a test with launcher.cluster=local: Python warns when such a process ends after the sweep."""
    ignored = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
    return pytest.mark.usefixtures("collected")(ignored(test))


def rows() -> dict[int, tuple[str, str]]:
    """Status and reason of each job."""
    with Path("there/ranking.csv").open(encoding="utf-8", newline="") as file:
        return {int(row["job"]): (row["status"], row.get("reason") or "") for row in csv.DictReader(file)}


def reason(job: int) -> str:
    return read_outcome(Path(f"there/{job}")).reason


def state_told(job: int) -> str:
    """What the reason of a job gives as its state in SLURM; empty while there is none."""
    with suppress(OSError, BpexpError):
        return reason(job).partition(" ended as ")[2].split(" ")[0].strip(";")
    return ""


def left() -> list[str]:
    """What stands beside the logs in the folder of submitit."""
    return [path.name for path in Path("there/.submitit").iterdir() if path.suffix not in (".out", ".err", ".sh")]


def await_(there: Callable[[], object], sweep: subprocess.Popen[str] | None = None) -> None:
    until = time.monotonic() + 90
    while not there():
        assert sweep is None or sweep.poll() is None, sweep.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)


def test_one_death_in_an_array_is_that_of_one_job(slurm: Slurm, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The resumed sweep does that job; weights are those of serial, bit for bit."""
    jobs = ["+callbacks.death.job=range(3)", "+callbacks.death.deaths='1 kill'"]
    assert command(["-m", *SMALL, *LEAN, *jobs, *SUBMITIT], monkeypatch) == 1
    assert {job: status for job, (status, _) in rows().items()} == {0: "finished", 1: "killed", 2: "finished"}
    assert reason(1).startswith("its SLURM job ")
    assert "ended as FAILED (SIGKILL); its log is " in reason(1)
    (script,) = Path("there/.submitit").glob("*_submission.sh")
    assert "#SBATCH --array=0-2%3" in script.read_text()
    assert left() == []
    statuses = "select status, count(*) from runs group by status order by status"
    assert ask(store, statuses) == [("FAILED", 1), ("FINISHED", 2), ("KILLED", 1)]

    assert command(["resume=there"], monkeypatch) == 0
    assert [status for status, _ in rows().values()] == ["finished"] * 3
    assert (
        command(["-m", *SMALL, *LEAN, "tracking=none", *jobs, "launcher=serial", "hydra.sweep.dir=here"], monkeypatch)
        == 0
    )
    digests = [[read_outcome(Path(f"{folder}/{job}")).theta_sha256 for job in range(3)] for folder in ("there", "here")]
    assert digests[0] == digests[1]


def test_a_job_that_is_cancelled_a_node_that_goes_away_and_ctrl_c(slurm: Slurm) -> None:
    """Each is a true record, and says what SLURM says of it; nothing is left in the queue."""
    words = ["-m", *SMALL, *SLOW, "tracking=none", "seed=range(4)", *SUBMITIT]
    sweep, node = subprocess.Popen([sys.executable, "-m", "bpexp", *words], stderr=subprocess.PIPE, text=True), ""
    begun = [Path(f"there/{job}/metrics.jsonl") for job in range(4)]
    try:
        await_(lambda: all(path.exists() for path in begun[:2]), sweep)
        (first,) = {key.partition("_")[0] for key, state in slurm.states().items() if state == "RUNNING"}
        slurm.say("scancel", f"{first}_0")
        node = slurm.say("squeue", "--noheader", f"--jobs={first}_1", "--format=%N").strip()
        await_(lambda: begun[2].exists(), sweep)
        slurm.kill_node(node)
        slurm.say("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=gone")
        await_(lambda: [state_told(0), state_told(1)] == ["CANCELLED", "NODE_FAIL"], sweep)
        sweep.send_signal(signal.SIGINT)
        _, err = sweep.communicate(timeout=60)
    finally:
        sweep.kill()
        slurm.restart_node(node)
    assert sweep.returncode == 130
    assert "Traceback" not in err
    assert {job: status for job, (status, _) in rows().items()} == {0: "killed", 1: "killed", 2: "killed", 3: "lost"}
    assert reason(2) == "terminated"
    assert not set(slurm.states().values()) & {"RUNNING", "PENDING"}
    assert left() == []


def test_credentials_are_in_no_file_and_in_no_record_of_slurm(
    slurm: Slurm, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What SLURM keeps is the key to a file that is gone. Both jobs, which one task performs, are in the database."""
    with running_postgres() as postgres:
        uri = postgres.create("runs")
        words = [
            "-m",
            *SMALL,
            *LEAN,
            "seed=0,1",
            "launcher.per_task=2",
            "tracking.patience=300",
            f"tracking.uri='{uri}'",
            *SUBMITIT,
        ]
        with searching([slurm.folder, Path.cwd()], [PASSWORD, KEY, "there/.submitit"]) as found:
            assert command(words, monkeypatch) == 0
        counted = "select status, count(*) from runs group by status"
        assert postgres.ask("runs", counted) == [("FINISHED", 3)]
    assert found[KEY], "the search has not seen the environment that SLURM keeps"
    assert any("submitit.core._submit" in place for place in found["there/.submitit"]), "nor the commands of processes"
    assert not found[PASSWORD]
    assert not Path("there/.submitit").joinpath(LENT).exists()
    assert PASSWORD not in "".join(capfd.readouterr())


@contextmanager
def searching(folders: list[Path], texts: list[str]) -> Iterator[dict[str, set[str]]]:
    """Files and commands of processes that hold one of the texts at any moment of the block."""
    found: dict[str, set[str]] = {text: set() for text in texts}
    over = threading.Event()

    def search() -> None:
        while True:
            last = over.is_set()
            for place, _, names in (here for folder in folders for here in os.walk(folder)):
                for path in (Path(place, name) for name in names):
                    with suppress(OSError):  # it is gone
                        content = path.read_bytes() if path.is_file() else b""
                        for text in texts:
                            found[text] |= {str(path)} if text.encode() in content else set()
            for process in psutil.process_iter():
                with suppress(psutil.Error):  # another test may have a password of its own in a command
                    ours = process.environ().get("SLURM_CONF") == os.environ["SLURM_CONF"]
                    told = " ".join(process.cmdline()) if ours else ""
                    for text in texts:
                        found[text] |= {told} if text in told else set()
            if last:
                return
            over.wait(0.1)

    thread = threading.Thread(target=search)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


# Without SLURM: the processes of submitit


@locally
def test_local_processes_and_the_jobs_that_a_dead_task_had_left(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are sent again."""
    jobs = ["+callbacks.death.job=0,1", "+callbacks.death.deaths='0 kill'"]
    local = [*SUBMITIT, "launcher.cluster=local", "launcher.per_task=2"]
    assert command(["-m", *SMALL, *LEAN, *jobs, *local], monkeypatch) == 1
    assert {job: status for job, (status, _) in rows().items()} == {0: "killed", 1: "finished"}
    assert reason(0).startswith("its process ")
    assert left() == []
    statuses = "select status, count(*) from runs group by status order by status"
    assert ask(store, statuses) == [("FAILED", 1), ("FINISHED", 1), ("KILLED", 1)]


@pytest.mark.parametrize("lacking", ["version", "data", "environment", "nothing"])
def test_a_worker_that_differs_or_comes_too_late_begins_nothing(lacking: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function that a task calls, with what the sweep writes for it; it answers in one line."""
    home = Home(planned(*SMALL, "epochs=2", "tracking=none").jobs[0])
    job = replace(planned(*SMALL, "epochs=2", "tracking=none").jobs[0], directory=Path("there/0").absolute())
    hello = json.loads(home.hello())
    if lacking == "version":
        hello["introduction"]["version"] = "0.0.1"
    place = Path("there/.submitit/token")
    place.mkdir(parents=True)
    (place / HELLO).write_text(json.dumps(hello))
    if lacking != "environment":
        monkeypatch.setenv(KEY, lend(home.credentials(), place))
    if lacking == "data":
        monkeypatch.setattr(home, "_data_of", lambda job: (asdict(job.config), f"{job.data.split()[0]} {'0' * 64}"))
    (place / f"0{SENT}").write_bytes(home.parcel(job, files=False))
    if lacking == "nothing":
        job.directory.mkdir()
        (job.directory / "config.yaml").touch()
    perform_all(str(place), [0])
    if lacking == "nothing":
        assert opened((place / f"0{ANSWER}").read_bytes()).told["reason"] == "another process has begun it"
        assert [path.name for path in job.directory.iterdir()] == ["config.yaml"]
        return
    refusal = opened((place / f"0{ANSWER}").read_bytes()).told["refusal"]
    assert (
        refusal.partition(" cannot take a job: ")[2]
        == {
            "version": f"it has bpexp {bpexp.__version__}, and the sweep 0.0.1; install the same version there",
            "data": f"its data set xor is another one (digest {job.data.split()[1][:12]}, "
            "and 000000000000 in the sweep); copy it there",
            "environment": "the environment of the sweep did not reach it; leave SLURM's option export as it is",
        }[lacking]
    )
    assert not job.directory.exists()


@locally
def test_a_refusal_ends_the_sweep_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bpexp.running.away.home.introduction", lambda: replace(introduction(), version="0.0.1"))
    words = ["-m", *SMALL, *LEAN, "tracking=none", "seed=0,1", *SUBMITIT, "launcher.cluster=local", "launcher.n_jobs=1"]
    assert command(words, monkeypatch) == 2
    err = capfd.readouterr().err.splitlines()
    assert [line.partition(" cannot take a job: it has bpexp ")[0].split(": ")[:2] for line in err] == [
        ["bpexp", "launcher=submitit"]
    ]
    assert not Path("there/0").exists()


LINES = {
    "launcher.cluster=pbs": "cluster must be one of slurm, local or null, not 'pbs'",
    "launcher.per_task=0": "per_task must be a whole number of at least 1",
    "launcher.n_jobs=100000": "launcher.n_jobs=100000 is more than 64 processes",
    "launcher.parameters={slurm_partiton:cpu}": "launcher.parameters: NameError: Unknown argument 'partiton'",
    "launcher.parameters={slurm_additional_parameters:3}": "launcher.parameters: TypeError: 'int' object",
    "launcher.parameters={mem_gb:much}": 'launcher.parameters: AssertionError: Parameter "mem_gb" expected type',
}


@pytest.mark.parametrize("word", LINES)
def test_bad_input(word: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["-m", *SMALL, *LEAN, "tracking=none", "seed=0,1", "launcher=submitit", "launcher.cluster=local", word]
    words = [said for said in words if said.partition("=")[0] != word.partition("=")[0]] + [word]
    assert LINES[word] in refused(words, monkeypatch, capfd)


def test_what_is_not_there(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """submitit, and a controller of SLURM: each in one line, and in time."""
    words = ["-m", *SMALL, *LEAN, "tracking=none", "seed=0,1", "launcher=submitit"]
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "submitit", None)
        assert "pip install 'bpexp[slurm]'" in refused(words, without, capfd)
    programs()
    folder = Path("conf-of-slurm").absolute()
    folder.mkdir()
    (folder / "slurm.conf").write_text(
        "ClusterName=none\nSlurmctldHost=localhost\nSlurmctldPort=9\nAuthType=auth/none\n"
    )
    monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
    begun = time.monotonic()
    assert "no controller of SLURM answers" in refused([*words, "launcher.cluster=slurm"], monkeypatch, capfd)
    assert time.monotonic() - begun < 60


def test_commands_for_slurm_are_typed_and_not_read_from_a_file(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A setup is a line of shell, and so is any text with a line break: a config file cannot run code."""
    for told in ("{slurm_setup: [touch owned]}", '{slurm_comment: "a\\ntouch owned"}'):
        Path("conf/experiment").mkdir(parents=True, exist_ok=True)
        Path("conf/experiment/mine.yaml").write_text(
            "# @package _global_\ndefaults:\n  - override /data: xor\n  - override /launcher: submitit\n"
            f"launcher:\n  cluster: local\n  parameters: {told}\n"
        )
        line = ["-m", "--config-dir", "conf", "experiment=mine", "tracking=none", "seed=0,1"]
        assert "is refused in a config file; if it shall be so, type it" in refused(line, monkeypatch, capfd)
