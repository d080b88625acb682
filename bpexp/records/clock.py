"""The time of day in records. A clock may be wrong, or be put back during a run; durations are measured by another."""

from __future__ import annotations

import time


def milliseconds(seconds: float | None = None) -> int:
    """A time in ms since 1970, by default the present one; 1 for one before, which MLflow does not take, nor 0."""
    return max(1, round(1000 * (time.time() if seconds is None else seconds)))
