"""Snapshots: the weights of a network at some moments of its training, and what is measured of each layer there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bpexp.gradients.backprop import backprop
from bpexp.insight.pieces import Piece, reduce
from bpexp.insight.probes import View, norm, probes
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network
from bpexp.training.events import Callback, Position, RunEnded, RunStarted

MEASURED = ("delta_norm", "saturation", "dead")
"""The probes that are measured of each layer at a snapshot."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The weights theta (P,) after `step` updates, in an epoch; `label` says in words which they are."""

    label: str
    step: int
    epoch: int
    theta: Array


class Snapshots(Callback):
    """Keeps the weights at about `count` moments of a training: its start, its end, and most of them early.

    The last snapshot holds the weights with which the training ends, also where it was stopped or diverged.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self.kept: list[Snapshot] = []

    def on_start(self, event: RunStarted) -> None:
        self._network = event.network
        self._due = set(moments(event.epochs * event.steps_per_epoch, self._count))
        self.kept = [self._now("the start", event.step, event.epoch)]

    def after_step(self, at: Position) -> None:
        if at.step in self._due:
            self.kept.append(self._now("", at.step, at.epoch))

    def on_end(self, event: RunEnded) -> None:
        label = "the end" if event.restored is None else f"the end, with the weights of epoch {event.restored} put back"
        if len(self.kept) > 1 and self.kept[-1].step == event.step:
            self.kept.pop()
        self.kept.append(self._now(label, event.step, event.epoch))

    def _now(self, label: str, step: int, epoch: int) -> Snapshot:
        return Snapshot(label, step, epoch, self._network.theta.copy())


def moments(total: int, count: int) -> list[int]:
    """At most `count` of the numbers 0 to `total`, both among them, with distances that grow in proportion."""
    shares = np.linspace(0.0, 1.0, count) ** 2
    return [int(step) for step in np.unique(np.rint(shares * total))]


def spread(snapshots: Sequence[Snapshot], count: int) -> list[Snapshot]:
    """At most `count` of the snapshots, evenly spaced in their order, the first and the last among them."""
    places = np.unique(np.rint(np.linspace(0, len(snapshots) - 1, min(count, len(snapshots)))).astype(int))
    return [snapshots[place] for place in places]


@dataclass(frozen=True, slots=True, eq=False)
class LayerState:
    """What the probes of `MEASURED` say of one layer, by name; no saturation and no dead units where f is no function
    of one unit alone, as softmax.

    Args:
        measures: delta_norm, saturation and dead, for the whole layer.
        saturated: (n_l,) the share of the samples for which |f'(z)| of a unit is below 1 % of its maximum.
        dead: (n_l,) whether f'(z) of a unit is 0 for all samples.
    """

    measures: dict[str, float]
    saturated: Array
    dead: Array


def layer_states(network: Network, head: Head, x: Array, y: Array) -> list[LayerState]:
    """The state of each layer on x (n_0, B) and y (n_L, B), by back-propagation."""
    method = backprop()
    vector = method(network, head, x, y).vector.copy()
    view = View(network, vector, vector, weight=head.weight(x.shape[1]))
    pieces = (Piece(network, work, head, targets) for _, work, targets in method.passes(network, head, x, y))
    sums = reduce([found for name in MEASURED if (found := probes[name].samples)], pieces)
    views = {name: replace(view, samples=sums[found]) for name in MEASURED if (found := probes[name].samples)}
    measured = {key: value for name, seen in views.items() for key, value in probes[name](seen).items()}
    states = []
    for l, n in enumerate(network.sizes[1:], start=1):
        layer = f"layer_{l}"
        shares, alive = (views[name].samples.get(layer) for name in ("saturation", "dead"))
        states.append(
            LayerState(
                {name: measured[f"{name}/{layer}"] for name in MEASURED if f"{name}/{layer}" in measured},
                np.zeros(n) if shares is None else shares.mean,
                np.zeros(n, bool) if alive is None else alive.value == 0,
            )
        )
    return states


def changes(network: Network, theta: Array, start: Array) -> list[float | None]:
    """||W^l - W^l at the start|| / ||W^l at the start|| of each layer; None where W^l started as 0."""
    found: list[float | None] = []
    for (W, _), (W_0, _) in zip(network.parameters(theta), network.parameters(start), strict=True):
        size = norm(W_0)
        found.append(norm(W - W_0) / size if size else None)
    return found
