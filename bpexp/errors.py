"""The errors that a person can mend: each is one sentence with what is wrong, the value, and what would work."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BpexpError(ValueError):
    """What was asked for cannot be done; the message is one line."""


class ConfigError(BpexpError):
    """A declared value, name or pairing that has no meaning."""


class DataError(BpexpError):
    """A data set that is missing, broken or does not fit."""


class TrackingError(BpexpError):
    """A store of results that cannot be opened or written."""


def nearest(name: str, choices: Iterable[str]) -> str:
    """`did you mean 'relu'? ` when a choice is close to `name`, else nothing."""
    close = difflib.get_close_matches(str(name), list(choices), n=1)
    return f"did you mean {close[0]!r}? " if close else ""
