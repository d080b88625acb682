"""The short form of `python -m experiments.scale.worker_kills`."""

from __future__ import annotations

from pathlib import Path

import pytest
from deadly import ROOT


def test_a_worker_that_is_killed_costs_its_job_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from experiments.scale.worker_kills import kills

    found = kills(tmp_path, ["launcher=process", "launcher.n_jobs=2"], wanted=2, jobs=4, seed=1)
    assert found["problems"] == []
    assert found["told truly"] == "2 of 2 killed"
    others = 4 * found["sweeps"] - 2
    assert found["finished with the same weights"] == f"{others} of {others} others"
    assert found["reasons"] == {"its process was ended by SIGKILL, as the system does where memory is short": 2}
