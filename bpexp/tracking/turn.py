"""One delivery at a time: a lock on the folder of a run, so that processes that start together do not deliver twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "delivery.lock"


class Busy(Exception):
    """Another process is delivering this folder."""


@contextmanager
def turn(directory: Path, seconds: float = 0.0) -> Iterator[None]:
    """The turn at a folder; raises Busy where another process has it for longer than `seconds`.

    Where no lock can be made, as on a read-only disk, there is no turn to wait for: MLflow keeps equal rows once.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(directory / LOCK)
    try:
        lock.acquire(timeout=seconds)
    except Timeout as error:
        raise Busy(str(directory)) from error
    except (OSError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        lock.release()
