"""Components of third parties: modules named in the entry-point group `bpexp.plugins`."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import entry_points

from bpexp.errors import ConfigError

PLUGINS = "bpexp.plugins"
"""The entry-point group. Its modules register components when they are imported."""


@lru_cache(maxsize=1)
def load_plugins() -> None:
    """Import every plug-in once per process; raises ConfigError, with its name, for one that does not load."""
    for entry in entry_points(group=PLUGINS):
        try:
            entry.load()
        except Exception as error:  # a module of a third party may raise anything
            reason = f"{type(error).__name__}: {error}"
            raise ConfigError(f"the plug-in {entry.name!r} ({entry.value}) does not load: {reason}") from error
