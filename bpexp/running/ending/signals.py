"""SIGINT, SIGTERM and SIGHUP: held back while a record is written, raised while it can be, and never without an end.

`watch` adds what a handler in Python cannot do: it knows of a signal while the main thread is inside C.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType, TracebackType
from typing import Any

from bpexp.running.ending import watch
from bpexp.running.ending.interruption import NOTHING, WORDS, Signalled, signalled


class Signals:
    """The signals for the time of one run or sweep; in another thread than the main one they are left alone.

    A signal waits until the block of `raised`, or until the end of this block. The contexts of a sweep and of its jobs
    share it: it ends all of them. A second one is raised at once wherever the process stands, unless it is an echo of
    the first; a process that is ours (`bpexp.cli.process`) is left instead.

    Args:
        last_words: makes the record true, given the word for the signal, in another thread, before a process is left
            whose main thread is still busy.
    """

    def __init__(self, last_words: Callable[[str], object] | None = None) -> None:
        self.last_words = last_words
        self.raising = False
        self.patience = False
        self._process: Process | None = None

    @property
    def pending(self) -> Signalled | None:
        """The signal that has arrived, as an exception."""
        return self._process.pending if self._process else None

    def arrived(self) -> bool:
        """Whether a signal has arrived."""
        return self.pending is not None

    def check(self) -> None:
        """Raise the signal that has arrived, if there is one."""
        if self._process is not None and self._process.pending is not None:
            raise self._process.pending

    def keep(self, text: str) -> None:
        """Say what is left of the work if a signal ends it."""
        if self._process is not None:
            self._process.keep(text)

    def __enter__(self) -> Signals:
        self._process = Process.joined_by(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._process is not None:
            self._process.leave_out(self)
        if kind is None:
            self.check()

    @contextmanager
    def raised(self, *, patience: bool = False) -> Iterator[None]:
        """Raise a signal where the run stands within this block, the one that came before it, too; then hold it back.

        With `patience` it is raised only if nobody has called `check` within PATIENCE seconds. A signal that meets the
        way out of the block is still raised: whoever catches what ends the block stands around all of it.
        """
        try:
            self.raising, self.patience = True, patience
            self.check()
            yield
        finally:
            self.raising = False


@contextmanager
def awaited(seconds: float) -> Iterator[None]:
    """The time in which records come from other machines: a process is left after so many seconds, not before.

    After the block it has as long as after a signal; a second signal ends it at any time.
    """
    process = Process.current
    if process is not None:
        process.postpone(seconds)
    try:
        yield
    finally:
        if process is not None:
            process.postpone(watch.LEAVE)


class Process:
    """The handlers of this process, from the outermost context to its end, and the signal that has arrived.

    Args:
        leave: ends the process at once, given the number of the signal, in another thread; None where the process is
            somebody else's.
    """

    current: Process | None = None

    def __init__(self, leave: Callable[[Process, int], None] | None = None) -> None:
        self.pending: Signalled | None = None
        self.contexts: list[Signals] = []
        self.kept = NOTHING
        self.code: int | None = None
        self.companions: list[Callable[[], object]] = []  # each ends processes that have nothing to lose
        self._ours, self._since, self._overdue = leave is not None, 0.0, False
        self._previous: dict[int, Any] = {}
        ending = None if leave is None else partial(leave, self)
        self._watch = watch.Watch(frozenset(WORDS), self._remind, ending, busy=lambda: bool(self.contexts))
        for number in WORDS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as SIGINT for a background job, SIGHUP below nohup
                self._previous[number] = signal.signal(number, self._handle)
        self._hook, sys.unraisablehook = sys.unraisablehook, self._swallowed
        Process.current = self

    @staticmethod
    def joined_by(context: Signals) -> Process | None:
        """The process with one context more; None in another thread than the main one."""
        if threading.current_thread() is not threading.main_thread():
            return None
        process = Process.current or Process()
        process.contexts.append(context)
        return process

    def leave_out(self, context: Signals) -> None:
        """Take a context away. With the last one the handlers that were found come back, unless the process is ours."""
        self.contexts.remove(context)
        if not self.contexts and not self._ours:
            self.close()

    def close(self) -> None:
        """Put back the handlers that were found."""
        if Process.current is self:
            Process.current = None
            sys.unraisablehook = self._hook
            for number, handler in self._previous.items():
                signal.signal(number, handler)
            self._watch.close()

    def postpone(self, seconds: float) -> None:
        """Leave the process at a second signal only, for some seconds from now on."""
        self._watch.postpone(seconds)

    def keep(self, text: str) -> None:
        """Say what is left of the work if a signal ends it."""
        self.kept = text
        if self.pending is not None:
            self.pending.kept = text

    def _handle(self, number: int, frame: FrameType | None) -> None:
        """In the main thread, between two instructions of Python."""
        if self.pending is None:
            self._since = time.monotonic()
            self.pending = signalled(number)
            self.pending.kept = self.kept
            at_once = self._raising() and not self.contexts[-1].patience
        elif self._overdue:
            self._overdue = False
            at_once = self._raising()
        else:
            at_once = not self._ours and time.monotonic() - self._since >= watch.AGAIN
        if at_once:
            if self.contexts:
                self.contexts[-1].raising = False
            raise self.pending

    def _swallowed(self, unraisable: sys.UnraisableHookArgs) -> None:
        """What was raised in a callback of the garbage collector goes nowhere: a signal is raised once more, later."""
        if self.pending is None or unraisable.exc_value is not self.pending:
            self._hook(unraisable)
        elif self.contexts:
            self.contexts[-1].raising = True

    def _raising(self) -> bool:
        return bool(self.contexts) and self.contexts[-1].raising

    def _remind(self, number: int) -> None:
        """Have the main thread raise the signal where it stands; called in the thread of the watch."""
        main = threading.main_thread().ident
        if main is not None and hasattr(signal, "pthread_kill"):
            self._overdue = True
            signal.pthread_kill(main, number)

    def forget(self) -> None:
        """In a forked child: its handlers are those that the process had found, and nobody watches."""
        Process.current = None
        sys.unraisablehook = self._hook
        self._watch.forget()
        with suppress(ValueError):  # forked in another thread than the main one
            for number, handler in self._previous.items():
                signal.signal(number, handler)


def ended_with_this_process(end: Callable[[], object]) -> None:
    """Have `end` called when a signal ends this process at once, where it is ours."""
    if Process.current is not None:
        Process.current.companions.append(end)


def _forget() -> None:
    if Process.current is not None:
        Process.current.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
