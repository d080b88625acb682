"""Launchers: generator functions that take jobs and yield their endings, in any order, from any process.

`serial` executes them in this process, one after the other; `process` in processes of its own; `hydra_plugin` passes
them to a launcher that is installed as a plug-in of Hydra. A launcher for another engine is one module here, or in a
plug-in, and one option of the group `launcher`, registered in `bpexp.config.launching`. One that connects or starts
something for a whole sweep is a context manager that yields such a function (`Launching.opens`). What it owes:

- jobs come as an iterable, which may be without an end: a launcher pulls the next one only when it can begin it at
  once, because a search decides it from the endings so far. A launcher that has to know all of them, such as that of
  Hydra, lists them. An iterable answers at once, with a job or with its end, which is final
- each job is executed by `bpexp.running.perform.perform`, in any process of the same version of bpexp; `packing` has a
  job and its outcome as text
- an ending for every job that was pulled, as soon as it is known and before the job that follows on the same worker is
  pulled; a job whose process died has one without an outcome, and the reason
- a job with `together` above 1 may be pulled with as many less one that follow it, and performed as one unit
  (`bpexp.running.perform_together`); a launcher that performs each alone is right, too
- when it is closed, or an exception such as KeyboardInterrupt is raised in it, the jobs that run are ended as by a
  signal, so that their records are true, before it returns
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pkgutil import resolve_name
from typing import Any

from bpexp.config.launching import Fuse, Launching
from bpexp.config.plugins import named_plugins
from bpexp.errors import ConfigError
from bpexp.running.job import Ending, Job

Launcher = Callable[[Iterable[Job]], Generator[Ending, None, None]]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The launcher of a sweep; `words` say which one it is, and why where it was chosen by itself."""

    launcher: Launcher
    words: str
    fuse: Fuse = "off"
    workers: int = 1


@contextmanager
def opened(launching: Launching, first: Job) -> Iterator[Launcher]:
    """The launcher that an option of the group `launcher` names, for the time of a sweep whose first job is `first`.

    Raises ConfigError, before anything is written, where its engine is not installed, does not answer, or lacks what
    the jobs need.
    """
    try:
        function: Any = partial(resolve_name(launching.function), **launching.settings)
    except (ImportError, AttributeError, ValueError) as error:
        told = f"{type(error).__name__}: {error}"
        raise ConfigError(f"the launcher {launching.function!r} cannot be imported ({told})") from error
    if not launching.opens:
        yield function
        return
    with named_plugins(), function(first) as launcher:
        yield launcher


__all__ = ["Chosen", "Ending", "Job", "Launcher", "opened"]
