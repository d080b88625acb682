"""Parsed overrides: their levels, and the refusal of overrides that would be ignored or delete a required key."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from hydra.core.override_parser.types import Override, RangeSweep

from bpexp.config.groups import GROUPS
from bpexp.config.hydra_launchers import refuse_launchers
from bpexp.config.limits import DEFAULT, Limits, raised
from bpexp.config.schema import explain_unknown_key, key_type
from bpexp.config.spelling import spelled
from bpexp.config.sweepers import refuse_sweepers
from bpexp.errors import ConfigError

__all__ = [
    "Override",
    "as_sweeps",
    "has_ends",
    "levels",
    "refuse_declared",
    "refuse_hydra",
    "refuse_many",
    "refuse_senseless",
    "refuse_unsweepable",
]

HONOURED = (
    *("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.mode", "hydra.output_subdir", "hydra.job.name"),
    *("hydra/launcher", "hydra.launcher", "hydra/sweeper"),
)
"""The keys of Hydra's own configuration that have an effect on a command line.

A launcher may have its parameters. The levels of a sweep are overrides, so hydra.sweeper.params is for config files.
"""

FILES = ("model", "pairing", "experiment")
"""Groups whose options are files alone."""

LEVELS = "study.factors."
"""Keys that hold the levels of a study; on the command line they are read as a sweep over the factor."""

OF_A_SWEEP = ("launcher", "sweep")
"""Roots of the keys that say how a sweep is carried out."""

FIXED = ("task", "study", "experiment")
"""Keys that apply to a whole command, so that they cannot differ between the jobs of a sweep."""


def levels(override: Override, limits: Limits = DEFAULT) -> list[str]:
    """The overrides of single jobs that an override expands to: one, or one for each level of a sweep.

    Raises ConfigError for an interval, a sweep without levels, or a range of more than `limits` allow, unexpanded.
    """
    if not override.is_sweep_override():
        return [str(override.input_line)]
    key = override.get_key_element()
    if has_ends(override):
        raise ConfigError(f"{override.input_line}: an interval has no levels; list them, as in {key}=0.1,0.3")
    _refuse_range(override, limits)
    found = [f"{key}={value}" for value in override.sweep_string_iterator()]
    if not found:
        raise ConfigError(f"{override.input_line} has no levels; list one or more, as in {key}=0.1,0.3")
    if len(set(found)) < len(found):
        twice = next(text for text in found if found.count(text) > 1)
        raise ConfigError(f"{override.input_line} has the level {twice.partition('=')[2]} twice; give it once")
    return found


def has_ends(override: Override) -> bool:
    """Whether an override is an interval, which has no levels: only a search can try it."""
    return bool(override.is_sweep_override()) and not override.is_discrete_sweep()


def _refuse_range(override: Override, limits: Limits) -> None:
    """Raise ConfigError for a range that has too many numbers, or no end."""
    values = override.value()
    if not isinstance(values, RangeSweep):
        return
    start, stop, step = values.start or 0, values.stop or 0, values.step
    if not all(map(math.isfinite, (start, stop, step))) or step == 0:
        raise ConfigError(f"{override.input_line} has no end; write range(START,STOP,STEP) with a STEP that gets there")
    number = max((stop - start) / step, 0)
    if number > limits.jobs:
        told = f"{override.input_line} has {number:.3g} levels, more than {limits.jobs} jobs"
        raise ConfigError(f"{told}; {raised('jobs', math.ceil(number))}")


def refuse_many(grid: Mapping[str, Sequence[str]], limits: Limits) -> None:
    """Raise ConfigError for a sweep of more jobs than `limits` allow, before any is composed."""
    number = math.prod(map(len, grid.values()))
    if number > limits.jobs:
        told = " x ".join(f"{len(found)} of {key}" for key, found in grid.items() if len(found) > 1)
        raise ConfigError(f"{told} are {number} jobs, more than {limits.jobs}; {raised('jobs', number)}")


def refuse_hydra(overrides: Sequence[Override]) -> None:
    """Raise ConfigError for an override of Hydra's own node that has no effect; Hydra would act on some of them."""
    refuse_sweepers(overrides)
    refuse_launchers(overrides)
    for override in overrides:
        key, package = override.key_or_group, override.package or ""
        if re.split("[./]", key)[0] != "hydra" and re.split("[.:]", package)[0] != "hydra":
            continue
        if key not in HONOURED and not key.startswith("hydra.launcher."):
            raise _without_effect(key if not package else f"{key}@{package}")
        if override.is_delete():
            raise ConfigError(f"~{key} deletes a required key; remove this override, or use {key}=VALUE")


