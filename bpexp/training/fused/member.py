"""One of the trainings that are done together."""

from __future__ import annotations

from dataclasses import dataclass, field

from bpexp.training.watched import Watched


@dataclass(frozen=True, slots=True, order=True)
class Kinds:
    """Names of what members may have in common: what has one name is equal, and is computed in one go."""

    hidden: tuple[str, ...]
    head: str
    optimizer: str
    schedule: str


@dataclass(slots=True, eq=False)
class Member(Watched):
    """A training whose network lives in a row of a stack.

    `epoch` and `step` are kept by whoever trains; `settle` hands them to the trainer.
    """

    kinds: Kinds = field(kw_only=True)

    def move_out(self) -> None:
        """The row of the stack is written to until the stack is made again, without this network."""
        network = self.trainer.network
        if network.theta.base is not None:
            network.live_in(network.theta.copy())
