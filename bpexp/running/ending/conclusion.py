"""What is written when training is over: network and outcome, then the record in MLflow, and last the pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from bpexp.errors import disk_full, warn
from bpexp.insight.histograms import Histograms
from bpexp.nn.arrays import Array
from bpexp.records.journal import JOURNAL, history
from bpexp.records.network_file import save_network
from bpexp.records.network_spec import BEST, LAST
from bpexp.records.outcome import Outcome, RunInfo
from bpexp.records.summary import Series, best_step, last_step
from bpexp.running.build import Experiment
from bpexp.running.directories import kept_in
from bpexp.running.ending.pictures import draw
from bpexp.running.ending.record import Record, TrainingEnd
from bpexp.running.ending.signals import Signals
from bpexp.tracking.run import TrackedRun
from bpexp.training.trainer import Trainer


@dataclass(frozen=True, slots=True, eq=False)
class Conclusion:
    """The end of one run; `histograms` are those that it gathered, if it did."""

    experiment: Experiment
    info: RunInfo
    end: TrainingEnd
    record: Record
    tracked: TrackedRun
    histograms: Histograms | None = None
    _warned: set[str] = field(default_factory=set)

    def conclude(self, signals: Signals) -> Outcome:
        """Write first what nobody can do again, then tell MLflow, then draw, which `task=figures` can do later.

        Nothing that goes wrong here loses what was written before. After a signal there are no pictures and no model.
        """
        series: Series = {}
        self._attempt("no whole journal in", self.record.settle)
        problem = self._attempt("no metrics of", lambda: series.update(history(self.info.directory / JOURNAL)))
        outcome = self._outcome(series)
        if problem:
            outcome = _failed(outcome, f"the journal could not be read: {problem}")
        outcome = self._save(outcome, series)
        if (histograms := self.histograms) is not None:
            self._attempt("no histograms in", lambda: histograms.save(self.info.directory))
        if outcome.ok and not self.info.one_of_many:
            signals.keep(kept_in(self.info.directory))  # there is nothing to go on with
        outcome = self._hand_over(outcome)
        if self.end.interruption is None and signals.pending is None:
            outcome = self._decorate(outcome, series, signals)
        return outcome

    def _outcome(self, series: Series) -> Outcome:
        trainer, end = self.experiment.trainer, self.end
        outcome = self.record.outcome(end.status, end.reason, series, restored=end.restored)
        evaluated = trainer.at.step == last_step(series)
        return replace(
            outcome,
            seconds=trainer.at.seconds if end.seconds is None else end.seconds,
            theta_sha256=hashlib.sha256(trainer.network.theta.tobytes()).hexdigest(),
            weights="best" if end.restored else "last" if evaluated else "unevaluated",
            step=trainer.best.step if end.restored else trainer.at.step,
        )

    def _save(self, outcome: Outcome, series: Series) -> Outcome:
        """Write the network and the outcome; a run has failed whose network or outcome is not on disk."""
        if problem := self._attempt("no weights in", lambda: self._save_network(outcome, series)):
            outcome = _failed(outcome, f"the network could not be saved: {problem}")
        if problem := self._attempt("no result.json in", lambda: self.record.write(outcome)):
            outcome = _failed(outcome, f"result.json could not be saved: {problem}")
        self.record.close(outcome)
        return outcome

    def _save_network(self, outcome: Outcome, series: Series) -> None:
        """Write the network with the weights that the figures speak of, and the other ones beside them."""
        trainer = self.experiment.trainer
        described, other = kept_weights(trainer, outcome, series)
        spec = {**self.experiment.spec, "weights": described}
        save_network(self.info.directory, theta=trainer.network.theta, spec=spec, other=other)

    def _hand_over(self, outcome: Outcome) -> Outcome:
        """Give MLflow what there is, and the status; the outcome then says where that is."""
        if self._attempt("no whole record of", lambda: self.tracked.finish(outcome)):
            self.tracked.end(outcome.status)
        self.record.told = True
        return replace(outcome, run_id=self.tracked.run_id, experiment_id=self.tracked.experiment_id)

    def _decorate(self, outcome: Outcome, series: Series, signals: Signals) -> Outcome:
        """Draw the figures and log the model; a signal ends this, and is raised by whoever waits for the record."""
        experiment, info = self.experiment, self.info
        decorated, drawn = outcome, list[bool]()
        try:
            with signals.raised():
                self._attempt("no figures of", lambda: drawn.append(draw(experiment, info, series)))
                if outcome.ok and (address := self.tracked.log_model(outcome)):
                    decorated = replace(outcome, model=address)
                    self._attempt("no address of the model in", lambda: self.record.write(decorated))
                if any(drawn) or decorated is not outcome:
                    self.tracked.attach()
        except BaseException as error:
            if error is not signals.pending:
                raise
        return decorated

    def _attempt(self, what: str, action: Callable[[], object]) -> str | None:
        """Do one thing at the end of a run. Where it fails, warn and return the reason: the rest is yet to be recorded.

        A reason is told once: a full disk takes none of the files.
        """
        try:
            action()
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            told = "the disk is full" if disk_full(error) else reason
            if told not in self._warned:
                warn(f"{what} {self.info.directory} ({reason})")
            self._warned.add(told)
            return reason
        return None


def _failed(outcome: Outcome, reason: str) -> Outcome:
    return replace(outcome, status="failed", reason=reason) if outcome.ok else outcome


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
