"""MLflow's client with a meter: how long each of its requests keeps the caller waiting."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from bpexp.tracking.location import sqlite_path
from bpexp.tracking.meter import Meter

ALLOWANCE = {"database": 0.5, "server": 0.1}
"""Seconds for which a request may block before its time is one that the store keeps a command waiting."""


def allowance(uri: str) -> float:
    """Seconds for which one request to a store may block."""
    return ALLOWANCE["database" if sqlite_path(uri) else "server"]


class Metered:
    """MLflow's client; `refuse` is called before each call, which is a request that the meter watches."""

    def __init__(self, client: Any, meter: Meter, uri: str, refuse: Callable[[], None]) -> None:
        self._client, self._meter, self._allowance, self._refuse = client, meter, allowance(uri), refuse

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if not callable(call):
            return call

        @wraps(call)
        def watched(*args: Any, **kwargs: Any) -> Any:
            self._refuse()
            seconds = self._allowance
            if name in ("log_model_artifacts", "log_artifacts"):  # as many requests as there are files
                files = sum(path.is_file() for path in Path(str(args[1])).rglob("*"))
                seconds = files * min(seconds, 2 * self._meter.usual + 0.005)
            with self._meter.request(seconds):
                return call(*args, **kwargs)

        return watched
