"""A thread that knows of a signal at once, also while the main thread is inside C, and ends what lasts too long."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from bpexp.errors import BpexpError

AGAIN = 0.3
"""Seconds within which a second signal is the first one's echo: a wrapper passes on what the terminal sent to all."""

PATIENCE = 1.0
"""Seconds for which training may go on to the end of a step or of an evaluation."""

LEAVE = 1.5
"""Seconds after which a process that is ours is left, whatever its main thread does.

On a busy machine the time for which the main thread waits for a processor is not counted, up to as much again twice.
"""

CLOSE = 0
"""No signal has this number: the byte that ends the thread."""


class Watch:
    """Watches the signals by their bytes in the wake-up file of the process, which C writes as they arrive.

    Args:
        numbers: of the signals.
        remind: called once, PATIENCE seconds after the first signal, with its number; may send it again.
        leave: ends the process, given the number of the first signal: LEAVE seconds after it, at a second one that is
            no echo, and at once where nothing is going on; None where the process is not ours.
        busy: whether something is going on.

    Raises BpexpError where no thread can be started: a signal could not be answered in time.
    """

    def __init__(
        self,
        numbers: frozenset[int],
        remind: Callable[[int], None],
        leave: Callable[[int], None] | None,
        busy: Callable[[], bool],
    ) -> None:
        self._numbers, self._remind, self._leave, self._busy = numbers, remind, leave, busy
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._poll = select.poll()
        self._poll.register(self._read, select.POLLIN)
        self._first: tuple[int, float, float] | None = None
        self._reminders = 0
        self._not_before = 0.0
        self._thread = threading.Thread(target=self._run, name="bpexp signals", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            signal.set_wakeup_fd(self._before)
            self._let_go()
            raise BpexpError(f"no thread can be started ({error}); raise the limit, `ulimit -u`") from error

    def close(self) -> None:
        """End the thread, and put back the wake-up file that was found."""
        signal.set_wakeup_fd(self._before)
        os.write(self._write, bytes([CLOSE]))
        self._thread.join()
        self._let_go()

    def postpone(self, seconds: float) -> None:
        """Leave the process at a second signal only, for some seconds from now on."""
        self._not_before = time.monotonic() + seconds

    def forget(self) -> None:
        """Let go of the files in a forked child, in which the thread does not live on."""
        with suppress(ValueError):  # in another thread than the main one
            signal.set_wakeup_fd(-1)
        self._let_go()

    def _let_go(self) -> None:
        os.close(self._read)
        os.close(self._write)

    def _run(self) -> None:
        while True:
            for byte in self._bytes(self._due()):
                if byte == CLOSE:
                    return
                self._pass_on(byte)
                if byte in self._numbers:
                    self._arrived(byte)

    def _due(self) -> float | None:
        """Seconds until something is to be done; what is due is done."""
        if self._first is None:
            return None
        number, since, waited = self._first
        passed = time.monotonic() - since
        passed = max(passed - (waiting() - waited), passed / 3)
        later = self._not_before - time.monotonic()
        if self._leave is not None and passed >= LEAVE and later <= 0:
            self._leave(number)
        if not self._reminders and passed >= PATIENCE:
            self._reminders = 1
            self._remind(number)
        due = [PATIENCE] * (not self._reminders) + [LEAVE] * (self._leave is not None)
        return max(0.01, min(due) - passed, later * bool(self._reminders)) if due else None

    def _bytes(self, seconds: float | None) -> bytes:
        ready = self._poll.poll(None if seconds is None else 1000 * seconds)
        return os.read(self._read, 64) if ready else b""

    def _arrived(self, number: int) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = number, now, waiting()
            again = not self._busy()
        elif self._reminders == 1:  # our own
            self._reminders = 2
            again = False
        else:
            again = now - self._first[1] >= AGAIN and number != getattr(signal, "SIGHUP", None)
        if again and self._leave is not None:
            self._leave(self._first[0])

    def _pass_on(self, byte: int) -> None:
        """To whoever had the wake-up file before, such as an event loop."""
        if self._before >= 0:
            with suppress(OSError):
                os.write(self._before, bytes([byte]))


def waiting() -> float:
    """Seconds for which the main thread has waited for a processor since it began; 0 where the system does not say."""
    with suppress(OSError, ValueError, IndexError), open("/proc/self/schedstat", encoding="ascii") as file:
        return int(file.read().split()[1]) / 1e9
    return 0.0
