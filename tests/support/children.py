"""The command in a forked child of the tests: everything is imported already, so that it costs little."""

from __future__ import annotations

import ctypes
import io
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

DEADLINE = 600.0
"""Seconds after which a child that has not ended fails its test; a busy machine is slow."""


@dataclass(slots=True)
class Child:
    """A forked process, which writes what it prints to files."""

    pid: int
    folder: Path
    code: int | None = None

    def ended(self) -> int:
        """Its exit code, or the negative number of the signal that killed it."""
        until = time.monotonic() + DEADLINE
        while (code := self._code_so_far()) is None:
            if time.monotonic() > until:
                self.kill()
                raise AssertionError(f"the child has not ended; it said: {self.err}")
            time.sleep(0.005)
        return code

    def _code_so_far(self) -> int | None:
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code

    def kill(self) -> None:
        """End it, if it has not ended."""
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.code = -signal.SIGKILL

    def send(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def wait_for(self, true: Callable[[], object]) -> None:
        """Wait until something is true, which it has to be before the child has ended."""
        until = time.monotonic() + DEADLINE
        while True:
            over = self._code_so_far() is not None or time.monotonic() > until
            if true():
                return
            assert not over, self.err
            time.sleep(0.005)

    @property
    def out(self) -> str:
        """What it wrote to standard output."""
        return (self.folder / "child.out").read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        """What it wrote to standard error."""
        return (self.folder / "child.err").read_text(encoding="utf-8")


def fork(action: Callable[[], object], folder: Path, *, streams: Callable[[], object] = lambda: None) -> Child:
    """A child that has default signals and its own output, calls `streams` and then `action`, and leaves."""
    files = [os.open(folder / f"child.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for name in ("out", "err")]
    pid = os.fork()
    if pid:
        for file in files:
            os.close(file)
        return Child(pid, folder)
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        for number, file in enumerate(files, start=1):
            os.dup2(file, number)
        sys.stdout = sys.__stdout__ = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), write_through=True)  # type: ignore
        sys.stderr = sys.__stderr__ = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), write_through=True)  # type: ignore
        streams()
        action()
    except SystemExit as error:
        os._exit(error.code if isinstance(error.code, int) else 1)
    except BaseException as error:
        os.write(2, f"the child failed: {error!r}".encode())
        os._exit(99)
    os._exit(0)


PAST_PERMISSIONS = 0b110
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH of capabilities(7): with them root writes and reads anything."""

CAPABILITIES = 0x20080522
"""The version of the structures of capset(2): two times effective, permitted, inheritable."""


def bound_by_permissions() -> None:
    """Have the permissions of files bind this process for good, though it be root."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        header, sets = (ctypes.c_uint32 * 2)(CAPABILITIES, 0), (ctypes.c_uint32 * 6)()
        libc.capget(header, sets)
        for number in range(3):
            sets[number] &= ~PAST_PERMISSIONS
        if libc.capset(header, sets):
            raise OSError(ctypes.get_errno(), "capset")


def bpexp(arguments: Sequence[str], folder: Path, *, streams: Callable[[], object] = lambda: None) -> Child:
    """`python -m bpexp ARGUMENTS` in a child, in a process of its own as far as signals and output go."""
    import bpexp.cli.ranking_table
    import bpexp.running.sweep  # noqa: F401, once for all children
    from bpexp.__main__ import main

    def action() -> None:
        sys.argv[1:] = arguments
        main()

    return fork(action, folder, streams=streams)
