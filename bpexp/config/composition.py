"""Composition of a command line into typed configs, by Hydra's public interface.

A job is composed once. Jobs with the same options and different values share one composition, which is copied; Hydra
itself sets values in the same way, and copying is 20 times faster than reading the files again.
"""

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from bpexp.config.config_files import reading
from bpexp.config.groups import config_folder
from bpexp.config.hydra_errors import one_line
from bpexp.config.hydra_keys import plain, refuse_composed, refuse_texts_of_launcher
from bpexp.config.hydra_state import own_state
from bpexp.config.inspection import inspected
from bpexp.config.limits import Limits, refuse_limits
from bpexp.config.logins import keep_credentials, refuse_logins
from bpexp.config.override_lines import line_of, lines_of
from bpexp.config.overrides import has_ends, levels, refuse_hydra
from bpexp.config.places import FOLDERS, ROOTS, named, refuse_all_places
from bpexp.config.registered import register_options
from bpexp.config.schema import Config, construct
from bpexp.config.validation import refuse_code
from bpexp.config.words import limits_said, refuse_words
from bpexp.errors import ConfigError

VERSION_BASE = "1.3"
JOB = "bpexp"


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
    """Composes jobs; created by `composer`, which sets up Hydra and restores its state. `limits` are its bounds."""

    def __init__(self, line: CommandLine, loader: ConfigLoader, limits: Limits) -> None:
        self._line, self._name, self._loader = line, line.config_name or "config", loader
        self._composed: dict[tuple[str, ...], DictConfig] = {}
        self._parsed: dict[str, Override] = {}
        self.limits = limits
        self.compositions = 0

    def parse(self, overrides: Sequence[str]) -> list[Override]:
        """The overrides of a command line, parsed by Hydra's grammar.

        Raises ConfigError for those of Hydra's own keys that have no effect: on some Hydra acts while it composes.
        """
        refuse_words(overrides, self.limits)
        new = [text for text in dict.fromkeys(overrides) if text not in self._parsed]
        with one_line():
            self._parsed |= dict(zip(new, OverridesParser.create(self._loader).parse_overrides(new), strict=True))
        parsed = [self._parsed[text] for text in overrides]
        refuse_hydra(parsed)
        return parsed

    def compose(self, overrides: Sequence[Override], number: int = 0) -> Composition:
        """Compose one job from overrides, none of which is a sweep; `number` is the number of the job in a sweep.

        Raises ConfigError for an unknown key or option, or a value of wrong type or range.
        """
        with one_line(overrides):
            whole = self._copied(overrides) or self._from_files(overrides)
            OmegaConf.update(whole, "hydra.job", {"num": number, "id": str(number)}, force_add=True)
            raw = inspected(whole, self.limits)
            config = typed(whole)
            refuse_limits(config.limits, self.limits)
            folders = {key: str(OmegaConf.select(whole, key)) for key in FOLDERS}
            refuse_all_places(raw, config, folders, self._named, plain(_hydras_own()))
            refuse_texts_of_launcher(raw["hydra"], self._named)
            run_dir, sweep_dir = map(Path, folders.values())
            return Composition(config, whole, run_dir, sweep_dir, Path(str(whole.hydra.sweep.subdir)))

    def try_out(self, overrides: Sequence[str]) -> DictConfig:
        """The config as Hydra composes it, where values may be missing or wrong; raises ConfigError where it cannot."""
        parsed = self.parse(overrides)
        with one_line(parsed):
            whole = self._from_files(parsed)
            OmegaConf.update(whole, "hydra.job", {"num": 0, "id": "0"}, force_add=True)
            inspected(whole, self.limits)
        return whole

    def reopened(self) -> Composer:
        """The same composer in a later state of Hydra."""
        self._loader = GlobalHydra.instance().config_loader()
        return self

    @cached_property
    def _named(self) -> dict[str, list[Any]]:
        """The places that the command line itself names."""
        written = [word for word in self._line.overrides if word.lstrip("+").startswith(ROOTS)]
        single = [text for o in self.parse(written) if not has_ends(o) for text in levels(o, self.limits)]
        return named(self.parse(single))

    def _from_files(self, overrides: Sequence[Override]) -> DictConfig:
        lines = [line for override in overrides for line in lines_of(override)]
        whole = compose(self._name, lines, return_hydra_config=True)
        self.compositions += 1
        keep_credentials(whole)
        refuse_composed(whole.hydra, _hydras_own(), self.limits)
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
        tasks = [line_of(override) for override in overrides if not override.is_hydra_override()]
        OmegaConf.update(whole, "hydra.overrides.task", tasks)
        return whole

    def _choices(self, overrides: Sequence[Override]) -> tuple[str, ...] | None:
        """The key of a composition that jobs may share: every option, and the keys of the values.

        None if a composition cannot be copied: an earlier mapping would be merged with a new one, and the directory of
        a job may contain its overrides.
        """
        if any(isinstance(o.value(), dict) or "override_dirname" in line_of(o) for o in overrides):
            return None
        return tuple(o.key_or_group if self._is_value(o) else line_of(o) for o in overrides)

    def _is_value(self, override: Override) -> bool:
        """Whether an override sets a value instead of choosing an option of a group."""
        if override.type != OverrideType.CHANGE or override.package is not None or override.is_hydra_override():
            return False
        return "." in override.key_or_group or not self._loader.get_group_options(override.key_or_group)


@functools.cache
def _hydras_own() -> DictConfig:
    """Hydra's own node where nothing is declared; the same in all of a process."""
    whole = GlobalHydra.instance().config_loader().load_configuration(None, [], RunMode.RUN)
    node = whole.hydra
    assert isinstance(node, DictConfig)
    return node


@contextmanager
def composer(line: CommandLine, known: Composer | None = None) -> Iterator[Composer]:
    """Set up Hydra for a command line, or for a `known` composer again; its state is restored. Raises ConfigError."""
    with prepared(line) as limits, one_line(), initialize_config_dir(str(config_folder()), JOB, VERSION_BASE):
        yield known.reopened() if known else Composer(line, GlobalHydra.instance().config_loader(), limits)


@contextmanager
def prepared(line: CommandLine) -> Iterator[Limits]:
    """Hydra's state for a command line, with our folders in its search path and the bounds of what it reads."""
    limits = limits_said(line.overrides)
    with own_state(folders(line)), reading(limits):
        register_options()
        yield limits


def folders(line: CommandLine) -> list[str]:
    """The folders in which configs are looked for, the first one first; raises ConfigError for what is no folder."""
    if line.config_name is not None and not line.config_name.strip():
        raise ConfigError("--config-name '' is no name of a config; leave it out for config")
    given = {"--config-dir": line.config_dir, "--config-path": line.config_path}
    for flag, folder in given.items():
        if folder is not None and not os.path.isdir(folder):
            raise ConfigError(f"{flag} {os.path.abspath(folder)!r} is not a folder")
    main = config_folder() if line.config_path is None else line.config_path
    return [os.path.abspath(folder) for folder in (line.config_dir, main) if folder is not None]


def typed(whole: DictConfig) -> Config:
    """A composed config as the dataclass; raises ConfigError for unknown keys, wrong types and values out of range."""
    own = OmegaConf.masked_copy(whole, [str(key) for key in whole if key != "hydra"])
    content: Any = OmegaConf.to_container(own, resolve=True, throw_on_missing=True)
    refuse_code(content)
    refuse_logins(content)
    return construct(Config, content)
