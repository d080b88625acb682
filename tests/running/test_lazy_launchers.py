"""A launcher pulls a job only when it can begin it, so that a search can decide each from the endings so far."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bpexp.config.composition import CommandLine
from bpexp.config.groups import GROUPS
from bpexp.running.job import Ending, Job
from bpexp.running.launchers import opened
from bpexp.running.plan import plan

WORDS = (
    "data=xor",
    "model.hidden=[3]",
    "data.n=60",
    "epochs=1",
    "progress=false",
    "tracking=none",
    "lr=0.1,0.2,0.3,0.4",
)


@pytest.mark.parametrize(("words", "ahead"), [("serial", 1), ("process launcher.n_jobs=2", 2)])
def test_a_job_is_pulled_when_a_worker_is_free(
    words: str, ahead: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never more jobs are out than workers are there, and every ending is known before the next job is decided."""
    monkeypatch.chdir(tmp_path)
    planned = plan(CommandLine((*WORDS, *f"launcher={words}".split()), multirun=True))
    endings: list[Ending] = []
    out: list[int] = []

    def decided() -> Iterator[Job]:
        for pulled, job in enumerate(planned.jobs, start=1):
            out.append(pulled - len(endings))
            yield job.below(tmp_path)

    with opened(GROUPS["launcher"].build(planned.config.launcher), planned.jobs[0]) as launcher:
        for ending in launcher(decided()):
            assert ending.outcome is not None, ending.reason
            endings.append(ending)
    assert sorted(ending.job.number for ending in endings) == [0, 1, 2, 3]
    assert out == [min(number, ahead) for number in (1, 2, 3, 4)]
