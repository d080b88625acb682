"""Callbacks that a config can name: each watches a run and may end it early."""

from __future__ import annotations

import math
from typing import Literal

from bpexp.errors import ConfigError
from bpexp.registry import Registry
from bpexp.training.events import Callback, EpochEnded, RunStarted, StopTraining

callbacks: Registry[Callback] = Registry("callback")


def better(metric: str) -> Literal["min", "max"]:
    """Whether less or more of a metric is better: losses, errors and penalties fall, the others rise."""
    return "min" if metric.split("/")[0] in {"loss", "rmse", "penalty"} else "max"


@callbacks.register("early_stopping")
class EarlyStopping(Callback):
    """Stop when `metric` has not become better by more than `min_delta` for `patience` epochs; null never stops."""

    def __init__(self, patience: int | None = None, metric: str = "loss/validation", min_delta: float = 0.0) -> None:
        if patience is not None and patience < 1:
            raise ConfigError(f"patience must be at least 1 epoch or null, not {patience!r}")
        if not min_delta >= 0:
            raise ConfigError(f"min_delta must be at least 0, not {min_delta!r}")
        self.patience, self.metric, self.min_delta = patience, metric, min_delta
        self._sign = 1.0 if better(metric) == "max" else -1.0

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
            return  # the run has diverged, which is not the same as to stop improving
        if value > self._best + self.min_delta:
            self._best, self._best_epoch = value, event.epoch
        elif event.epoch - self._best_epoch >= self.patience:
            best = self._sign * self._best
            raise StopTraining(
                f"{self.metric} has not improved on {best:.4g} of epoch {self._best_epoch} for {self.patience} epochs"
            )
