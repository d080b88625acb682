"""Python's garbage collector while a command runs: seldom, because it looks at all objects of all imported modules.

It looks for cycles after every 700 objects by default, and while MLflow, Hydra and matplotlib are imported, or rows are
sent, nearly all it finds is in use: a third of the time of an import. Objects without cycles are freed at once as ever.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = (100_000, 20, 100)
"""New objects between two looks, and looks at the young between two at the old; cycles of 100 000 objects are 10 MB."""

_lock = threading.Lock()
_users = 0
_before = (0, 0, 0)


def collect_seldom() -> None:
    """From now on, in a process of our own; a collector that was switched off stays so."""
    gc.set_threshold(*SELDOM)


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """For a while, in the process of a user; the last of several threads that leaves restores what was set."""
    global _users, _before
    with _lock:
        if _users == 0:
            _before = gc.get_threshold()
            gc.set_threshold(*(max(pair) for pair in zip(_before, SELDOM, strict=True)))
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                gc.set_threshold(*_before)
