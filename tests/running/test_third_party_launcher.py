"""Launchers of third parties that do not do what they owe: told twice, never, of other jobs, or with an error."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from command_line import command

from bpexp.config import plugins
from bpexp.config.launching import Launching
from bpexp.errors import ConfigError
from bpexp.running.job import Ending, Job
from bpexp.running.launchers import opened
from bpexp.running.perform import perform

SMALL = ["data=xor", "model.hidden=[3]", "data.n=60", "epochs=1", "tracking=none", "launcher=serial"]
SEARCH = ["-m", *SMALL, "search=random", "search.trials=2", "lr=interval(0.1,0.2)", "hydra.sweep.dir=there"]


def twice(jobs: Iterable[Job]) -> Iterator[Ending]:
    """Says of each job that it has ended, and then that it was lost."""
    for job in jobs:
        yield Ending(job, perform(job))
        yield Ending(job, None, "lost")


def never(jobs: Iterable[Job]) -> Iterator[Ending]:
    """Executes the jobs, and says nothing."""
    for job in jobs:
        perform(job)
    yield from ()


def another(jobs: Iterable[Job]) -> Iterator[Ending]:
    """Has an ending of a job that it was not given."""
    for job in jobs:
        yield Ending(replace(job, number=1000), None, "what")
        yield Ending(job, perform(job))


def failing(jobs: Iterable[Job]) -> Iterator[Ending]:
    """Has an error."""
    yield Ending(next(iter(jobs)), None, "it was lost")
    raise RuntimeError("no way")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def as_serial(function: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a function execute what launcher=serial does."""
    monkeypatch.setattr(importlib.import_module("bpexp.running.launchers.serial"), "serial", function)


@pytest.mark.parametrize("function", [twice, never, another])
def test_every_trial_has_one_true_ending(
    function: Callable[..., object], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    as_serial(function, monkeypatch)
    assert command(SEARCH, monkeypatch) == 0
    told = capfd.readouterr()
    assert "2 trials of search=random: 2 complete" in told.out
    assert told.err.count("2/2 done") == 1 or function is never
    assert "lost" not in told.err + told.out
    results = [json.loads(Path("there", str(job), "result.json").read_text()) for job in (0, 1)]
    assert [result["status"] for result in results] == ["finished", "finished"]


def test_an_error_of_a_plug_in_is_one_line_with_its_place(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    as_serial(failing, monkeypatch)
    monkeypatch.setitem(plugins._packages, __name__, EntryPoint("theirs", __name__, plugins.PLUGINS))
    assert command(SEARCH, monkeypatch) == 2
    told = capfd.readouterr().err
    assert "RuntimeError: no way, in failing of the plug-in 'theirs'" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("name", ["no_module:f", "bpexp.running.perform:nothing", "bpexp running"])
def test_a_launcher_that_is_not_there(name: str) -> None:
    with (
        pytest.raises(ConfigError, match=f"the launcher '{name}' cannot be imported"),
        opened(Launching(name), None),  # type: ignore[arg-type]
    ):
        pass
