"""Launchers: each takes jobs and yields their endings, in whatever order and process it likes.

A launcher is a function of jobs and is registered by name. `serial` runs them here, one after the other; `hydra_plugin`
hands them to a launcher that is installed as a plug-in of Hydra's. A launcher for another engine is one module here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bpexp.running.job import Ending, Job

Launcher = Callable[[Sequence[Job]], Iterator[Ending]]

__all__ = ["Ending", "Job", "Launcher"]
