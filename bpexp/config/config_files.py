"""The config files of a folder, as a source of Hydra: each file is checked before Hydra acts on what it says.

Only regular files below the folder are read, at most their size. Our own folder is trusted in one respect alone: its
files may be links, as some installers make them.
"""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import OmegaConf

from bpexp.config.groups import config_folder
from bpexp.config.hydra_keys import TOLD, refuse_in_file
from bpexp.config.interpolations import refuse_all
from bpexp.config.limits import Limits, raised
from bpexp.config.validation import refuse_code
from bpexp.config.yaml_events import count_nodes
from bpexp.errors import ConfigError
from bpexp.files.regular import is_regular, read_bytes

SCHEME = "bpexp"
"""Hydra chooses a source by what comes before the :// of its path."""


class Reading:
    """What the files of one command hold together: characters and nodes, each file counted once."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._known: dict[Path, tuple[int, int]] = {}

    def count(self, file: Path, text: str) -> None:
        """Count a file; raises ConfigError if it, or all of them together, are too large."""
        nodes = count_nodes(text, str(file), self.limits)
        self._known[file] = (len(text), nodes)
        for n, (key, noun) in enumerate((("config", "characters"), ("nodes", "keys and values"))):
            total, most = sum(counts[n] for counts in self._known.values()), getattr(self.limits, key)
            if total > most:
                told = f"{file}: the config files hold {total} {noun} together, more than {most}"
                raise ConfigError(f"{told}; {raised(key, total)}")


_reading = Reading(Limits())
"""Hydra makes the sources, from their paths alone, and copies them; what they share is here."""


@contextmanager
def reading(limits: Limits) -> Iterator[None]:
    """Bound the files that are read within by `limits`."""
    global _reading
    before, _reading = _reading, Reading(limits)
    try:
        yield
    finally:
        _reading = before


class ConfigFiles(ConfigSource):
    """The config files below a folder."""

    @staticmethod
    def scheme() -> str:
        """What the path of such a source begins with."""
        return SCHEME

    def load_config(self, config_path: str) -> ConfigResult:
        """Read, check and parse one file; raises ConfigError."""
        file = self._place(self._normalize_file_name(config_path))
        text = _text(file)
        _reading.count(file, text)
        header = self._get_header_dict(text[:512])
        if str(header["package"]).partition(".")[0] == "hydra":
            raise ConfigError(
                f"{file}: the package {header['package']!r} is refused; of Hydra's keys these can be set: {TOLD}"
            )
        content = _parsed(text, str(file))
        _refuse(content, str(file))
        config = OmegaConf.create(content)
        return ConfigResult(config=config, path=self.full_path(), provider=self.provider, header=header)

    def available(self) -> bool:
        """Whether the folder is there."""
        return os.path.isdir(self.path)

    def is_group(self, config_path: str) -> bool:
        """Whether there is a folder of options."""
        return self._place(config_path).is_dir()

    def is_config(self, config_path: str) -> bool:
        """Whether there is such a file; raises ConfigError for one that is no regular file."""
        file = self._place(self._normalize_file_name(config_path))
        if is_regular(file):
            return True
        if os.path.lexists(file) and not file.is_dir():
            read_bytes(file, error=ConfigError)  # which says what it is
        return False

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """The names of the options and folders in a folder."""
        folder = self._place(config_path)
        inside = [path for path in folder.iterdir() if self._inside(path) and path.name != "__pycache__"]
        groups = [path.name for path in inside if path.is_dir()]
        configs = [path.stem for path in inside if path.suffix == ".yaml" and is_regular(path)]
        wanted = {ObjectType.GROUP: groups, ObjectType.CONFIG: configs}
        return sorted({*groups, *configs} if results_filter is None else set(wanted[results_filter]))

    @functools.cached_property
    def _own(self) -> bool:
        return _real(self.path) == _real(config_folder())

    def _path(self, config_path: str) -> Path:
        return Path(self.path) / config_path.lstrip("/")

    def _inside(self, path: Path) -> bool:
        """Whether a path lies below the folder, also where links are followed."""
        return self._own or _real(path).is_relative_to(_real(self.path))

    def _place(self, config_path: str) -> Path:
        """The path of an option or group; raises ConfigError for one outside the folder, or of Hydra's own groups."""
        path = self._path(config_path)
        if "\0" in config_path:
            raise ConfigError(f"{config_path!r} is no name of a config file; write its name without a NUL")
        if ".." in PurePosixPath(config_path).parts or not self._inside(path):
            raise ConfigError(
                f"the config {config_path!r} leads out of the folder {self.path!r}; copy the file into the folder"
            )
        if not self._own and PurePosixPath(config_path.lstrip("/")).parts[:1] == ("hydra",) and path.exists():
            raise ConfigError(
                f"{str(path)!r} is refused: a folder of configs cannot hold options of Hydra's own groups; "
                f"of Hydra's keys these can be set: {TOLD}"
            )
        return path


def _real(path: Path | str) -> Path:
    """A path with its links followed; one that goes in a circle stays as it is."""
    return Path(os.path.realpath(path))


def _text(file: Path) -> str:
    try:
        return read_bytes(file, 4 * _reading.limits.config, error=ConfigError).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{str(file)!r} is not text in UTF-8: {error}; save it as UTF-8") from None


@functools.lru_cache(maxsize=128)
def _parsed(text: str, file: str) -> Any:
    """The content of a file as plain data, which nobody changes; kept, as each composition reads some thirty files."""
    stream = io.StringIO(text)
    stream.name = file  # which OmegaConf's messages read
    try:
        return OmegaConf.to_container(OmegaConf.load(stream), resolve=False)
    except ValueError as error:  # of what only looks like a number, such as 0x_
        raise ConfigError(f"{file} holds a value that cannot be read: {error}") from None


def _refuse(content: Any, file: str) -> None:
    """Raise ConfigError for what a file must not say, before Hydra sees it."""
    try:
        refuse_code(content)
        refuse_all(content)
    except ConfigError as error:
        raise ConfigError(f"in {file}: {error}") from None
    refuse_in_file(content, file)
