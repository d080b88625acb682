"""The complaints of Hydra, OmegaConf and YAML, each in one line of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from bpexp.config import validation as checks
from bpexp.errors import BpexpError, ConfigError, nearest
from bpexp.registry import spell

COMPLAINTS = (HydraException, OmegaConfBaseException, yaml.YAMLError)
OF_FILES = (*COMPLAINTS, ValueError, TypeError, AssertionError)
"""What else a config file can make Hydra stumble over while it composes."""


@contextmanager
def one_line(overrides: Sequence[str] = (), kinds: tuple[type[BaseException], ...] = OF_FILES) -> Iterator[None]:
    """Turn the complaints of Hydra, OmegaConf and YAML into one line of ours."""
    try:
        yield
    except BpexpError:
        raise
    except kinds as error:
        raise ConfigError(_translate(error, overrides)) from error


def _translate(error: BaseException, overrides: Sequence[str]) -> str:
    """What Hydra said, in one sentence: its own, or that of the error behind it."""
    text = f"{error}\n{error.__cause__ or ''}"
    found = re.match(r"In '([^']+)': ", text)
    file = f"in {found[1]}: " if found and found[1] != "config" else ""
    if said := _of_file(error) or _of_override(error, text):
        return said
    if said := _of_key(text) or _of_value(text, overrides):
        return file + said
    return " ".join(text.partition("Config search path:")[0].split())[:400]


def _of_file(error: BaseException) -> str | None:
    """A config file that is not there, or is not YAML."""
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, name = str(error.missing_cfg_file).rpartition("/")
        options = ", ".join(error.options) or "none"
        return f"unknown {group} {name!r}; {nearest(name, error.options)}choose from: {options}"
    if isinstance(error, MissingConfigException):
        return f"there is no config {str(error.missing_cfg_file)!r}; --info searchpath shows where it is looked for"
    if isinstance(error, yaml.YAMLError):
        mark = getattr(error, "problem_mark", None)
        where = f"{mark.name.removeprefix('file://')}, line {mark.line + 1}" if mark else "a config file"
        return f"{where} is not YAML: {getattr(error, 'problem', None) or str(error).splitlines()[0]}"
    if isinstance(error, UnicodeDecodeError):
        return f"a config file is not text in UTF-8: {error}"
    return None


def _of_override(error: BaseException, text: str) -> str | None:
    """An override that Hydra cannot read or place."""
    if isinstance(error, OverrideParseException):
        return f"{error.override!r} is not an override; say KEY=VALUE, such as lr=0.1, and quote what is no plain word"
    if found := re.search(r"An item is already at '([^']+)'", text):
        return f"{found[1]} is there already; say {found[1]}=VALUE without the +"
    if "Ambiguous value for argument" in text:
        return f"{text.split(chr(39))[1]} has several values; add -m (--multirun) to sweep over them"
    return None


def _of_key(text: str) -> str | None:
    """A key that nothing declares."""
    if re.match(r"In 'experiment/(?s:.*)full_key: experiment\n", text):
        return "the file must begin with the line `# @package _global_` and hold a mapping, such as lr: 0.1"
    found = re.search(r"Key '[^']*' (?:is )?not in (?s:.*?)full_key: (\S+)", text)
    found = found or re.search(r"Could not (?:override|delete) '([^']+)'\. No match", text)
    found = found or re.search(r"Could not delete from config. '([^']+)' does not exist", text)
    return checks.unknown_key(found[1]) if found else None


def _of_value(text: str, overrides: Sequence[str]) -> str | None:
    """A value of the wrong type, or one that refers to what is not there."""
    place = re.search(r"(?:^|\n)([^\n]+)\n\s*full_key: ([^\s\[]+)", text)
    if place is None:
        return None
    reason, key = place.groups()
    kind = checks.declared_type(key)
    if "Missing mandatory value" in reason:
        return f"{key} is not given; say {key}=VALUE"
    if "nterpolation" in reason:
        return f"{key} refers to what is not there: {' '.join(reason.split())}"
    if kind is None:
        return f"{key}: {reason}"
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        if override.key_or_group == key:
            return f"{key} must be {spell(kind)}, not {override.value()!r}"
    value = re.match(r"Value '(.*)' of type '(\w+)'", reason)
    found = value and (repr(value[1]) if value[2] == "str" else value[1])
    return f"{key} must be {spell(kind)}" + (f", not {found}" if found else "")
