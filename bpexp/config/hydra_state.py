"""Hydra's global state: replaced during a composition and restored afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hydra import version
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.core.utils import JobRuntime
from hydra.plugins.config_source import ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

from bpexp.config.config_files import SCHEME, ConfigFiles

RESOLVERS = ("now", "hydra", "python_version")
"""The resolvers that Hydra registers with OmegaConf."""

_composing = threading.Lock()
"""The state is global to the process, so one thread composes at a time."""

_folders: list[str] = []


class OurFolders(SearchPathPlugin):
    """Puts our folders into the search path in place of the main one: their files are checked as they are read."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Called by Hydra whenever it creates a search path."""
        if _folders:
            path = search_path.get_path()
            path[:] = [element for element in path if element.provider != "main"]
            search_path.append(provider="main", path=f"{SCHEME}://{_folders[-1]}")
            for folder in _folders[:-1]:
                search_path.prepend(provider="command-line", path=f"{SCHEME}://{folder}")


@contextmanager
def own_state(folders: Sequence[str]) -> Iterator[None]:
    """Replace the state of Hydra's singletons and restore it: the caller may itself be an application of Hydra.

    `folders` are searched for configs, the first one first, the last one being that of config.yaml.
    """
    global _folders
    with _composing:
        store, runtime, hydra = ConfigStore.instance(), JobRuntime.instance(), GlobalHydra.instance()
        base, repo, conf, initialized = version.getbase(), store.repo, runtime.conf, hydra.hydra
        unknown = [name for name in RESOLVERS if not OmegaConf.has_resolver(name)]
        for plugin, kind in ((OurFolders, SearchPathPlugin), (ConfigFiles, ConfigSource)):
            if plugin not in Plugins.instance().discover(kind):
                Plugins.instance().register(plugin)
        _folders = list(folders)
        store.repo = {name: node for name, node in repo.items() if name == "hydra" or _of_hydra(node)}
        runtime.conf = OmegaConf.create()
        hydra.clear()
        try:
            yield
        finally:
            _folders = []
            GlobalHydra.set_instance(hydra)
            hydra.hydra, runtime.conf, store.repo = initialized, conf, repo
            version.VersionBase.instance().version_base = base
            for name in unknown:
                OmegaConf.clear_resolver(name)


def _of_hydra(node: Any) -> bool:
    return getattr(node, "provider", None) == "hydra"
