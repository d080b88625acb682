"""The signals that end a run, as exceptions, exit codes and words."""

from __future__ import annotations

import signal

WORDS = {
    getattr(signal, name): word
    for name, word in (("SIGINT", "interrupted"), ("SIGTERM", "terminated"), ("SIGHUP", "the terminal was closed"))
    if hasattr(signal, name)
}
"""The signals, and what a record says of them."""

NOTHING = "nothing was begun"
KEPT = "what was done is kept"


class Interrupted(KeyboardInterrupt):
    """SIGINT; `kept` tells what is left of the work."""

    kept = KEPT


class Terminated(SystemExit):
    """SIGTERM or SIGHUP, with 128 and the number of the signal as the code; `kept` tells what is left of the work."""

    kept = KEPT


Signalled = Interrupted | Terminated


def signalled(number: int) -> Signalled:
    """The signal as an exception."""
    return Interrupted() if number == signal.SIGINT else Terminated(128 + number)


def exit_code(error: BaseException) -> int:
    """128 and the number of the signal that an exception stands for; 130 for KeyboardInterrupt of whatever origin."""
    return error.code if isinstance(error, Terminated) and isinstance(error.code, int) else 128 + signal.SIGINT


def word(error: BaseException) -> str:
    """What a record says of an exception that ends the process."""
    if isinstance(error, KeyboardInterrupt | Terminated):
        return WORDS[exit_code(error) - 128]
    return " ".join(f"ended by {type(error).__name__} {error}".split())


def told(error: BaseException) -> str:
    """What a person is told: the signal, and what is left of the work."""
    return f"{word(error)}; {getattr(error, 'kept', KEPT)}"
