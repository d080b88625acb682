"""The credentials of stores: taken out of an address where it enters, and kept in the memory of this process alone.

An address has two forms. The public one names the store, without user name, password and query; it is what every
config, record, message and link holds. The whole one is given to MLflow and to nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote

from bpexp.errors import TrackingError, without_login

LEAST = 4
"""Letters from which on a password is also looked for by itself in the messages of others; a shorter one is part of
too many words. The address as a whole is always looked for."""

_ENCODE = "write @ : / ? # in a user name or password as %40 %3A %2F %3F %23"

_kept: dict[str, str] = {}
"""The whole address of each public one that lacks something of it. It is never written anywhere."""


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """An address of a store in its parts; `login` is None without user name and password."""

    scheme: str
    login: tuple[str, str | None] | None
    place: str
    query: str

    @property
    def public(self) -> str:
        """The address without user name, password and query."""
        return f"{self.scheme}://{self.place}"

    @property
    def whole(self) -> str:
        """The address with them; what has a meaning in an address is percent-encoded in user name and password."""
        query = f"?{self.query}" if self.query else ""
        if self.login is None:
            return f"{self.public}{query}"
        user, password = self.login
        if password is None and self.scheme.startswith("http"):
            password = ""  # a token in place of a user name is sent only with a colon behind it
        told = quote(user, safe="") + ("" if password is None else f":{quote(password, safe='')}")
        return f"{self.scheme}://{told}@{self.place}{query}"


def parse(address: str) -> Address | None:
    """An address in its parts; None for a text without `://`, such as a path.

    User name and password reach to the last @ before the query, and may hold @, : and # as they are. Raises
    TrackingError, which does not show the address, where a part could be read in two ways.
    """
    scheme, found, rest = address.partition("://")
    if not found:
        if "@" in address:
            raise TrackingError("tracking.uri has an @ but no scheme; write http://HOST:PORT or sqlite:///FILE")
        return None
    before, _, query = rest.partition("?")
    if rest.startswith("/"):  # a file: there is no host, and no login before it
        return Address(scheme, None, before, query)
    login, at, place = before.rpartition("@")
    if "@" in query or re.search(r"[\x00-\x20\x7f]", rest):
        raise TrackingError(f"tracking.uri has an @ in its query, or a space; {_ENCODE}")
    if at and (re.match(r"[^:/#]*(:\d*)?[/#]", login) or re.search("@.*/", login)):
        raise TrackingError(f"tracking.uri has an @ that may belong to a password or to a path; {_ENCODE}")
    if scheme.lower() in ("http", "https") and (query or "#" in place):
        raise TrackingError(
            f"tracking.uri {f'{scheme}://{place}'.partition('#')[0]!r} is followed by ? or #, which MLflow does not "
            f"send; give the address of the server alone, and a token in MLFLOW_TRACKING_TOKEN"
        )
    user, colon, password = login.partition(":")
    return Address(scheme, (unquote(user), unquote(password) if colon else None) if at else None, place, query)


def keep(address: str) -> str:
    """The public form of an address; what it lacks is remembered until the process ends.

    A later address with the same public form replaces what an earlier one left. Raises TrackingError as `parse` does.
    """
    parts = parse(address)
    if parts is None:
        return address
    if parts.whole != parts.public:
        _kept[parts.public] = parts.whole
    return parts.public


def forget(public: str) -> None:
    """Forget what an address lacks: the whole one was refused, and the public one alone may be given next."""
    _kept.pop(public, None)


def whole(public: str) -> str:
    """The address with its credentials, for MLflow; `public` itself where none were given."""
    return _kept.get(public, public)


def lent() -> dict[str, str]:
    """What this process remembers, to be handed to another one through a pipe, never through a file."""
    return dict(_kept)


def borrow(kept: Mapping[str, str]) -> None:
    """Remember what another process lent."""
    _kept.update(kept)


def scrubbed(text: str) -> str:
    """A text of others, such as an error of MLflow, without the credentials of any address that is known here."""
    for public, address in _kept.items():
        text = text.replace(address, public)
    for secret in sorted(_secrets(), key=len, reverse=True):
        text = text.replace(secret, "***")
    return without_login(text)


def _secrets() -> set[str]:
    """Passwords, tokens and values of queries, as they are and percent-encoded."""
    found: set[str] = set()
    for address in _kept.values():
        parts = parse(address)
        if parts is None:
            continue
        user, password = parts.login or ("", None)
        values = [password or user, *(value for _, value in parse_qsl(parts.query))]
        found |= {
            form for value in values for form in (value, quote(value), quote(value, safe="")) if len(form) >= LEAST
        }
    return found
