"""The weights of the best evaluated epoch, kept during training: one copy of theta at each epoch that improves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from bpexp.nn.arrays import Array
from bpexp.training.events import State
from bpexp.training.metrics import better, chooser


@dataclass(slots=True, eq=False)
class Best:
    """The best evaluated epoch so far, by the metric of `chooser`; of equal ones the first.

    Args:
        theta: its weights (P,), a copy; None before there is one, and where no metric can choose.
        epoch: its number; 0 is the untrained network.
        step: updates before it.
        metric: name of the metric that chose it, such as accuracy/validation.
        value: of that metric.
        replaced: the last weights (P,), a copy, where those of the best epoch were restored over them.
    """

    theta: Array | None = None
    epoch: int = 0
    step: int = 0
    metric: str = ""
    value: float = math.nan
    replaced: Array | None = None

    def clear(self) -> None:
        """Forget everything: a new training begins."""
        self.theta = self.replaced = None
        self.value = math.nan

    def consider(self, metrics: Mapping[str, float], theta: Array, *, epoch: int, step: int) -> None:
        """Keep a copy of theta (P,) if these metrics are finite and better than all before."""
        name = chooser(metrics)
        if name is None or not math.isfinite(metrics[name]):
            return
        value = metrics[name]
        if self.theta is not None and not (value > self.value if better(name) == "higher" else value < self.value):
            return
        if self.theta is None:
            self.theta = theta.copy()
        else:
            self.theta[...] = theta
        self.metric, self.value, self.epoch, self.step = name, value, epoch, step

    def state(self) -> State:
        """For a checkpoint."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def load_state(self, state: State) -> None:
        """Take back what `state` gave."""
        for field in fields(self):
            setattr(self, field.name, state[field.name])
