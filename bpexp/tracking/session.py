"""The command that records: how long it waits for stores, and the one line in which it says that they fail."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from bpexp.errors import warn
from bpexp.tracking.courier import courier
from bpexp.tracking.delivery import Delivery
from bpexp.tracking.environment import mlflow_environment
from bpexp.tracking.open_runs import OpenRun
from bpexp.tracking.parcel import Parcel
from bpexp.tracking.store import Store
from bpexp.tracking.wants import Want

Answer = TypeVar("Answer")

SHOWN = 3
"""Folders, and refused parts of one, that a warning names."""

GLANCE = 0.01
"""Seconds between two looks at the courier while waiting."""


class Session:
    """What one command hands to the courier.

    Args:
        patience: seconds that it waits in all for stores that are slow or fail. Answers in the usual time of a healthy
            store are waited for, and not counted.
        broken_off: whether a signal ends the command, which then says one line of its own.

    Of a run for a sweep on another machine, `key` is the key of its facts, and `delivered_to` the address of the store
    where the sweep delivers what is kept in the folder: nothing is sent from here.
    """

    def __init__(self, patience: float = 1.0, broken_off: Callable[[], bool] = lambda: False) -> None:
        self.patience, self.spent, self.waited = patience, 0.0, 0.0
        self.sweep: Path | None = None
        self.silent = False
        self.delivered_to: str | None = None
        self.key: str | None = None
        self.process = os.getpid()
        self._parcels: list[Parcel] = []
        self._later: list[tuple[Parcel, Want]] = []
        self._told, self._broken_off = False, broken_off

    def parcel(self, delivery: Delivery, uri: str, entry: OpenRun | None, *, found: bool = False) -> Parcel:
        """A parcel of this command."""
        made = Parcel(delivery, uri, lambda reason: self.warn(delivery.directory, reason, entry), entry, found)
        made.refused = lambda told: self.tell_refused(delivery.directory, told)
        self._parcels.append(made)
        return made

    def send(self, parcel: Parcel, want: Want) -> None:
        """Hand a parcel to the courier; returns at once."""
        courier().send(parcel, want)

    def afresh(self) -> None:
        """Try stores that failed for earlier commands of this process now, not after a while."""
        courier().hurry()

    def later(self, parcel: Parcel, want: Want) -> None:
        """Hand a parcel to the courier after the run or sweep of this command has begun."""
        self._later.append((parcel, want))

    def begun(self) -> None:
        """The run or sweep of this command has begun."""
        for parcel, want in self._later:
            self.send(parcel, want)
        self._later.clear()

    def ask(self, parcel: Parcel, question: Callable[[Store], Answer]) -> Answer | None:
        """The answer to a question that only the store can answer; None where it does not while patience lasts."""
        found: list[Answer] = []
        parcel.questions.append(lambda store: found.append(question(store)))
        self.send(parcel, Want())
        self.wait(parcel)
        return found[0] if found else None

    def has(self, directory: Path) -> bool:
        """Whether the courier has yet to do something of this command in a folder."""
        owner = courier()
        return any(parcel.delivery.directory == directory and owner.busy_with(parcel) for parcel in self._parcels)

    def wait_for_all(self) -> bool:
        """Wait until everything that this command has begun is delivered, as long as patience lasts; whether it is."""
        return self._wait([parcel for parcel in self._parcels if not parcel.found])

    def wait(self, parcel: Parcel) -> bool:
        """Wait until a parcel is delivered as far as wanted, at most as long as patience lasts; whether it is."""
        return self._wait([parcel])

    def _wait(self, parcels: list[Parcel]) -> bool:
        began = time.monotonic()
        try:
            return self._wait_since(began, parcels)
        finally:
            self.waited += time.monotonic() - began

    def _wait_since(self, waited: float, parcels: list[Parcel]) -> bool:
        owner, counted = courier(), -1
        while busy := [parcel for parcel in parcels if owner.busy_with(parcel)]:
            if self.spent >= self.patience or all(owner.given_up(parcel) for parcel in busy):
                return False
            began = time.monotonic()
            with owner.changed:
                owner.changed.wait(GLANCE)
            now, slow = time.monotonic(), owner.meter.slow()
            if slow is not None and slow[0] != counted:  # it has just become slow: its allowance counts, too
                counted = slow[0]
                self.spent += min(slow[1], now - waited)
            elif slow is not None or any(parcel.error or parcel.found for parcel in busy):
                self.spent += now - began
        return all(not parcel.error for parcel in parcels)

    def warn(self, directory: Path, reason: str, entry: OpenRun | None) -> None:
        """Say once a command that a store fails, where everything is kept, and what delivers it."""
        if self._told or self.silent or self._broken_off():
            return
        self._told = True
        failed = [directory, *(parcel.delivery.directory for parcel in self._parcels if parcel.error)]
        places = list(dict.fromkeys(map(self._place, failed)))
        later = "the next start here, or `python -m bpexp task=sync`, delivers it"
        if entry is None:
            later = f"`python -m bpexp task=sync hydra.run.dir={places[0]}` delivers it"
        more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
        told = ", ".join(map(str, places[:SHOWN])) + more
        warn(f"MLflow did not take everything ({reason}); kept in {told}, {later}")

    def _place(self, directory: Path) -> Path:
        """The folder that a person is told: of what lies in the sweep of this command, that of the sweep."""
        return self.sweep if self.sweep is not None and directory.is_relative_to(self.sweep) else directory

    def tell_refused(self, directory: Path, told: Sequence[str]) -> None:
        """Say what a store refuses for good: no later start tries it again."""
        if not self.silent and not self._broken_off():
            more = f"; and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
            warn(
                f"MLflow refuses a part of {directory} for good: {'; '.join(told[:SHOWN])}{more}; the rest is delivered"
            )

    def close(self) -> None:
        """Wait for what is left while patience lasts, try a store that fails once more, and leave the rest."""
        owner = courier()
        try:
            self.begun()
            left = [parcel for parcel in self._parcels if owner.busy_with(parcel)]
            if left and self.spent < self.patience:
                owner.hurry()
                self._wait(left)
            for parcel in left:
                if owner.busy_with(parcel) and not parcel.found:
                    parcel.warn(parcel.error or "it has not answered in time")
        finally:
            owner.leave(self._parcels)


_local = threading.local()


def _open() -> Session | None:
    """The session of the command that this thread carries out; None outside `recording`, and in a forked process."""
    found: Session | None = getattr(_local, "session", None)
    return found if found is not None and found.process == os.getpid() else None


def current() -> Session:
    """The session of the command that this thread carries out; one without an end outside `recording`."""
    return _open() or Session()


@contextmanager
def recording(broken_off: Callable[[], bool] = lambda: False) -> Iterator[Session]:
    """The time of a command that records: MLflow is quiet, and at the end what is left is delivered.

    Within one that is open already, as the jobs of a sweep are, it is that one. `broken_off` tells whether a signal
    ends the command.
    """
    outer = _open()
    if outer is not None:
        yield outer
        return
    with mlflow_environment():
        _local.session = session = Session(broken_off=broken_off)
        try:
            yield session
        finally:
            _local.session = None
            session.close()
