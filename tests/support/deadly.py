"""The plug-in of experiments/reliability that ends processes, loaded in a test and taken out after it."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bpexp.config.plugins import load_plugins
from bpexp.training.callbacks import callbacks

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def deadly(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have `callbacks.death` as a plug-in, in this process and in those that it starts."""
    known = set(callbacks)
    monkeypatch.syspath_prepend(str(ROOT))
    module = importlib.import_module("experiments.reliability.deaths")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([module.plug_in(folder), os.environ.get("PYTHONPATH", "")]))
    load_plugins.cache_clear()
    try:
        yield
    finally:
        for name in set(callbacks) - known:
            del callbacks._factories[name]
        sys.modules.pop(module.__name__)
        load_plugins.cache_clear()
