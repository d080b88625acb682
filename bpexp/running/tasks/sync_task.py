"""`task=sync`: delivers to MLflow what earlier commands left behind, without a limit of time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpexp.errors import BpexpError, ConfigError, warn
from bpexp.records.lock import liveness
from bpexp.running.plan import Plan
from bpexp.running.tasks.recovery import parcel_of
from bpexp.tracking.location import resolve
from bpexp.tracking.manifest import FACTS, pending, read_facts
from bpexp.tracking.open_runs import OpenRun, open_runs, withdraw
from bpexp.tracking.session import Session, recording
from bpexp.tracking.wants import EVERYTHING


@dataclass(frozen=True, slots=True)
class Delivered:
    """One folder that was looked at; `problem` says why it is not delivered, and is empty if it is.

    `alive` is set of a run that goes on, and delivers itself.
    """

    directory: Path
    problem: str = ""
    alive: bool = False

    def __str__(self) -> str:
        return f"{self.directory}: {self.problem}" if self.problem else str(self.directory)


def deliver_all(plan: Plan, cwd: Path) -> Iterator[Delivered]:
    """Deliver everything that is not delivered yet of what was started in `cwd`.

    With hydra.run.dir=FOLDER or hydra.sweep.dir=FOLDER it delivers the runs and sweeps in this folder and below it,
    also those that were delivered once: what the store has lost is sent again. tracking.model=true and tracking.points
    then give the runs what they were recorded without.

    Raises ConfigError with tracking=none, and for a folder that is none or holds nothing that was recorded.
    """
    if not plan.tracking.mlflow:
        raise ConfigError("task=sync delivers to the store of MLflow; leave tracking=mlflow")
    uri = resolve(plan.tracking.uri, cwd)
    folder = _named(plan)
    more = _more(plan)
    if more and folder is None:
        raise ConfigError(f"tracking.{next(iter(more))} is for runs that you name; add hydra.run.dir=FOLDER")
    places: list[tuple[Path, OpenRun | None]] = [(entry.directory, entry) for entry in open_runs(cwd)]
    if folder is not None:
        places = [(place, None) for place in _recorded(folder)]
    with recording() as session:
        session.patience, session.silent = math.inf, True
        session.afresh()
        for directory, entry in places:
            yield _deliver(directory, entry, uri, session, again=folder is not None, more=more)


def deliver_named(plan: Plan, cwd: Path) -> Iterator[Delivered]:
    """Deliver the folder that the command line names, if it was recorded in MLflow and belongs to the plan's store."""
    if plan.tracking.mlflow and (plan.directory / FACTS).exists():
        yield from deliver_all(plan, cwd)


def _named(plan: Plan) -> Path | None:
    """The folder that the command line names."""
    if plan.named:
        return plan.directory.absolute()
    return plan.first.sweep_dir.absolute() if any("hydra.sweep.dir=" in text for text in plan.said) else None


def _more(plan: Plan) -> dict[str, Any]:
    """What the command line wants of runs that may have been recorded without it: the model, and more rows."""
    said = {text.partition("=")[0] for text in plan.said}
    wanted = {"model": plan.tracking.model is True, "points": plan.tracking.rows(one_of_many=False)}
    return {key: value for key, value in wanted.items() if f"tracking.{key}" in said and value is not False}


def _recorded(folder: Path) -> list[Path]:
    """The folders with a tracked.json in and below a folder, sweeps before their jobs."""
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {str(folder)!r}; name that of a run or a sweep")
    found = sorted(file.parent for file in folder.rglob(FACTS))
    if not found:
        raise ConfigError(f"{str(folder)!r} holds no run or sweep that was recorded in MLflow: no {FACTS}")
    return found


def _deliver(
    directory: Path, entry: OpenRun | None, uri: str, session: Session, *, again: bool, more: Mapping[str, Any]
) -> Delivered:
    if entry is not None and not directory.is_dir():
        withdraw(entry)
        return Delivered(directory, "the folder is gone, and with it what was missing")
    try:
        facts = read_facts(directory)
        if facts is not None and facts.store != uri:
            return Delivered(directory, f"it belongs to {facts.store!r}, not to {uri!r}; set tracking.uri to that")
        parcel = parcel_of(directory, uri, session, entry, again=again)
    except (BpexpError, OSError) as error:
        return Delivered(directory, str(error))
    if parcel is None and facts is not None and not pending(directory):
        return Delivered(directory)  # by its sweep, after its own process had died
    if parcel is None and liveness(directory).state == "alive":
        return Delivered(directory, "it is going on", alive=True)
    if parcel is None:
        return Delivered(directory, "nothing proves that its process is over; task=doctor says how to end it")
    parcel.delivery.ask_for(more)
    session.send(parcel, EVERYTHING)
    session.wait(parcel)
    if refused := parcel.delivery.sent.refused:
        warn(f"MLflow refuses a part of {directory} for good: {'; '.join(refused.values())}; the rest is delivered")
    if parcel.delivery.done and not parcel.error:
        return Delivered(directory)
    return Delivered(directory, parcel.error or "another process is delivering it")
