"""A fork server that is started before its sweep is planned: its imports take as long as the planning.

The command line alone tells that it will be needed. Where it is not, after all, it is ended.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bpexp.running.cores import usable_cores
from bpexp.running.launchers.forks import ForkServer

FORKING = ("linux",)
"""The systems whose libraries of linear algebra may be used before a fork; elsewhere each worker imports by itself."""

OTHERWISE = ("launcher=", "launcher.preload=", "launcher.fuse=", "hydra/launcher=", "task=", "search=")
"""Words after which a sweep may need no such workers begin so."""

_waiting: list[ForkServer] = []


@contextmanager
def started_early(words: Sequence[str]) -> Iterator[None]:
    """Start the process for the time of a block in which the sweep of a command line is planned and executed."""
    process = [word for word in words if word == "launcher=process"]
    otherwise = [word for word in words if word.startswith(OTHERWISE) and word != "launcher=auto"]
    if (process or not otherwise) and sys.platform in FORKING and usable_cores() > 1:
        _waiting.append(ForkServer(preload=True, modules=(), tracking="tracking=none" not in words))
    try:
        yield
    finally:
        while _waiting:
            _waiting.pop().kill()


def taken() -> ForkServer | None:
    """The process that was started early, if there is one; who takes it ends it."""
    return _waiting.pop() if _waiting else None
