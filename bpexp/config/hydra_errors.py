"""The errors of Hydra, OmegaConf and YAML, translated to one line each.

They are recognised by their types and attributes. Two facts are not in an attribute and are read from the message: the
config file that Hydra was composing, and the group of an override in a defaults list that matches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import yaml
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)

from bpexp.config.groups import GROUPS, options
from bpexp.config.hydra_launchers import INSTEAD, LAUNCHER
from bpexp.config.programs import explained
from bpexp.config.schema import explain_unknown_key, key_type
from bpexp.config.validation import parameter_at
from bpexp.errors import BpexpError, ConfigError, nearest
from bpexp.nn.outputs import outputs
from bpexp.registry import spell

FOREIGN = (
    *(HydraException, OmegaConfBaseException, yaml.YAMLError),
    *(ValueError, TypeError, AssertionError, RecursionError, OverflowError),
)
"""What composing a config can raise; Hydra does not wrap every error that a malformed file causes."""


@contextmanager
def one_line(overrides: Sequence[Override] = ()) -> Iterator[None]:
    """Translate the errors of Hydra, OmegaConf and YAML to a ConfigError of one line; a BpexpError passes."""
    try:
        yield
    except BpexpError:
        raise
    except FOREIGN as error:
        raise ConfigError(_translate(error, overrides)) from error


def _translate(error: BaseException, overrides: Sequence[Override]) -> str:
    if said := _of_file(error):
        return said
    if isinstance(error, RecursionError):
        return "the configs include or refer to each other without end; look at their defaults lists and ${KEY}s"
    if isinstance(error, OverflowError):
        return f"a number is too large: {str(error).splitlines()[0]}"
    if isinstance(error, OverrideParseException):
        said = str(error.override)
        return f"{said!r} is not an override; {_meant(said)}write KEY=VALUE, such as {_quoted(said)}"
    found = re.match(r"In '([^']+)': ", str(error))
    file = found[1] if found and found[1] != "config" else ""
    told = _of_key(error, overrides) or " ".join(str(error).partition("Config search path:")[0].split())[:400]
    return f"in {file}: {told}" if file else told


def _meant(word: str) -> str:
    """What a word without a value stands for: a flag without its dashes, or an option without its group."""
    if word in ("help", "version"):
        return f"did you mean '--{word}'? "
    found = [f"'{group}={word}'" for group in ("model", "experiment", *GROUPS) if word in options(group)]
    return f"did you mean {' or '.join(found[:2])}? " if found else ""


def _quoted(override: str) -> str:
    """An override that shell and Hydra read as the text that was meant, such as the name of a column; or an example."""
    found = re.fullmatch(r"(data\.\w+)=(\[?)([^\"'\\${}\[\]]+)(\]?)", override)
    if found is None:
        return "lr=0.1; quote special characters"
    key, opening, text, closing = found.groups()
    items = text.split(",") if opening and closing else [text]
    return f"'{key}={opening}{','.join(f'{chr(34)}{item}{chr(34)}' for item in items)}{closing}'"


def _of_file(error: BaseException) -> str | None:
    """The message for a config file that is missing or is not YAML."""
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, name = str(error.missing_cfg_file).rpartition("/")
        options = ", ".join(error.options) or "none"
        if group == "activation" and name in outputs:
            return f"activation {name!r} serves as an output only; try activation=relu or sigmoid"
        if group == LAUNCHER and name in INSTEAD:
            return f"hydra/launcher={name} is not supported; type {INSTEAD[name]} in its place"
        if group == "experiment" and (told := explained(name)):
            return told
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


def _of_key(error: BaseException, overrides: Sequence[Override]) -> str | None:
    """The message for an unknown key, or a value that does not fit its key."""
    cause = _omegaconf(error)
    if cause is None:
        found = re.match(r"(?s).*Could not override '([^']+)'", str(error))
        return explain_unknown_key(found[1]) if found else None
    key = str(cause.full_key or "").split("[")[0]
    if isinstance(cause, ConfigKeyError | ConfigAttributeError):
        if key == "experiment":
            return "the file must begin with the line `# @package _global_` and hold a mapping, such as lr: 0.1"
        return explain_unknown_key(key)
    if isinstance(cause, MissingMandatoryValue):
        return f"{key} is not given; set {key}=VALUE"
    if isinstance(cause, InterpolationResolutionError):
        return f"{key} refers to what is not there: {str(cause).splitlines()[0]}"
    return _of_value(cause, key, overrides)


def _of_value(cause: OmegaConfBaseException, key: str, overrides: Sequence[Override]) -> str:
    declared = key_type(key)
    if declared is None and (parameter := parameter_at(key)) is not None:
        declared = parameter.hint
    if declared is None or not isinstance(cause, ValidationError):
        return f"{key}: {str(cause).splitlines()[0]}"
    said = [override.value() for override in overrides if override.key_or_group == key]
    value = said[0] if said else cause.value if cause.full_key == key else None
    return f"{key} must be {spell(declared)}" + ("" if value is None and not said else f", not {value!r}")


def _omegaconf(error: BaseException | None) -> OmegaConfBaseException | None:
    """The error of OmegaConf that caused one of Hydra's."""
    while error is not None:
        if isinstance(error, OmegaConfBaseException):
            return error
        error = error.__cause__ or error.__context__
    return None
