"""Hydra's global state: replaced during a composition and restored afterwards."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hydra import version
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.core.utils import JobRuntime
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

RESOLVERS = ("now", "hydra", "python_version")
"""The resolvers that Hydra registers with OmegaConf."""

_composing = threading.Lock()
"""The state is global to the process, so one thread composes at a time."""

_extra_folder: str | None = None


class ExtraFolder(SearchPathPlugin):
    """Puts the folder of --config-dir before our own configs in the search path."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Called by Hydra whenever it creates a search path."""
        if _extra_folder is not None:
            search_path.prepend(provider="command-line", path=f"file://{_extra_folder}")


@contextmanager
def own_state(extra_folder: str | None) -> Iterator[None]:
    """Replace the state of Hydra's singletons and restore it: the caller may itself be an application of Hydra.

    `extra_folder` is searched for configs before our own.
    """
    global _extra_folder
    with _composing:
        store, runtime, hydra = ConfigStore.instance(), JobRuntime.instance(), GlobalHydra.instance()
        base, repo, conf, initialized = version.getbase(), store.repo, runtime.conf, hydra.hydra
        unknown = [name for name in RESOLVERS if not OmegaConf.has_resolver(name)]
        if ExtraFolder not in Plugins.instance().discover(SearchPathPlugin):
            Plugins.instance().register(ExtraFolder)
        _extra_folder = None if extra_folder is None else os.path.abspath(extra_folder)
        store.repo = {name: node for name, node in repo.items() if name == "hydra" or _of_hydra(node)}
        runtime.conf = OmegaConf.create()
        hydra.clear()
        try:
            yield
        finally:
            _extra_folder = None
            GlobalHydra.set_instance(hydra)
            hydra.hydra, runtime.conf, store.repo = initialized, conf, repo
            version.VersionBase.instance().version_base = base
            for name in unknown:
                OmegaConf.clear_resolver(name)


def _of_hydra(node: Any) -> bool:
    return getattr(node, "provider", None) == "hydra"
