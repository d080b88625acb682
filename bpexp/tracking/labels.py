"""What a person declares about a run beside its parameters: tags by which it is found again, and a note."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bpexp.errors import ConfigError

NOTE = "bpexp.note"
"""The tag that holds the note as it was declared."""

DESCRIPTION = "mlflow.note.content"
"""The tag that MLflow shows as the description of a run or an experiment, in Markdown."""

OURS = ("mlflow", "bpexp", "diverged_at_step")
"""Names of tags that MLflow and bpexp write; so are all that begin with one of them and a dot."""

LONGEST_TAG = 5000
"""Characters of a tag, or of a note."""

_NAME = re.compile(r"\w[\w -]{0,99}([./]\w[\w -]{0,99})*")


def labels(tags: Mapping[str, Any], note: str | None) -> dict[str, str]:
    """The tags of a run, with the note as one of them; a null is left out.

    A mapping is a group of tags: {team: {name: a}} is team.name. Raises ConfigError for a name that MLflow cannot hold,
    one that belongs to MLflow or bpexp, a value that is not one word or number, and a text that is too long.
    """
    found = {name: _checked(name, value) for name, value in _flat(tags) if value is not None}
    if note is not None:
        found[NOTE] = _short("note", note)
    return found


def _flat(tags: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tags.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        else:
            yield name, value


def _checked(name: str, value: Any) -> str:
    if not _NAME.fullmatch(name) or len(name) > 250:
        told = f"tags: {name[:80]!r} is no name of a tag"
        raise ConfigError(f"{told}; it has letters, digits, spaces, _ and -, in parts that . or / divides")
    if name in OURS or name.startswith(tuple(f"{word}." for word in OURS)):
        raise ConfigError(f"tags.{name}={value!r}: such a tag belongs to MLflow or bpexp; choose another name")
    if not isinstance(value, str | int | float):
        raise ConfigError(f"tags.{name}={value!r} is not a text, a number, true or false; give it one of these")
    return _short(f"tags.{name}", str(value).lower() if isinstance(value, bool) else str(value))


def _short(key: str, text: str) -> str:
    if len(text) > LONGEST_TAG:
        raise ConfigError(f"{key} holds {len(text)} characters; MLflow keeps {LONGEST_TAG}, so shorten it")
    return text
