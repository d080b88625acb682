"""bpexp.run, sweep and load leave the caller's process as they found it, and several threads can call them at once."""

from __future__ import annotations

import gc
import logging
import os
import random
import signal
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir, version
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf
from threadpoolctl import threadpool_info, threadpool_limits

import bpexp

SMALL = ("data=xor", "model.hidden=[3]", "data.n=60", "epochs=1")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def surroundings() -> dict[str, Any]:
    """What belongs to the whole process."""
    loggers = [logging.getLogger(name) for name in ("root", "mlflow", "alembic", "hydra")]
    return {
        "blas": sorted((str(pool["filepath"]), pool["num_threads"]) for pool in threadpool_info()),
        "environment": dict(os.environ),
        "folder": Path.cwd(),
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
        "root": (logging.getLogger().level, list(logging.getLogger().handlers)),
        "levels": [logger.level for logger in loggers],
        "hydra": (GlobalHydra.instance().is_initialized(), HydraConfig.initialized(), version.getbase()),
        "options": sorted(ConfigStore.instance().repo),
        "resolvers": [OmegaConf.has_resolver(name) for name in ("now", "hydra", "python_version")],
        "numpy": (np.geterr(), np.random.get_state()[1].tobytes()),  # noqa: NPY002, the caller's own global state
        "random": random.getstate(),
        "collector": gc.get_threshold(),
        "warnings": list(warnings.filters),
    }


def changed(before: dict[str, Any]) -> list[str]:
    after = surroundings()
    return [name for name in before if before[name] != after[name]]


def test_a_run_leaves_the_process_as_it_was(store: Path) -> None:
    bpexp.run(*SMALL)  # what is imported for the first time stays imported
    with threadpool_limits(2):
        before = surroundings()
        result = bpexp.run(*SMALL)
        assert changed(before) == []
        assert bpexp.load(str(result.outcome.run_id)).outcome.ok
        assert changed(before) == []


def test_a_sweep_and_a_mistake_leave_the_process_as_it_was(store: Path) -> None:
    before = surroundings()
    bpexp.sweep(*SMALL, "tracking.figures=false", lr=[0.1, 0.2])
    assert changed(before) == []
    with pytest.raises(bpexp.errors.ConfigError):
        bpexp.run(lr=-1)
    with pytest.raises(bpexp.errors.ConfigError):
        bpexp.run(lrr=1)
    assert changed(before) == []


def test_a_run_inside_an_application_of_hydras(tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text("mine: 1\n", encoding="utf-8")
    (tmp_path / "model").mkdir()
    (tmp_path / "model/own.yaml").write_text("x: 1\n", encoding="utf-8")
    ConfigStore.instance().store(group="model", name="mnist_relu", node={"not": "bpexp's"})
    with initialize_config_dir(str(tmp_path), version_base="1.2"):
        before = surroundings()
        assert bpexp.run(*SMALL, "tracking=none").outcome.ok
        assert changed(before) == []
        assert compose("app").mine == 1
    del ConfigStore.instance().repo["model"]


def test_threads_run_at_once_with_the_results_that_they_have_alone() -> None:
    alone = [bpexp.run(*SMALL, "tracking=none", seed=seed).outcome.theta_sha256 for seed in range(4)]
    before = surroundings()
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda seed: bpexp.run(*SMALL, "tracking=none", seed=seed), range(4)))
    assert [run.outcome.theta_sha256 for run in runs] == alone
    assert changed(before) == []


def test_threads_are_recorded_at_once(store: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        lean = (*SMALL, "tracking.figures=false", "tracking.model=false")
        runs = list(pool.map(lambda seed: bpexp.run(*lean, seed=seed), range(3)))
    assert len({run.outcome.run_id for run in runs}) == 3
    assert all(run.outcome.ok and run.outcome.run_id for run in runs)
