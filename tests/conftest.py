"""What every test shares: floating-point faults are errors, one BLAS thread, and the folder of the MNIST files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits


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


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """The folder of the MNIST files, from BPEXP_DATA."""
    folder = os.environ.get("BPEXP_DATA", "")
    if not folder:
        pytest.skip("BPEXP_DATA does not name a folder of MNIST files")
    if not Path(folder).is_dir():
        pytest.skip(f"BPEXP_DATA names {folder!r}, which is not a folder")
    return Path(folder)
