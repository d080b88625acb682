"""The errors that a user can correct: each message is one sentence with the problem, the value and a remedy."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

LOGIN = re.compile(r"(?<=://)(?:[^\s/?#:@]*:(?!\d*(?:[/?#\s]|$))\S*|[^\s/?#]*)@")
"""User name and password in an address, to the @ behind them; an @ in a path is none, nor is one behind a port."""


def without_login(text: str) -> str:
    """A text with `***@` in place of user name and password of every address in it."""
    return LOGIN.sub("***@", text)


_JOINERS = "\u200c\u200d"
"""Characters without a width that letters and emoji are made of."""


def visible(text: str) -> str:
    """A text in one line that a terminal shows as it is: control characters and those that turn text are written out.

    A name of a run, a class or a file may hold them, and a terminal would obey.
    """
    if text.isprintable():
        return text
    return "".join(c if _shown(c) else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def _shown(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


MOST = 3000
"""Largest number of letters of a message: a value in it may have any length."""


class BpexpError(ValueError):
    """The base of these errors: the message is one line, without control characters or the password of an address."""

    def __init__(self, message: str = "") -> None:
        text = visible(without_login(message))
        super().__init__(text if len(text) <= MOST else f"{text[: MOST // 2]} ... {text[-MOST // 2 :]}")


class ConfigError(BpexpError):
    """A declared name, value or combination is not valid."""


class DataError(BpexpError):
    """A data set is missing, damaged or does not fit the declaration."""


class TrackingError(BpexpError):
    """A store of results, or a saved network, cannot be read or written."""


class RecordError(TrackingError):
    """A record of a run, a sweep or a study is missing, damaged or of another version."""


def nearest(name: str, choices: Iterable[str]) -> str:
    """`did you mean 'relu'? ` if a choice is similar to `name`, else an empty string."""
    close = difflib.get_close_matches(str(name), list(choices), n=1)
    return f"did you mean {close[0]!r}? " if close else ""
