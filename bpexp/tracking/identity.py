"""The run in MLflow of what lies in a folder: found by its key where it may be there, created once, never twice."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from bpexp.errors import TrackingError
from bpexp.tracking.copies import COPIED
from bpexp.tracking.manifest import KEY_TAG, Facts, Sent, read_facts, read_sent, sweep_of, write_facts, write_sent
from bpexp.tracking.rows import THINNING, rule
from bpexp.tracking.store import Store
from bpexp.tracking.turn import Busy, turn

PARENT_SECONDS = 10.0
"""Time for another process to create the run of a sweep."""


class Deleted(TrackingError):
    """Somebody deleted the run in MLflow."""


class Identity:
    """The run of one folder, and what was sent of it.

    Args:
        directory: of the run or sweep.
        facts: what is to be recorded; None to read it from the folder.
        fresh: whether nothing can have been sent yet: the facts were made a moment ago.

    Raises TrackingError where the folder holds nothing to deliver.
    """

    def __init__(self, directory: Path, facts: Facts | None = None, *, fresh: bool = False) -> None:
        self.directory = directory
        known = facts or read_facts(directory)
        if known is None:
            raise TrackingError(f"{str(directory)!r} holds no run or sweep that was recorded in MLflow")
        self.facts = known
        self.sent = (None if fresh else read_sent(directory)) or Sent()
        self._fresh, self._known = fresh, fresh

    def ask_for(self, more: Mapping[str, Any]) -> None:
        """Record more of a run than was declared: entries of `Facts`, `model` or `points`; of a sweep nothing."""
        if self.facts.kind != "run" or all(getattr(self.facts, key) == value for key, value in more.items()):
            return
        if more.get("points", self.facts.points) != self.facts.points:  # rows that are sent twice are kept once
            self.sent.offset, self.sent.series, self.sent.held = 0, {}, {}
        self.facts = replace(self.facts, **more)
        write_facts(self.facts, self.directory)
        self.save()

    def goes_on(self, run_id: str) -> None:
        """The run is one that an earlier process began, and of which the folder does not tell."""
        self.sent.run_id, self.sent.status = run_id, "UNKNOWN"
        self.sent.declared, self.sent.model_asked, self._fresh, self._known = True, True, False, False

    def ensure(self, store: Store) -> None:
        """The run exists in MLflow and is known; it is created where it is missing, also if it was there once."""
        if self.sent.run_id is not None and not self._known:
            self._revisit(store)
        known = read_sent(self.directory) if self._fresh else None
        if known is not None and known.run_id is not None:
            self.sent = known  # another process has created it: a job that found its sweep without a run
        if self.sent.run_id is None and not self._fresh:
            found = self.with_our_key(store)
            if found:  # of which we do not know what it has
                self.sent.run_id, self.sent.model_asked = found[0], True
        if self.sent.run_id is None:
            self._fresh = False  # an answer may be withheld: from now on we look first
            self.sent.doubtful = True
            self.sent.run_id = self._create(store)
            self.sent.doubtful = False
        self._known = True
        self.sent.experiment_id = store.experiment_id

    def _revisit(self, store: Store) -> None:
        """Ask for a run of an earlier process: where the store lacks it, it was replaced, and everything is sent."""
        from mlflow.exceptions import MlflowException

        try:
            found = store.client.get_run(str(self.sent.run_id))
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            self.sent = Sent()
            return
        if found.info.lifecycle_stage == "deleted":
            then = f"`python -m bpexp task=sync hydra.run.dir={self.directory}` delivers the rest"
            raise Deleted(f"the run {self.sent.run_id!r} was deleted in MLflow; restore it there, then {then}")

    def _create(self, store: Store) -> str:
        parent = self.facts.parent or self._parent(store)
        parents = {"mlflow.parentRunId": parent} if parent else {}
        thinning = {THINNING: rule(self.facts.points)} if self.facts.kind == "run" else {}
        tags = {**self.facts.tags, **thinning, **parents, KEY_TAG: self.facts.key}
        run = store.client.create_run(
            store.experiment_id, start_time=self.facts.started, tags=tags, run_name=self.facts.name
        )
        return str(run.info.run_id)

    def _parent(self, store: Store) -> str | None:
        """The run of the sweep whose folder holds this one; it is created where it is missing."""
        child = self.facts.kind == "run" and COPIED not in self.facts.tags
        folder = sweep_of(self.directory) if child else None
        if folder is None:
            return None
        try:
            with turn(folder, PARENT_SECONDS):
                parent = Identity(folder)
                parent.ensure(store)
                parent.save()
        except Busy as error:
            raise TrackingError(f"the run of the sweep in {str(folder)!r} is being created") from error
        return parent.sent.run_id

    def with_our_key(self, store: Store) -> list[str]:
        found = store.client.search_runs([store.experiment_id], f"tags.`{KEY_TAG}` = '{self.facts.key}'")
        return [str(run.info.run_id) for run in found]

    def save(self) -> None:
        """Write delivery.json; a full disk does not hold up the delivery."""
        with suppress(OSError):
            write_sent(self.sent, self.directory)
