"""Plug-ins that are made for a test and taken out after it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from bpexp.config import plugins
from bpexp.config.plugins import load_plugins
from bpexp.nn.activations import activations
from bpexp.training.callbacks import callbacks

REGISTRIES = (activations, callbacks)


@contextmanager
def plug_in(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str = "mine") -> Iterator[EntryPoint]:
    """Have a plug-in whose only module holds `code`; what it registers is forgotten afterwards."""
    module = f"plug_in_{name}"
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    entry = EntryPoint(name, module, plugins.PLUGINS)
    before = [dict(registry._factories) for registry in REGISTRIES]
    load_plugins.cache_clear()
    plugins.plug_ins.cache_clear()
    try:
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(folder))
            patch.setattr(plugins, "entry_points", lambda group: [entry])
            patch.setattr(plugins, "_packages", {})
            yield entry
    finally:
        for registry, known in zip(REGISTRIES, before, strict=True):
            registry._factories.clear()
            registry._factories.update(known)
        sys.modules.pop(module, None)
        load_plugins.cache_clear()
        plugins.plug_ins.cache_clear()
