"""One declared run, from its built experiment to its files and its record."""

from __future__ import annotations

import hashlib
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from bpexp.data import Part
from bpexp.insight.gradient_check import GradientCheck
from bpexp.insight.histograms import FILE as HISTOGRAMS
from bpexp.insight.histograms import Histograms
from bpexp.insight.probing import Probing
from bpexp.insight.samples import collect_samples
from bpexp.nn.arrays import Array
from bpexp.records.journal import Journal, history
from bpexp.records.outcome import Order, Outcome, write_outcome
from bpexp.records.summary import Series, chooser, summarize
from bpexp.running.build import Experiment
from bpexp.running.progress import progress
from bpexp.tracking.model import save_model
from bpexp.tracking.run import Recording
from bpexp.training.events import Callback
from bpexp.training.trainer import run as train


class Terminated(SystemExit):
    """SIGTERM, raised where the run stands so that it ends with a true status."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How training ended, by itself or not."""

    status: str
    reason: str
    step: int | None = None


def execute(experiment: Experiment, order: Order) -> Outcome:
    """Train, keep the journal, record; the outcome is on disk whatever happens.

    An exception of the run is its outcome. KeyboardInterrupt and SIGTERM are recorded and then go on to the caller.
    """
    threadpool_limits(experiment.config.threads)
    journal = Journal(order.directory)
    recording = Recording(experiment, order, journal.path)
    started = time.monotonic()
    interruption: BaseException | None = None
    try:
        with _sigterm_raises():
            ending = _train(experiment, order.name, [journal, *recording.callbacks], journal)
    except Exception as error:
        (order.directory / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8")
        ending = Ending("failed", f"{type(error).__name__}: {error}")
    except (KeyboardInterrupt, Terminated) as error:
        interruption = error
        ending = Ending("killed", "interrupted" if isinstance(error, KeyboardInterrupt) else "terminated")
    journal.close(ending.status, ending.reason)
    outcome = _conclude(experiment, order, ending, time.monotonic() - started, recording)
    if interruption is not None:
        raise interruption
    return outcome


def _train(experiment: Experiment, name: str, recorders: list[Callback], journal: Journal) -> Ending:
    bars = progress(experiment.config.progress, name)
    histograms = Histograms() if experiment.probe.histograms else None
    observers = _observers(experiment, journal, histograms)
    try:
        ended = train(experiment.trainer, [*observers, *recorders, *bars, *experiment.callbacks])
    finally:
        for bar in bars:
            bar.close()
        if histograms is not None:
            histograms.save(journal.path.parent)
    return Ending(ended.status, ended.reason, ended.step)


def _observers(experiment: Experiment, journal: Journal, histograms: Histograms | None) -> list[Callback]:
    """The declared probes and gradient check, which write into the journal."""
    probe, check = experiment.probe, experiment.check
    fixed = fixed_batch(experiment.data.train, probe.fixed) if probe.fixed else None
    probing = Probing(probe.measures, probe.every, journal.metrics, histograms=histograms, fixed=fixed)
    observers: list[Callback] = [probing]
    if check.name != "off":
        guard = GradientCheck(
            every=check.every,
            coordinates=check.coordinates,
            tolerance=check.tolerance,
            rng=experiment.check_rng,
            keep=journal.metrics,
        )
        observers.insert(0, guard)
    return observers


def fixed_batch(part: Part, samples: int) -> tuple[Array, Array]:
    """Samples spread evenly over the whole data, whatever the seed made of it: x (n_0, B) and y (n_L, B)."""
    rows = np.unique(np.linspace(0, len(part.X) - 1, samples).astype(np.intp))
    return part.batch(rows)


def _conclude(experiment: Experiment, order: Order, ending: Ending, seconds: float, recording: Recording) -> Outcome:
    """Write the weights, the result and the figure, then hand everything to MLflow."""
    folder, theta = order.directory, experiment.trainer.network.theta
    series = history(folder / "metrics.jsonl")
    outcome = Outcome(
        name=order.name,
        directory=str(folder),
        status=ending.status,
        reason=ending.reason,
        overrides=order.overrides,
        params=order.params,
        seconds=seconds,
        metrics=summarize(series),
        chosen_by=chooser(series),
        theta_sha256=hashlib.sha256(theta.tobytes()).hexdigest(),
        run_id=recording.run_id,
        experiment_id=recording.experiment_id,
        store=recording.store_uri,
    )
    save_model(folder, theta=theta, spec=experiment.spec)
    write_outcome(outcome, folder)
    try:
        _draw(experiment, order, series)
    except Exception as error:  # a picture that cannot be drawn is no reason to lose the record of a run
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"bpexp: warning: no figures of {folder} ({reason})", file=sys.stderr)
    recording.finish(outcome, ending.step)
    return outcome


def _draw(experiment: Experiment, order: Order, series: Series) -> None:
    """The learning curve and, of a run that is not one of many, the page of figures."""
    if not (experiment.tracking.figures and series):
        return
    from bpexp.figures.run_page import figure_page, learning_curve  # matplotlib is not needed without figures

    folder, trainer, data = order.directory, experiment.trainer, experiment.data
    if order.one_of_many:
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
        title=order.name,
    )


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Turn SIGTERM into an exception of the main thread while a run goes on."""

    def raise_terminated(signum: int, frame: object) -> None:
        raise Terminated(128 + signum)

    try:
        previous = signal.signal(signal.SIGTERM, raise_terminated)
    except ValueError:  # not the main thread: whoever owns it decides
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
