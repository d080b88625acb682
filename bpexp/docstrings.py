"""What the docstring of a component says: its first paragraph, and the meaning of each parameter."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def argument_docs(docstring: str) -> dict[str, str]:
    """The entries of the section `Args:` of a docstring, each as one line."""
    _, found, section = docstring.partition("\nArgs:\n")
    entries: dict[str, str] = {}
    name = ""
    for line in section.splitlines() if found else ():
        if line.strip() and not line.startswith(" "):
            break  # the next section
        if line.startswith("    ") and not line.startswith("     ") and ":" in line:
            name, _, text = line.strip().partition(":")
            entries[name] = text.strip()
        elif name and line.strip():
            entries[name] += f" {line.strip()}"
    return entries


def summary(factory: Callable[..., Any]) -> str:
    """The first paragraph of a factory's docstring, as one line."""
    return " ".join((inspect.getdoc(factory) or "").split("\n\n")[0].split())
