"""The plug-in of experiments/reliability that ends processes, loaded in a test and taken out after it."""

from __future__ import annotations

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
    monkeypatch.syspath_prepend(str(ROOT))
    from experiments.reliability.plug_in import plug_in

    known = set(callbacks)
    monkeypatch.setenv("PYTHONPATH", plug_in(folder))
    monkeypatch.syspath_prepend(str(folder))
    load_plugins.cache_clear()
    try:
        yield
    finally:
        for name in set(callbacks) - known:
            del callbacks._factories[name]
        sys.modules.pop("experiments.reliability.deaths", None)
        load_plugins.cache_clear()
