"""Components of third parties: modules named in the entry-point group `bpexp.plugins`.

A plug-in is code of the user's own and may do whatever Python can. What it raises, SystemExit and KeyboardInterrupt
included, is told with its name, and ends neither the command without a word nor the other jobs of a sweep. What it does
below Python, such as `os._exit`, ends the process; the launcher `process` then tells which job that was.
"""

from __future__ import annotations

import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

from bpexp.errors import BpexpError, ConfigError, warn

PLUGINS = "bpexp.plugins"
"""The entry-point group. Its modules register components when they are imported."""

SLOW = 10.0
"""Seconds from which on the import of a plug-in is told: every command waits for it, `--help` too."""

_packages: dict[str, EntryPoint] = {}
"""The plug-ins by the names of their packages."""


@lru_cache(maxsize=1)
def load_plugins() -> None:
    """Import every plug-in once per process; raises ConfigError, with its name, for one that does not load.

    What a plug-in prints meanwhile goes to standard error: standard output belongs to the answer of the command.
    """
    for entry in entry_points(group=PLUGINS):
        _packages[entry.value.partition(":")[0].partition(".")[0]] = entry
        began = time.monotonic()
        try:
            with redirect_stdout(sys.stderr):
                entry.load()
        except BaseException as error:
            if of_signal(error):
                raise
            raise ConfigError(
                f"the plug-in {entry.name!r} ({entry.value}) does not load: {type(error).__name__}: {error}"
            ) from error
        if (seconds := time.monotonic() - began) >= SLOW:
            warn(f"the plug-in {entry.name!r} ({entry.value}) took {seconds:.0f} s to load")


@lru_cache(maxsize=1)
def plug_ins() -> tuple[str, ...]:
    """The names of the plug-ins that this process has; the metadata of all packages are read for it, once."""
    return tuple(sorted(entry.name for entry in entry_points(group=PLUGINS)))


@contextmanager
def missing_named(began_with: Sequence[str]) -> Iterator[None]:
    """Have a ConfigError say which plug-ins a run or sweep began with that are not installed any more."""
    try:
        yield
    except ConfigError as error:
        gone = [name for name in began_with if name not in plug_ins()]
        if not gone:
            raise
        names = ", ".join(repr(name) for name in gone)
        told = (
            f"plug-in {names} was installed when this began, and is not"
            if len(gone) == 1
            else (f"plug-ins {names} were installed when this began, and are not")
        )
        raise ConfigError(f"the {told}: {error}") from None


def of_signal(error: BaseException) -> bool:
    """Whether an exception stands for a signal, and was not raised by somebody's code.

    Our handlers raise subclasses of KeyboardInterrupt and SystemExit. Where Python's own handler is in place, nothing
    tells Ctrl-C from a KeyboardInterrupt that was raised.
    """
    if isinstance(error, Exception):
        return False
    ours = type(error) not in (KeyboardInterrupt, SystemExit) and isinstance(error, KeyboardInterrupt | SystemExit)
    pythons = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return ours or (pythons and isinstance(error, KeyboardInterrupt))


def culprit(error: BaseException) -> str | None:
    """The place in a plug-in where an exception was raised; None if no code of a plug-in was running, or for a signal.

    Of several plug-ins that call each other it is the innermost.
    """
    if of_signal(error):
        return None
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        module = str(frame.f_globals.get("__name__"))
        entry = _packages.get(module.partition(".")[0])
        if entry is not None:
            return f"{frame.f_code.co_qualname} of the plug-in {entry.name!r} ({module}, line {line})"
    return None


@contextmanager
def named_plugins() -> Iterator[None]:
    """Turn whatever the code of a plug-in raises into a ConfigError that names it; a BpexpError passes."""
    try:
        yield
    except BpexpError:
        raise
    except BaseException as error:
        if (place := culprit(error)) is None:
            raise
        raise ConfigError(f"{type(error).__name__}: {error}, in {place}") from error
