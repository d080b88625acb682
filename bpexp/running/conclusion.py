"""What is written when training is over: outcome, network, figures, and the rest of the record in MLflow."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bpexp.errors import visible
from bpexp.insight.histograms import FILE as HISTOGRAMS
from bpexp.insight.probe_sets import averaged
from bpexp.insight.samples import collect_samples
from bpexp.nn.arrays import Array
from bpexp.records.journal import JOURNAL, history
from bpexp.records.network_file import save_network
from bpexp.records.network_spec import BEST, LAST
from bpexp.records.outcome import Outcome, RunInfo, Weights, write_outcome
from bpexp.records.summary import Series, best_step, last_step, summarize
from bpexp.running.build import Experiment
from bpexp.running.signals import Signals
from bpexp.tracking.run import TrackedRun
from bpexp.training.metrics import chooser
from bpexp.training.trainer import Trainer


@dataclass(frozen=True, slots=True)
class TrainingEnd:
    """How training ended, by itself or not; `restored` tells whether the best epoch's weights were put back."""

    status: str
    reason: str
    step: int | None = None
    restored: bool = False
    interruption: BaseException | None = None


def conclude(
    experiment: Experiment, info: RunInfo, end: TrainingEnd, seconds: float, tracked: TrackedRun, signals: Signals
) -> Outcome:
    """Write the outcome first, then the weights and the figures, and hand everything to MLflow.

    Nothing that goes wrong here loses what was written before. An interrupted run leaves its record and no pictures.
    """
    folder = info.directory
    series: Series = {}
    attempt("no metrics of", info, lambda: series.update(history(folder / JOURNAL)))
    outcome = _outcome(experiment.trainer, info, end, seconds, series, tracked)
    unwritten = attempt("no result.json in", info, lambda: write_outcome(outcome, folder))
    unsaved = attempt("no weights in", info, lambda: _save(experiment, info, outcome, series))
    problem = unsaved or unwritten
    if problem and outcome.ok:
        what = "the network" if unsaved else "result.json"
        outcome = replace(outcome, status="failed", reason=f"{what} could not be saved: {problem}")
        attempt("no result.json in", info, lambda: write_outcome(outcome, folder))
    interrupted = end.interruption is not None or signals.pending is not None
    if not interrupted:
        attempt("no figures of", info, lambda: _draw(experiment, info, series))
        if problem is None and (address := tracked.log_model(outcome)):
            outcome = replace(outcome, model=address)
            attempt("no address of the model in", info, lambda: write_outcome(outcome, folder))
    if attempt("no whole record of", info, lambda: tracked.finish(outcome, end.step)):
        tracked.end(outcome.status)
    return outcome


def _outcome(
    trainer: Trainer, info: RunInfo, end: TrainingEnd, seconds: float, series: Series, tracked: TrackedRun
) -> Outcome:
    weights: Weights = "last" if trainer.at.step == last_step(series) else "unevaluated"
    return Outcome(
        name=info.name,
        directory=str(info.directory),
        status=end.status,
        reason=end.reason,
        overrides=info.overrides,
        params=info.params,
        seconds=seconds,
        metrics=summarize(series, averaged(), restored=end.restored),
        chosen_by=chooser(series),
        theta_sha256=hashlib.sha256(trainer.network.theta.tobytes()).hexdigest(),
        weights="best" if end.restored else weights,
        step=trainer.best.step if end.restored else trainer.at.step,
        run_id=tracked.run_id,
        experiment_id=tracked.experiment_id,
        store=tracked.store_uri,
    )


def _save(experiment: Experiment, info: RunInfo, outcome: Outcome, series: Series) -> None:
    """Write the network with the weights that the figures speak of, and the other ones beside them."""
    trainer = experiment.trainer
    described, other = kept_weights(trainer, outcome, series)
    spec = {**experiment.spec, "weights": described}
    save_network(info.directory, theta=trainer.network.theta, spec=spec, other=other)


def kept_weights(trainer: Trainer, outcome: Outcome, series: Series) -> tuple[dict[str, Any], Array | None]:
    """Of which epochs the saved weights are, for the network file, and the weights (P,) beside theta, if there are any.

    The best epoch is the one that the journal tells: a run that was interrupted between the two has no best weights.
    """
    at, best = trainer.at, trainer.best
    described: dict[str, Any] = {"reported": BEST if outcome.weights == "best" else LAST}
    described[LAST] = {"epoch": at.epoch, "step": at.step, "evaluated": at.step == last_step(series)}
    if best.theta is None or best.step != best_step(series):
        return described, None
    described[BEST] = {"epoch": best.epoch, "step": best.step, "metric": best.metric, "value": best.value}
    if outcome.weights == "best":
        return described, best.replaced
    return described, None if best.step == at.step else best.theta


def attempt(what: str, info: RunInfo, action: Callable[[], object]) -> str | None:
    """Do one thing at the end of a run. Where it fails, warn and return the reason: the rest is yet to be recorded."""
    try:
        action()
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        print(visible(f"bpexp: warning: {what} {info.directory} ({reason})"), file=sys.stderr)
        return reason
    return None


def _draw(experiment: Experiment, info: RunInfo, series: Series) -> None:
    """The learning curve and, of a run that is not one of many, the page of figures."""
    if not (experiment.tracking.figures and series):
        return
    from bpexp.figures.learning_curve import learning_curve  # matplotlib is not needed without figures
    from bpexp.figures.run_page import figure_page

    folder, trainer, data = info.directory, experiment.trainer, experiment.data
    if info.one_of_many:
        learning_curve(series, folder / "learning_curve.png")
        return
    name, part = next((n, p) for n, p in (("test", data.test), ("training", data.train)) if p is not None)
    samples = collect_samples(trainer.network, trainer.head, part, data.classes, data.image_shape, name=name)
    histograms = folder / HISTOGRAMS
    figure_page(
        series,
        folder / "figures.png",
        network=trainer.network,
        histograms=histograms if histograms.exists() else None,
        samples=samples,
        title=info.name,
    )
