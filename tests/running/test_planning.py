"""Sweeps of many jobs: they are listed without being run, and a mistake is told before most of them are composed."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import command, refused

from bpexp.config.composition import CommandLine, Composer
from bpexp.errors import ConfigError
from bpexp.running.plan import plan

SMALL = ["data=xor", "tracking=none"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_mistake_in_the_last_of_5000_jobs_is_told_after_as_many_jobs_as_there_are_levels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    composed: list[int] = []
    compose = Composer.compose

    def counted(self: Composer, overrides: object, number: int = 0) -> object:
        composed.append(number)
        return compose(self, overrides, number)  # type: ignore[arg-type]

    monkeypatch.setattr(Composer, "compose", counted)
    grid = ("seed=range(100)", "epochs=1,2,3,4,5", "lr=0.01,0.02,0.03,0.04,0.05,0.06,0.07,0.08,0.09,-1")
    with pytest.raises(ConfigError, match=r"lr must be a number greater than 0, not -1.* \(in the job .*lr=-1\)"):
        plan(CommandLine((*SMALL, *grid), multirun=True))
    assert len(composed) <= 100 + 5 + 10


def test_the_order_of_the_jobs_stays_that_of_the_grid() -> None:
    jobs = plan(CommandLine((*SMALL, "seed=1,2", "lr=0.1,0.2,0.3"), multirun=True)).jobs
    assert [(job.number, job.config.seed, job.config.lr) for job in jobs] == [
        (number, seed, lr) for number, (seed, lr) in enumerate((s, r) for s in (1, 2) for r in (0.1, 0.2, 0.3))
    ]
    assert [job.hydra["job"]["num"] for job in jobs] == list(range(6))
    assert [job.hydra["overrides"]["task"][-1] for job in jobs] == ["lr=0.1", "lr=0.2", "lr=0.3"] * 2


def test_the_jobs_are_listed_and_nothing_is_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["-m", *SMALL, "seed=range(4)", "model.hidden=[3],[4,4]", "run_name='a b'", "--cfg", "jobs"]
    assert command(words, monkeypatch) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert len(lines) == 8
    assert lines[3] == "3  data=xor tracking=none seed=1 'model.hidden=[4,4]' 'run_name='\"'\"'a b'\"'\"''"
    assert err == "8 jobs, each composed and checked; nothing was run\n"
    assert not list(Path.cwd().iterdir())


def test_a_single_job_is_listed_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command([*SMALL, "--cfg", "jobs"], monkeypatch) == 0
    assert capsys.readouterr() == ("0  data=xor tracking=none\n", "1 job, composed and checked; nothing was run\n")


def test_a_search_has_no_jobs_to_list_and_its_space_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["-m", *SMALL, "search=random", "search.trials=7", "lr=tag(log, interval(0.01,1))", "--cfg", "jobs"]
    assert command(words, monkeypatch) == 0
    out, err = capsys.readouterr()
    assert out == "lr: 0.01 to 1.0, logarithmic\n"
    assert err == "a search of 7 trials, checked; each is decided as the search runs; nothing was run\n"
    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-m", "lr=0.1,x", "--cfg", "jobs"], "lr must be a number greater than 0, not 'x' (in the job"),
        (["lr=0.1,0.2", "--cfg", "jobs"], "lr=0.1,0.2 has several values; add -m"),
    ],
)
def test_a_list_of_jobs_is_refused_as_the_sweep_would_be(
    words: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert refused([*SMALL, *words], monkeypatch, capfd).startswith(told)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-m", "--cfg", "job"], "or list the jobs of a sweep by --cfg jobs"),
        (["--cfg", "jobs", "--resolve"], "--cfg job"),
    ],
)
def test_flags_that_do_not_fit(
    words: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert command([*SMALL, *words], monkeypatch) == 2
    assert told in capfd.readouterr().err
