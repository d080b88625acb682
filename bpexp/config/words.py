"""The overrides as text, checked before Hydra's grammar reads them: its parser is slow, and recursive."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bpexp.config.interpolations import refuse_resolvers
from bpexp.config.limits import Limits, raised
from bpexp.config.schema import construct
from bpexp.errors import ConfigError

BOUND = re.compile(r"limits\.(\w+)=(.+)", re.DOTALL)
OPENING, CLOSING = "([{", ")]}"


def limits_said(overrides: Sequence[str]) -> Limits:
    """The bounds that a command line declares by `limits.KEY=NUMBER`; raises ConfigError."""
    said = {found[1]: found[2] for found in map(BOUND.fullmatch, overrides) if found}
    return construct(Limits, {key: _number(value) for key, value in said.items()}, "limits.")


def refuse_words(overrides: Sequence[str], limits: Limits) -> None:
    """Raise ConfigError for overrides that are too long or too deep, or that use a resolver but `now` and `hydra:`.

    The values of an override are a config like any other: whoever copies a line from elsewhere has not read it.
    """
    total = sum(map(len, overrides))
    if total > limits.config:
        raise ConfigError(
            f"the overrides hold {total} characters, more than {limits.config}; {raised('config', total)}"
        )
    for word in overrides:
        if len(word) > limits.text:
            told = f"the override {_short(word)} holds {len(word)} characters, more than {limits.text}"
            raise ConfigError(f"{told}; {raised('text', len(word))}")
        if "\0" in word:
            raise ConfigError(f"{word!r} holds a NUL, which no name or path can; leave it out")
        if _depth(word) > limits.depth:
            told = f"the override {_short(word)} holds more than {limits.depth} brackets inside each other"
            raise ConfigError(f"{told}; {raised('depth', _depth(word))}")
        refuse_resolvers(word, _short(word))


def _depth(word: str) -> int:
    """The deepest nesting of brackets; those in quotes count as well."""
    open_, deepest = 0, 0
    for letter in word:
        open_ += (letter in OPENING) - (letter in CLOSING and open_ > 0)
        deepest = max(deepest, open_)
    return deepest


def _number(text: str) -> int | float | str | None:
    """The value of a bound, which is read before Hydra's grammar is."""
    if text == "null":
        return None
    for kind in (int, float):
        try:
            return kind(text[:40])
        except ValueError:
            continue
    return text[:40]


def _short(word: str) -> str:
    return word if len(word) <= 80 else f"{word[:77]}..."
