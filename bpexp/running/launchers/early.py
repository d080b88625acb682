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

OTHERWISE = ("launcher=", "launcher.preload=", "hydra/launcher=", "task=")
"""Words that may say that no such workers are needed begin so."""

FORKED = ("launcher=process", "launcher=auto")
"""Words that say that they are."""

_waiting: list[ForkServer] = []


@contextmanager
def started_early(words: Sequence[str]) -> Iterator[None]:
    """Start the process for the time of a block in which the sweep of a command line is planned and executed."""
    otherwise = any(word.startswith(OTHERWISE) and word not in FORKED for word in words)
    if not otherwise and sys.platform in FORKING and usable_cores() > 1:
        _waiting.append(ForkServer(preload=True, modules=()))
    try:
        yield
    finally:
        while _waiting:
            _waiting.pop().kill()


def taken() -> ForkServer | None:
    """The process that was started early, if there is one; who takes it ends it."""
    return _waiting.pop() if _waiting else None
