"""Dotted names, as documents write them."""

from __future__ import annotations

import importlib


def resolved(name: str) -> object:
    """A dotted name, imported as far as there are modules and looked up from there on."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for part in parts[end:]:
            found = getattr(found, part)
        return found
    raise AssertionError(name)
