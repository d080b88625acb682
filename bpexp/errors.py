"""The errors that a user can correct: each message is one sentence with the problem, the value and a remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

LOGIN = re.compile(r"(?<=://)(?:[^\s/?#:@]*:(?!\d*(?:[/?#\s]|$))\S*|[^\s/?#]*)@")
"""User name and password in an address, to the @ behind them; an @ in a path is none, nor is one behind a port."""


def without_login(text: str) -> str:
    """A text with `***@` in place of user name and password of every address in it."""
    return LOGIN.sub("***@", text)


class BpexpError(ValueError):
    """The base of these errors; the message is one line, and holds no password of an address."""

    def __init__(self, message: str = "") -> None:
        super().__init__(without_login(message))


class ConfigError(BpexpError):
    """A declared name, value or combination is not valid."""


class DataError(BpexpError):
    """A data set is missing, damaged or does not fit the declaration."""


class TrackingError(BpexpError):
    """A store of results, or a saved network, cannot be read or written."""


class CheckpointError(BpexpError):
    """A run cannot be resumed, or its checkpoint is damaged or does not fit."""


class RecordError(TrackingError):
    """A record of a run, a sweep or a study is missing, damaged or of another version."""


def nearest(name: str, choices: Iterable[str]) -> str:
    """`did you mean 'relu'? ` if a choice is similar to `name`, else an empty string."""
    close = difflib.get_close_matches(str(name), list(choices), n=1)
    return f"did you mean {close[0]!r}? " if close else ""
