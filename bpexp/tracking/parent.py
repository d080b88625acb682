"""The parent run of a sweep in MLflow: created before its jobs, ended with their ranking."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bpexp.errors import TrackingError
from bpexp.tracking.credentials import scrubbed
from bpexp.tracking.settings import TrackingSettings
from bpexp.tracking.store import Store, open_store

NOTE = 7900
"""Largest number of characters of a description in MLflow."""


class ParentRun:
    """The parent of a sweep's runs; a no-op with tracking=none, or if the store cannot be opened."""

    def __init__(self, settings: TrackingSettings, directory: Path, name: str, command: Sequence[str]) -> None:
        self._store: Store | None = None
        self.run_id: str | None = None
        if settings.mlflow:
            self._open(settings, directory, name, " ".join(command))

    @property
    def experiment_id(self) -> str | None:
        """The experiment that holds the sweep."""
        return self._store.experiment_id if self._store else None

    @property
    def store_uri(self) -> str | None:
        """The store that holds the sweep."""
        return self._store.uri if self._store else None

    @property
    def store(self) -> Store | None:
        """The open store; None where the sweep has no parent in MLflow."""
        return self._store

    def _open(self, settings: TrackingSettings, directory: Path, name: str, command: str) -> None:
        tags = {"bpexp.sweep": command, "bpexp.directory": str(directory), "mlflow.source.name": "bpexp"}
        try:
            store = open_store(settings.uri, settings.experiment)
            run = store.client.create_run(store.experiment_id, run_name=name[:120], tags=tags)
        except Exception as error:  # a failing store must not prevent the jobs
            reason = str(error) if isinstance(error, TrackingError) else scrubbed(f"{type(error).__name__}: {error}")
            print(f"bpexp: warning: the sweep has no parent in MLflow ({reason})", file=sys.stderr)
            return
        self._store, self.run_id = store, run.info.run_id

    def finish(self, status: str, *, metrics: Mapping[str, float], note: str, files: Sequence[Path]) -> None:
        """Record the comparison and end the run: FINISHED, FAILED or KILLED."""
        from mlflow.entities import Metric, RunTag

        now = round(time.time() * 1000)
        values = [Metric(key, float(value), now, 0) for key, value in metrics.items()]
        tags = [RunTag("mlflow.note.content", note[:NOTE])]
        self._attempt(lambda store, run: store.client.log_batch(run, metrics=values, tags=tags))
        self._log_files(files)
        self._attempt(lambda store, run: store.client.set_terminated(run, status=status))

    def end_lost(self) -> None:
        """End the runs of jobs whose process died: nothing else would ever say of them that they are over."""
        running = f"tags.`mlflow.parentRunId` = '{self.run_id}' and attributes.status = 'RUNNING'"

        def end(store: Store, _: str) -> None:
            for run in store.client.search_runs([store.experiment_id], running, max_results=10_000):
                store.client.set_terminated(run.info.run_id, status="KILLED")

        self._attempt(end)

    def declare(self, params: Mapping[str, str], tags: Mapping[str, str], files: Sequence[Path]) -> None:
        """Record a declaration before the first job: parameters cannot be changed in MLflow afterwards, tags can."""
        from mlflow.entities import Param, RunTag

        given = [Param(key, value) for key, value in params.items()]
        named = [RunTag(key, value) for key, value in tags.items()]
        self._attempt(lambda store, run: store.client.log_batch(run, params=given, tags=named))
        self._log_files(files)

    def look(self, seeds: int, undecided: int) -> None:
        """Record a look at a study: the number of claims that are undecided after so many seeds."""
        self._attempt(lambda store, run: store.client.log_metric(run, "study/undecided", undecided, step=seeds))

    def params(self) -> dict[str, str] | None:
        """The parameters as the store holds them; None without a parent run, or where the store fails."""
        found: list[dict[str, str]] = []
        self._attempt(lambda store, run: found.append(dict(store.client.get_run(run).data.params)))
        return found[0] if found else None

    def attach(self, files: Sequence[Path], note: str) -> None:
        """Add the files and the description of a report to the run, which may have ended already."""
        self._log_files(files)
        self._attempt(lambda store, run: store.client.set_tag(run, "mlflow.note.content", note[:NOTE]))

    def _log_files(self, files: Sequence[Path]) -> None:
        for file in files:
            self._attempt(lambda store, run, file=file: store.client.log_artifact(run, str(file)))  # type: ignore[misc]

    def _attempt(self, action: Callable[[Store, str], object]) -> None:
        if self._store is None or self.run_id is None:
            return
        try:
            action(self._store, self.run_id)
        except Exception as error:  # a failing store loses nothing: the results are on disk
            reason = scrubbed(" ".join(str(error).split()))[:200]
            print(f"bpexp: warning: the parent of the sweep is incomplete in MLflow ({reason})", file=sys.stderr)
