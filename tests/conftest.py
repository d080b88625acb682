"""What every test shares: floating-point faults are errors, one BLAS thread, the MNIST files, an empty store."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from bpexp.running.collector import collect_seldom
from bpexp.running.cores import SAID
from bpexp.tracking.creation import create_database
from bpexp.tracking.environment import mlflow_environment

MEMORY, ROOM = Path("/dev/shm"), 4 << 30
"""A file system in memory, and the free bytes there from which on it is used."""

LONG = (
    "running/test_clusters.py",
    "tracking/test_postgresql.py",
    "running/test_declared_sweep.py",
    "running/test_process_launcher.py",
    "test_contributing.py",
    "test_notebooks.py",
    "cli/test_bad_input.py",
    "search/test_search_run.py",
    "running/test_endings.py",
    "tracking/test_delivery.py",
    "running/test_fork_server.py",
    "running/test_submitit.py",
    "ui/test_ui.py",
    "ui/test_ui_study.py",
    "tracking/test_serving.py",
    "study/test_study_sources.py",
    "running/test_resume_sweep.py",
    "running/test_joblib_launcher.py",
    "running/test_worker_kills.py",
    "config/test_template.py",
)
"""The files that take longest; with them at the end, one of two workers would have nothing to do."""


def pytest_configure(config: pytest.Config) -> None:
    """Have temporary folders in memory, files in the order of their collection, and little done twice.

    A recorded run waits for the disk about a hundred times, so that its tests take twice as long there. pytest-xdist
    would begin with the files that have most tests, which are the fastest. Ten thousand tests are half a million
    objects, all in use: looking at them took a quarter of the collection and a tenth of the tests. Where Python is told
    to keep no bytecode, as in many images of Docker, each of some two hundred processes would compile the package.
    """
    collect_seldom()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if config.option.basetemp is None and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    here = Path(__file__).parent
    place = {here / name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


@pytest.fixture(scope="session", autouse=True)
def _one_core() -> Iterator[None]:
    """One core, here and in the commands that tests start: sweeps are serial unless a test says otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SAID, "1")
        yield


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> Iterator[None]:
    """Signals as on a terminal, here and in what tests start: `&` in a script has SIGINT ignored, and nohup SIGHUP."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.getsignal(number) for number in usual}
    for number, handler in usual.items():
        if before[number] is signal.SIG_IGN:
            signal.signal(number, handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _floating_point_faults() -> Iterator[None]:
    """Overflow, division by zero and invalid operations raise, except where the code says that it expects them."""
    with np.errstate(all="raise", under="ignore"):
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """BLAS as a run has it, with one thread."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def joblib_ends() -> Iterator[None]:
    """End the workers of joblib, which last: their working directory is that of the test, and is removed with it."""
    yield
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """The folder of the MNIST files, from BPEXP_DATA."""
    folder = os.environ.get("BPEXP_DATA", "")
    if not folder:
        pytest.skip("BPEXP_DATA does not name a folder of MNIST files")
    if not Path(folder).is_dir():
        pytest.skip(f"BPEXP_DATA names {folder!r}, which is not a folder")
    return Path(folder)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh database, to be copied: making one costs seconds."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    with warnings.catch_warnings(), mlflow_environment():
        warnings.simplefilter("ignore")  # between MLflow and SQLAlchemy, at their first import
        create_database(path)
    return path


@pytest.fixture
def store(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with an empty store in it."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copy(empty_store, tmp_path))
