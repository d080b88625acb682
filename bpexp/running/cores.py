"""The processor cores that this process may use: by its affinity, its container, and what the user says."""

from __future__ import annotations

import os
from contextlib import suppress

from bpexp.running.memory import control_groups

SAID = "PYTHON_CPU_COUNT"
"""Python's own variable for the number of cores; Python 3.13 obeys it, and so does bpexp under earlier versions."""


def usable_cores() -> int:
    """Cores on which this process may run, at least 1.

    The least of its affinity (`taskset`, the cores of a SLURM job) and of the quotas of its control groups, which a
    container has (cpu.max); PYTHON_CPU_COUNT in place of both.
    """
    with suppress(ValueError):
        if (said := int(os.environ.get(SAID, ""))) > 0:
            return said
    try:
        allowed = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # not Linux
        allowed = os.cpu_count() or 1
    return max(1, min([allowed, *_quotas()]))


def _quotas() -> list[int]:
    """Whole cores of time that each control group above this process has."""
    found = []
    for folder in control_groups():
        with suppress(OSError, ValueError):  # no such file, or `max`, which is no quota
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
            found.append(int(quota) // int(period))
    return found
