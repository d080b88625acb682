"""The words of a command line that resume a run: `resume=FOLDER_OR_RUN_ID`, and the few that may stand beside it.

They are read before Hydra sees the command line: a run that is resumed has its config already.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bpexp.config.composition import CommandLine
from bpexp.config.limits import Limits
from bpexp.config.yaml_events import count_nodes, values_of
from bpexp.errors import CheckpointError, ConfigError
from bpexp.tracking.environment import mlflow_environment
from bpexp.tracking.fetch import directory_of

WORD, FROM = "resume", "resume.from"
CHANGES = ("epochs", "progress", "tracking.uri")
MOST_TEXT = 1 << 20
"""Largest size of a config.yaml in bytes."""

BOUNDS = Limits(nodes=200_000, text=MOST_TEXT, depth=100)
"""Bounds of its content: more than a run can have, and less than what exhausts a machine."""

SECTION = "checkpoint."
"""The keys, and the section of keys, that may change when a run is resumed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be resumed.

    Args:
        target: folder of a run or a sweep, MLflow's id of a run, or `true`.
        previous: whether to go on from the last checkpoint but one.
        changes: values of the keys that change, by dotted key.
    """

    target: str
    previous: bool = False
    changes: dict[str, Any] = field(default_factory=dict)


def resume_wanted(line: CommandLine) -> Wanted | None:
    """What the command line resumes; None if it does not. Raises ConfigError for words that cannot stand beside it."""
    words = [word.partition("=") for word in line.overrides]
    values = {key: value for key, _, value in words}
    if WORD not in values:
        if FROM in values:
            raise ConfigError(f"{FROM}={values[FROM]} has no effect without {WORD}=FOLDER")
        return None
    if not values[WORD]:
        raise ConfigError(f"{WORD}= needs the folder of a run, or MLflow's id of it")
    if values.get(FROM, "previous") != "previous":
        raise ConfigError(f"{FROM} must be previous, the last checkpoint but one, not {values[FROM]!r}")
    for key, _, _ in words:
        if [other for other, _, _ in words].count(key) > 1:
            raise ConfigError(f"{key} is given more than once; give it once")
    return Wanted(values.pop(WORD), values.pop(FROM, None) is not None, values)


def found(wanted: Wanted) -> Path:
    """The folder that is meant: the target itself, or that of the run of this id. Raises BpexpError."""
    folder = Path(wanted.target).expanduser()
    if folder.exists() or not re.fullmatch("[0-9a-f]{32}", wanted.target):
        return folder
    with mlflow_environment():
        directory = directory_of(wanted.changes.get("tracking.uri"), wanted.target)
    if not directory.is_dir():
        raise CheckpointError(
            f"the run {wanted.target!r} was in {str(directory)!r}, which is gone; if it was moved, name its folder"
        )
    return directory


def changes_of(wanted: Wanted, line: CommandLine) -> dict[str, Any]:
    """The values that change when one run is resumed; raises ConfigError for a key that cannot."""
    if line.multirun or line.config_name or line.config_path or line.config_dir:
        raise ConfigError(f"{WORD}={wanted.target} has its config already; leave -m and --config-... out")
    return {key: _read(key, value) for key, value in wanted.changes.items()}


def may_change(key: str) -> bool:
    """Whether the value of a dotted key may change when a run is resumed."""
    return key in CHANGES or key.startswith(SECTION)


def _read(key: str, value: str) -> Any:
    if not may_change(key):
        raise ConfigError(
            f"{key}={value} cannot change when a run is resumed; {', '.join(CHANGES)} and {SECTION}every can"
        )
    try:
        count_nodes(value, key, BOUNDS)
        return values_of(value)
    except (ConfigError, yaml.YAMLError):
        raise ConfigError(f"{key}={value} cannot be read") from None


def parsed(text: str, where: str) -> dict[str, Any]:
    """The content of a config.yaml; raises CheckpointError, which begins with `where`, for what is no mapping."""
    try:
        count_nodes(text, where, BOUNDS)
    except ConfigError as error:
        raise CheckpointError(str(error).partition("; on the command line")[0]) from None
    try:
        content = values_of(text)
    except yaml.YAMLError as error:
        raise CheckpointError(f"{where} cannot be read: {error}") from None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise CheckpointError(f"{where} holds no config: {str(content)[:40]!r}")
    return content


def with_changes(config: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of a config, as plain data, with the values of some dotted keys replaced."""
    changed = dict(config)
    for key, value in changes.items():
        section, _, rest = key.partition(".")
        changed[section] = {**(changed.get(section) or {}), rest: value} if rest else value
    return changed


def differences(before: Any, now: Any, key: str = "") -> list[tuple[str, Any, Any]]:
    """(dotted key, value before, value now) of what differs between two configs; a missing value is None."""
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return [] if before == now and type(before) is type(now) else [(key, before, now)]
    found: list[tuple[str, Any, Any]] = []
    for name in [*before, *(name for name in now if name not in before)]:
        found += differences(before.get(name), now.get(name), f"{key}.{name}".lstrip("."))
    return found


def first_refused(words: Sequence[tuple[str, Any, Any]]) -> tuple[str, Any, Any] | None:
    """The first difference of a key that may not change."""
    return next((found for found in words if not may_change(found[0])), None)
