"""What the probes see of one step, kept in the open so that tests can compute the same directly."""

from __future__ import annotations

from dataclasses import dataclass

from bpexp.gradients.backprop import Backprop
from bpexp.insight.pieces import Piece, reduce
from bpexp.insight.probes import View, probes
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network, Workspace


@dataclass(eq=False)
class Look:
    """One step: a pass over its whole batch, gradient and update, and what a probe may need besides."""

    network: Network
    workspace: Workspace
    gradient: Array
    update: Array
    true: Array | None = None
    previous: Array | None = None
    head: Head | None = None
    y: Array | None = None

    def view(self, samples=None, pieces=None) -> View:
        """The view of a probe that takes `samples` of the pieces; the batch is one piece unless told otherwise."""
        whole = pieces or [Piece(self.network, self.workspace, self.head, self.y)]
        sums = reduce([samples], whole)[samples] if samples else {}
        weight = self.workspace.weight
        return View(self.network, self.gradient, self.update, self.true, self.previous, sums, weight)


def measured(name: str, look: Look, pieces=None) -> dict[str, float]:
    """The numbers of one step by the probe of this name."""
    return probes[name](look.view(probes[name].samples, pieces))


def in_pieces(look: Look, piece: int):
    """The batch of a look in pieces of so many samples; each overwrites the last one, as in a run."""
    passes = Backprop(piece).passes(look.network, look.head, look.workspace.x, look.y)
    return (Piece(look.network, work, look.head, y) for _, work, y in passes)
