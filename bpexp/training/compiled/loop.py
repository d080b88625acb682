"""The loop of a training in compiled steps, with the steps, events and ends of `bpexp.training.trainer.train`.

Between the steps that somebody watches it walks as many at once as take a moment. Which steps are watched, and how many
are walked at once, changes no weight: a watched step is the same computation in two parts.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from itertools import repeat

import numpy as np

from bpexp.nn.arrays import Array
from bpexp.nn.schedules import one
from bpexp.training.compiled.steps import CompiledSteps
from bpexp.training.events import Callback, RunEnded, State, Step
from bpexp.training.trainer import end
from bpexp.training.watched import Watched

MOMENT = 0.05
"""Seconds in which steps are walked without a look at the clock, a signal or a callback."""

MOST = 8192
"""Steps that are walked at once at most."""


class Loop:
    """One training, from its beginning or from where it was left.

    Args:
        steps: the compiled steps of a trainer.
        callbacks: who watches; one that needs every step has every step told.
    """

    def __init__(self, steps: CompiledSteps, callbacks: Sequence[Callback]) -> None:
        self._steps, self._trainer = steps, steps.trainer
        self._watched = Watched(steps.trainer, callbacks)
        self._at_once = 1

    def train(self, resumed: State | None = None) -> RunEnded:
        """Train to the end; as `train` of the trainer."""
        trainer, watched, at = self._trainer, self._watched, self._trainer.at
        with np.errstate(over="ignore", invalid="ignore"):
            watched.begin(resumed)
            self._steps.begin()
            if resumed is None and watched.ended is None:
                watched.end_epoch(0, 0, trainer.evaluate())
            for epoch in range(at.epoch + at.over, trainer.epochs + 1):
                if watched.ended is None:
                    self._epoch(epoch)
        if watched.ended is None:  # a training that was resumed when all was done
            at.settled = True
            return end(trainer, watched.callbacks)
        if isinstance(watched.ended, Exception):
            raise watched.ended
        return watched.ended

    def _epoch(self, epoch: int) -> None:
        trainer, batches, at = self._trainer, self._trainer.batches, self._trainer.at
        at.epoch, at.over = epoch, False
        if at.step < epoch * len(batches):
            order, done = batches.order()
            self._steps.walk(order)
            whole, rest = divmod(len(batches.part), batches.size)  # batches of B samples, and the smaller last one
            while done < len(batches) and self._watched.ended is None:
                left, B = (whole - done, batches.size) if done < whole else (1, rest)
                done += self._some(done * batches.size, B, left)
        if self._watched.ended is None:
            metrics = trainer.evaluate() if trainer.is_evaluated(epoch) else {}
            self._watched.end_epoch(epoch, at.step, metrics)

    def _some(self, first: int, B: int, left: int) -> int:
        """At least one step of B samples from place `first` of the order on, at most `left`; how many were made."""
        at, watched = self._trainer.at, self._watched
        before = at.step
        if watched.next_step <= before:
            self._shown(first, B)
        else:
            due = time.monotonic() >= watched.next_time  # after the next step somebody wants to see the state
            number = 1 if due else int(min(left, self._at_once, watched.next_step - before))
            self._walk(first, B, number)
        if watched.ended is None and time.monotonic() >= watched.next_time:
            watched.after_step(at.epoch, at.step)
        return at.step - before

    def _walk(self, first: int, B: int, number: int) -> None:
        """Steps that nobody watches, and their losses."""
        at, start = self._trainer.at, time.monotonic()
        losses, rates = np.empty(number), self._rates(number)
        done = self._steps.run(first, B, rates, losses)
        at.step += done
        self._watched.on_losses(losses[:done], rates[:done])
        if done < number:
            self._watched.diverge(at.epoch, at.step, float(losses[done]))
        each = (time.monotonic() - start) / number  # of few steps an uncertain guess: at most 16 times as many are next
        self._at_once = max(1, min(16 * number, MOST, int(MOMENT / max(each, 1e-9))))

    def _shown(self, first: int, B: int) -> None:
        """A step that somebody watches: gradient and update are shown before the update is subtracted."""
        at, watched, rates = self._trainer.at, self._watched, self._rates(1)
        loss, x, y, gradient = self._steps.gradient(first, B)
        if not math.isfinite(loss):
            watched.diverge(at.epoch, at.step, loss)
            return
        lr = float(rates[0])
        update = self._steps.update(lr)
        watched.on_losses(np.array([loss]), rates)
        watched.on_step(Step(at.step, at.epoch, loss, lr, x, y, gradient, update))
        if watched.ended is None:
            self._trainer.network.theta -= update
            at.step += 1

    def _rates(self, number: int) -> Array:
        """The learning rates of the next steps."""
        trainer = self._trainer
        if trainer.schedule is one:  # a call for each step would take a tenth of the time of a small one
            return np.full(number, trainer.lr, np.float64)
        first, total = trainer.at.step, trainer.epochs * len(trainer.batches)
        factors = map(trainer.schedule, range(first, first + number), repeat(total))
        return trainer.lr * np.fromiter(factors, np.float64, number)
