"""What the launchers of engines have in common: the engine is there, it answers in time, and it is quiet."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeVar

from bpexp.errors import ConfigError, without_login
from bpexp.running.ending.interruption import WORDS

Answer = TypeVar("Answer")

CONNECT = 4.0
"""Seconds within which a cluster has to answer: a person is told within five that it does not."""


def engine(module: str, extra: str, launcher: str = "") -> Any:
    """The module of an engine; raises ConfigError, with the command that installs it, where it is not installed.

    `launcher` is the name of the option, where it is not that of the `extra`.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        told = f"launcher={launcher or extra} needs {error.name}, which is not installed"
        raise ConfigError(f"{told}; type: pip install 'bpexp[{extra}]'") from None


def in_time(action: Callable[[], Answer], seconds: float) -> Answer:
    """The result of an action; raises what it raises, and TimeoutError where it takes longer: it is left to itself."""
    found: list[Answer] = []
    failed: list[BaseException] = []

    def act() -> None:
        try:
            found.append(action())
        except BaseException as error:  # whatever a library does in its thread is the caller's
            failed.append(error)

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError(f"no answer in {seconds:.0f} s")
    return found[0]


@contextmanager
def own_handlers() -> Iterator[None]:
    """Put back the handlers of signals that a library replaces within the block."""
    mine = {number: signal.getsignal(number) for number in WORDS}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in mine.items():
                signal.signal(number, handler)


@contextmanager
def quiet(*names: str) -> Iterator[None]:
    """The time in which the loggers of libraries, and those below them, say nothing: an ending tells what happened."""
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict if name.split(".")[0] in names]
    loggers += [logging.getLogger(name) for name in names]
    levels = [(logger, logger.level) for logger in dict.fromkeys(loggers)]
    try:
        for logger, _ in levels:
            logger.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for logger, level in levels:
            logger.setLevel(level)


def first_line(error: BaseException) -> str:
    """An error of a library in a few words."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return without_login(f"{type(error).__name__}{': ' if lines else ''}{lines[0] if lines else ''}")[:300]
