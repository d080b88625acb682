"""One thread of the process that talks to the stores, so that a run need not wait for them.

It takes parcels, the folders of runs and sweeps, and brings each as far as is wanted. A store that fails is left alone
for a while, then tried again, once for all its parcels. The thread lives as long as a command is open; what it has not
done then is delivered by the next start.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from dataclasses import asdict, replace
from typing import Any, cast

from bpexp.errors import TrackingError
from bpexp.tracking.credentials import scrubbed
from bpexp.tracking.delivery import GONE
from bpexp.tracking.environment import mlflow_environment
from bpexp.tracking.identity import Deleted
from bpexp.tracking.location import sqlite_path
from bpexp.tracking.meter import Meter
from bpexp.tracking.metered import Metered, allowance
from bpexp.tracking.open_runs import withdraw
from bpexp.tracking.parcel import Parcel, Trouble
from bpexp.tracking.reach import refuse_silent
from bpexp.tracking.store import Store, open_store
from bpexp.tracking.turn import Busy, turn
from bpexp.tracking.wants import Want

PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between the attempts at a store that fails; the last one for all further attempts."""

TURN = 10.0
"""Seconds to wait for another process that delivers the same folder."""


class Closed(Exception):
    """The store of a parcel cannot be opened."""


class Stopped(BaseException):
    """The command of a parcel is over: its delivery goes no further."""


class Preempted(BaseException):
    """A run that goes on needs the thread, which has to leave what an earlier process left behind for later."""


