"""What earlier processes left behind: the outcomes of runs whose process is dead, and what MLflow lacks of them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from bpexp.errors import BpexpError, TrackingError
from bpexp.records.clock import milliseconds
from bpexp.records.lock import liveness
from bpexp.records.outcome import RunInfo, write_outcome
from bpexp.running.ending.from_journal import killed
from bpexp.tracking.content import outcome_in
from bpexp.tracking.copies import original
from bpexp.tracking.delivery import Delivery
from bpexp.tracking.location import resolve
from bpexp.tracking.manifest import Facts, pending, read_facts, write_facts
from bpexp.tracking.open_runs import OpenRun, open_runs, withdraw
from bpexp.tracking.parcel import Parcel
from bpexp.tracking.session import Session
from bpexp.tracking.settings import TrackingSettings
from bpexp.tracking.wants import EVERYTHING


def deliver_left(settings: TrackingSettings, session: Session) -> None:
    """Have what earlier commands in this working directory left behind delivered, in the background of this one.

    A run whose process is dead is ended as its folder tells; one that may be alive is left alone, and so is what
    belongs to another store.
    """
    if not settings.mlflow:
        return
    uri = resolve(settings.uri, Path.cwd())
    session.afresh()
    for entry in open_runs(Path.cwd()):
        if not entry.directory.is_dir():
            withdraw(entry)  # somebody removed it: there is nothing left to deliver
            continue
        with suppress(BpexpError, OSError):
            if (found := parcel_of(entry.directory, uri, session, entry)) is not None:
                session.later(found, EVERYTHING)


def parcel_of(
    directory: Path, uri: str, session: Session, entry: OpenRun | None, *, again: bool = False
) -> Parcel | None:
    """The delivery of a folder, whose run is ended first if its process is dead.

    None for a run that may be alive, that belongs to another store, or of which nothing is missing, unless it is looked
    at `again`. Raises BpexpError and OSError for a folder that cannot be read, and TrackingError for a copy of another.
    """
    facts = read_facts(directory)
    if facts is None or facts.store != uri or liveness(directory).state == "alive":
        return None
    if copied := original(directory):
        raise TrackingError(f"it is a copy of {str(copied)!r}, which delivers it; `resume=` makes it another run")
    if not (again or pending(directory)):
        if entry is not None:
            withdraw(entry)
        return None
    if not complete(directory, facts):
        return None
    return session.parcel(Delivery(directory), uri, entry, found=True)


def complete(directory: Path, facts: Facts) -> bool:
    """Whether what lies in the folder is over; one whose process is dead is ended, and its outcome written.

    Of a run without an outcome the journal tells what is known; one that went on after its end has none, whatever the
    clock says. Where nothing proves that the process is dead, as on another machine, nothing is written.
    """
    dead = liveness(directory).state == "dead"
    if facts.kind == "sweep":
        if facts.status is None and dead:
            write_facts(replace(facts, status="KILLED", ended=milliseconds()), directory)
        return facts.status is not None or dead
    if outcome_in(directory) is None:
        if not dead:
            return False
        info = RunInfo(facts.name, directory, facts.overrides, facts.params)
        write_outcome(replace(killed(info), store=facts.store), directory)
    return True
