"""Credentials in what is declared: taken out of command lines and composed configs before anything else reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from bpexp.config.spelling import spelled
from bpexp.errors import LOGIN, ConfigError, without_login
from bpexp.tracking.credentials import keep

URI = "tracking.uri"
"""The only key that may hold an address with credentials."""

_ADDRESS = re.compile(r"[\['\"]*[A-Za-z][\w+.-]*://")
"""A value that begins as an address does."""

_REMEDY = f"give it in {URI}=ADDRESS or MLFLOW_TRACKING_URI, and the password of anything else outside of bpexp"


def without_credentials(words: Sequence[str]) -> list[str]:
    """The words of a command line with public addresses; what they lack is in `bpexp.tracking.credentials`.

    Raises ConfigError for a password in another word, and for two logins of one store.
    """
    return [_public(word) for word in words]


def _public(word: str) -> str:
    key, _, value = word.partition("=")
    if key.lstrip("+") != URI:
        return _without_login(word)
    levels = [_unquoted(level) for level in re.split(r",(?=['\"]?[A-Za-z][\w+.-]*:/)", value)]
    public = [keep(level) for level in levels]
    if public == levels:
        return word
    if len(set(public)) < len(set(levels)):
        raise ConfigError(f"{URI} names {public[0]!r} with two logins; a store has one for all runs of a command")
    return f"{key}={','.join(spelled(level) for level in public)}"


def _without_login(word: str) -> str:
    if LOGIN.search(word):
        raise ConfigError(f"{without_login(word)!r} holds a password of an address; {_REMEDY}")
    key, _, value = word.lstrip("+").partition("=")
    _refuse_address(key, value)
    return word


def _refuse_address(key: str, value: str) -> None:
    """Raise ConfigError for an address where the data want a file; its query, which may hold a token, is not shown."""
    if key.startswith("data.") and _ADDRESS.match(value):
        raise ConfigError(f"{key} takes a file, not an address; download it first, and name the file")


def _unquoted(value: str) -> str:
    """The text of a value that may be quoted in Hydra's grammar."""
    found = re.fullmatch(r"\s*(['\"])(.*)\1\s*", value, re.DOTALL)
    return value if found is None else found[2].replace(f"\\{found[1]}", found[1])


def keep_credentials(config: DictConfig) -> None:
    """Make the address of the store in a composed config public; raises ConfigError for a password elsewhere in it."""
    said = OmegaConf.select(config, URI, throw_on_resolution_failure=False)
    if isinstance(said, str) and (public := keep(said)) != said:
        OmegaConf.update(config, URI, public)
    refuse_logins(OmegaConf.to_container(config, resolve=False))


def refuse_logins(node: Any, path: str = "") -> None:
    """Raise ConfigError for an address with user name or password anywhere in plain data; it names the key alone."""
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            refuse_logins(value, f"{path}.{key}".lstrip("."))
    elif isinstance(node, str):
        _refuse_address(path, node)
        if LOGIN.search(node):
            raise ConfigError(f"{without_login(path)} holds a password of an address; {_REMEDY}")
