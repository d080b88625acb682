"""`task=trace`: forward and backward pass of a sample or a few, printed, written to a file and recorded in MLflow."""

from __future__ import annotations

import copy
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from bpexp.errors import visible
from bpexp.files.whole import write_whole
from bpexp.gradients.backprop import backprop
from bpexp.insight.trace import Line, trace_sample, update_lines
from bpexp.insight.trace_page import as_latex, as_markdown, as_text
from bpexp.nn.optimizers import SGD
from bpexp.records.escaping import latex, markdown
from bpexp.records.journal import Journal
from bpexp.records.outcome import Outcome, RunInfo, write_outcome
from bpexp.running.build import Experiment
from bpexp.running.ending.signals import Signals
from bpexp.running.job import ran
from bpexp.running.open_run import open_tracked
from bpexp.running.tasks.traced import Traced, traced
from bpexp.tracking.session import recording

PAGES = {"markdown": "trace.md", "latex": "trace.tex"}
"""The file of a trace, by its format."""


def execute_trace(experiment: Experiment, info: RunInfo) -> Outcome:
    """Print the trace of what the config declares, write its page and record the outcome.

    Raises BpexpError, before anything is recorded, for a run or a file of which nothing can be traced.

    An exception is the outcome, as of a run that trains; a signal waits until the trace is recorded.
    """
    started = time.monotonic()
    followed = traced(experiment)
    info = replace(info, params=ran(followed.experiment.config))
    page = info.directory / PAGES[experiment.config.trace.format]
    status, reason = "finished", f"traced: {followed.title}"
    metrics: dict[str, float] = {}
    text = ""
    with recording(), Signals():
        journal = Journal(info.directory)
        tracked = open_tracked(followed.experiment, info, journal, card=followed.own)
        try:
            text, metrics = _trace(followed, page, journal)
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
        print(f"{text}\nwritten to {visible(str(page))}")
    return outcome


def _trace(followed: Traced, page: Path, journal: Journal) -> tuple[str, dict[str, float]]:
    """Write the page and the journal; the text for the terminal, and the metrics of the outcome."""
    trainer, settings = followed.experiment.trainer, followed.experiment.config.trace
    with np.errstate(all="ignore"):  # what overflows is infinite or no number in the trace, too
        found = trace_sample(trainer.network, trainer.head, followed.hidden, followed.x, followed.y)
        found = replace(found, lines=[*found.lines, *_update(followed)])
    if settings.format == "latex":
        content = as_latex(found, latex(followed.title), settings.digits)
    else:
        content = as_markdown(found, markdown(followed.title), settings.digits)
    write_whole(page, content)
    journal.metrics(0, {"loss/sample": found.cost, "check/worst_error": found.check.error})
    return as_text(found, visible(followed.title), settings.digits), {"final/loss_sample": found.cost}


def _update(followed: Traced) -> list[Line]:
    """The parameters after one update by the declared optimizer, from its start, in float64."""
    trainer, config = followed.experiment.trainer, followed.experiment.config
    network = trainer.network.at(trainer.network.theta.astype(np.float64))
    x, y = (values.astype(np.float64) for values in (followed.x, followed.y))
    gradient = backprop()(network, trainer.head, x, y).vector
    lr = trainer.lr * trainer.schedule(0, trainer.epochs * len(trainer.batches))
    optimizer = copy.deepcopy(trainer.optimizer)
    direction = replace(trainer, network=network).direction(gradient)
    theta = network.theta - optimizer.step(network.theta, direction, lr)
    extras = {"weight decay": optimizer.weight_decay, "the penalty": trainer.penalty, "clipping": trainer.clip}
    used = [name for name, value in extras.items() if value]
    plain = type(optimizer) is SGD and not used
    words = f"one step of {config.optimizer['name']}" + (f" with {' and '.join(used)}" if used else "")
    return update_lines(network, theta, lr, "" if plain else words)
