"""Bounds of what a few characters of a config can multiply: files, values, jobs, parameters, memory."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

from bpexp.errors import ConfigError
from bpexp.registry import Count, Range


@dataclass(frozen=True)
class Limits:
    """Bounds of what a config can multiply. Only the command line raises them, because a file is what they bound.

    Args:
        memory: GiB that a run may take for data, parameters, optimizer and buffers; null for what the machine has free.
        parameters: largest number of parameters of a network.
        layers: largest number of hidden layers.
        updates: largest number of updates of a run, epochs times batches.
        jobs: largest number of jobs of a sweep.
        processes: largest number of processes of a launcher.
        text: largest number of characters of one text.
        config: largest number of characters of all config files together, and of what they say when it is resolved.
        nodes: largest number of keys and values of all config files together, with what aliases repeat.
        depth: largest number of lists and mappings inside each other, and of keys that refer to each other.
    """

    memory: Annotated[float, Range(above=0)] | None = None
    parameters: Count = 100_000_000
    layers: Count = 1_000
    updates: Count = 1_000_000_000
    jobs: Count = 5_000
    processes: Count = 64
    text: Count = 10_000
    config: Count = 100_000
    nodes: Count = 10_000
    depth: Count = 40


DEFAULT = Limits()


def raised(key: str, value: object) -> str:
    """How a bound is raised, for the end of a message: `limits.jobs=6000 raises the bound`."""
    return f"on the command line, limits.{key}={value} raises the bound"


def refuse_limits(composed: Limits, said: Limits) -> None:
    """Raise ConfigError for a bound that is not the one that the command line declares."""
    declared = asdict(said)
    for key, value in asdict(composed).items():
        if value != declared[key]:
            raise ConfigError(
                f"a config file cannot set limits.{key}={value}; if it shall be so, type limits.{key}={value}"
            )
