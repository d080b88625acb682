"""What is asked of a delivery: how far MLflow is to be brought."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Want:
    """How far a delivery goes.

    Args:
        begin: the run exists; one that has ended goes on.
        bare: nothing more than that yet, for a run that may end at once: its parameters are sent with its first rows.
        upto: bytes of the journal whose rows are sent; None for all of it.
        model: record the network.
        end: everything, and end the run.
        status: end the run with this status of MLflow, whatever is missing.
    """

    upto: int | None = 0
    begin: bool = False
    bare: bool = False
    model: bool = False
    end: bool = False
    status: str | None = None

    def __or__(self, other: Want) -> Want:
        """Both: the larger part of the journal, and whatever one of them wants."""
        upto = None if self.upto is None or other.upto is None else max(self.upto, other.upto)
        begin, model, end = self.begin or other.begin, self.model or other.model, self.end or other.end
        return Want(upto, begin, self.bare and other.bare, model, end, other.status or self.status)


EVERYTHING = Want(None, model=True, end=True)
