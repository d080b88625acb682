"""The process of `python -m bpexp`: a signal ends it in time, at any moment, and losing its output ends nothing."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from bpexp.cli.output import lasting_output
from bpexp.errors import BpexpError, say
from bpexp.running.collector import collect_seldom
from bpexp.running.ending.interruption import WORDS
from bpexp.running.ending.signals import Process

LAST_WORDS = 0.5
"""Seconds for making the records true before the process is left while its main thread is busy."""

CLEAN_LINE = b"\r\x1b[2K\x1b[?25h"
"""Removes what a progress bar has drawn, and shows the cursor again."""


@contextmanager
def own_process() -> Iterator[None]:
    """Take over the signals, the output and the garbage collector of the process, until it is gone.

    It is gone without the interpreter's dismantling, in which a signal or a thread of a library could still spoil the
    end; whatever registered an exit function is called before.
    """
    lasting_output()
    collect_seldom()
    try:
        process = Process(leave=_leave)
    except BpexpError as error:
        say(f"bpexp: {error}")
        sys.exit(1)
    atexit.register(_last, process)  # the first that is registered is the last that is called
    try:
        yield
        process.code = 0
    except SystemExit as end:
        process.code = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise


@contextmanager
def left_in_time() -> Iterator[None]:
    """Take over the signals of a process that says nothing of its own, for the time of this block."""
    process = Process(leave=partial(_leave, told=False))
    try:
        yield
    finally:
        process.close()


def _last(process: Process) -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    if process.code is not None:  # else an exception has left its traceback
        os._exit(process.code)


def _leave(process: Process, number: int, *, told: bool = True) -> None:
    """Make the records true, say one line, and go; in another thread than the main one, which may be anywhere."""
    for end in process.companions:
        with suppress(Exception):
            end()
    if process.code is None:
        speaker = threading.Thread(target=_last_words, args=(process, WORDS[number]), daemon=True)
        try:
            speaker.start()
            speaker.join(LAST_WORDS)  # a disk or a store that does not answer cannot hold the process
        except RuntimeError:  # no thread can be started
            _last_words(process, WORDS[number])
        if told:
            _say(f"bpexp: {WORDS[number]}; {process.kept}\n")
    os._exit(128 + number if process.code is None else process.code)


def _last_words(process: Process, word: str) -> None:
    for context in reversed(list(process.contexts)):
        if context.last_words is not None:
            with suppress(BaseException):
                context.last_words(word)


def _say(line: str) -> None:
    """Write to standard error past Python's own file, whose lock the main thread may hold."""
    with suppress(OSError):
        if os.isatty(2) and os.environ.get("TERM", "dumb") != "dumb":
            os.write(2, CLEAN_LINE)
        os.write(2, line.encode(errors="backslashreplace"))
