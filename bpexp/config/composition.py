"""Composition of a command line into typed configs, by Hydra's public interface.

A job is composed once. Jobs with the same options and other values at the same keys share one composition by Hydra, a
`Template`, on which their values are set: 1 to 2 ms in place of 100.
"""

from __future__ import annotations

import copy
import functools
import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from bpexp.config.composed import Composition
from bpexp.config.config_files import reading
from bpexp.config.groups import config_folder
from bpexp.config.hydra_errors import one_line
from bpexp.config.hydra_keys import plain, refuse_composed, refuse_texts_of_launcher
from bpexp.config.hydra_state import own_state
from bpexp.config.inspection import refuse_content, refuse_values
from bpexp.config.limits import Limits, refuse_limits
from bpexp.config.logins import keep_credentials
from bpexp.config.override_lines import line_of, lines_of
from bpexp.config.overrides import has_ends, levels, refuse_hydra
from bpexp.config.places import FOLDERS, ROOTS, named, refuse_all_places, refuse_launcher_texts
from bpexp.config.registered import register_options
from bpexp.config.schema import Config
from bpexp.config.template import Template, is_plain, overlap, places, plain_data, typed
from bpexp.config.words import limits_said, refuse_words
from bpexp.errors import ConfigError

VERSION_BASE = "1.3"
JOB = "bpexp"

TEMPLATES = 100
"""Compositions that are kept for the jobs to come; one takes about half a megabyte."""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """Overrides in Hydra's grammar, and the flags --multirun, --config-path, --config-name and --config-dir."""

    overrides: tuple[str, ...] = ()
    multirun: bool = False
    config_path: str | None = None
    config_name: str | None = None
    config_dir: str | None = None


class Composer:
    """Composes jobs; created by `composer`, which sets up Hydra and restores its state. `limits` are its bounds."""

    def __init__(self, line: CommandLine, loader: ConfigLoader, limits: Limits) -> None:
        self._line, self._name, self._loader = line, line.config_name or "config", loader
        self._composed: OrderedDict[tuple[str, ...], DictConfig | Template] = OrderedDict()
        self._parsed: dict[str, Override] = {}
        self._groups: dict[str, list[str]] = {}
        self.limits = limits
        self.compositions = 0

    def parse(self, overrides: Sequence[str]) -> list[Override]:
        """The overrides of a command line, parsed by Hydra's grammar.

        Raises ConfigError for those of Hydra's own keys that have no effect: on some Hydra acts while it composes.
        """
        refuse_words(overrides, self.limits)
        new = [text for text in dict.fromkeys(overrides) if text not in self._parsed]
        if new:  # a parser costs more than what it parses
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
            key = self._key(overrides)
            template = self._template(key)
            if template is None:
                return self._fresh(key, overrides, number)
            values = [override for override in overrides if self._is_value(override)]
            raw = template.set(overrides, values, number)
            refuse_values({override.key_or_group: override.value() for override in values}, raw, self.limits)
            return self._checked(raw, None, typed(template.whole, raw), template.places(raw))

    def _fresh(self, key: tuple[str, ...] | None, overrides: Sequence[Override], number: int) -> Composition:
        """A job as Hydra composes it, kept for those that can share its composition.

        Hydra's node is compared last, which takes a second composition: a wrong value is told without it.
        """
        whole = self._from_files(overrides, number)
        raw = plain_data(whole)
        refuse_content(raw, self.limits)
        config = typed(whole, raw)
        refuse_composed(whole.hydra, _hydras_own(), self.limits)
        refuse_texts_of_launcher(raw["hydra"], self._named)
        made = self._checked(raw, whole, config, places(whole))
        if key is not None:
            self._composed[key] = whole
            if len(self._composed) > TEMPLATES:
                self._composed.popitem(last=False)
        return made

    def _checked(
        self, raw: Mapping[str, Any], whole: DictConfig | None, config: Config, folders: Sequence[str]
    ) -> Composition:
        """The composition, unless a place or a bound in it is one that only the command line may name."""
        run_dir, sweep_dir, subdirectory = folders
        refuse_limits(config.limits, self.limits)
        declared = dict(zip(FOLDERS, (run_dir, sweep_dir), strict=True))
        refuse_all_places(raw, config, declared, self._named, _hydras_usual())
        refuse_launcher_texts(raw["launcher"], self._named)
        return Composition(config, raw, whole, Path(run_dir), Path(sweep_dir), Path(subdirectory))

    def try_out(self, overrides: Sequence[str]) -> DictConfig:
        """The config as Hydra composes it, where values may be missing or wrong; raises ConfigError where it cannot."""
        parsed = self.parse(overrides)
        with one_line(parsed):
            whole = self._from_files(parsed)
            refuse_composed(whole.hydra, _hydras_own(), self.limits)
            refuse_content(plain_data(whole), self.limits)
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

    def _from_files(self, overrides: Sequence[Override], number: int = 0) -> DictConfig:
        lines = [line for override in overrides for line in lines_of(override)]
        whole = compose(self._name, lines, return_hydra_config=True)
        self.compositions += 1
        keep_credentials(whole)
        OmegaConf.update(whole, "hydra.job", {"num": number, "id": str(number)}, force_add=True)
        return whole

    def _key(self, overrides: Sequence[Override]) -> tuple[str, ...] | None:
        """What the jobs have in common that share a composition: the keys of values, and everything else as it stands.

        None where the order of the overrides matters, because one of them lies below another.
        """
        if overlap([override.key_or_group for override in overrides if not self._is_group(override.key_or_group)]):
            return None
        return tuple(o.key_or_group if self._is_value(o) else line_of(o) for o in overrides)

    def _template(self, key: tuple[str, ...] | None) -> Template | None:
        """The composition that jobs with this key share, from the second of them on."""
        if key is None or (found := self._composed.get(key)) is None:
            return None
        self._composed.move_to_end(key)
        if not isinstance(found, Template):
            found = self._composed[key] = Template(copy.deepcopy(found))
        return found

    def _is_value(self, override: Override) -> bool:
        """Whether an override sets a plain value instead of choosing an option of a group."""
        return is_plain(override) and not self._is_group(override.key_or_group)

    def _is_group(self, key: str) -> bool:
        above, _, name = key.rpartition("/")
        if above not in self._groups:  # all at once: for each question Hydra copies everything that is registered
            self._groups[above] = self._loader.list_groups(above)
        return name in self._groups[above]


@functools.cache
def _hydras_own() -> DictConfig:
    """Hydra's own node where nothing is declared; the same in all of a process."""
    whole = GlobalHydra.instance().config_loader().load_configuration(None, [], RunMode.RUN)
    node = whole.hydra
    assert isinstance(node, DictConfig)
    return node


@functools.cache
def _hydras_usual() -> dict[str, Any]:
    """The same as plain data."""
    return plain(_hydras_own())


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
