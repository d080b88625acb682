"""Interpolations: only those of keys, of the time and of Hydra's own node, and only so many as can be resolved.

A resolver such as `oc.env` reads what a config shall not read, `oc.decode` makes keys of text that nothing has checked,
and two keys that each hold the next one twice double the text with every line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bpexp.config.limits import Limits, raised
from bpexp.errors import ConfigError

RESOLVERS = ("now", "hydra")
"""The resolvers that a config may use."""

INSTEAD = {
    "oc.env": "write the value itself, or type it; the store and the data can be given by MLFLOW_TRACKING_URI "
    "and BPEXP_DATA",
    "oc.select": "${KEY} refers to another key",
}
"""What works in place of a resolver."""

OPENING = "${"
KEY = re.compile(r"\.*[^\s{}$:,]+")
"""What an interpolation of a key holds between its braces."""

TIME = 100
"""Characters that `now` or `hydra:` may give."""


def found(text: str) -> Iterator[str]:
    """What each interpolation of a text holds between its braces; raises ConfigError for one inside another.

    An escaped one counts as well: whoever reads the text next does not see the backslash.
    """
    for piece in text.split(OPENING)[1:]:
        inside, closing, _ = piece.partition("}")
        if not closing:
            raise ConfigError(f"{_cut(text)} holds an interpolation that does not end, or one inside another")
        yield inside.strip()


def refuse_resolvers(text: str, where: str) -> None:
    """Raise ConfigError for an interpolation that is neither a key nor one of `RESOLVERS`; `where` names the text."""
    if OPENING not in text:
        return
    for inside in found(text):
        name, colon, _ = inside.partition(":")
        if colon and name.strip() not in RESOLVERS:
            instead = INSTEAD.get(name.strip(), "write the value itself")
            raise ConfigError(f"{where}: ${{{_short(inside)}}} is refused: a config cannot use {name!r}; {instead}")
        if not colon and not KEY.fullmatch(inside):
            raise ConfigError(f"{where}: ${{{_short(inside)}}} names no key; write ${{KEY}}, such as ${{lr}}")


def refuse_all(node: Any, where: str = "") -> None:
    """Raise ConfigError for a resolver anywhere in plain data, in a key or in a value."""
    if isinstance(node, str):
        refuse_resolvers(node, where or "the config")
    elif isinstance(node, Mapping):
        for key, value in node.items():
            refuse_resolvers(str(key), where or "a key")
            refuse_all(value, f"{where}.{key}".lstrip("."))
    elif isinstance(node, Sequence) and not isinstance(node, bytes):
        for number, value in enumerate(node):
            refuse_all(value, f"{where}[{number}]")


class Sizes:
    """The characters and values that a composed config holds when it is resolved, counted without resolving it."""

    def __init__(self, root: Mapping[str, Any], limits: Limits) -> None:
        self._root, self._limits = root, limits
        self._known: dict[tuple[str, ...], int] = {}
        self._open: list[tuple[str, ...]] = []

    def refuse(self) -> None:
        """Raise ConfigError for a config that grows past its bound, that refers to itself, or over too many keys."""
        size = sum(self._of(value, (str(key),)) for key, value in self._root.items() if key != "hydra")
        most = 10 * self._limits.config
        if size > most:
            told = f"the config holds {size:.3g} characters when its interpolations are resolved, more than {most}"
            raise ConfigError(f"{told}; {raised('config', -(-size // 10))}")

    def _of(self, node: Any, path: tuple[str, ...]) -> int:
        if isinstance(node, Mapping):
            return 1 + sum(len(str(key)) + self._of(value, (*path, str(key))) for key, value in node.items())
        if isinstance(node, list):
            return 1 + sum(self._of(value, (*path, str(number))) for number, value in enumerate(node))
        if not isinstance(node, str) or OPENING not in node:
            return len(node) if isinstance(node, str | bytes) else 1
        return len(node) + sum(self._target(inside, path) for inside in found(node))

    def _target(self, inside: str, path: tuple[str, ...]) -> int:
        """The size of what an interpolation refers to; 0 where there is nothing, which OmegaConf reports."""
        name, colon, key = inside.partition(":")
        if colon and name.strip() != "hydra":
            return TIME
        place = ("hydra", *_parts(key)) if colon else _absolute(inside, path)
        if place in self._known:
            return self._known[place]
        if place in self._open or place == path[: len(place)]:
            raise ConfigError(f"{'.'.join(path)} refers to itself, by ${{{_short(inside)}}}; write the value")
        if len(self._open) >= self._limits.depth:
            told = f"{'.'.join(path)} refers to another key over more than {self._limits.depth} others"
            raise ConfigError(f"{told}; write the value")
        self._open.append(place)
        self._known[place] = self._of(_lookup(self._root, place), place)
        self._open.pop()
        return self._known[place]


def _absolute(inside: str, path: tuple[str, ...]) -> tuple[str, ...]:
    """The path that an interpolation names; each leading dot goes up one level, from the node that holds the key."""
    key = inside.lstrip(".")
    up = len(inside) - len(key)
    return (*path[: max(len(path) - up, 0)], *_parts(key)) if up else _parts(key)


def _parts(key: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[.\[\]]", key) if part)


def _lookup(node: Any, path: Sequence[str]) -> Any:
    for part in path:
        if isinstance(node, Mapping):
            node = node.get(part)
        elif isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            return None
    return node


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _cut(text: str) -> str:
    return repr(_short(text))
