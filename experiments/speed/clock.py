"""The clock by which everybody is timed: the wall's, or the processor's, which stands still while others have it."""

from __future__ import annotations

import time
from collections.abc import Callable

_clock: Callable[[], float] = time.perf_counter


def now() -> float:
    """Seconds."""
    return _clock()


def count_processor_time() -> None:
    """From now on, and of all threads of this process together."""
    global _clock
    _clock = time.process_time
