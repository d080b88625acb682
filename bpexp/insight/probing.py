"""Probing: runs the probes at selected steps of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from bpexp.gradients.backprop import backprop
from bpexp.insight import full_probes, ledger  # noqa: F401  they register probes, which the full set holds
from bpexp.insight.histograms import Histograms
from bpexp.insight.probes import Probe, View, probes
from bpexp.nn.arrays import Array
from bpexp.registry import Count, Range, Registry
from bpexp.training.events import Callback, EpochEnded, RunStarted, Step, stride

POINTS = 50
"""Approximate number of steps that are probed in a run with `every: auto`."""

Every = Count | Literal["auto"]
Samples = Annotated[int, Range(least=0)]


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """Which probes run at which steps, whether histograms are kept, and how many fixed samples are measured."""

    every: int | str = "auto"
    measures: tuple[str, ...] = ()
    histograms: bool = False
    fixed: int = 0


probe_sets: Registry[ProbeSettings] = Registry("probe")


@probe_sets.register("off")
def off(
    every: Every = "auto", measures: list[str] | None = None, histograms: bool = False, fixed: Samples = 0
) -> ProbeSettings:
    """No probes. The parameters of the other options are accepted, so that a study can be run without its probes.

    Args:
        every: has no effect here.
        measures: has no effect here.
        histograms: has no effect here.
        fixed: has no effect here.
    """
    return ProbeSettings()


STANDARD = ["grad_norm", "delta_norm", "saturation", "dead", "update_ratio"]
FULL = [name for name, probe in probes.items() if not probe.if_inexact]


def _settings(every: int | str, measures: list[str] | tuple[str, ...], histograms: bool, fixed: int) -> ProbeSettings:
    for measure in measures:
        probes.require(measure)
    return ProbeSettings(every, tuple(measures), histograms, fixed)


@probe_sets.register("standard")
def standard(
    every: Every = "auto",
    measures: list[str] = STANDARD,
    histograms: bool = False,
    fixed: Samples = 0,
) -> ProbeSettings:
    """Norms of gradient and delta by layer, saturation, dead units and update ratios.

    Args:
        every: steps between two measurements; auto measures about 50 steps of a run.
        measures: names of the probes.
        histograms: keep histograms of gradients and activations over the steps.
        fixed: number of samples, the same for every run of a data set, also measured at every epoch; 0 for none.
    """
    return _settings(every, measures, histograms, fixed)


@probe_sets.register("full")
def full(
    every: Every = "auto",
    measures: list[str] = FULL,
    histograms: bool = True,
    fixed: Samples = 256,
) -> ProbeSettings:
    """All probes (gradient_angle where the method is not exact), histograms, and measurements on fixed samples.

    Args:
        every: steps between two measurements; auto measures about 50 steps of a run.
        measures: names of the probes.
        histograms: keep histograms of gradients and activations over the steps.
        fixed: number of samples, the same for every run of a data set, also measured at every epoch; 0 for none.
    """
    return _settings(every, measures, histograms, fixed)


class Probing(Callback):
    """Runs probes every `every` steps.

    Args:
        names: of the probes; those with `if_inexact` are added if the gradient method is not exact.
        every: steps between two measurements, or auto.
        keep: called with (step, measures).
        histograms: collects the counts of the probed steps; None for none.
        fixed: a batch x (n_0, B), y (n_L, B), the same for every run of the data set; the probes without needs are
            measured on it too, at every evaluated epoch, with names that begin with fixed/.
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
        unasked = [p for p in probes.values() if p.if_inexact] if self._names and not event.method.exact else []
        self._probes = list(dict.fromkeys([*(probes[name] for name in self._names), *unasked]))
        needs = frozenset().union(*(p.needs for p in self._probes))
        self._needs_truth, self._needs_previous = "true_gradient" in needs, "previous_gradient" in needs
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
        y = event.y[:, -work.x.shape[1] :]  # if the batch is processed in pieces, the workspace is that of the last
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
        still = [p for p in self._probes if not p.needs]
        self._keep(event.step, {f"fixed/{name}": value for name, value in self._measure(view, still).items()})

    def _measure(self, view: View, chosen: Sequence[Probe]) -> dict[str, float]:
        return {name: value for probe in chosen for name, value in probe(view).items()}
