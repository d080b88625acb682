"""Feeds MLflow during a run: at the end of an epoch it asks the courier to send what the journal has for certain."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bpexp.tracking.parcel import Parcel
from bpexp.tracking.session import Session
from bpexp.tracking.wants import Want
from bpexp.training.events import Callback, EpochEnded

PAUSE = 2.0
"""Smallest number of seconds between two transfers during a run; a short run is sent once, at its end."""

ENGINE = "bpexp.engine"
"""The tag of a run whose steps are compiled; it holds the compiler and its version."""

FUSED = "bpexp.fused"
"""The tag of a run that is trained together with others; it holds their number."""


@dataclass(frozen=True, slots=True)
class DataCard:
    """The description of a data set that MLflow stores; it does not include the data."""

    name: str
    digest: str
    source: str
    profile: str


class JournalFeed(Callback):
    """Has new rows of the journal sent at the end of an epoch, at most every `PAUSE` seconds; never waits for it.

    Args:
        session: of the command.
        parcel: of the run.
        committed: gives the number of bytes of the journal that no resume can write again.
    """

    def __init__(self, session: Session, parcel: Parcel, committed: Callable[[], int]) -> None:
        self._session, self._parcel, self._committed = session, parcel, committed
        self._fed = time.monotonic()

    def on_epoch(self, event: EpochEnded) -> None:
        now = time.monotonic()
        if now - self._fed >= PAUSE:
            self._session.send(self._parcel, Want(self._committed()))
            self._fed = now
