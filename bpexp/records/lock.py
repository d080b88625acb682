"""The lock of a folder: held by the process that carries out a run or a sweep there, and evidence of who that is.

The lock is an exclusive `flock` on `run.lock`, which the system takes back when the process ends, however it ends. The
file says who holds or held the lock: host, start of the machine (boot id), process and its start, so that the question
whether a run is alive has an answer by evidence and never by age. The file stays when the run has ended.
"""

from __future__ import annotations

import errno
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from bpexp.errors import BpexpError, warn
from bpexp.files.plain_json import parse_json
from bpexp.records.process import gone, same_boot, same_machine, this_process

try:
    import fcntl
except ImportError:  # Windows: processes are told apart by their numbers alone
    fcntl = None  # type: ignore[assignment]

LOCK = "run.lock"

ROOM = 256 * 1024
"""Bytes that the file occupies while the run lasts: room for its record, should the disk be full at its end."""

PATIENCE = 1.0
"""Seconds for which a lock is asked for again: who looks at a lock holds it for a moment, too."""

WITHOUT = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL)
"""What a file system without locks answers."""

State = Literal["alive", "dead", "unknown"]


class Locked(BpexpError):
    """Another process carries out what lies in the folder."""


@dataclass(frozen=True, slots=True)
class Liveness:
    """Whether a process carries out what lies in a folder, and the fact that says so."""

    state: State
    evidence: str


class RunLock:
    """The lock of a folder for the time of a `with` block, or from `acquire` to `release`.

    Children that are forked meanwhile do not hold it: the run is dead when its own process is.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / LOCK
        self._file: int | None = None

    def __enter__(self) -> RunLock:
        return self.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.release()

    def acquire(self) -> RunLock:
        """Take the lock, and write down who holds it; raises Locked if another process does, and OSError."""
        file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)  # which Python closes on exec
        try:
            locked = _lock(file, PATIENCE)
            if not locked and (locked is False or _judged(_read(file), locked=None).state == "alive"):
                holder = _holder(_read(file))
                raise Locked(f"{str(self.path.parent)!r} is in use by {holder}; wait until it ends, or end it")
            _write(file, {**this_process(), "locked": bool(locked)})
            _fill(file)
        except BaseException as error:
            os.close(file)
            if isinstance(error, OSError) and error.filename is None:  # one of a descriptor names no file
                error.filename = str(self.path)
            raise
        self._file = file
        _held.add(self)
        return self

    def release(self) -> None:
        """Give the lock back, and say so in the file, which stays."""
        if self._file is not None:
            with suppress(OSError):
                _write(self._file, {**this_process(), "over": True})
        self.forget()

    def forget(self) -> None:
        """Close the file and say nothing, as a forked child does: it leaves the lock to its parent."""
        file, self._file = self._file, None
        _held.discard(self)
        if file is not None:
            os.close(file)


_held: set[RunLock] = set()


def _forget_all() -> None:
    for lock in list(_held):
        lock.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


def make_room(directory: Path) -> None:
    """Give back the room that was kept for the record of the run, which ends."""
    with suppress(OSError), (directory / LOCK).open("r+b") as file:
        os.ftruncate(file.fileno(), len(file.readline()))


def liveness(directory: Path) -> Liveness:
    """Whether a process carries out what lies in the folder.

    alive: another process, or this one, holds the lock. A process that is stopped (SIGSTOP) holds it, too.
    dead: the lock was given back; or it is free, and it is one that this machine can judge: it was taken on this
    machine, or before the machine was started again. Without locks, the process of that number is gone or was started
    at another time.
    unknown: the lock was taken on another machine, nobody wrote down who took it, or there is none.
    """
    path = Path(directory) / LOCK
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # a pipe must not hold us up
    except FileNotFoundError:
        return Liveness("unknown", f"there is no {LOCK}")
    except OSError as error:
        return Liveness("unknown", f"{LOCK} cannot be read ({error.strerror})")
    try:
        locked = _lock(file, 0.0, shared=True)
        return _judged(_read(file), locked=locked)
    finally:
        os.close(file)


def warn_unproven(directory: Path) -> None:
    """Say so where a process of another machine had the lock of a folder that goes on, and nothing proves its end."""
    found = liveness(directory)
    if found.state == "unknown" and holder(directory):
        warn(f"{directory} goes on, but {found.evidence}; if that process lives, both feed one run: end one of them")


def holder(directory: Path) -> dict[str, Any]:
    """The process that holds or held the lock of a folder, as it wrote itself down; empty where nobody did."""
    try:
        file = os.open(Path(directory) / LOCK, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return {}
    try:
        return _read(file)
    finally:
        os.close(file)


def _judged(said: dict[str, Any], *, locked: bool | None) -> Liveness:
    """What follows from the file and from the lock: we got it, we did not, or there are no locks (None)."""
    holder = _holder(said)
    if locked is False:
        return Liveness("alive", f"{holder} holds the lock")
    if "pid" not in said:
        return Liveness("unknown", f"{LOCK} does not say whose it is")
    if said.get("over"):
        return Liveness("dead", f"{holder} gave the lock back")
    if not same_boot(said):
        restarted = same_machine(said)
        why = "the machine was started again since" if restarted else "another machine's lock proves nothing here"
        return Liveness("dead" if restarted else "unknown", f"{holder}: {why}")
    if locked and said.get("locked"):
        return Liveness("dead", f"{holder} holds the lock no longer")
    over = gone(said)
    if over is None:
        return Liveness("unknown", f"{holder} is in another container, and the file system has no locks")
    return Liveness("dead" if over else "alive", f"{holder} {'is gone' if over else 'is running'}")


def _holder(said: dict[str, Any]) -> str:
    return f"process {said['pid']} on {said.get('host')}" if "pid" in said else "another process"


def _lock(file: int, patience: float, *, shared: bool = False) -> bool | None:
    """True with the lock, False if another process has it; None where there are no locks."""
    if fcntl is None:
        return None
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            return True
        except OSError as error:
            if error.errno in WITHOUT:
                return None
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
        if time.monotonic() >= until:
            return False
        time.sleep(0.02)


def _read(file: int) -> dict[str, Any]:
    """What the file says; empty where it says nothing, or was cut off when the machine lost its power."""
    try:
        said = parse_json(os.pread(file, 4096, 0).rstrip(b"\0"), LOCK)
    except (ValueError, OSError):
        return {}
    return said if isinstance(said, dict) and isinstance(said.get("pid"), int) else {}


def _write(file: int, said: dict[str, Any]) -> None:
    """Write over what an earlier process wrote, and cut the file afterwards: this needs no room on a full disk."""
    text = json.dumps(said).encode() + b"\n"
    if os.pwrite(file, text, 0) < len(text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.ftruncate(file, len(text))
    os.fsync(file)


def _fill(file: int) -> None:
    """Have the file occupy ROOM bytes; raises OSError on a disk that has none left."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file, 0, ROOM)
        except OSError as error:
            if error.errno not in WITHOUT:
                raise
