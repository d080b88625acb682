"""The words of `task=status sweep=FOLDER` and `task=stop sweep=FOLDER`, which are read before Hydra sees them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bpexp.errors import ConfigError

SWEEP_KEY = "sweep"


def asked(words: Sequence[str]) -> tuple[str, Path] | None:
    """The task, status or stop, and the folder of a command line; None where it asks for neither.

    Raises ConfigError for a folder without such a task, a task without its folder, and for further words.
    """
    tasks = [word.partition("=")[2] for word in words if word in ("task=status", "task=stop")]
    folders = [word.partition("=")[2] for word in words if word.partition("=")[0] == SWEEP_KEY]
    if not tasks:
        if folders:
            raise ConfigError(f"sweep={folders[0]} belongs to task=status or task=stop; add one, or leave it out")
        return None
    if len(tasks) > 1 or len(folders) != 1:
        raise ConfigError(f"task={tasks[0]} takes one sweep, as in task={tasks[0]} sweep=multirun/DATE/TIME")
    others = [word for word in words if not word.startswith(("task=", f"{SWEEP_KEY}="))]
    if others:
        raise ConfigError(f"{others[0]} has no effect with task={tasks[0]}; leave it out")
    folder = folders[0]
    quoted = len(folder) > 1 and folder[0] == folder[-1] and folder[0] in "'\""
    return tasks[0], Path(folder[1:-1] if quoted else folder).expanduser()
