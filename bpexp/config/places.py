"""Paths and addresses that lead out of the working directory: the command line may name them, a config file may not.

A config that comes with a repository, or from a colleague, would else read any file of its user's, write beside it, or
send the records, and the token that MLflow adds to each request, to a server of its own choice.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override

from bpexp.config.groups import GROUPS
from bpexp.config.interpolations import OPENING
from bpexp.config.logins import URI
from bpexp.config.schema import Config
from bpexp.config.spelling import spelled
from bpexp.errors import ConfigError
from bpexp.registry import fits, is_place
from bpexp.tracking.credentials import keep
from bpexp.tracking.location import resolve, sqlite_path

FOLDERS = ("hydra.run.dir", "hydra.sweep.dir")
ENVIRONMENT = {"data.root": "BPEXP_DATA", URI: "MLFLOW_TRACKING_URI"}
"""The environment variables that name places in place of a key."""

ROOTS = ("data", "tracking", "trace", "hydra", "launcher")
"""The first parts of the keys of places, and of what else is typed."""

Named = Mapping[str, list[Any]]


def named(overrides: Iterable[Override]) -> dict[str, list[Any]]:
    """The values that the command line gives below `ROOTS`, by dotted key; a key of a sweep has several."""
    found: dict[str, list[Any]] = {}
    for override in overrides:
        if override.key_or_group.partition(".")[0] in ROOTS and not override.is_delete():
            for key, value in _flat(override.key_or_group, override.value()):
                found.setdefault(key, []).append(keep(value) if key == URI and isinstance(value, str) else value)
    return found


def _flat(key: str, value: Any) -> Iterable[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        return [(key, value)]
    return [pair for name, below in value.items() for pair in _flat(f"{key}.{name}", below)]


def refuse_all_places(
    raw: Mapping[str, Any], config: Config, folders: Mapping[str, str], said: Named, usual: Mapping[str, Any]
) -> None:
    """Raise ConfigError for a place of a composed job that leads out of the working directory, unless it was typed.

    Args:
        raw: the whole config, interpolations as they stand.
        config: the typed config.
        folders: hydra.run.dir and hydra.sweep.dir, resolved.
        said: the values of the command line.
        usual: Hydra's own node where nothing is declared.
    """
    declared = {"data": config.data, "tracking": config.tracking, "trace": {"values": config.trace.values}}
    for key, folder in folders.items():
        if not folder.strip():
            raise ConfigError(f"{key}={folder!r} names no folder; leave it out, or write a name")
    refuse_places(places(raw) | _dirs(raw["hydra"]), {**places(declared), **folders}, _dirs(usual), said)


def _dirs(hydra: Mapping[str, Any]) -> dict[str, Any]:
    return {key: hydra[key.split(".")[1]]["dir"] for key in FOLDERS}


def refuse_places(raw: Mapping[str, Any], resolved: Mapping[str, Any], usual: Mapping[str, Any], said: Named) -> None:
    """Raise ConfigError for a place outside the working directory that the command line does not name itself.

    Args:
        raw: the places of a config by dotted key, interpolations as they stand.
        resolved: the same, resolved.
        usual: those of our own config.yaml, as they stand.
        said: the values of the command line.
    """
    for key, value in resolved.items():
        text = raw.get(key)
        if (
            isinstance(value, str)
            and text != usual.get(key)
            and not _allowed(key, value, _root(text, said.get(key, [])))
        ):
            raise ConfigError(
                f"{key}={value!r} leads out of the working directory {str(Path.cwd())!r}, which a config file cannot; "
                f"if it shall, type {key}={spelled(value)}" + _or_environment(key)
            )


def _or_environment(key: str) -> str:
    return f", or set {ENVIRONMENT[key]}" if key in ENVIRONMENT else ""


def places(config: Mapping[str, Any]) -> dict[str, Any]:
    """The places that a config names, by dotted key: those of its data set, the store, and the directories."""
    found: dict[str, Any] = {"trace.values": (config.get("trace") or {}).get("values")}
    for name in ("data", "tracking"):
        node = config.get(name)
        option = node.get("name") if isinstance(node, Mapping) else None
        if isinstance(node, Mapping) and option in GROUPS[name].registry:
            parameters = GROUPS[name].registry.parameters(str(option))
            found |= {f"{name}.{key}": node.get(key) for key, p in parameters.items() if is_place(p.hint)}
    return found


def refuse_launcher_texts(node: Any, said: Named) -> None:
    """Raise ConfigError for a free text of the launcher that the command line does not give.

    An engine runs some of them as commands, and an address is where jobs and credentials go.
    """
    option = node.get("name") if isinstance(node, Mapping) else None
    if option not in GROUPS["launcher"].registry:
        return
    for name, parameter in GROUPS["launcher"].registry.parameters(str(option)).items():
        for key, value in _flat(f"launcher.{name}", node.get(name)):
            free = key != f"launcher.{name}" or fits("", parameter.hint)
            if free and isinstance(value, str | list) and value != parameter.default and value not in said.get(key, []):
                raise ConfigError(f"{key}={value!r} is refused in a config file; if it shall be so, type it")


def _root(text: Any, values: list[Any]) -> Path | None:
    """The folder below which a place may lie: that which the command line names itself, else the working directory.

    None where it names the whole place. Of `/data/x-${seed}` it names /data.
    """
    if not isinstance(text, str) or text not in values:
        return Path.cwd()
    begin, interpolation, _ = text.partition(OPENING)
    return Path(begin).parent if interpolation and begin else Path.cwd() if interpolation else None


def _allowed(key: str, value: str, root: Path | None) -> bool:
    if root is None:
        return True
    if key == URI:
        path = sqlite_path(resolve(value, Path.cwd()))
        return path is not None and _inside(path, root)
    return not value.startswith("~") and _inside(Path(value), root)


def _inside(path: Path, root: Path) -> bool:
    """Whether a path lies below a folder, also where links are followed."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))
