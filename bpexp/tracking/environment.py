"""The environment variables and loggers of MLflow while runs are recorded; restored after the last of them."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

LOGGERS = ("mlflow", "alembic", "urllib3")

WHILE_RECORDING = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # read when mlflow is imported
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # what fails is said in one line, once
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",  # which a terminal would show between the lines of a sweep
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",  # MLflow's own defaults block a run for four minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # a creation that was not answered must be looked for, not sent again
}
"""Set unless the user has set the variable."""

ALWAYS = {"MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}
"""Set whatever the user has set: MLflow prints the address of a server with its password at the end of a run."""

WHILE_OPENING = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "2",  # short, because the user waits
}

_lock = threading.Lock()
_users = 0
_before: dict[str, str | None] = {}
_levels: dict[str, int] = {}


@contextmanager
def mlflow_environment() -> Iterator[None]:
    """Turn off telemetry and progress messages and limit the timeouts; enter it before mlflow is imported.

    Several threads may hold it at once: the last one that leaves restores everything.
    """
    global _users
    with _lock:
        if _users == 0:
            _before.update({key: os.environ.get(key) for key in (*WHILE_RECORDING, *ALWAYS, "HOME")})
            _levels.update({name: logging.getLogger(name).level for name in LOGGERS})
            for key, value in WHILE_RECORDING.items():
                os.environ.setdefault(key, value)
            os.environ.update({**ALWAYS, **_home()})
        _users += 1
        quiet_loggers()
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _restore(_before)
                for name, level in _levels.items():
                    logging.getLogger(name).setLevel(level)


def _home() -> dict[str, str]:
    """A home for a user who has none, such as a number without a name in a container: MLflow asks for it at import."""
    try:
        Path.home()
    except RuntimeError:
        return {"HOME": tempfile.gettempdir()}
    return {}


def quiet_loggers() -> None:
    """Set the levels of MLflow's loggers; call it again after importing mlflow, which resets them."""
    for name in LOGGERS:
        logging.getLogger(name).setLevel(os.environ.get("MLFLOW_LOGGING_LEVEL", "CRITICAL").upper())


@contextmanager
def short_waits() -> Iterator[None]:
    """Short timeouts while a store is opened, longer ones after; values that the user has set stay."""
    mine = {key: value for key, value in WHILE_OPENING.items() if os.environ.get(key) in (None, WHILE_RECORDING[key])}
    before = {key: os.environ.get(key) for key in mine}
    os.environ.update(mine)
    try:
        yield
    finally:
        _restore(before)


def _restore(before: Mapping[str, str | None]) -> None:
    for key, value in before.items():
        if value is None:
            os.environ.pop(key, None)
        else:
            os.environ[key] = value
