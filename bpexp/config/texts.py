"""The texts of a config: how long they may be, and letters that no file or store can hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bpexp.config.limits import Limits, raised
from bpexp.errors import ConfigError

SHORT = ("run_name", "tracking.experiment", "hydra.job.name")
"""Names, which stores and file systems keep shorter than other texts."""

LONGEST_NAME = 250
"""Characters of a name: MLflow's databases hold 250, or 256."""


def refuse_texts(content: Mapping[str, Any], limits: Limits) -> None:
    """Raise ConfigError for a text of plain data that is too long, a blank name, and a NUL or half of a letter."""
    for key, text in _texts(content):
        if len(text) > limits.text:
            told = f"{key} holds {len(text)} characters, more than {limits.text}"
            raise ConfigError(f"{told}; {raised('text', len(text))}")
        if key in SHORT and len(text) > LONGEST_NAME:
            raise ConfigError(f"{key} holds {len(text)} characters; a name has at most {LONGEST_NAME}")
        if key == "run_name" and text and not text.strip():
            raise ConfigError(f"{key}={text!r} is blank, which nobody sees; give letters, or leave it out")
        if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
            raise ConfigError(f"{key}={text[:80]!r} holds a NUL, or half of a letter, which no file can; leave it out")


def _texts(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, str):
        yield path, node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield f"a key of {path}" if path else "a key", str(key)
            yield from _texts(value, f"{path}.{key}".lstrip("."))
    elif isinstance(node, Sequence) and not isinstance(node, bytes):
        for number, value in enumerate(node):
            yield from _texts(value, f"{path}[{number}]")