def refuse_declared(keys: Iterable[str]) -> None:
    """Raise ConfigError for a factor or level of a config file whose key is no key of one job."""
    for key in keys:
        root = re.split("[./]", key)[0]
        if not re.fullmatch(r"[A-Za-z_]\w*([./][\w-]+)*", key) or root in ("hydra", "limits", "tracking", *FIXED):
            raise ConfigError(
                f"{key!r} cannot be swept by a config file; name a key of a run, such as lr or model.depth"
            )


def as_sweeps(overrides: Sequence[Override]) -> list[str]:
    """The overrides as text, in which study.factors.KEY=[a,b] is KEY=a,b: the levels that shall run.

    Raises ConfigError where a factor is given something else than a list of levels.
    """
    return [_as_sweep(o) if o.key_or_group.startswith(LEVELS) else str(o.input_line) for o in overrides]


def _as_sweep(override: Override) -> str:
    factor, value = override.key_or_group.removeprefix(LEVELS), override.value()
    if override.is_delete() or not isinstance(value, list) or not value:
        raise ConfigError(f"{override.input_line}: name the levels that shall run, as in {factor}=LEVEL,LEVEL")
    return f"{factor}={','.join(spelled(level) for level in value)}"


def refuse_senseless(overrides: Sequence[Override]) -> list[Override]:
    """Return the overrides; raises ConfigError for a repeated or deleted key, or one that has no effect.

    Some keys of Hydra have none. A `+` before a key of the schema is a mistake; before a parameter of a component it
    changes nothing, because the groups are open.
    """
    for key, times in Counter(o.get_key_element().lstrip("+~") for o in overrides).items():
        if times > 1:
            raise ConfigError(f"{key} is given {times} times; give it once")
    for override in overrides:
        key = override.key_or_group
        if key in (*GROUPS, *FILES) and isinstance(override.value(), list):
            raise ConfigError(
                f"{override.input_line}: a group takes one option, as in {key}=NAME; several are a sweep, -m"
            )
        known = key_type(key) is not None
        if override.is_delete() and not override.is_hydra_override():
            told = f"~{key} deletes a required key; remove this override, or use {key}=VALUE"
            raise ConfigError(told if known else explain_unknown_key(key))
        if override.is_add() and known:
            raise ConfigError(f"{key} exists already; write {key}=VALUE without the +")
    return list(overrides)


def _without_effect(key: str) -> ConfigError:
    return ConfigError(f"{key} has no effect here; of Hydra's keys these have: {', '.join(HONOURED)}")


def refuse_unsweepable(grid: Mapping[str, Sequence[str]]) -> None:
    """Raise ConfigError for a sweep over a key of the whole command."""
    for key, found in grid.items():
        if len(found) > 1 and key.lstrip("+") in FIXED:
            raise ConfigError(f"{key} is the same for all jobs of a sweep; use one of {', '.join(found)}")
        if len(found) > 1 and key.partition(".")[0] in OF_A_SWEEP:
            raise ConfigError(f"{key} cannot be swept; use one value")
        if len(found) > 1 and key.startswith("hydra"):
            raise ConfigError(f"{key} cannot be swept; use one value")
