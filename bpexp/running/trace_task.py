"""`task=trace`: one sample's forward and backward pass to read, on the terminal, as trace.md and in MLflow."""

from __future__ import annotations

import time

from bpexp.insight.trace import trace_sample
from bpexp.insight.trace_page import as_markdown, as_text
from bpexp.records.journal import Journal
from bpexp.records.outcome import Order, Outcome, write_outcome
from bpexp.running.build import Experiment
from bpexp.tracking.run import Recording

PAGE = "trace.md"


def execute_trace(experiment: Experiment, order: Order) -> Outcome:
    """Print the trace of the declared sample at the initial parameters, keep it and record it."""
    started = time.monotonic()
    trainer, data = experiment.trainer, experiment.data
    journal = Journal(order.directory)
    recording = Recording(experiment, order, journal.path)
    row = data.train.rows[experiment.config.sample : experiment.config.sample + 1]
    hidden = [str(activation["name"]) for activation in experiment.spec["hidden"]]
    traced = trace_sample(trainer.network, trainer.head, hidden, *data.train.batch(row))
    shape = "-".join(map(str, trainer.network.sizes))
    title = f"Sample {experiment.config.sample} of {data.name} through {shape} ({trainer.head.name})"
    print(as_text(traced, title))
    (order.directory / PAGE).write_text(as_markdown(traced, title), encoding="utf-8")
    journal.metrics(0, {"loss/sample": traced.cost, "check/worst_error": traced.verdict.error})
    journal.close("finished", "traced")
    outcome = Outcome(
        name=f"trace {order.name}",
        directory=str(order.directory),
        status="finished",
        reason=f"sample {experiment.config.sample} was traced",
        overrides=order.overrides,
        params=order.params,
        seconds=time.monotonic() - started,
        metrics={"final/loss_sample": traced.cost},
        run_id=recording.run_id,
        experiment_id=recording.experiment_id,
        store=recording.store_uri,
    )
    write_outcome(outcome, order.directory)
    recording.finish(outcome, None)
    return outcome
