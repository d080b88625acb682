"""Bringing MLflow up to what lies in the folder of a run or a sweep, exactly once, whoever does it and how often.

The same code serves a run that trains, its end, the next start after a death, and task=sync. Whatever is sent twice is
the same: rows keep the times of the journal, and MLflow keeps equal rows once; a run, and its model, whose creation
was not answered are looked for before they are created again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bpexp.records.journal import JOURNAL
from bpexp.records.outcome import Outcome, write_outcome
from bpexp.tracking.charts import chart_line
from bpexp.tracking.content import Content, content_of, outcome_in, with_charts
from bpexp.tracking.files import send_files
from bpexp.tracking.identity import Identity
from bpexp.tracking.manifest import Facts, Sent, digest
from bpexp.tracking.refusals import is_refusal, log_params, reason, tell_store
from bpexp.tracking.rows import BATCH, Row, batches, last_rows
from bpexp.tracking.store import Store
from bpexp.tracking.wants import Want

if TYPE_CHECKING:
    from mlflow.entities import Param

GONE = re.compile(
    r"failed with exception|timed out|error code 5\d\d|5\d\d server error|max retries"
    r"|is locked|disk i/o|malformed|readonly",
    re.IGNORECASE,
)
"""What errors of a store say that fails at everything, so that the rest is not tried."""


LONGEST = 6000
"""Characters that MLflow keeps of a parameter."""

TOGETHER = 100
"""Parameters that go with rows in one request, the largest number that MLflow accepts."""


class Delivery(Identity):
    """The delivery of one folder; arguments as of `Identity`."""

    def __init__(self, directory: Path, facts: Facts | None = None, *, fresh: bool = False) -> None:
        super().__init__(directory, facts, fresh=fresh)
        self.outcome: Outcome | None = None
        """How the run ended, where it is known and may not be on disk."""
        self._waiting: list[Param] = []
        self._apart = False

    @property
    def done(self) -> bool:
        """Whether MLflow holds everything."""
        return self.sent.done

    def bring(self, store: Store, want: Want) -> None:
        """Bring the run in MLflow as far as wanted, and write down what was sent; raises the first error of the store.

        A part that the store does not take does not hold up the others, unless the store is gone. What it refuses for
        good is kept in `sent.refused`, and is no error.
        """
        problems: list[Exception] = []
        self.sent.done = False
        try:
            self.ensure(store)
            if want.begin:
                self._reopen(store)
            before = dict(self.sent.refused)
            self._parts(store, want, problems)
            if self.sent.refused != before:
                tell_store(store, str(self.sent.run_id), self.sent.refused)
        finally:
            self.save()
        if problems:
            raise problems[0]

    def _parts(self, store: Store, want: Want, problems: list[Exception]) -> None:
        def attempt(part: str, action: Callable[[], object]) -> None:
            try:
                action()
                self.sent.refused.pop(part, None)
            except Exception as error:  # a store may raise anything
                if GONE.search(str(error)):
                    raise
                if self._apart or not is_refusal(store, str(self.sent.run_id), error):
                    problems.append(error)
                else:
                    self.sent.refused[part] = f"{part}: {reason(error)}"

        facts = digest(self.facts)
        over = want.end or self.facts.kind == "sweep"
        content = content_of(self.directory, self.facts, self.outcome) if over else None
        status, ended = (content.status, content.ended) if content is not None else (want.status, None)
        if not (want.bare and content is None):
            attempt("data set", lambda: self._declare(store, apart=content is None or self._apart))
        if want.upto != 0 or content is not None:
            attempt("metrics", lambda: self._send_rows(store, want.upto, content))
        if status is not None:
            attempt("status", lambda: self._end(store, str(status), ended))
        if want.model and (content is None or content.model):
            attempt("model", lambda: self._log_model(store))
        if content is not None:
            with suppress(OSError):  # a full disk: the outcome stands as it was
                self._complete_outcome()
            attempt("files", lambda: send_files(store, self.sent, content.files))
            whole = self.sent.model_ready or not content.model or "model" in self.sent.refused
            if content.status is not None and not problems and whole:
                self.sent.done, self.sent.facts = True, facts

    def _reopen(self, store: Store) -> None:
        """A run that has ended in MLflow goes on; parameters cannot be changed there, tags can."""
        if self.sent.status is not None:
            for key, text in self.facts.tags.items():
                store.client.set_tag(str(self.sent.run_id), key, text)
            store.client.update_run(str(self.sent.run_id), status="RUNNING", name=self.facts.name)
            self.sent.status = self.sent.ended = None

    def _declare(self, store: Store, *, apart: bool) -> None:
        """Parameters and the data set; of a sweep its parameters, which may be added to.

        Where they need not go `apart`, the parameters wait for the rows, with which they are sent.
        """
        from mlflow.entities import Dataset, DatasetInput, InputTag

        facts, run_id = self.facts, str(self.sent.run_id)
        if self.sent.declared and facts.kind == "run":
            return
        params, self._waiting = self._params(), []
        if not (apart or facts.kind == "sweep" or len(params) > TOGETHER):
            self._waiting = params
        elif params:
            self._refused(params, log_params(store, run_id, params))
        if facts.data:
            card = Dataset(source_type="bpexp", **facts.data)
            store.client.log_inputs(run_id, [DatasetInput(card, [InputTag("mlflow.data.context", "training")])])
        self.sent.declared = not self._waiting

    def _refused(self, params: Sequence[Param], refused: Mapping[str, str]) -> None:
        """Keep which of the parameters are refused now, and which no longer."""
        for key in (f"parameter {param.key}" for param in params):
            self.sent.refused.pop(key, None)
        self.sent.refused |= {f"parameter {key}": f"parameter {why}" for key, why in refused.items()}

    def _params(self) -> list[Param]:
        from mlflow.entities import Param

        return [Param(key, str(value)[:LONGEST]) for key, value in self.facts.params.items()]

    def _send_rows(self, store: Store, upto: int | None, content: Content | None) -> None:
        """The rows of the journal, and at the end the summary and the tags with the last of them: one commit."""
        journal = self.directory / JOURNAL
        waiting: tuple[list[Row], Sent] = [], self.sent
        if self.facts.kind == "run" and journal.exists():
            for rows, after in batches(journal, self.sent, self.facts, upto):
                if waiting[0]:
                    self._log(store, *waiting)
                waiting = rows, after
        if content is None:
            self._log(store, *waiting)
            return
        rows, after = waiting
        if self.facts.kind == "run":
            content = with_charts(content, self._charts(after, content))
        rows = [*rows, *(last_rows(after) if content.whole else ()), *content.rows]
        told = _digest(rows, content)
        if told != after.summary or self._waiting:
            self._log(store, rows, replace(after, summary=told), content)

    def _charts(self, sent: Sent, content: Content) -> str:
        """The line of the description that links to the charts of the run."""
        figures = any(file.name == "figures.png" for file in content.files)
        return chart_line(str(sent.experiment_id), str(sent.run_id), sent.series, figures=figures)

    def _log(self, store: Store, rows: Sequence[Row], after: Sent, content: Content | None = None) -> None:
        from mlflow.entities import Metric, RunTag

        metrics = [Metric(row.name, row.value, row.at, row.step) for row in rows]
        tags = [RunTag(key, text) for key, text in content.tags.items()] if content else []
        params, self._waiting = self._waiting, []
        most = BATCH - len(params) - len(tags)  # MLflow counts all of them
        after.declared = self.sent.declared or bool(params)
        self._apart = bool(params)  # should the store refuse one of them, the others go without it
        for start in range(0, max(len(metrics), 1 if tags or params else 0), most):
            given = tags if start + most >= len(metrics) else ()
            store.client.log_batch(
                str(self.sent.run_id), metrics=metrics[start : start + most], params=params, tags=given
            )
            params = []
        self.sent, self._apart = after, False

    def _log_model(self, store: Store) -> None:
        from bpexp.tracking.model import log_model

        if self.sent.model_ready:
            return
        look, self.sent.model_asked = self.sent.model_asked, True
        self.save()
        log_model(store, str(self.sent.run_id), self.directory, self.facts.model_name, look=look)
        self.sent.model_ready = True

    @property
    def model(self) -> str | None:
        """The address of the network in MLflow; None where it is not there."""
        return f"runs:/{self.sent.run_id}/{self.facts.model_name}" if self.sent.model_ready else None

    def _complete_outcome(self) -> None:
        """Write into result.json where the run is in MLflow, if that was not known when it was written."""
        outcome = outcome_in(self.directory) if self.facts.kind == "run" else None
        if outcome is None:
            return
        sent = self.sent
        whole = replace(
            outcome,
            run_id=sent.run_id,
            experiment_id=sent.experiment_id,
            store=self.facts.store,
            model=self.model or outcome.model,
        )
        if whole != outcome:
            write_outcome(whole, self.directory)

    def _end(self, store: Store, status: str, ended: int | None) -> None:
        if self.sent.status != status:
            store.client.set_terminated(str(self.sent.run_id), status=status, end_time=ended)
            self.sent.status, self.sent.ended = status, ended
        if self.sent.doubtful:
            for other in self.with_our_key(store):  # the creation that was not answered came late
                if other != self.sent.run_id:
                    store.client.delete_run(other)
            self.sent.doubtful = False


def _digest(rows: Sequence[Row], content: Content) -> str:
    told = [[(row.name, row.step, row.at, repr(row.value)) for row in rows], sorted(content.tags.items())]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
