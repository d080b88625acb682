"""The memory that is there for this process: of the machine, of its container, and of its own limits."""

from __future__ import annotations

import os
import re
import resource
from pathlib import Path

MEMINFO, CGROUPS, OWN_CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
GIB = 2**30


def free_memory() -> int:
    """Bytes that this process may still take: the least of what the machine, its control group and its limits leave.

    Where nothing tells, the physical memory of the machine.
    """
    found = [_machine(), *_groups(), *_own()]
    return max(min(number for number in found if number is not None), 0)


def _machine() -> int:
    try:
        told = re.search(r"^MemAvailable:\s+(\d+) kB", MEMINFO.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:  # not Linux
        told = None
    if told is not None:
        return int(told[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def control_groups() -> list[Path]:
    """The folders of the control groups of this process, its own first; [] where there are none."""
    try:
        path = OWN_CGROUP.read_text(encoding="utf-8").partition("::")[2].splitlines()[0].strip("/")
    except (OSError, IndexError):
        return []
    places = [CGROUPS / path, *(CGROUPS / path).parents]
    return [place for place in places if place.is_relative_to(CGROUPS)]


def _groups() -> list[int | None]:
    """What each control group above this process leaves; the memory of files that are cached counts as free."""
    return [_group(place) for place in control_groups()]


def _group(folder: Path) -> int | None:
    most, used = _number(folder / "memory.max"), _number(folder / "memory.current")
    if most is None or used is None:
        return None
    try:
        cached = re.search(r"^inactive_file (\d+)", (folder / "memory.stat").read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        cached = None
    return most - used + (int(cached[1]) if cached else 0)


def _own() -> list[int | None]:
    """What the limits of the process leave of its address space and of its data."""
    status = _status()
    kinds = {resource.RLIMIT_AS: "VmSize", resource.RLIMIT_DATA: "VmData"}
    limits = {name: resource.getrlimit(kind)[0] for kind, name in kinds.items()}
    return [most - status.get(name, 0) for name, most in limits.items() if most != resource.RLIM_INFINITY]


def _status() -> dict[str, int]:
    try:
        text = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return {}
    return {name: int(size) * 1024 for name, size in re.findall(r"^(Vm\w+):\s+(\d+) kB", text, re.MULTILINE)}


def _number(file: Path) -> int | None:
    """The number in a file of the kernel; None for none, or for `max`, which is no limit."""
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
