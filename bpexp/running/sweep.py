"""A sweep: one parent run in MLflow whose children are the jobs, and the table that they come to."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from bpexp.config.schema import TrackingConfig
from bpexp.errors import TrackingError
from bpexp.records.outcome import RESULT, Outcome, read_outcome
from bpexp.study.ranking import Ranking, rank

TABLE = "ranking.csv"


class Sweep:
    """The jobs below one directory. As a context it opens the parent run and ends it with what became of the jobs."""

    def __init__(
        self, tracking: TrackingConfig, directory: Path, jobs: int, command: Sequence[str], name: str = "sweep"
    ) -> None:
        self._tracking, self.directory, self._jobs, self._command = tracking, directory, jobs, list(command)
        self._name = name[:120]
        self._store: Any = None
        self.run_id: str | None = None
        self.experiment_id: str | None = None
        self.outcomes: list[Outcome] = []
        self.ranking: Ranking | None = None

    def __enter__(self) -> Sweep:
        if self._tracking.name == "mlflow":
            self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        numbers, self.outcomes = self._collect()
        self.ranking = rank(self.outcomes, numbers)
        (self.directory / TABLE).write_text(self.ranking.csv(), encoding="utf-8")
        if self.run_id:
            interrupted = kind is not None and not issubclass(kind, Exception)
            status = "KILLED" if interrupted else "FINISHED" if kind is None and self.ok else "FAILED"
            self._attempt(lambda: self._close(status))

    @property
    def ok(self) -> bool:
        """Whether every job came to a result."""
        return all(outcome.ok for outcome in self.outcomes) and len(self.outcomes) >= self._jobs

    def attach(self, files: Sequence[Path], note: str, tags: Mapping[str, str]) -> None:
        """Put more on the parent run, which may have ended already."""
        if self.run_id:
            self._attempt(lambda: self._attach(files, note, tags))

    def _attach(self, files: Sequence[Path], note: str, tags: Mapping[str, str]) -> None:
        for file in files:
            self._store.client.log_artifact(self.run_id, str(file))
        for key, value in {**tags, "mlflow.note.content": note[:7900]}.items():
            self._store.client.set_tag(self.run_id, key, value)

    def _collect(self) -> tuple[list[int], list[Outcome]]:
        """The outcomes by job number; a job that left none was killed or never began, and is told as such."""
        found, numbers = {}, set(range(self._jobs))
        numbers |= {int(p.parent.name) for p in self.directory.glob(f"*/{RESULT}") if p.parent.name.isdigit()}
        for number in numbers:
            folder, reason = self.directory / str(number), "it left no result"
            try:
                found[number] = read_outcome(folder)
                continue
            except FileNotFoundError:
                pass
            except (ValueError, TypeError, KeyError, AttributeError):
                reason = f"its {RESULT} cannot be read"
            found[number] = Outcome(f"job {number}", str(folder), "lost", reason, [], {}, 0.0)
        return sorted(found), [found[number] for number in sorted(found)]

    def _open(self) -> None:
        from bpexp.tracking.store import open_store

        try:
            self._store = open_store(self._tracking.uri, self._tracking.experiment)
            command = " ".join(self._command)
            tags = {"bpexp.sweep": command, "bpexp.directory": str(self.directory), "mlflow.source.name": "bpexp"}
            run = self._store.client.create_run(self._store.experiment_id, run_name=self._name, tags=tags)
        except Exception as error:  # as for a run: the results are worth more than their record
            reason = str(error) if isinstance(error, TrackingError) else f"{type(error).__name__}: {error}"
            print(f"bpexp: warning: the sweep has no parent in MLflow ({reason})", file=sys.stderr)
            return
        self.run_id, self.experiment_id = run.info.run_id, self._store.experiment_id

    def _close(self, status: str) -> None:
        from mlflow.entities import Metric, RunTag

        assert self.ranking is not None
        counts = {f"jobs/{s}": sum(o.status == s for o in self.outcomes) for s in {o.status for o in self.outcomes}}
        best = self.ranking.best
        values = {**counts, **(best.metrics if best else {})}
        now = round(time.time() * 1000)
        metrics = [Metric(key, float(value), now, 0) for key, value in values.items()]
        note = f"`python -m bpexp {' '.join(self._command)}`\n\n{self.ranking.markdown()}"
        client = self._store.client
        client.log_batch(self.run_id, metrics=metrics, tags=[RunTag("mlflow.note.content", note[:7900])])
        client.log_artifact(self.run_id, str(self.directory / TABLE))
        client.set_terminated(self.run_id, status=status)

    def _attempt(self, action: Any) -> None:
        try:
            action()
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            print(f"bpexp: warning: the parent of the sweep is incomplete in MLflow ({reason})", file=sys.stderr)
