"""Composition of a command line into typed configs, by Hydra's public interface.

A job is composed once. Jobs with the same options and different values share one composition, which is copied; Hydra
itself sets values in the same way, and copying is 20 times faster than reading the files again.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from bpexp.config.groups import GROUPS, config_folder
from bpexp.config.hydra_errors import one_line
from bpexp.config.hydra_state import own_state
from bpexp.config.logins import keep_credentials, refuse_logins
from bpexp.config.plugins import load_plugins
from bpexp.config.schema import Config, construct
from bpexp.config.spelling import spelled
from bpexp.config.validation import refuse_code
from bpexp.errors import ConfigError

VERSION_BASE = "1.3"
SCHEMA = "bpexp_schema"
"""The name of the schema in the defaults list of config.yaml."""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """Overrides in Hydra's grammar, and the flags --multirun, --config-path, --config-name and --config-dir."""

    overrides: tuple[str, ...] = ()
    multirun: bool = False
    config_path: str | None = None
    config_name: str | None = None
    config_dir: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """One composed job: the typed config, Hydra's whole config, and its directories.

    `run_dir` and `sweep_dir` are hydra.run.dir and hydra.sweep.dir; `subdirectory` is hydra.sweep.subdir.
    """

    config: Config
    whole: DictConfig
    run_dir: Path
    sweep_dir: Path
    subdirectory: Path

    @property
    def hydra(self) -> DictConfig:
        """Hydra's own node."""
        node = self.whole.hydra
        assert isinstance(node, DictConfig)
        return node

    def plain_hydra(self) -> dict[str, Any]:
        """Hydra's own node as plain data, with interpolations unresolved."""
        content: Any = OmegaConf.to_container(self.hydra, resolve=False, enum_to_str=True)
        return dict(content)

    @property
    def multirun(self) -> bool:
        """Whether the config itself declares a sweep (hydra.mode)."""
        return bool(self.hydra.mode == RunMode.MULTIRUN)

    @property
    def sweep_params(self) -> dict[str, Any]:
        """The levels that the config itself declares (hydra.sweeper.params)."""
        return dict(self.hydra.sweeper.params or {})

    @property
    def launcher(self) -> str:
        """The name of Hydra's launcher; `basic` by default."""
        return self.choice("hydra/launcher") or "basic"

    def choice(self, group: str) -> str | None:
        """The chosen option of a group, such as experiment."""
        chosen = self.hydra.runtime.choices.get(group)
        return None if chosen is None else str(chosen)


class Composer:
    """Composes jobs; created by `composer`, which sets up Hydra and restores its state."""

    def __init__(self, config_name: str, loader: ConfigLoader) -> None:
        self._name, self._loader = config_name, loader
        self._composed: dict[tuple[str, ...], DictConfig] = {}
        self.compositions = 0

    def parse(self, overrides: Sequence[str]) -> list[Override]:
        """The overrides of a command line, parsed by Hydra's grammar."""
        with one_line():
            return OverridesParser.create(self._loader).parse_overrides(list(overrides))

    def compose(self, overrides: Sequence[Override], number: int = 0) -> Composition:
        """Compose one job from overrides, none of which is a sweep; `number` is the number of the job in a sweep.

        Raises ConfigError for an unknown key or option, or a value of wrong type or range.
        """
        with one_line(overrides):
            whole = self._copied(overrides) or self._from_files(overrides)
            OmegaConf.update(whole, "hydra.job", {"num": number, "id": str(number)}, force_add=True)
            refuse_code(OmegaConf.to_container(whole, resolve=False))
            config, hydra = typed(whole), whole.hydra
            places = (hydra.run.dir, hydra.sweep.dir, hydra.sweep.subdir)
            return Composition(config, whole, *(Path(str(place)) for place in places))

    def try_out(self, overrides: Sequence[str]) -> None:
        """Raise ConfigError where Hydra can compose nothing of these overrides; values may be missing or wrong."""
        parsed = self.parse(overrides)
        with one_line(parsed):
            self._from_files(parsed)

    def _from_files(self, overrides: Sequence[Override]) -> DictConfig:
        lines = [line for override in overrides for line in _lines(override)]
        whole = compose(self._name, lines, return_hydra_config=True)
        self.compositions += 1
        keep_credentials(whole)
        if (key := self._choices(overrides)) is not None:
            self._composed[key] = copy.deepcopy(whole)
        return whole

    def _copied(self, overrides: Sequence[Override]) -> DictConfig | None:
        """A copy of an earlier composition of the same options, with this job's values set as Hydra sets them."""
        key = self._choices(overrides)
        if key is None or key not in self._composed:
            return None
        whole = copy.deepcopy(self._composed[key])
        for override in overrides:
            if self._is_value(override):
                OmegaConf.update(whole, override.key_or_group, override.value(), merge=True)
        tasks = [_line(override) for override in overrides if not override.is_hydra_override()]
        OmegaConf.update(whole, "hydra.overrides.task", tasks)
        return whole

    def _choices(self, overrides: Sequence[Override]) -> tuple[str, ...] | None:
        """The key of a composition that jobs may share: every option, and the keys of the values.

        None if a composition cannot be copied: an earlier mapping would be merged with a new one, and the directory of
        a job may contain its overrides.
        """
        if any(isinstance(o.value(), dict) or "override_dirname" in _line(o) for o in overrides):
            return None
        return tuple(o.key_or_group if self._is_value(o) else _line(o) for o in overrides)

    def _is_value(self, override: Override) -> bool:
        """Whether an override sets a value instead of choosing an option of a group."""
        if override.type != OverrideType.CHANGE or override.package is not None or override.is_hydra_override():
            return False
        return "." in override.key_or_group or not self._loader.get_group_options(override.key_or_group)


