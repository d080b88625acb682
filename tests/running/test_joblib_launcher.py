"""Hydra's joblib: its worker processes end with their sweep, and what they leave is true, or is made true."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from command_line import command
from deadly import deadly
from stores import ask

from bpexp.records.outcome import read_outcome

SMALL = ["data=xor", "model.hidden=[3]", "data.n=60", "epochs=2", "progress=false", "tracking.figures=false"]


@pytest.fixture(autouse=True)
def _plug_in(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="hydra-joblib-launcher is not installed")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with deadly(tmp_path / "site", monkeypatch):
        yield


def test_terminated_in_the_middle_it_leaves_no_worker_and_true_records(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = ["+callbacks.death.kind=slow", "+callbacks.death.seconds=0.05", "epochs=10000", "seed=0,1"]
    words = [*SMALL[:3], *SMALL[4:], *slow, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    line = [sys.executable, "-m", "bpexp", "-m", *words, "hydra.sweep.dir=there"]
    sweep = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    journals, until = [Path(f"there/{number}/metrics.jsonl") for number in range(2)], time.monotonic() + 120
    while not all(path.exists() and path.read_bytes().count(b"\n") > 3 for path in journals):
        assert sweep.poll() is None, sweep.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)
    workers = psutil.Process(sweep.pid).children(recursive=True)
    assert len(workers) >= 2
    sweep.send_signal(signal.SIGTERM)
    _, err = sweep.communicate(timeout=120)
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == []
    assert sweep.returncode == 143
    assert "Traceback" not in err, err
    assert command([*SMALL, "tracking.patience=60"], monkeypatch) == 0  # the next start
    assert [read_outcome(path.parent).status for path in journals] == ["killed"] * 2
    found = ask(store, "select status, count(*) from runs group by status order by status")
    assert found == [("FINISHED", 1), ("KILLED", 3)]
