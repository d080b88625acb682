"""Sends the journal of a run to MLflow. A store that fails causes one warning; the journal keeps everything."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpexp.records.journal import points, read
from bpexp.tracking.credentials import scrubbed
from bpexp.tracking.store import Store
from bpexp.training.events import Callback, EpochEnded, RunStarted, stride

if TYPE_CHECKING:
    from mlflow.entities import Metric, RunTag

POINTS = 250
"""Approximate number of batch losses sent to MLflow with `every: auto`."""

PAUSE = 2.0
"""Smallest number of seconds between two transfers during a run; a short run is sent once, at its end."""

BATCH = 1000
"""Metrics per request, the largest number that MLflow accepts."""


@dataclass(frozen=True, slots=True)
class DataCard:
    """The description of a data set that MLflow stores; it does not include the data."""

    name: str
    digest: str
    source: str
    profile: str


class JournalFeed(Callback):
    """One MLflow run, updated from the journal at the end of an epoch, at most every `PAUSE` seconds.

    Args:
        store: where the run is created.
        journal: path of the journal.
        name: name of the run.
        parent: MLflow id of the sweep's parent run; None for a single run.
        every: steps between two batch losses that are sent, or auto.
        tags: recorded with the run.
        run_id: MLflow id of the run that an earlier process began and this one goes on with; None for a new run.
    """

    def __init__(
        self,
        store: Store,
        journal: Path,
        *,
        name: str,
        parent: str | None,
        every: int | str,
        tags: Mapping[str, str],
        run_id: str | None = None,
    ) -> None:
        self.store, self._journal, self._every = store, journal, every
        self._offset, self._stride, self._fed, self._warned = 0, 1, time.monotonic(), False
        parents = {"mlflow.parentRunId": parent} if parent else {}
        if run_id is None:
            run_id = store.client.create_run(store.experiment_id, run_name=name, tags={**tags, **parents}).info.run_id
        else:
            self._go_on(run_id, name, tags)
        self.run_id: str = run_id

    def _go_on(self, run_id: str, name: str, tags: Mapping[str, str]) -> None:
        """The run is running again, under the name and with the tags of now."""
        from mlflow.entities import RunTag

        self.store.client.update_run(run_id, status="RUNNING", name=name)
        self.store.client.log_batch(run_id, tags=[RunTag(key, text[:5000]) for key, text in tags.items()])

    def declare(self, params: Mapping[str, Any], data: DataCard) -> None:
        """Record the composed config as parameters, and the data set with its digest."""
        self.attempt(lambda: self._declare(params, data))

    def _declare(self, params: Mapping[str, Any], data: DataCard) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag, Param

        # MLflow keeps 36 characters of a digest and 6000 of a parameter
        card = Dataset(data.name, data.digest[:36], "bpexp", data.source[:8000], profile=data.profile)
        given = [Param(key, str(value)[:6000]) for key, value in params.items()]
        self.store.client.log_batch(self.run_id, params=given)
        self.store.client.log_inputs(self.run_id, [DatasetInput(card, [InputTag("mlflow.data.context", "training")])])

    def on_start(self, event: RunStarted) -> None:
        self._stride = stride(self._every, event.epochs * event.steps_per_epoch, POINTS)

    def on_epoch(self, event: EpochEnded) -> None:
        if time.monotonic() - self._fed >= PAUSE and not self._warned:
            self.feed()

    def feed(self) -> None:
        """Send the lines added since the last transfer; after a failure, the next call sends them again."""
        self.attempt(self._feed)
        self._fed = time.monotonic()

    def _feed(self, last: Sequence[Metric] = (), tags: Sequence[RunTag] = ()) -> None:
        """Send the journal's new lines together with `last` and `tags`: one commit instead of three."""
        from mlflow.entities import Metric

        pending: list[Metric] = []
        end = self._offset
        for end, line in read(self._journal, self._offset):  # noqa: B007, it is read after the loop
            at = round(line["time"] * 1000)
            pending += [Metric(name, value, at, step) for name, value, step in points(line, self._stride)]
        pending.sort(key=lambda metric: metric.key.count("/"))  # MLflow lists them in this order: fixed/... last
        pending += last
        for start in range(0, len(pending), BATCH):
            given = tags if start + BATCH >= len(pending) else ()
            self.store.client.log_batch(self.run_id, metrics=pending[start : start + BATCH], tags=given)
        self._offset = end

    def finish(
        self, status: str, *, summary: Mapping[str, float], tags: Mapping[str, str], files: Sequence[Path]
    ) -> None:
        """Send the rest, the summary (at step 0, which MLflow shows as bars), tags and files; end the run."""
        from mlflow.entities import Metric, RunTag

        now = round(time.time() * 1000)
        last = [Metric(name, float(value), now, 0) for name, value in summary.items()]
        self.attempt(lambda: self._feed(last, [RunTag(key, text[:5000]) for key, text in tags.items()]))
        self.attempt(lambda: self.store.client.set_terminated(self.run_id, status=status))
        for file in files:
            self.attempt(lambda file=file: self.store.client.log_artifact(self.run_id, str(file)))  # type: ignore[misc]

    def attempt(self, action: Callable[[], object]) -> None:
        """Call `action`, which uses the store; if it fails, warn once and continue."""
        try:
            action()
        except Exception as error:  # a failing store must not end the run
            if not self._warned:
                reason = scrubbed(" ".join(str(error).split()))[:200]
                print(
                    f"bpexp: warning: MLflow did not take everything ({reason}); kept in {self._journal}",
                    file=sys.stderr,
                )
            self._warned = True
