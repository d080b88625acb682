"""Which launcher a sweep gets by itself, with how many workers, and what is said of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from command_line import command, refused

from bpexp.config.composition import CommandLine
from bpexp.nn.activations import Activation, activations
from bpexp.running import cores, memory
from bpexp.running.cores import SAID, usable_cores
from bpexp.running.job import Job
from bpexp.running.launchers import choice
from bpexp.running.launchers.choice import choose
from bpexp.running.launchers.foreign import modules, unknown
from bpexp.running.plan import plan

QUIET = ("data=xor", "model.hidden=[3]", "data.n=60", "epochs=1", "progress=false", "tracking=none")
GIB = 2**30


def jobs(*words: str) -> list[Job]:
    return plan(CommandLine((*QUIET, *words), multirun=True)).jobs


def machine(monkeypatch: pytest.MonkeyPatch, number: int, free: float) -> None:
    """A machine of so many cores, with so many GiB of free memory."""
    monkeypatch.setenv(SAID, str(number))
    monkeypatch.setattr(choice, "free_memory", lambda: int(free * GIB))


@pytest.mark.parametrize(
    ("number", "free", "levels", "words"),
    [
        (2, 8, "0.1,0.2,0.3", "process, 2 workers"),
        (8, 8, "0.1,0.2,0.3", "process, 3 workers"),
        (8, 0.25, "0.1,0.2,0.3", "process, 2 workers (as many as fit into 0.25 GiB)"),
        (500, 8, ",".join(str(n / 100) for n in range(1, 81)), "process, 64 workers"),
        (1, 8, "0.1,0.2", "serial (one usable core)"),
        (2, 8, "0.1", "serial (one job)"),
        (2, 0.1, "0.1,0.2", "serial (a worker needs about 0.098 GiB, and 0.1 GiB are free)"),
    ],
)
def test_auto(
    number: int, free: float, levels: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    machine(monkeypatch, number, free)
    found = jobs(f"lr={levels}")
    assert choose(found, len(found))[1] == words


def test_a_worker_that_compiles_needs_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    machine(monkeypatch, 8, 0.5)
    plain = jobs("lr=0.1,0.2,0.3,0.4,0.5")
    compiled = [replace(job, config=replace(job.config, engine="numba")) for job in plain]
    assert choose(plain, 5)[1] == "process, 5 workers"
    assert choose(compiled, 5)[1] == "process, 2 workers (as many as fit into 0.5 GiB)"


@pytest.fixture
def _home_made(request: pytest.FixtureRequest) -> Iterator[None]:
    """An activation that a script registers, or a module that it imports."""

    @activations.register("home_made")
    def home_made() -> Activation:
        """f(z) = 3 z."""
        return Activation(f=lambda z, out=None: 3 * z, df=lambda z, out=None: 0 * z + 3)

    home_made.__module__ = request.param
    yield
    del activations._factories["home_made"]


@pytest.mark.parametrize("_home_made", ["__main__"], indirect=True)
@pytest.mark.usefixtures("_home_made")
def test_what_a_script_registered_is_no_matter_of_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """By itself a sweep that needs it is serial; another one is not; a worker that is asked for is refused."""
    monkeypatch.chdir(tmp_path)
    machine(monkeypatch, 2, 8)
    why = "activation 'home_made' is registered in __main__, which a worker cannot import"
    assert choose(jobs("activation=relu,home_made"), 2)[1] == f"serial ({why})"
    assert choose(jobs("activation=relu,tanh"), 2)[1] == "process, 2 workers"
    told = refused(["-m", *QUIET, "activation=relu,home_made", "launcher=process"], monkeypatch, capfd)
    assert told == f"{why}; put it into a module of its own, or use launcher=serial\n"
    assert command(["-m", *QUIET, "activation=relu,home_made"], monkeypatch) == 0


@pytest.mark.parametrize("_home_made", ["made_at_home"], indirect=True)
@pytest.mark.usefixtures("_home_made")
def test_a_module_that_registered_is_imported_by_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless it has no name by which it is found, as one that was made at run time."""
    monkeypatch.setitem(sys.modules, "made_at_home", ModuleType("made_at_home"))
    assert {found.name for found in unknown()} == {"home_made"}  # as activation and as output
    (tmp_path / "made_at_home.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "made_at_home")
    __import__("made_at_home")
    assert unknown() == []
    assert modules() == ["made_at_home"]


@pytest.mark.parametrize(
    ("number", "free", "told"),
    [
        (2, 8, "launcher.n_jobs=3 is more workers than the 2 cores that this process may use"),
        (4, 0.25, "launcher.n_jobs=3 workers of about 0.098 GiB each are more than the 0.25 GiB that are free"),
        (4, 8, None),
    ],
)
def test_more_workers_than_the_machine_has_room_for(
    number: int,
    free: float,
    told: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    machine(monkeypatch, number, free)
    found = jobs("lr=0.1,0.2,0.3,0.4", "launcher=process", "launcher.n_jobs=3")
    assert choose(found, len(found))[1] == "process, 3 workers"
    assert capfd.readouterr().err == (f"bpexp: warning: {told}\n" if told else "")


def test_usable_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The affinity, the quota of a container in whole cores, and Python's variable in place of both."""
    monkeypatch.delenv(SAID)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(6)), raising=False)
    group = tmp_path / "above" / "own"
    group.mkdir(parents=True)
    monkeypatch.setattr(memory, "CGROUPS", tmp_path)
    monkeypatch.setattr(memory, "OWN_CGROUP", tmp_path / "cgroup")
    assert cores.usable_cores() == 6
    (tmp_path / "cgroup").write_text("0::/above/own\n", encoding="utf-8")
    (group / "cpu.max").write_text("max 100000\n", encoding="ascii")
    assert usable_cores() == 6
    (tmp_path / "above" / "cpu.max").write_text("250000 100000\n", encoding="ascii")
    assert usable_cores() == 2
    (tmp_path / "above" / "cpu.max").write_text("50000 100000\n", encoding="ascii")
    assert usable_cores() == 1
    for said, number in (("3", 3), ("0", 1), ("default", 1)):
        monkeypatch.setenv(SAID, said)
        assert usable_cores() == number


@pytest.mark.parametrize(
    ("number", "words"), [(4, "process, 3 workers"), (2, "process, 2 workers"), (1, "process, 1 worker")]
)
def test_the_words_tell_of_the_workers_that_have_a_job(
    number: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are allowed all the same: the runs that confirm a search may be more than its trials."""
    monkeypatch.chdir(tmp_path)
    machine(monkeypatch, 8, 8)
    launching, told = choose(jobs("lr=0.1,0.2", "launcher=process", "launcher.n_jobs=3"), number)
    assert (told, launching.settings["n_jobs"]) == (words, 3)
