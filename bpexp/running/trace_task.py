"""`task=trace`: forward and backward pass of one sample, printed, written to trace.md and recorded in MLflow."""

from __future__ import annotations

import time

from bpexp.insight.trace import trace_sample
from bpexp.insight.trace_page import as_markdown, as_text
from bpexp.records.journal import Journal
from bpexp.records.outcome import Outcome, RunInfo, write_outcome
from bpexp.running.build import Experiment
from bpexp.running.execute import open_tracked
from bpexp.tracking.environment import mlflow_environment

PAGE = "trace.md"


def execute_trace(experiment: Experiment, info: RunInfo) -> Outcome:
    """Print the trace of the declared sample at the initial parameters, write trace.md and record the outcome."""
    started = time.monotonic()
    trainer, data = experiment.trainer, experiment.data
    with mlflow_environment():
        journal = Journal(info.directory)
        tracked = open_tracked(experiment, info, journal)
        row = data.train.rows[experiment.config.sample : experiment.config.sample + 1]
        hidden = [str(activation["name"]) for activation in experiment.spec["hidden"]]
        traced = trace_sample(trainer.network, trainer.head, hidden, *data.train.batch(row))
        shape = "-".join(map(str, trainer.network.sizes))
        title = f"Sample {experiment.config.sample} of {data.name} through {shape} ({trainer.head.name})"
        print(as_text(traced, title))
        (info.directory / PAGE).write_text(as_markdown(traced, title), encoding="utf-8")
        journal.metrics(0, {"loss/sample": traced.cost, "check/worst_error": traced.check.error})
        journal.close("finished", "traced")
        outcome = Outcome(
            name=f"trace {info.name}",
            directory=str(info.directory),
            status="finished",
            reason=f"sample {experiment.config.sample} was traced",
            overrides=info.overrides,
            params=info.params,
            seconds=time.monotonic() - started,
            metrics={"final/loss_sample": traced.cost},
            run_id=tracked.run_id,
            experiment_id=tracked.experiment_id,
            store=tracked.store_uri,
        )
        write_outcome(outcome, info.directory)
        tracked.finish(outcome, None, None)
    return outcome