@contextmanager
def composer(line: CommandLine) -> Iterator[Composer]:
    """Set up Hydra for a command line; its global state is restored afterwards. Raises ConfigError."""
    folder = os.path.abspath(line.config_path or config_folder())
    if line.config_dir is not None and not os.path.isdir(line.config_dir):
        raise ConfigError(f"--config-dir {os.path.abspath(line.config_dir)!r} is not a folder")
    if not os.path.isdir(folder):
        raise ConfigError(f"--config-path {folder!r} is not a folder")
    with own_state(line.config_dir):
        register_options()
        with one_line(), initialize_config_dir(folder, job_name="bpexp", version_base=VERSION_BASE):
            yield Composer(line.config_name or "config", GlobalHydra.instance().config_loader())


def register_options() -> None:
    """Register with Hydra the schema, and an option for each component without a YAML file, such as a plug-in's."""
    store = ConfigStore.instance()
    store.store(name=SCHEMA, node=_schema())
    load_plugins()
    for group in GROUPS.values():
        shipped = {path.stem for path in (config_folder() / group.name).glob("*.yaml")}
        for name in sorted(set(group.registry) - shipped):
            store.store(group=group.name, name=name, node=group.defaults(name))


def _schema() -> DictConfig:
    """The schema; mappings are open, so that any parameter of a component can be set without a `+`."""
    schema = OmegaConf.structured(Config)
    assert isinstance(schema, DictConfig)
    for name, node in schema.items_ex(resolve=False):
        if isinstance(node, DictConfig):
            OmegaConf.set_readonly(node, None)  # a frozen settings class is read-only
            if OmegaConf.get_type(node) is dict:
                OmegaConf.set_struct(schema[name], False)
    return schema


def typed(whole: DictConfig) -> Config:
    """A composed config as the dataclass; raises ConfigError for unknown keys, wrong types and values out of range."""
    own = OmegaConf.masked_copy(whole, [str(key) for key in whole if key != "hydra"])
    content: Any = OmegaConf.to_container(own, resolve=True, throw_on_missing=True)
    refuse_code(content)
    refuse_logins(content)
    return construct(Config, content)


def _lines(override: Override) -> list[str]:
    """An override as Hydra composes it: a mapping that names an option of a group becomes the option and its values.

    Hydra would merge the mapping with the option that was chosen before, whose parameters the new one may not have.
    """
    group, value = GROUPS.get(override.key_or_group), override.value()
    if group is None or not isinstance(value, dict) or value.get("name") not in group.registry:
        return [_line(override)]
    own = [f"{group.name}.{key}={spelled(item)}" for key, item in value.items() if key != "name"]
    return [f"{group.name}={value['name']}", *own]


def _line(override: Override) -> str:
    """An override as text."""
    if override.is_delete():
        return str(override.input_line)
    return f"{override.get_key_element()}={override.get_value_element_as_str()}"
