"""Python values as text in the grammar of Hydra's overrides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

WORDS = ("null", "true", "false", "yes", "no", "on", "off", "inf", "nan")
"""Words that Hydra's grammar, or YAML, does not read as text."""


def spelled(value: Any) -> str:
    """A Python value in Hydra's grammar, quoted unless it is a plain word."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_key(str(key))}:{spelled(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list | tuple | range):
        return "[" + ",".join(spelled(entry) for entry in value) + "]"
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    return text if re.fullmatch(r"[A-Za-z_][\w./-]*", text, re.ASCII) and text.lower() not in WORDS else quoted(text)


def _key(text: str) -> str:
    """The key of a mapping, which the grammar takes without quotes alone; its spaces have a backslash."""
    words = text.split(" ")
    return "\\ ".join(words) if all(spelled(word) == word for word in words) else spelled(text)


def quoted(text: str) -> str:
    """A text in quotes, which is read literally: no levels, no interpolation.

    In the grammar a backslash is literal unless a quote or an interpolation follows it.
    """
    escaped = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), text)
    return "'" + escaped.replace("${", "\\${") + "'"
