"""A training whose steps are made elsewhere, several at a time, with what the training loop does between two steps.

`bpexp.training.trainer.train` makes one step after the other and tells everybody of each. Compiled steps and runs that
are trained together make many before anybody looks: they make them, and tell `Watched` what has happened.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bpexp.nn.arrays import Array
from bpexp.training.events import Callback, Losses, RunEnded, State, Step, StopTraining
from bpexp.training.trainer import Diverged, Trainer, begin, end, end_epoch

NEVER = math.inf


@dataclass(slots=True, eq=False)
class Watched:
    """A training, who watches it, and how it ended: `ended` is its last event, or the error that ended it.

    Until `next_step` nobody needs a step, and until the time `next_time` nobody needs `after_step`.
    """

    trainer: Trainer
    callbacks: Sequence[Callback]
    ended: RunEnded | Exception | None = None
    next_step: float = 0
    next_time: float = 0.0
    _losses: list[Losses] = field(default_factory=list)
    _steps: list[Callback] = field(default_factory=list)
    _after: list[Callback] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._losses = [c for c in self.callbacks if isinstance(c, Losses)]
        steps = [c for c in self.callbacks if type(c).on_step is not Callback.on_step]
        self._steps = [c for c in steps if not isinstance(c, Losses)]
        self._after = [c for c in self.callbacks if type(c).after_step is not Callback.after_step]

    def begin(self, resumed: State | None = None) -> None:
        """Tell everybody that it begins, or goes on."""
        self._guarded(begin, self.trainer, self.callbacks, resumed)
        self._look_ahead(self.trainer.at.step)

    def on_losses(self, losses: Array, rates: Array) -> None:
        """Pass on loss and learning rate of some steps."""
        for callback in self._losses:
            self._guarded(callback.on_losses, losses.tolist(), rates.tolist())

    def on_step(self, event: Step) -> None:
        """Pass on a step to those who need it."""
        self.trainer.at.epoch, self.trainer.at.step = event.epoch, event.number
        for callback in self._steps:
            if callback.next_step(event.number) == event.number:
                self._guarded(callback.on_step, event)
        self._look_ahead(event.number + 1)

    def after_step(self, epoch: int, step: int) -> None:
        """After an update, where the trainer has the state of it."""
        at = self.trainer.at
        at.epoch, at.step, at.over, at.settled = epoch, step, False, True
        for callback in self._after:
            self._guarded(callback.after_step, at)
        at.settled = False
        self.next_time = min((c.next_time() for c in self._after), default=NEVER)

    def end_epoch(self, epoch: int, step: int, metrics: dict[str, float]) -> None:
        """After the last update of an epoch, the last epoch too; the metrics are used where they are due."""
        trainer, at = self.trainer, self.trainer.at
        at.epoch, at.step, at.over = epoch, step, False
        self._guarded(end_epoch, trainer, self.callbacks, metrics if trainer.is_evaluated(epoch) else None)
        if epoch == trainer.epochs:
            at.settled = True
            self._guarded(self._end, None)
        self.next_time = min((c.next_time() for c in self._after), default=NEVER)

    def diverge(self, epoch: int, step: int, loss: float) -> None:
        """The loss of a batch is not finite."""
        self.trainer.at.epoch, self.trainer.at.step = epoch, step
        self._guarded(self.trainer.require_finite, loss, "of the batch")

    def _look_ahead(self, number: int) -> None:
        self.next_step = min((c.next_step(number) for c in self._steps), default=NEVER)

    def _guarded(self, hook: Callable[..., Any], *arguments: Any) -> None:
        """What one hook raises ends this training and no other one."""
        if self.ended is not None:
            return
        try:
            hook(*arguments)
        except (Diverged, StopTraining) as why:
            self._end(why)
        except Exception as error:
            self._leave(error)

    def _end(self, why: Diverged | StopTraining | None) -> None:
        self.move_out()
        try:
            self._leave(end(self.trainer, self.callbacks, why))
        except Exception as error:
            self._leave(error)

    def _leave(self, ended: RunEnded | Exception) -> None:
        self.move_out()
        self.ended = ended

    def move_out(self) -> None:
        """Before it ends, take its arrays out of what it shares with others."""
