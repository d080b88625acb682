"""Probing: runs the probes at selected steps of a run, over the whole batch whatever its size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from bpexp.gradients.backprop import Backprop, backprop
from bpexp.insight.histograms import Histograms
from bpexp.insight.pieces import Piece, reduce
from bpexp.insight.probes import Measures, Probe, View, probes
from bpexp.nn.arrays import Array
from bpexp.nn.network import Workspace
from bpexp.training.events import Callback, EpochEnded, RunStarted, State, Step, stride

POINTS = 50
"""Approximate number of steps that are probed in a run with `every: auto`."""


class Probing(Callback):
    """Runs probes every `every` steps, on the whole batch of the step.

    The pass of the gradient method is measured where it keeps one of the whole batch. Otherwise the batch passes once
    more, by back-propagation and in pieces, at the probed steps only.

    Args:
        names: of the probes; those with `if_inexact` are added if the gradient method is not exact, those with
            `by_transpose` are left out if it does not propagate by W^T.
        every: steps between two measurements, or auto.
        keep: called with (step, measures).
        histograms: collects the counts of the probed steps; None for none.
        fixed: a batch x (n_0, B), y (n_L, B), the same for every run of the data set; the probes without needs are
            measured on it too, by back-propagation, at every evaluated epoch, with names that begin with fixed/.
        passes: back-propagation, whose pieces are those in which a batch passes once more.
    """

    def __init__(
        self,
        names: Sequence[str],
        every: int | str,
        keep: Callable[[int, Measures], None],
        *,
        histograms: Histograms | None = None,
        fixed: tuple[Array, Array] | None = None,
        passes: Backprop | None = None,
    ) -> None:
        self._names, self._every, self._keep = list(names), every, keep
        self._histograms, self._fixed = histograms, fixed
        self._own = passes or backprop()

    def on_start(self, event: RunStarted) -> None:
        self._network, self._head, method = event.network, event.head, event.method
        self._stride = stride(self._every, event.epochs * event.steps_per_epoch, POINTS)
        unasked = [p for p in probes.values() if p.if_inexact] if self._names and not method.exact else []
        chosen = dict.fromkeys([*(probes[name] for name in self._names), *unasked])
        self._probes = [p for p in chosen if method.by_transpose or not p.by_transpose]
        self._means = {p.name: Means() for p in self._probes if p.over_steps}
        needs = frozenset().union(*(p.needs for p in self._probes))
        self._needs_truth, self._needs_previous = "true_gradient" in needs, "previous_gradient" in needs
        self._previous: Array | None = None

    def on_step(self, event: Step) -> None:
        if event.number % self._stride or not self._probes:
            if self._needs_previous and (event.number + 1) % self._stride == 0:
                self._previous = event.gradient.vector.copy()
            return
        x, y, gradient = event.x, event.y, event.gradient
        true = self._own(self._network, self._head, x, y).vector.copy() if self._needs_truth else None
        weight = self._head.weight(x.shape[1])
        view = View(self._network, gradient.vector, event.update, true, self._previous, weight=weight)
        due = [p for p in self._probes if not event.number or "first_step" not in p.needs]
        measures = self._measure(view, self._pieces(x, y, gradient.workspace), due, event.number)
        self._keep(event.number, measures | self._over_steps(measures))
        if self._needs_previous:
            self._previous = gradient.vector.copy()

    def next_step(self, number: int) -> int:
        after = -number % self._stride
        return number + max(after - 1, 0) if self._needs_previous else number + after

    def on_epoch(self, event: EpochEnded) -> None:
        if self._fixed is None or not self._probes:
            return
        x, y = self._fixed
        vector = self._own(self._network, self._head, x, y).vector.copy()
        view = View(self._network, vector, vector, weight=self._head.weight(x.shape[1]))
        still = [p for p in self._probes if not p.needs]
        measures = self._measure(view, self._pieces(x, y), still)
        self._keep(event.step, {f"fixed/{name}": value for name, value in measures.items()})

    def state(self) -> State:
        return {
            "stride": self._stride,
            "previous": self._previous,
            "means": {name: means.state() for name, means in self._means.items()},
            "histograms": None if self._histograms is None else self._histograms.state(),
        }

    def load_state(self, state: State) -> None:
        self._stride, self._previous = state["stride"], state["previous"]
        for name, means in self._means.items():
            means.load_state(state["means"][name])
        if self._histograms is not None:
            self._histograms.load_state(state["histograms"])

    def _pieces(self, x: Array, y: Array, work: Workspace | None = None) -> Iterator[Piece]:
        """The batch x (n_0, B), y (n_L, B): `work` if it is a pass over it, else back-propagation in pieces.

        Raises ValueError for a pass over a part of the batch.
        """
        if work is None:
            for _, part, targets in self._own.passes(self._network, self._head, x, y):
                yield Piece(self._network, part, self._head, targets)
            return
        if work.z[0].shape[1] != x.shape[1]:
            raise ValueError(
                f"the gradient method returns a workspace of {work.z[0].shape[1]} samples for a batch of {x.shape[1]}; "
                "it must be of the whole batch, or None"
            )
        yield Piece(self._network, work, self._head, y)

    def _measure(
        self, view: View, pieces: Iterator[Piece], chosen: Sequence[Probe], step: int | None = None
    ) -> Measures:
        """The numbers of the chosen probes; the counts of a step of training are added to the histograms."""
        histograms = None if step is None else self._histograms
        reductions = [p.samples for p in chosen if p.samples] + ([histograms.samples] if histograms is not None else [])
        sums = reduce(list(dict.fromkeys(reductions)), pieces)
        if histograms is not None and step is not None:
            histograms.add(step, replace(view, samples=sums[histograms.samples]))
        views = [(p, replace(view, samples=sums[p.samples]) if p.samples else view) for p in chosen]
        return {name: value for p, seen in views for name, value in p(seen).items()}

    def _over_steps(self, measures: Measures) -> Measures:
        """What probes compute from the means of their numbers over the probed steps so far."""
        more: Measures = {}
        for p in self._probes:
            own = {k: v for k, v in measures.items() if k.startswith(f"{p.name}/")} if p.over_steps else {}
            if own:
                means = self._means[p.name].add(own)
                more |= {f"{p.name}/{name}": ratio(means) for name, ratio in p.over_steps.items()}
        return more


class Means:
    """Means of numbers by name over the steps at which they are added."""

    def __init__(self) -> None:
        self._sums: Measures = {}
        self._count = 0

    def add(self, measures: Measures) -> Measures:
        """Add the numbers of one step; returns the means so far. Raises ValueError for other names than before."""
        if self._count and measures.keys() != self._sums.keys():
            raise ValueError(f"a probe with over_steps returned {list(measures)} after {list(self._sums)}")
        self._count += 1
        self._sums = {name: self._sums.get(name, 0.0) + value for name, value in measures.items()}
        return {name: total / self._count for name, total in self._sums.items()}

    def state(self) -> State:
        """For a checkpoint."""
        return {"sums": self._sums, "count": self._count}

    def load_state(self, state: State) -> None:
        """Take back what `state` gave."""
        self._sums, self._count = state["sums"], state["count"]
