"""The doctor on runs: those that are RUNNING in MLflow and whose process is dead, and those that are not delivered."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bpexp.errors import BpexpError
from bpexp.files.whole import UNFINISHED
from bpexp.records.checkpoint import FOLDER
from bpexp.records.lock import Liveness, liveness
from bpexp.records.network_file import WEIGHTS
from bpexp.records.network_spec import SPEC
from bpexp.records.sweep_file import SWEEP
from bpexp.running.tasks.recovery import parcel_of
from bpexp.tracking.content import FILES
from bpexp.tracking.doctor.finding import Finding, mended, note, person, refusal, unmended, well
from bpexp.tracking.doctor.settings import Doctor
from bpexp.tracking.manifest import FACTS, KEY_TAG, SENT, pending, read_facts
from bpexp.tracking.open_runs import open_runs
from bpexp.tracking.query import RecordedRun, left_running
from bpexp.tracking.session import Session, recording
from bpexp.tracking.wants import EVERYTHING

if TYPE_CHECKING:
    from mlflow import MlflowClient

PLACES = ("outputs", "multirun")
"""Folders of runs and sweeps in the working directory, unless they were named."""

WRITTEN = (*FILES, WEIGHTS, SPEC, FACTS, SENT, SWEEP)
"""Files of a run's or sweep's folder that get their names when they are whole: until then they end in .new."""

State = Literal["alive", "over", "unknown", "missing", "foreign"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A run that is RUNNING in MLflow: whether it goes on, and the evidence."""

    run: RecordedRun
    directory: Path
    state: State
    evidence: str

    @property
    def name(self) -> str:
        """The run as it is called in a finding."""
        kind = "the sweep" if "bpexp.sweep" in self.run.tags else "the run"
        return f"{kind} {self.run.run_id} ({self.run.name})"


def examine_runs(client: MlflowClient, uri: str, doctor: Doctor, cwd: Path) -> Iterator[Finding]:
    """Findings about the runs of bpexp that are RUNNING in the store, and folders in `cwd` that are not delivered."""
    judged = [judge(run) for run in left_running(client)]
    judged.sort(key=lambda one: "bpexp.sweep" in one.run.tags)  # a sweep after its runs
    alive = [one for one in judged if one.state == "alive"]
    yield well(f"{len(alive)} runs and sweeps are RUNNING and alive") if alive else well("no run is RUNNING")
    with recording() as session:
        session.patience, session.silent = math.inf, True
        bench = Bench(client, uri, doctor, session, cwd)
        for run_id in set(doctor.close) - {one.run.run_id for one in judged}:
            yield person(f"no run {run_id} is RUNNING in the store", "leave it out of doctor.close")
        for one in judged:
            if one.state != "alive":
                yield bench.close(one)
            elif one.run.run_id in doctor.close:
                yield person(f"{one.name} is alive: {one.evidence}", "end its process, and run this again")
        yield from bench.deliveries()


def judge(run: RecordedRun) -> Judged:
    """Whether a run that is RUNNING in MLflow goes on, by the lock of its folder and never by its age."""
    directory = Path(run.tags["bpexp.directory"])
    if not directory.is_dir():
        return Judged(run, directory, "missing", f"its folder {directory} is not on this machine, or was moved")
    found: Liveness = liveness(directory)
    if found.state == "alive":
        return Judged(run, directory, "alive", found.evidence)
    try:
        facts = read_facts(directory)
    except BpexpError as error:
        return Judged(run, directory, "unknown", str(error))
    if facts is None:
        return Judged(run, directory, "unknown", f"there is no {FACTS} in {directory}: an earlier version recorded it")
    if facts.key != run.tags.get(KEY_TAG):
        return Judged(run, directory, "foreign", f"its folder {directory} holds another run now")
    return Judged(run, directory, "over" if found.state == "dead" else "unknown", found.evidence)


