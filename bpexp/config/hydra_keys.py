"""The keys of Hydra's own node that a config may set; whatever else differs from Hydra's defaults is refused by name.

A list of what is forbidden has holes: Hydra imports the packages of `hydra.searchpath`, calls `hydra.callbacks`, and
opens the files of a logging handler.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from bpexp.config.groups import config_folder
from bpexp.config.hydra_launchers import INSTEAD, workers
from bpexp.config.limits import Limits, raised
from bpexp.errors import ConfigError, nearest, without_login

OPEN = ("run.dir", "sweep.dir", "sweep.subdir", "mode", "output_subdir", "job.name")
"""Keys below hydra that a config may set."""

SWEEPER = "sweeper.params"
"""Holds the levels of a sweep that a config file declares."""

FILLED = ("overrides", "runtime", "job.override_dirname", "job.id", "job.num", "job.config_name")
"""Keys that Hydra fills in itself; a file that sets one is refused when it is read."""

LOGGING = ("hydra_logging", "job_logging")
"""Groups that name classes and files; Hydra's own option and our quiet one can be chosen."""

CHOSEN = ("launcher",)
"""Groups of Hydra from which a config may choose; `sweeper` has one option that works here."""

TOLD = ", ".join(f"hydra.{key}" for key in (*OPEN, SWEEPER, "launcher"))

PROCESSES = ("n_jobs", "processes", "array_parallelism")
"""Parameters by which launchers count their processes."""


def refuse_in_file(content: Any, file: str) -> None:
    """Raise ConfigError for a config file that sets another key of Hydra than one of `OPEN`, as it stands.

    Hydra acts on some of them while it composes. An interpolation in place of a mapping hides what it holds.
    """
    if not isinstance(content, Mapping) or "hydra" not in content:
        return
    node = content["hydra"]
    if not isinstance(node, Mapping):
        raise ConfigError(
            f"{file}: hydra={node!r} is refused: it must be a mapping; of its keys these can be set: {TOLD}"
        )
    for key, value in _leaves(node, whole=()):
        allowed = key in OPEN or _below(key, (SWEEPER, *CHOSEN)) or (key in ("job.chdir",) and not value)
        if not allowed or _hidden(key, value):
            raise ConfigError(f"{file}: {_refusal(f'hydra.{key}', value)}")


def refuse_composed(node: DictConfig, default: DictConfig, limits: Limits) -> None:
    """Raise ConfigError for a composed `hydra` node that differs from Hydra's own where a config may not change it.

    Args:
        node: the composed node; interpolations are compared as they stand.
        default: the node of a composition of nothing.
        limits: the bounds of the command.
    """
    choices = node.runtime.choices
    if (sweeper := choices.get("hydra/sweeper")) != "basic":
        raise ConfigError(f"hydra/sweeper={sweeper} is not supported; list the levels, as in -m lr=0.1,0.3")
    for group, option in choices.items():
        if option is not None and not isinstance(option, str):
            raise ConfigError(f"{group}={option} names several options; choose one")
    found, usual, quiet = plain(node), plain(default), _quiet()
    values, defaults = dict(_leaves(found)), dict(_leaves(usual))
    allowed: dict[str, Sequence[Any]] = {key: (value,) for key, value in defaults.items()} | {
        "job.chdir": (None, False)
    }
    allowed |= {key: (defaults.get(key), quiet) for key in LOGGING}
    for key in [*values, *(key for key in defaults if key not in values)]:
        if not _below(key, (*OPEN, SWEEPER, *CHOSEN, *FILLED)) and values.get(key, ...) not in allowed.get(key, ()):
            raise ConfigError(_refusal(*_first_difference(f"hydra.{key}", values.get(key), quiet)))
    refuse_launcher(found.get("launcher"), str(choices.get("hydra/launcher")), limits)
    if (below := found.get("output_subdir")) is not None:
        _refuse_name("hydra.output_subdir", below)


