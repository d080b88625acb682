"""The parent run of a sweep in MLflow: created before its jobs, ended with their ranking.

What it is to hold is written to the folder of the sweep first, so that what the store did not take is delivered later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from bpexp.errors import TrackingError
from bpexp.records.clock import milliseconds
from bpexp.records.escaping import markdown
from bpexp.records.journal_lines import plain
from bpexp.records.lock import liveness
from bpexp.tracking.delivery import Delivery
from bpexp.tracking.labels import DESCRIPTION, NOTE
from bpexp.tracking.location import resolve, sqlite_path
from bpexp.tracking.manifest import FACTS, Facts, pending, read_facts, read_sent, write_facts
from bpexp.tracking.open_runs import announce
from bpexp.tracking.recorded import Recorded
from bpexp.tracking.session import Answer
from bpexp.tracking.settings import TrackingSettings
from bpexp.tracking.store import Store
from bpexp.tracking.wants import Want

LONGEST_NOTE = 7900
"""Largest number of characters of a description in MLflow."""


class ParentRun(Recorded):
    """The parent of a sweep's runs, as far as the store takes it; a no-op with tracking=none.

    In a folder that holds the sweep of an earlier process its parent run goes on.
    """

    def __init__(self, settings: TrackingSettings, directory: Path, name: str, command: Sequence[str]) -> None:
        super().__init__()
        self._settings, self._directory = settings, directory
        if settings.mlflow:
            self._begin(name, " ".join(command))

    def _begin(self, name: str, command: str) -> None:
        session, settings, directory = self._session, self._settings, self._directory
        session.patience, session.sweep = settings.patience, directory
        uri = resolve(settings.uri, Path.cwd())
        tags = {"bpexp.sweep": command, "bpexp.directory": str(directory), "mlflow.source.name": "bpexp"}
        now = milliseconds()
        facts = Facts("sweep", name[:120], uri, settings.experiment, now, tags=tags)
        known: Facts | None = None
        with suppress(TrackingError):
            known = read_facts(directory)
        goes_on = known is not None and (known.store, known.experiment) == (facts.store, facts.experiment)
        if known is not None and goes_on:
            facts = replace(known, status=None, ended=None)
        self._parcel = session.parcel(Delivery(directory, facts, fresh=not goes_on), uri, None)
        self._send(Want(begin=True))
        if sqlite_path(uri):
            session.wait(self._parcel)
        session.begun()

    def ask(self, question: Callable[[Store], Answer]) -> Answer | None:
        """The answer to a question that only the store can answer; None without one, or while it does not answer."""
        return None if self._parcel is None else self._session.ask(self._parcel, question)

    def finish(self, status: str, *, metrics: Mapping[str, float], note: str, files: Sequence[Path]) -> None:
        """Record the comparison and end the run: FINISHED, FAILED or KILLED."""
        now = self._now()
        told = {row[0]: row[3] for row in self._rows() if row[1] == 0}
        counts = {key: 0.0 for key in told if key.startswith("jobs/")}  # a sweep that went on: of what is no more, none
        values = {key: plain(value) for key, value in {**counts, **metrics}.items()}
        rows = [[key, 0, now, value] for key, value in values.items() if told.get(key) != value]
        self._add(rows=rows, files=files, tags=self._described(note), status=status, ended=now)
        if self._parcel is None or not self._session.wait_for_all():
            return  # which is told when the command ends
        self.end_lost()
        self._session.wait_for_all()
        self._detach_attempts()
        if left := self._left():
            self._parcel.warn(f"{len(left)} of its runs are not there whole, such as that in {left[0]}")

    def log_model(self, directory: Path) -> str | None:
        """Log the network of one of the runs, which has ended, as its model; returns its address.

        None where the config says so or says that each run has one, and as long as the store lacks something of the
        run: whoever delivers that delivers the model, too.
        """
        if self._parcel is None or self._settings.model != "auto":
            return None
        facts = read_facts(directory)
        if facts is None or facts.model:
            return None
        whole = not pending(directory) and not self._session.has(directory)
        write_facts(replace(facts, model=True), directory)
        if not whole:
            return None
        parcel = self._session.parcel(Delivery(directory), self._parcel.uri, None)
        self._session.send(parcel, Want(None, end=True, model=True))
        self._session.wait(parcel)
        return parcel.delivery.model

    def _left(self) -> list[Path]:
        """The folders of jobs and of their earlier attempts of which the store lacks something, whoever had them."""
        left = []
        for file in sorted(self._directory.rglob(FACTS)):
            with suppress(TrackingError):
                if file.parent != self._directory and pending(file.parent):
                    left.append(file.parent)
        return left

    def end(self, status: str) -> None:
        """End the run: FINISHED, FAILED or KILLED."""
        self._add(status=status, ended=milliseconds())

    def end_lost(self) -> None:
        """Deliver and end the runs of jobs whose process died: nothing else would say that they are over."""
        if self._parcel is None:
            return
        for directory in self._left():
            if self._session.has(directory) or liveness(directory).state == "alive":
                continue
            with suppress(TrackingError):
                parcel = self._session.parcel(Delivery(directory), self._parcel.uri, None)
                self._session.send(parcel, Want(None, end=True))

    def _detach_attempts(self) -> None:
        """Take the runs of earlier attempts of a job off the sweep, so that each job is one child; they are kept."""
        folders = [file.parent for file in self._directory.rglob(FACTS) if file.parent.name.startswith("attempt-")]
        ids = [sent.run_id for folder in folders if (sent := read_sent(folder)) is not None and sent.run_id]
        if ids:
            self.ask(lambda store: _detach(store, ids, str(self.run_id)))

    def declare(self, params: Mapping[str, str], tags: Mapping[str, str], files: Sequence[Path]) -> None:
        """Record a declaration before the first job: parameters cannot be changed in MLflow afterwards, tags can.

        Of a sweep that goes on, the parameters stay as they were, and a tag says what is another now.
        """
        known = {} if self._parcel is None else self._parcel.delivery.facts.params
        changed = [f"{key}={value}" for key, value in params.items() if str(known.get(key, value)) != value]
        told = {"bpexp.resumed_with": " ".join(changed)[:5000]} if changed else {}
        self._add(params={**params, **known}, tags={**tags, **told}, files=files)

    def look(self, seeds: int, undecided: int) -> None:
        """Record a look at a study: the number of claims that are undecided after so many seeds."""
        look = ["study/undecided", seeds, float(undecided)]
        if look not in [[row[0], row[1], row[3]] for row in self._rows()]:  # a study that is resumed looks again
            self._add(rows=[["study/undecided", seeds, milliseconds(), float(undecided)]])

    def history(self, series: Mapping[str, Sequence[tuple[int, float]]]) -> None:
        """Record series over the jobs, by the number of the job; a search that goes on adds what is new."""
        known, now = {(row[0], row[1]): row[3] for row in self._rows()}, self._now()
        points = [(name, step, plain(value)) for name, found in series.items() for step, value in found]
        self._add(rows=[[name, step, now, value] for name, step, value in points if known.get((name, step)) != value])

    def _rows(self) -> list[list[Any]]:
        return [] if self._parcel is None else self._parcel.delivery.facts.rows

    def _now(self) -> int:
        """The time of new rows: after those that are there, also where the clock was put back meanwhile."""
        return max([milliseconds(), *(int(row[2]) + 1 for row in self._rows())])

    def params(self) -> dict[str, str] | None:
        """The parameters as the store holds them; None without a parent run, or where the store fails."""
        return self.ask(lambda store: dict(store.client.get_run(str(self.run_id)).data.params))

    def attach(self, files: Sequence[Path], note: str) -> None:
        """Add the files and the description of a report to the run, which may have ended already."""
        self._add(files=files, tags=self._described(note))

    def _described(self, note: str) -> dict[str, str]:
        """The description, with the note that was declared behind its first line."""
        said = markdown(self._parcel.delivery.facts.tags.get(NOTE, "")) if self._parcel else ""
        head, gap, rest = note.partition("\n\n")
        return {DESCRIPTION: (f"{head}\n\n{said}{gap}{rest}" if said else note)[:LONGEST_NOTE]}

    def _add(
        self,
        *,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        rows: Sequence[list[Any]] = (),
        files: Sequence[Path] = (),
        **ended: Any,
    ) -> None:
        """Add to what the parent is to hold, write it down, and have it delivered."""
        if self._parcel is None:
            return
        known = self._parcel.delivery.facts  # which the courier may be reading: it is replaced, not changed
        self._parcel.delivery.facts = replace(
            known,
            params={**known.params, **(params or {})},
            tags={**known.tags, **(tags or {})},
            rows=[*known.rows, *rows],
            files=list(dict.fromkeys([*known.files, *(file.name for file in files)])),
            **ended,
        )
        self._send(Want(end=True))
        self._session.wait(self._parcel)

    def _send(self, want: Want) -> None:
        assert self._parcel is not None
        facts = self._parcel.delivery.facts
        with suppress(OSError):  # a full disk: it is recorded all the same
            write_facts(facts, self._directory)
        if self._parcel.entry is None:
            self._parcel.entry = announce(facts.key, self._directory, facts.store, "sweep", Path.cwd())
        self._session.send(self._parcel, want)


def _detach(store: Store, run_ids: Sequence[str], parent: str) -> list[str]:
    attached = [run for run in run_ids if "mlflow.parentRunId" in store.client.get_run(run).data.tags]
    for run in attached:
        store.client.set_tag(run, "bpexp.attempt_of", parent)
        store.client.delete_tag(run, "mlflow.parentRunId")
    return attached
