"""The composed config of a run as YAML, for a person and for a command that runs it again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bpexp.config.schema import Config
from bpexp.files.whole import write_whole

CONFIG = "config.yaml"


def write_config(config: Config, directory: Path) -> str:
    """Write config.yaml, as a whole or not at all, and return its text."""
    text = as_yaml(asdict(config))
    write_whole(directory / CONFIG, text)
    return text


def config_text(config: Config, directory: Path) -> str:
    """The text of config.yaml, which was written a moment ago; to make it once more takes twenty times as long."""
    with suppress(FileNotFoundError):
        return (directory / CONFIG).read_text(encoding="utf-8")
    return as_yaml(asdict(config))


def as_yaml(content: Any) -> str:
    """Plain data as YAML, by libyaml if it is installed, which takes a tenth of the time."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(content, Dumper=dumper, sort_keys=False, allow_unicode=True))