@functools.cache
def _quiet() -> Mapping[str, Any]:
    """The logging that our own config.yaml chooses."""
    text = (config_folder() / "hydra/job_logging/quiet.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def settings(node: Mapping[str, Any]) -> dict[str, Any]:
    """What a plain `hydra` node may say itself, by dotted key from the root."""
    return {f"hydra.{key}": value for key, value in _leaves(node) if _below(key, (*OPEN, SWEEPER, *CHOSEN))}


def _refuse_name(key: str, name: Any) -> None:
    """Raise ConfigError for a text that does not name a folder below another one."""
    parts = re.split(r"[/\\]", str(name))
    if "" in parts or ".." in parts or ":" in parts[0]:
        raise ConfigError(f"{key}={name!r} must name a folder below that of the run, such as .hydra, or be null")


def refuse_launcher(node: Any, name: str, limits: Limits) -> None:
    """Raise ConfigError for a launcher that is not the installed plug-in `name`, or a parameter it does not declare."""
    store = ConfigStore.instance()
    if name in INSTEAD:
        raise ConfigError(f"hydra/launcher={name} is not supported; type {INSTEAD[name]} in its place")
    installed = [option.removesuffix(".yaml") for option in store.list("hydra/launcher")]
    if name not in installed:
        told = f"{nearest(name, installed)}choose from: {', '.join(sorted(installed))}"
        raise ConfigError(f"hydra/launcher={name!r} is not an installed launcher; {told}")
    declared = plain(store.load(f"hydra/launcher/{name}.yaml").node)
    for key, value in (node if isinstance(node, Mapping) else {"": node}).items():
        if key not in declared:
            takes = ", ".join(name for name in declared if name != "_target_") or "none"
            raise ConfigError(f"the launcher {name!r} has no parameter {key!r}; it takes: {takes}")
        if key == "_target_" and value != declared[key]:
            raise ConfigError(
                f"hydra.launcher._target_={value!r} is refused: a config names a launcher that is installed"
            )
        if key in PROCESSES and isinstance(value, int):
            _refuse_processes(key, value, limits)


def _refuse_processes(key: str, value: int, limits: Limits) -> None:
    """Raise ConfigError for none, or more processes than `limits` allow; a negative number counts from the cores."""
    if value == 0:
        raise ConfigError(f"hydra.launcher.{key} must not be 0; write 1, or -1 for a process on each core")
    if (number := workers(value)) > limits.processes:
        told = f"hydra.launcher.{key}={value} is {number} processes, which are more than {limits.processes}"
        raise ConfigError(f"{told}; {raised('processes', number)}")


def refuse_texts_of_launcher(node: Mapping[str, Any], said: Mapping[str, Sequence[Any]]) -> None:
    """Raise ConfigError for a parameter of the launcher that is no number, unless the command line gives it.

    Launchers evaluate some of them, and hand others to a shell. `said` are the values of the command line by key.
    """
    name = node["runtime"]["choices"].get("hydra/launcher")
    declared = plain(ConfigStore.instance().load(f"hydra/launcher/{name}.yaml").node)
    for key, value in (node["launcher"] or {}).items():
        usual = value == declared.get(key) or (isinstance(value, int | float) and not isinstance(value, bool))
        if not usual and value not in said.get(f"hydra.launcher.{key}", []):
            raise ConfigError(f"hydra.launcher.{key}={value!r} is refused in a config file; if it shall be so, type it")


def _first_difference(key: str, value: Any, quiet: Mapping[str, Any]) -> tuple[str, Any]:
    """The key below a logging group at which it differs from ours, for a message; another key as it is."""
    if not isinstance(value, Mapping):
        return key, value
    usual = dict(_leaves(quiet, whole=()))
    return next(((f"{key}.{k}", v) for k, v in _leaves(value, whole=()) if usual.get(k, ...) != v), (key, value))


def _refusal(key: str, value: Any) -> str:
    shown = without_login(repr(value))
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    return f"{key}={shown} is refused: a config cannot change it; of Hydra's keys these can be set: {TOLD}"


def _hidden(key: str, value: Any) -> bool:
    """Whether an interpolation stands where a mapping must be, so that its content is not seen."""
    whole = key in ("sweeper", "sweeper.params", *CHOSEN, *(name.partition(".")[0] for name in OPEN if "." in name))
    return whole and isinstance(value, str)


def _below(key: str, names: tuple[str, ...]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in names)


def plain(node: Any) -> dict[str, Any]:
    """A node as plain data, interpolations as they stand."""
    if not isinstance(node, DictConfig):
        node = OmegaConf.structured(node) if not isinstance(node, Mapping) else OmegaConf.create(dict(node))
    content: Any = OmegaConf.to_container(node, resolve=False, enum_to_str=True)
    return content if isinstance(content, dict) else {}


def _leaves(node: Mapping[str, Any], prefix: str = "", whole: Sequence[str] = LOGGING) -> Iterator[tuple[str, Any]]:
    """Dotted keys and values; an empty mapping, a list, an interpolation and what `whole` names are values."""
    for key, value in node.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and value and path not in whole:
            yield from _leaves(value, f"{path}.", whole)
        else:
            yield path, value
