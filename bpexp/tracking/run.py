"""One run in MLflow: created before training, updated during it, ended with summary, tags, files and model."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from bpexp.errors import TrackingError
from bpexp.records.clock import milliseconds
from bpexp.records.outcome import Outcome, RunInfo
from bpexp.tracking.content import LEFT_OUT, STATUS
from bpexp.tracking.copies import COPIED, as_its_own, original
from bpexp.tracking.delivery import Delivery
from bpexp.tracking.feed import DataCard, JournalFeed
from bpexp.tracking.location import resolve, sqlite_path
from bpexp.tracking.manifest import Facts, model_name, read_facts, write_facts
from bpexp.tracking.open_runs import announce
from bpexp.tracking.recorded import Recorded
from bpexp.tracking.settings import TrackingSettings
from bpexp.tracking.wants import Want
from bpexp.training.events import Callback


class TrackedRun(Recorded):
    """A run in MLflow, as far as the store takes it; a no-op with tracking=none.

    Args:
        settings: where it is recorded. The run of an earlier process in the same folder and store goes on.
        info: its name, folder and parameters.
        journal: path of its journal.
        data: its data set.
        tags: of the run, beside those of its origin.
        committed: gives the number of bytes of the journal that no resume writes again; None for all of it.
        run_id: MLflow's id of the run, where an earlier process began it.
    """

    def __init__(
        self,
        settings: TrackingSettings,
        info: RunInfo,
        journal: Path,
        data: DataCard,
        tags: dict[str, str],
        run_id: str | None = None,
        *,
        committed: Callable[[], int] | None = None,
    ) -> None:
        super().__init__()
        self.callbacks: list[Callback] = []
        if settings.mlflow:
            self._begin(settings, info, data, tags, run_id)
        if self._parcel is not None:
            self.callbacks = [JournalFeed(self._session, self._parcel, committed or (lambda: journal.stat().st_size))]

    def _begin(
        self, settings: TrackingSettings, info: RunInfo, data: DataCard, tags: dict[str, str], run_id: str | None
    ) -> None:
        """Write down what is to be recorded, then have it begun; a database is waited for, a server is not."""
        self._session.patience = settings.patience
        self._session.silent = info.one_of_many and self._session.sweep is None  # its sweep says it, in another process
        uri = self._session.delivered_to or resolve(settings.uri, Path.cwd())
        left_out = {LEFT_OUT: settings.left_out()} if info.one_of_many and settings.left_out() else {}
        facts = facts_of(settings, info, asdict(data), {**origin(info), **left_out, **tags}, uri)
        copied = original(info.directory) if self._session.key is None else None  # else it travels with its run
        if self._session.key is not None:
            facts = replace(facts, key=self._session.key)
        delivery = _delivery(info.directory, facts, copied)
        if self._session.delivered_to:
            return
        if delivery.sent.run_id is None and run_id is not None and COPIED not in delivery.facts.tags:
            delivery.goes_on(run_id)
        entry = announce(delivery.facts.key, info.directory, uri, "run", Path.cwd())
        self._parcel = self._session.parcel(delivery, uri, entry)
        self._session.send(self._parcel, Want(begin=True, bare=info.one_of_many))
        if sqlite_path(uri):
            self._session.wait(self._parcel)
        self._session.begun()

    def log_model(self, outcome: Outcome) -> str | None:
        """Log the saved network as a model of the run.

        Returns its address; None where there is none, the config says no, or it is not there yet.
        """
        if self._parcel is None or not self._parcel.delivery.facts.model or outcome.status not in MODELLED:
            return None
        self._session.send(self._parcel, Want(model=True))
        self._wait()
        if (sent := self._parcel.delivery.outcome) is not None:
            self._parcel.delivery.outcome = replace(sent, model=self._parcel.delivery.model)
        return self._parcel.delivery.model

    def finish(self, outcome: Outcome) -> None:
        """Hand everything that is in the folder to MLflow, and end the run with the status of the outcome."""
        if self._parcel is not None:
            self._parcel.delivery.outcome = outcome
            self._session.send(self._parcel, Want(None, end=True))
            self._wait()

    def attach(self) -> None:
        """Hand over what was written after the end: pictures, and result.json with the address of the model."""
        if self._parcel is not None:
            self._session.send(self._parcel, Want(None, end=True))
            self._wait()

    def end(self, status: str) -> None:
        """End the run with the status of its outcome and hand over nothing more now."""
        if self._parcel is not None:
            self._session.send(self._parcel, Want(status=STATUS.get(status, "FAILED")))
            self._wait()

    def _wait(self) -> None:
        """Wait for the store while patience lasts; a server is waited for at the end of a sweep, not of each job."""
        assert self._parcel is not None
        if self._session.sweep is None or sqlite_path(self._parcel.uri):
            self._session.wait(self._parcel)


MODELLED = ("finished", "stopped")
"""The ends of a run whose network is recorded as a model."""


def facts_of(
    settings: TrackingSettings, info: RunInfo, data: Mapping[str, str], tags: Mapping[str, str], store: str
) -> Facts:
    """What is to be recorded of a run that begins now; `data` is its `DataCard`, or empty where it is not known."""
    limits = {"digest": 36, "source": 8000}  # as MLflow keeps them
    return Facts(
        kind="run",
        name=info.name,
        store=store,
        experiment=settings.experiment,
        started=milliseconds(),
        tags=dict(tags),
        params={key: _as_json(value) for key, value in info.params.items()},
        data={key: text[: limits.get(key)] for key, text in data.items()},
        overrides=info.overrides,
        parent=info.parent,
        every=settings.every,
        points=settings.rows(one_of_many=info.one_of_many),
        model=settings.models(one_of_many=info.one_of_many),
        model_name=model_name(info.name),
    )


def _delivery(directory: Path, facts: Facts, copied: Path | None) -> Delivery:
    """The delivery of a run: that of an earlier process in its folder, or a new one, whose facts are written down.

    `copied` is the folder of which this one is a copy.
    """
    known = None
    with suppress(TrackingError):
        known = read_facts(directory) if copied is None else None
    if copied is not None:
        facts = as_its_own(directory, facts, copied)
    goes_on = known is not None and (known.store, known.experiment) == (facts.store, facts.experiment)
    if known is not None and goes_on:
        facts = _continued(known, facts)
    with suppress(OSError):  # a full disk: it is recorded all the same
        write_facts(facts, directory)
    return Delivery(directory, facts, fresh=not goes_on)


def _as_json(value: Any) -> Any:
    """A value of the config as JSON holds it, which knows no infinity."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return str(value)
    return value


def _continued(known: Facts, now: Facts) -> Facts:
    """The facts of a run that goes on; MLflow's parameters stay as they were, and a tag says what is another now."""
    changed = [f"{key}={value}" for key, value in now.params.items() if str(known.params.get(key)) != str(value)]
    tags = {**known.tags, **now.tags, **({"bpexp.resumed_with": " ".join(changed)[:5000]} if changed else {})}
    return replace(known, name=now.name, tags=tags, overrides=now.overrides)


def origin(info: RunInfo) -> dict[str, str]:
    """Tags with the origin of a run: code, versions, machine, directory."""
    tags = {f"bpexp.{key}": value for key, value in _provenance().items()}
    tags["bpexp.directory"] = str(info.directory)
    tags["mlflow.source.name"] = "bpexp"
    if "bpexp.git_commit" in tags:
        tags["mlflow.source.git.commit"] = tags["bpexp.git_commit"]
    return tags


@lru_cache(maxsize=1)
def _provenance() -> dict[str, str]:
    """Computed once per process, because the running code was read when the process started."""
    from bpexp.records.provenance import provenance

    return provenance(Path.cwd())