class Courier:
    """The thread and its parcels; use `courier()`, which gives each process its own."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.meter = Meter()
        self._parcels: list[Parcel] = []
        self._troubles: dict[object, Trouble] = {}  # by store, or by parcel where the store takes others
        self._reached: set[str] = set()
        self._identities: dict[str, tuple[int, int]] = {}
        self._thread: threading.Thread | None = None
        self._present: Parcel | None = None

    def send(self, parcel: Parcel, want: Want) -> None:
        """Have a parcel brought as far as wanted; returns at once."""
        with self.changed:
            parcel.want = want if parcel.want is None else parcel.want | want
            if parcel not in self._parcels:
                self._parcels.append(parcel)
            self._start()
            self.changed.notify_all()

    def _start(self) -> None:
        """Have the thread at work; where none can be started, the stores of all parcels fail."""
        if self._thread is not None or not self._parcels:
            return
        thread = threading.Thread(target=self._work, name="bpexp courier", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            for parcel in self._parcels:
                parcel.error = str(error)
                self._troubles[parcel.uri] = Trouble(1, time.monotonic() + PAUSES[-1], plain=True)
                parcel.warn(parcel.error)
        else:
            self._thread = thread

    def leave(self, parcels: list[Parcel]) -> None:
        """Forget parcels whose command is over; the present one ends before its next request."""
        with self.changed:
            for parcel in parcels:
                parcel.want = None
            self._parcels = [parcel for parcel in self._parcels if parcel not in parcels]
            self.changed.notify_all()

    def hurry(self) -> None:
        """Try stores that fail once more, now."""
        with self.changed:
            for trouble in self._troubles.values():
                trouble.again = 0.0
            self._start()
            self.changed.notify_all()

    def given_up(self, parcel: Parcel) -> bool:
        """Whether the store of a parcel fails and nothing is expected of it for now."""
        now = time.monotonic()
        return any(trouble.plain and trouble.again > now for trouble in self._troubles_of(parcel))

    def _work(self) -> None:
        while (taken := self._next()) is not None:
            parcel, want = taken
            try:
                self._bring(parcel, want)
            except Stopped:
                continue
            except Preempted:
                self._put_back(parcel, want)
            except Busy:
                self._settle(parcel, "" if parcel.found else "another process is delivering it")
            except BaseException as error:  # a store may raise anything, and nobody would take the thread's place
                self._fail(parcel, want, error)
            else:
                self._settle(parcel, "")

    def _next(self) -> tuple[Parcel, Want] | None:
        """The next parcel whose store is not left alone; waits for one, and returns None when all commands are over."""
        with self.changed:
            self._present = None
            self.changed.notify_all()
            while True:
                now = time.monotonic()
                waiting = [parcel for parcel in self._parcels if parcel.want is not None]
                for parcel in sorted(waiting, key=lambda parcel: parcel.found):
                    if self._again(parcel) <= now:
                        want, parcel.want, self._present = cast(Want, parcel.want), None, parcel
                        return parcel, want
                if not self._parcels:
                    self._thread = None
                    return None
                self.changed.wait(min((self._again(parcel) for parcel in waiting), default=now + 60) - now)

    def _troubles_of(self, parcel: Parcel) -> list[Trouble]:
        found = (self._troubles.get(parcel.uri), self._troubles.get(parcel))
        return [trouble for trouble in found if trouble is not None]

    def _again(self, parcel: Parcel) -> float:
        return max((trouble.again for trouble in self._troubles_of(parcel)), default=0.0)

    def busy_with(self, parcel: Parcel) -> bool:
        """Whether something of a parcel is still to be done, or being done."""
        return parcel.want is not None or self._present is parcel

    def _bring(self, parcel: Parcel, want: Want) -> None:
        before = asdict(parcel.delivery.sent)
        try:
            with mlflow_environment(), turn(parcel.delivery.directory, 0.0 if parcel.found else TURN):
                try:
                    opened = self._open(parcel)
                except TrackingError as error:
                    raise Closed(str(error)) from error
                client = Metered(opened.client, self.meter, parcel.uri, lambda: self.refuse_to_go_on(parcel))
                store = replace(opened, client=cast(Any, client))
                known = set(parcel.delivery.sent.refused)
                parcel.delivery.bring(store, want)
                if new := [why for part, why in parcel.delivery.sent.refused.items() if part not in known]:
                    parcel.refused(new)
                while parcel.questions:
                    parcel.questions[0](store)
                    del parcel.questions[0]
        except Exception:
            if asdict(parcel.delivery.sent) != before:
                self._forget(parcel)  # it goes on, if haltingly
            raise

    def _open(self, parcel: Parcel) -> Store:
        """The store of a parcel; raises TrackingError where it does not answer, or its file was taken away."""
        if parcel.uri not in self._reached:
            refuse_silent(parcel.uri)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import mlflow  # noqa: F401  it takes a second, in which nothing waits for the store
        path = sqlite_path(parcel.uri)
        new = path is not None and not path.exists()
        if new and parcel.uri in self._identities:
            raise TrackingError(f"the store {str(path)!r} was removed")
        with self.meter.request(float("inf") if new else 3 * allowance(parcel.uri)):
            store = open_store(parcel.uri, parcel.delivery.facts.experiment)
        if path is not None:
            about = path.stat()
            if self._identities.setdefault(parcel.uri, (about.st_dev, about.st_ino)) != (about.st_dev, about.st_ino):
                raise TrackingError(f"the store {str(path)!r} was replaced by another")
        self._reached.add(parcel.uri)
        return store

    def refuse_to_go_on(self, parcel: Parcel) -> None:
        """Raise Stopped if the command of the parcel at hand is over, Preempted if others come first."""
        with self.changed:
            if parcel not in self._parcels:
                raise Stopped
            if parcel.found and any(other.want is not None and not other.found for other in self._parcels):
                raise Preempted

    def _put_back(self, parcel: Parcel, want: Want) -> None:
        with self.changed:
            if parcel in self._parcels:
                parcel.want = want if parcel.want is None else want | parcel.want

    def _forget(self, parcel: Parcel) -> None:
        """What was said against the store, and against this parcel, holds no longer."""
        self._troubles.pop(parcel.uri, None)
        self._troubles.pop(parcel, None)

    def _settle(self, parcel: Parcel, error: str) -> None:
        with self.changed:
            parcel.error = error
            self._forget(parcel)
        if parcel.delivery.done and parcel.entry is not None:
            withdraw(parcel.entry)
            parcel.entry = None

    def _fail(self, parcel: Parcel, want: Want, error: BaseException) -> None:
        """Keep what was wanted, leave the store alone for a while, and say so where it fails at the second attempt."""
        reason = scrubbed(" ".join(str(error).split()))[:200] or type(error).__name__
        if isinstance(error, Deleted):
            reason = str(error)  # with the line to type
            parcel.delivery.sent.done = parcel.found
            self._settle(parcel, reason)
            parcel.warn(reason)
            return
        gone = isinstance(error, Closed) or GONE.search(str(error)) is not None
        with self.changed:
            trouble = self._troubles.setdefault(parcel.uri if gone else parcel, Trouble())
            trouble.attempts += 1
            trouble.plain = trouble.attempts > 1 or isinstance(error, Closed)
            trouble.again = time.monotonic() + PAUSES[min(trouble.attempts, len(PAUSES)) - 1]
            parcel.error = reason
            if gone:
                self._reached.discard(parcel.uri)
        self._put_back(parcel, want)
        if trouble.plain:
            parcel.warn(reason)


_couriers: dict[int, Courier] = {}


def courier() -> Courier:
    """The courier of this process: a thread does not come along when a process is forked."""
    return _couriers.setdefault(os.getpid(), Courier())
