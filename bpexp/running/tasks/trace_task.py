"""`task=trace`: forward and backward pass of one sample, printed, written to trace.md and recorded in MLflow."""

from __future__ import annotations

import time
from contextlib import suppress

from bpexp.insight.trace import trace_sample
from bpexp.insight.trace_page import as_markdown, as_text
from bpexp.records.journal import Journal
from bpexp.records.outcome import Outcome, RunInfo, write_outcome
from bpexp.running.build import Experiment
from bpexp.running.ending.signals import Signals
from bpexp.running.open_run import open_tracked
from bpexp.tracking.session import recording

PAGE = "trace.md"


def execute_trace(experiment: Experiment, info: RunInfo) -> Outcome:
    """Print the trace of the declared sample at the initial parameters, write trace.md and record the outcome.

    An exception is the outcome, as of a run that trains; a signal waits until the trace is recorded.
    """
    started = time.monotonic()
    status, reason = "finished", f"sample {experiment.config.sample} was traced"
    metrics: dict[str, float] = {}
    text = ""
    with recording(), Signals():
        journal = Journal(info.directory)
        tracked = open_tracked(experiment, info, journal)
        try:
            text, metrics = _trace(experiment, info, journal)
        except Exception as error:
            status, reason = "failed", f"{type(error).__name__}: {error}"
        with suppress(OSError):  # a full disk: the outcome says what could be measured
            journal.close(status, "traced" if status == "finished" else reason)
        outcome = Outcome(
            name=f"trace {info.name}",
            directory=str(info.directory),
            status=status,
            reason=reason,
            overrides=info.overrides,
            params=info.params,
            seconds=time.monotonic() - started,
            metrics=metrics,
            run_id=tracked.run_id,
            experiment_id=tracked.experiment_id,
            store=tracked.store_uri,
        )
        try:
            write_outcome(outcome, info.directory)
        finally:
            tracked.finish(outcome)
    if text:
        print(text)
    return outcome


def _trace(experiment: Experiment, info: RunInfo, journal: Journal) -> tuple[str, dict[str, float]]:
    """Write the page and the journal; the text for the terminal, and the metrics of the outcome."""
    trainer, data = experiment.trainer, experiment.data
    row = data.train.rows[experiment.config.sample : experiment.config.sample + 1]
    hidden = [str(activation["name"]) for activation in experiment.spec["hidden"]]
    traced = trace_sample(trainer.network, trainer.head, hidden, *data.train.batch(row))
    shape = "-".join(map(str, trainer.network.sizes))
    title = f"Sample {experiment.config.sample} of {data.name} through {shape} ({trainer.head.name})"
    (info.directory / PAGE).write_text(as_markdown(traced, title), encoding="utf-8")
    journal.metrics(0, {"loss/sample": traced.cost, "check/worst_error": traced.check.error})
    return as_text(traced, title), {"final/loss_sample": traced.cost}