class Bench:
    """What the doctor does about runs of one store, and about those that were started in `cwd`, through one session."""

    def __init__(self, client: MlflowClient, uri: str, doctor: Doctor, session: Session, cwd: Path) -> None:
        self._client, self._uri, self._doctor, self._session, self._cwd = client, uri, doctor, session, cwd
        self._open = {entry.directory: entry for entry in open_runs(cwd)}
        self._done: set[Path] = set()

    def close(self, one: Judged) -> Finding:
        """Close a run with its true status and all its metrics where it is over; else say what is known."""
        self._done.add(one.directory)
        if one.run.run_id in self._doctor.close:
            return self._close_as_told(one)
        text = f"{one.name} is RUNNING in MLflow"
        if one.state in ("over", "unknown") and self._doctor.mend:
            problem = self._deliver(one.directory)
            if not problem:
                status = self._client.get_run(one.run.run_id).info.status
                return mended(
                    f"{text}, and over ({one.evidence}): it is {status} now, with every metric of its journal"
                )
            if one.state == "over":
                return person(f"{text}, and over ({one.evidence}), but cannot be closed: {problem}", "mend that")
        if one.state == "over":
            return unmended(f"{text}, and over: {one.evidence}")
        remedy = f"when you know that it is over: python -m bpexp task=doctor doctor.close=[{one.run.run_id}]"
        elsewhere = one.state == "missing" and not self._uri.startswith("sqlite")
        told = f"{text}; whether it is over, nothing here tells: {one.evidence}"
        return note(f"{told} ({remedy})") if elsewhere else person(told, remedy)

    def _close_as_told(self, one: Judged) -> Finding:
        """End a run of which only the person knows that it is over."""
        if not self._doctor.mend:
            return unmended(f"{one.name} is to be closed")
        if one.state in ("over", "unknown"):
            self._deliver(one.directory)
        if self._client.get_run(one.run.run_id).info.status == "RUNNING":
            reason = "closed with task=doctor by a person who knew that it was over"
            for key, value in {"bpexp.status": "killed", "bpexp.reason": reason}.items():
                self._client.set_tag(one.run.run_id, key, value)
            self._client.set_terminated(one.run.run_id, status="KILLED")
        return mended(f"{one.name} is closed, as you said")

    def deliveries(self) -> Iterator[Finding]:
        """Folders of which MLflow lacks something, by the index of those that are open and below PLACES."""
        found = [file.parent for place in PLACES for file in sorted((self._cwd / place).rglob(FACTS))]
        whole = 0
        for directory in dict.fromkeys([*self._open, *found]):
            if directory.is_dir():
                with suppress(OSError):
                    yield from self._unfinished_files(directory)
            if directory in self._done:
                continue
            if not directory.is_dir():
                yield self._lost(directory, self._open[directory].file)
                continue
            finding = self._delivery(directory)
            whole += finding is None
            if finding is not None:
                yield finding
        if whole:
            yield well(f"runs and sweeps in {self._cwd} that are delivered, or go on: {whole}")

    def _delivery(self, directory: Path) -> Finding | None:
        """What is wrong with the delivery of a folder; None where nothing is, or where it is another store's."""
        try:
            facts = read_facts(directory)
        except BpexpError as error:
            return refusal(error)
        if facts is None or facts.store != self._uri or liveness(directory).state == "alive" or not pending(directory):
            return None
        if not self._doctor.mend:
            return unmended(f"MLflow lacks a part of {directory}")
        problem = self._deliver(directory)
        if problem:
            return person(f"MLflow lacks a part of {directory}: {problem}", "mend that, and run this again")
        return mended(f"MLflow lacked a part of {directory}; it was delivered")

    def _deliver(self, directory: Path) -> str:
        """Deliver a folder; why it cannot be done, empty if it was."""
        self._done.add(directory)
        try:
            parcel = parcel_of(directory, self._uri, self._session, self._open.get(directory), again=True)
        except (BpexpError, OSError) as error:
            return str(error)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            return f"its files cannot be read ({type(error).__name__}: {error})"
        if parcel is None:
            return "nothing proves that its process is dead"
        self._session.send(parcel, EVERYTHING)
        self._session.wait(parcel)
        return "" if parcel.delivery.done else parcel.error or "another process is delivering it"

    def _lost(self, directory: Path, entry: Path) -> Finding:
        return person(
            f"the folder {directory}, of which MLflow lacks a part, is gone",
            f"move it back, or run `python -m bpexp task=sync hydra.run.dir=ITS_NEW_PLACE`; else remove {entry}",
        )

    def _unfinished_files(self, directory: Path) -> Iterator[Finding]:
        """Files that a process was writing when it died; the whole ones are beside them."""
        names = [f"{name}{UNFINISHED}" for name in WRITTEN]
        left = [file for name in names if (file := directory / name).is_file()]
        left += sorted((directory / FOLDER).glob("step-*.ckpt.new"))
        if not left or liveness(directory).state != "dead":
            return
        told = ", ".join(file.name for file in left)
        if not self._doctor.mend:
            yield unmended(f"{told} in {directory} was not finished by a process that died")
            return
        for file in left:
            try:
                file.unlink()
            except OSError as error:
                yield person(f"{file} cannot be removed ({error.strerror})", f"remove {file}")
                return
        yield mended(f"{told} in {directory}, not finished by a process that died, is removed")
