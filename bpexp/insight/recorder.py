"""The probing of a run: measures chosen steps and hands the numbers to whoever keeps them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bpexp.gradients import backprop
from bpexp.insight.probes import View, probes
from bpexp.training.events import Callback, RunStarted, Step

ANGLE = "gradient_angle"
"""Measured without being asked for wherever a method only stands in for the gradient."""

POINTS = 50
"""Steps that are probed in a run of `every: auto`."""


def stride(every: int | str, total: int, points: int) -> int:
    """Every how many steps something is measured: `every` itself, or for "auto" what gives about `points` of them."""
    return max(1, round(total / points)) if every == "auto" else int(every)


class Probing(Callback):
    """Runs the named probes every `every` steps and calls `keep(step, measures)`; other steps cost one comparison."""

    def __init__(self, names: Sequence[str], every: int | str, keep: Callable[[int, dict[str, float]], None]) -> None:
        self._probes = [probes[name] for name in names]
        self._every, self._keep = every, keep

    def on_start(self, event: RunStarted) -> None:
        self._network, self._head = event.network, event.head
        self._stride = stride(self._every, event.epochs * event.steps_per_epoch, POINTS)
        self._own = backprop()
        if self._probes and not event.method.exact:
            self._probes.append(probes[ANGLE])
        self._needs_truth = probes[ANGLE] in self._probes

    def on_step(self, event: Step) -> None:
        if event.number % self._stride or not self._probes:
            return
        trace, true = event.gradient.trace, None
        if trace is None or self._needs_truth:
            own = self._own(self._network, self._head, event.x, event.y)
            trace, true = trace or own.trace, own.vector
        assert trace is not None
        view = View(self._network, trace, event.gradient.vector, event.update, true)
        measures = {name: value for probe in self._probes for name, value in probe(view).items()}
        self._keep(event.number, measures)
