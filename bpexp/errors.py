"""The errors that a user can correct: each message is one sentence with the problem, the value and a remedy.

And the warnings, of what went wrong and ended nothing.
"""

from __future__ import annotations

import difflib
import errno
import re
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice

from bpexp.synonyms import SYNONYMS, simplified

LOGIN = re.compile(r"(?<=://)(?:[^\s/?#:@]*:(?!\d*(?:[/?#\s]|$))\S*|[^\s/?#]*)@")
"""User name and password in an address, to the @ behind them; an @ in a path is none, nor is one behind a port."""


def without_login(text: str) -> str:
    """A text with `***@` in place of user name and password of every address in it."""
    return LOGIN.sub("***@", text)


LONGEST = 2000
"""Characters of a message; what a file holds may have any length."""

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


def one_line(text: str) -> str:
    """A message of others as `visible` shows it, and of a bounded length: its middle, a long value, is left out."""
    most = LONGEST // 2
    return visible(text if len(text) <= LONGEST else f"{text[:most]} ... {text[-most:]}")


class BpexpError(ValueError):
    """The base of these errors: the message is one line, without control characters or the password of an address."""

    def __init__(self, message: str = "") -> None:
        super().__init__(one_line(without_login(message)))


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


def warn(message: str) -> None:
    """Print a warning of one line on standard error; where that takes nothing, the warning is lost and that is all."""
    say(f"bpexp: warning: {message}")


def say(line: str) -> None:
    """Print a line on standard error, if it takes it; without the passwords of addresses.

    A terminal gets it in lines that break between words.
    """
    if sys.stderr is not None:  # which `print` would take for standard output
        with suppress(OSError, ValueError):  # ValueError: the file is closed
            print(_broken(visible(without_login(line))), file=sys.stderr, flush=True)


def _broken(line: str) -> str:
    """A line as standard error shows it best."""
    width = shutil.get_terminal_size().columns
    if len(line) <= width or not sys.stderr.isatty():
        return line
    return textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""A full disk, a quota that is used up, and a limit on the size of files."""


def disk_full(error: BaseException | None) -> bool:
    """Whether an error was caused by a full disk."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


def nearest(name: str, choices: Iterable[str]) -> str:
    """`did you mean 'relu'? ` if a choice is similar to `name`, or is what people call so, else an empty string."""
    found = _nearest(str(name)[:60], list(islice(choices, 1000)))  # a table has any number
    return f"did you mean {found!r}? " if found else ""


def _nearest(name: str, choices: list[str]) -> str | None:
    """The same word otherwise spelt, a synonym, the end of a dotted key, a longer word, or one with similar letters."""
    word, words = simplified(name), {simplified(choice): choice for choice in reversed(choices)}
    if word in words:
        return words[word]
    for synonym in SYNONYMS.get(word, ()):
        if synonym in choices:
            return synonym
    for spelt, choice in words.items():
        if len(word) > 1 and spelt.endswith(f".{word}"):
            return choice
    longer = [choice for spelt, choice in words.items() if len(word) > 1 and spelt.startswith(word)]
    if longer:
        return longer[-1]  # the first of the choices
    close = difflib.get_close_matches(word, words, n=1)
    return words[close[0]] if close else None
