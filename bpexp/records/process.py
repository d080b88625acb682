"""Who a process is: host, start of the machine, number, start of the process. Equal only if it is the same process."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any


def this_process() -> dict[str, Any]:
    """This process, as plain values; what the system does not tell is None."""
    pid = os.getpid()
    return {"pid": pid, "started": started(pid), **this_machine(), "pids": _numbering()}


def this_machine() -> dict[str, str | None]:
    """Name and id of this machine, and of its present start."""
    return {
        "host": platform.node(),
        "machine": _text("/etc/machine-id"),
        "boot": _text("/proc/sys/kernel/random/boot_id"),
    }


def same_boot(said: Mapping[str, Any]) -> bool:
    """Whether a process was one of this machine since it was started."""
    here = this_machine()
    if here["boot"] is None or said.get("boot") is None:
        return same_machine(said)
    return bool(here["boot"] == said["boot"])


def same_machine(said: Mapping[str, Any]) -> bool:
    """Whether a process was one of this machine, by name and id."""
    here = this_machine()
    return all(said.get(key) == here[key] for key in ("host", "machine"))


def gone(said: Mapping[str, Any]) -> bool | None:
    """Whether a process of this start of the machine has ended; None where its number is that of another container."""
    if said.get("pids") != _numbering():
        return None
    pid = int(said["pid"])
    now = started(pid)
    if now is not None:
        return bool(now != said.get("started"))
    if Path("/proc/self/stat").exists():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is another person's
        return False
    return False


def started(pid: int) -> int | None:
    """When a process began, in ticks of the clock since the machine was started; None if there is none, or no /proc."""
    with suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return None if fields[0] in "ZX" else int(fields[19])  # fields 3 and 22 of proc(5); Z and X have ended
    return None


def _numbering() -> str | None:
    """The namespace of the numbers of processes, in which a container has its own."""
    with suppress(OSError, AttributeError):
        return os.readlink("/proc/self/ns/pid")
    return None


def _text(path: str) -> str | None:
    with suppress(OSError):
        return Path(path).read_text(encoding="ascii", errors="replace").strip() or None
    return None
