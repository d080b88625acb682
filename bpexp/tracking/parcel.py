"""What the courier takes: the folder of a run or a sweep, its store, and what is still to be done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bpexp.tracking.delivery import Delivery
from bpexp.tracking.open_runs import OpenRun
from bpexp.tracking.store import Store
from bpexp.tracking.wants import Want


@dataclass(eq=False)
class Parcel:
    """One folder to deliver.

    Args:
        delivery: its state.
        uri: the address of its store, without credentials.
        warn: called with the reason when the store fails.
        entry: its file among those that are not delivered yet.
        found: whether an earlier process left it behind; if another one delivers it, it is left to that one.
        want: what is still to be done; None when nothing is.
        error: why the last attempt failed; empty after one that did not.
        refused: called with what the store refuses for good, where that is new.
        questions: called with the store after the delivery, each once.
    """

    delivery: Delivery
    uri: str
    warn: Callable[[str], None]
    entry: OpenRun | None = None
    found: bool = False
    want: Want | None = None
    error: str = ""
    refused: Callable[[Sequence[str]], None] = lambda told: None
    questions: list[Callable[[Store], object]] = field(default_factory=list)


@dataclass(eq=False)
class Trouble:
    """A store that fails: since how many attempts, and when it is tried again; `plain` if nothing more is expected."""

    attempts: int = 0
    again: float = 0.0
    plain: bool = False
