"""The folders of `experiments/` that hold programs, and no study that `experiment=` could run."""

from __future__ import annotations

PROGRAMS = {
    "gradient_methods": "python -m experiments.gradient_methods.measure",
    "notebooks": "",
    "reliability": "",
    "scale": "",
    "speed": "python -m experiments.speed.measure --quick",
    "statistics": "python -m experiments.statistics.measure --only few_seeds",
    "trust": "python -m experiments.trust.measure",
}
"""Folder -> the command to begin with; empty where there are several, which its README tells."""


def explained(name: str) -> str | None:
    """What to type in place of `experiment=NAME` for one of these folders; None for any other name."""
    if name not in PROGRAMS:
        return None
    line = f"; run it in a copy of the repository: {PROGRAMS[name]}" if PROGRAMS[name] else ""
    return f"{name!r} is no declared study but programs of their own, in experiments/{name}; see its README.md{line}"
