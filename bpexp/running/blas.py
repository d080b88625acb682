"""The number of BLAS threads during a run; it is a setting of the whole process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

_turn = threading.Condition()
_runs = 0
_limited_to = 0
_limits: list[threadpool_limits] = []


@contextmanager
def blas_threads(number: int) -> Iterator[None]:
    """Limit BLAS to `number` threads; the last run to leave restores the previous limits.

    Runs in several threads share the limit. A run with another number waits until the others are done, because the
    last digits of a result depend on it.
    """
    global _runs, _limited_to
    with _turn:
        _turn.wait_for(lambda: _runs == 0 or _limited_to == number)
        _limits.append(threadpool_limits(number))  # again for a BLAS that was loaded while another run went on
        _limited_to = number
        _runs += 1
    try:
        yield
    finally:
        with _turn:
            _runs -= 1
            if _runs == 0:
                while _limits:
                    _limits.pop().restore_original_limits()
                _turn.notify_all()
