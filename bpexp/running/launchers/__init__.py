"""Launchers: functions that take jobs and yield their endings, in any order and process.

`serial` executes them in this process, one after the other; `hydra_plugin` passes them to a launcher that is installed
as a plug-in of Hydra. A launcher for another engine is one module here; `bpexp.running.sweep` chooses the launcher.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bpexp.running.job import Ending, Job

Launcher = Callable[[Sequence[Job]], Iterator[Ending]]

__all__ = ["Ending", "Job", "Launcher"]
