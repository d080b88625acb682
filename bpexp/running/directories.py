"""The directory of a run or a sweep; no two share one."""

from __future__ import annotations

from pathlib import Path

from bpexp.errors import ConfigError

MARKS = ("metrics.jsonl", "multirun.yaml", "sweep.json", "search.jsonl")
"""A directory with one of these files holds a run, a sweep or a search."""


class Taken(ConfigError):
    """A directory that was named holds a run or a sweep already."""


def refuse_taken(directory: Path, kind: str) -> None:
    """Raise Taken for a named directory that already holds a run or a sweep."""
    if any((directory / mark).exists() for mark in MARKS):
        raise Taken(f"{str(directory)!r} already holds a {kind}; choose another hydra.{kind}.dir")


def claim(wanted: Path, kind: str, *, named: bool) -> Path:
    """Create the directory of a run or sweep and return its absolute path.

    Args:
        wanted: the directory; if it exists, a number is appended.
        kind: run or sweep, for messages.
        named: whether the user named the directory: it is then used as it is.

    Raises ConfigError if a named directory already holds a run or a sweep, or if it cannot be created.
    """
    wanted = wanted.absolute()
    try:
        if named:
            refuse_taken(wanted, kind)
            wanted.mkdir(parents=True, exist_ok=True)
            return wanted
        wanted.parent.mkdir(parents=True, exist_ok=True)
        for n in range(10_000):
            directory = wanted if n == 0 else wanted.with_name(f"{wanted.name}-{n}")
            try:
                directory.mkdir()
            except FileExistsError:
                continue
            return directory
    except OSError as error:
        raise ConfigError(
            f"cannot make the directory {str(wanted)!r} ({error.strerror}); "
            f"go to a folder that you may write to, or set hydra.{kind}.dir"
        ) from error
    raise ConfigError(f"no free name beside {str(wanted)!r}; set hydra.{kind}.dir")


def shown(directory: Path) -> str:
    """The directory for a message: below the working directory, relative to it."""
    return str(directory.relative_to(Path.cwd())) if directory.is_relative_to(Path.cwd()) else str(directory)


def kept_in(directory: Path) -> str:
    """What a signal leaves of a run or a sweep."""
    return f"what was done is kept in {shown(directory)}"


def going_on(directory: Path) -> str:
    """The same of a run that can be resumed."""
    return f"{kept_in(directory)}; resume={shown(directory)} goes on"
