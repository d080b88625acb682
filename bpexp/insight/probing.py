"""The probing of a run: measures chosen steps and hands the numbers to whoever keeps them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bpexp.gradients.backprop import backprop
from bpexp.insight.histograms import Histograms
from bpexp.insight.probes import Probe, View, probes
from bpexp.nn.arrays import Array
from bpexp.training.events import Callback, EpochEnded, RunStarted, Step

ANGLE = "gradient_angle"
"""Measured without being asked for wherever a method only stands in for the gradient."""

WITHOUT_UPDATE = ("grad_norm", "delta_norm", "saturation", "dead", "activation", "ledger")
"""Probes that make sense on a batch that nothing is trained on."""

POINTS = 50
"""Steps that are probed in a run of `every: auto`."""


def stride(every: int | str, total: int, points: int) -> int:
    """Every how many steps something is measured: `every` itself, or for "auto" what gives about `points` of them."""
    return max(1, round(total / points)) if every == "auto" else int(every)


class Probing(Callback):
    """Runs the named probes every `every` steps and calls `keep(step, measures)`; other steps cost one comparison.

    With `fixed`, a batch x (n_0, B), y (n_L, B) that is the same for every run of the data set, what can be seen
    without an update is measured on it too, at every evaluated epoch, as fixed/...
    """

    def __init__(
        self,
        names: Sequence[str],
        every: int | str,
        keep: Callable[[int, dict[str, float]], None],
        *,
        histograms: Histograms | None = None,
        fixed: tuple[Array, Array] | None = None,
    ) -> None:
        self._names, self._every, self._keep = list(names), every, keep
        self._histograms, self._fixed = histograms, fixed

    def on_start(self, event: RunStarted) -> None:
        self._network, self._head = event.network, event.head
        self._stride = stride(self._every, event.epochs * event.steps_per_epoch, POINTS)
        self._own = backprop()
        names = [*self._names, *([ANGLE] if self._names and not event.method.exact else [])]
        self._probes = [probes[name] for name in names]
        self._needs_truth, self._needs_previous = ANGLE in names, "gradient_cosine" in names
        self._previous: Array | None = None

    def on_step(self, event: Step) -> None:
        if event.number % self._stride or not self._probes:
            if self._needs_previous and (event.number + 1) % self._stride == 0:
                self._previous = event.gradient.vector.copy()
            return
        work, true = event.gradient.workspace, None
        if work is None or self._needs_truth:
            own = self._own(self._network, self._head, event.x, event.y)
            work, true = work or own.workspace, own.vector
        assert work is not None
        y = event.y[:, -work.x.shape[1] :]  # of a batch walked in pieces the work is the last one
        view = View(self._network, work, event.gradient.vector, event.update, true, self._previous, self._head, y)
        self._keep(event.number, self._measure(view, self._probes))
        if self._histograms is not None:
            self._histograms.add(event.number, view)
        if self._needs_previous:
            self._previous = event.gradient.vector.copy()

    def on_epoch(self, event: EpochEnded) -> None:
        if self._fixed is None or not self._probes:
            return
        x, y = self._fixed
        _, vector, work = self._own(self._network, self._head, x, y)
        assert work is not None
        view = View(self._network, work, vector, vector, head=self._head, y=y)
        still = [probe for name, probe in zip(self._names, self._probes, strict=False) if name in WITHOUT_UPDATE]
        self._keep(event.step, {f"fixed/{name}": value for name, value in self._measure(view, still).items()})

    def _measure(self, view: View, chosen: Sequence[Probe]) -> dict[str, float]:
        return {name: value for probe in chosen for name, value in probe(view).items()}
