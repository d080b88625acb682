"""Overrides that are parsed already: their levels, and those that would be ignored or would take something away."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.types import Override

from bpexp.config.schema import explain_unknown_key, key_type
from bpexp.errors import ConfigError

if TYPE_CHECKING:
    from bpexp.config.composition import Composer, Composition

__all__ = ["Override", "Parsed", "levels", "refuse_senseless", "refuse_unsweepable", "refuse_unused", "spelled"]

HONOURED = (
    *("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.mode", "hydra.output_subdir", "hydra.job.name"),
    *("hydra.sweeper", "hydra/sweeper", "hydra.launcher", "hydra/launcher"),
)
"""What of Hydra's own configuration a run heeds; the launchers of plug-ins may have any parameter."""

WORDS = ("null", "true", "false", "yes", "no", "on", "off", "inf", "nan")
"""Words that the grammar, or YAML behind it, may take for something else than text."""

FIXED = ("task", "study", "experiment")
"""Keys that say what a whole command does, so that they cannot differ between the jobs of a sweep."""


class Parsed:
    """Parses overrides as `Composer.parse` does, each text once."""

    def __init__(self, composing: Composer) -> None:
        self._composing = composing
        self._known: dict[str, Override] = {}

    def __call__(self, line: str) -> Override:
        if line not in self._known:
            (self._known[line],) = self._composing.parse([line])
        return self._known[line]


def levels(override: Override) -> list[str]:
    """The overrides of single jobs that an override stands for: one, or each level of a sweep."""
    if not override.is_sweep_override():
        return [str(override.input_line)]
    key = override.get_key_element()
    if not override.is_discrete_sweep():
        raise ConfigError(f"{override.input_line}: an interval has no levels; list them, as in {key}=0.1,0.3")
    found = [f"{key}={value}" for value in override.sweep_string_iterator()]
    if not found:
        raise ConfigError(f"{override.input_line} has no levels; list one or more, as in {key}=0.1,0.3")
    return found


def refuse_senseless(overrides: Sequence[Override]) -> list[Override]:
    """Refuse overrides that Hydra would drop in silence, or that take away what a run needs; returns the rest.

    A `+` in front of a component's parameter is dropped: the groups are open.
    """
    for key, times in Counter(o.get_key_element().lstrip("+~") for o in overrides).items():
        if times > 1:
            raise ConfigError(f"{key} is given {times} times; say it once")
    for override in overrides:
        key = override.key_or_group
        known = key_type(key) is not None
        if override.is_delete() and not override.is_hydra_override():
            told = f"~{key} takes away what a run needs; leave it, or say {key}=VALUE"
            raise ConfigError(told if known else explain_unknown_key(key))
        if override.is_add() and known:
            raise ConfigError(f"{key} is there already; say {key}=VALUE without the +")
    return list(overrides)


def refuse_unused(composition: Composition, overrides: Sequence[Override]) -> None:
    """Refuse what Hydra's own executor would heed and ours does not, rather than ignore it."""
    for override in overrides:
        if override.is_hydra_override() and not override.key_or_group.startswith(HONOURED):
            raise ConfigError(
                f"{override.key_or_group} has no effect here; of Hydra's keys these have: {', '.join(HONOURED)}"
            )
    if composition.hydra.job.chdir:
        raise ConfigError("hydra.job.chdir=true has no effect here; a run stays in the working directory")
    if composition.hydra.job.env_set:
        raise ConfigError("hydra.job.env_set has no effect here; set the environment before the command")
    sweeper = composition.choice("hydra/sweeper")
    if sweeper not in (None, "basic"):
        raise ConfigError(f"hydra/sweeper={sweeper} is not supported; list the levels, as in -m lr=0.1,0.3")


def refuse_unsweepable(grid: Mapping[str, Sequence[str]], task: str) -> None:
    """Refuse a sweep over what is one for the whole command, and a sweep of reports."""
    for key, found in grid.items():
        if len(found) > 1 and key.lstrip("+") in FIXED:
            raise ConfigError(f"{key} is one for all jobs of a sweep; say one of {', '.join(found)}")
        if len(found) > 1 and key.startswith("hydra"):
            raise ConfigError(f"{key} cannot be swept; say one value")
    if task == "report":
        raise ConfigError("task=report writes one report; leave -m out")


def spelled(value: Any) -> str:
    """A Python value in Hydra's grammar, quoted where it is no plain word."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{spelled(str(key))}:{spelled(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list | tuple | range):
        return "[" + ",".join(spelled(entry) for entry in value) + "]"
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    return text if re.fullmatch(r"[A-Za-z_][\w./-]*", text, re.ASCII) and text.lower() not in WORDS else quoted(text)


def quoted(text: str) -> str:
    """A text between quotes, taken literally: no levels, no interpolation.

    In the grammar a backslash stands for itself unless a quote or an interpolation follows it.
    """
    escaped = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), text)
    return "'" + escaped.replace("${", "\\${") + "'"
