"""Callbacks that a config can name: each observes a run and may stop it early."""

from __future__ import annotations

import math

from bpexp.errors import ConfigError
from bpexp.registry import Count, NonNegative, Registry
from bpexp.training.events import Callback, EpochEnded, RunStarted, State, StopTraining
from bpexp.training.metrics import better

callbacks: Registry[Callback] = Registry("callback")


@callbacks.register("early_stopping")
class EarlyStopping(Callback):
    """Stop when a metric has not improved for a number of epochs, and go back to the best epoch's weights.

    Going back is the default: whoever stops a run early has said that its later epochs are the worse ones. The best
    epoch is the one that every run names, by accuracy or r2 on the validation part, whatever `metric` is.

    Args:
        patience: epochs without improvement after which the run stops; null never stops.
        metric: name of the metric.
        min_delta: a change must exceed this to count as an improvement.
        restore_best: whether a run that is stopped ends with the weights of its best epoch; if not, with those of its
            last one.
    """

    def __init__(
        self,
        patience: Count | None = None,
        metric: str = "loss/validation",
        min_delta: NonNegative = 0.0,
        restore_best: bool = True,
    ) -> None:
        self.patience, self.metric, self.min_delta = patience, metric, min_delta
        self.restore_best = restore_best
        self._sign = 1.0 if better(metric) == "higher" else -1.0

    def on_start(self, event: RunStarted) -> None:
        self._best, self._best_epoch = float("-inf"), 0

    def on_epoch(self, event: EpochEnded) -> None:
        if self.patience is None:
            return
        if self.metric not in event.metrics:
            known = ", ".join(event.metrics)
            raise ConfigError(f"early_stopping: metric {self.metric!r} is not measured; choose from: {known}")
        value = self._sign * event.metrics[self.metric]
        if not math.isfinite(event.metrics["loss/train"]):
            return  # the trainer reports a run that has diverged
        if value > self._best + self.min_delta:
            self._best, self._best_epoch = value, event.epoch
        elif event.epoch - self._best_epoch >= self.patience:
            best = self._sign * self._best
            reason = f"has not improved on {best:.4g} of epoch {self._best_epoch} for {self.patience} epochs"
            raise StopTraining(f"{self.metric} {reason}", restore_best=self.restore_best)

    def state(self) -> State:
        return {"best": self._best, "best_epoch": self._best_epoch}

    def load_state(self, state: State) -> None:
        self._best, self._best_epoch = state["best"], state["best_epoch"]
