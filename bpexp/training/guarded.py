"""Callbacks of others: they see a training and cannot change it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from bpexp.errors import ConfigError
from bpexp.gradients.method import Gradient
from bpexp.nn.arrays import Array
from bpexp.training.events import Callback, EpochEnded, Position, RunEnded, RunStarted, State, Step

OURS = "bpexp."

OF_STEPS = ("on_step", "after_step")
"""Hooks of every step: a callback that does without them lets steps be made several at a time."""


def guarded(name: str, callback: Any) -> Callback:
    """The callback, if it is one of bpexp's own; else one that hands it read-only events, of the same class name.

    A callback that assigns to theta, to a gradient or to an update is then told "assignment destination is read-only"
    where it stands. Raises ConfigError for what is no callback.
    """
    if not isinstance(callback, Callback):
        raise ConfigError(f"callback {name!r} makes {callback!r}, which is no bpexp.training.events.Callback")
    kind = type(callback)
    if kind.__module__.startswith(OURS):
        return callback
    remembers = {} if kind.state is Callback.state else {"state": _state, "load_state": _load_state}
    idle = {hook: getattr(Callback, hook) for hook in OF_STEPS if getattr(kind, hook) is getattr(Callback, hook)}
    own: type[_Guarded] = type(kind.__name__, (_Guarded,), {**remembers, **idle, "__qualname__": kind.__qualname__})
    return own(callback)


class _Guarded(Callback):
    """Calls the hooks of another callback while the network is read-only."""

    def __init__(self, callback: Callback) -> None:
        self.callback = callback
        self._arrays: list[Array] = []

    def on_start(self, event: RunStarted) -> None:
        layers = event.network.layers
        self._arrays = [event.network.theta, *(array for layer in layers for array in (layer.W, layer.b))]
        with read_only(self._arrays):
            self.callback.on_start(event)

    def on_step(self, event: Step) -> None:
        gradient = Gradient(event.gradient.cost, _seen(event.gradient.vector), event.gradient.workspace)
        told = (event.number, event.epoch, event.loss, event.lr)
        shown = Step(*told, _seen(event.x), _seen(event.y), gradient, _seen(event.update))
        with read_only(self._arrays):
            self.callback.on_step(shown)

    def after_step(self, at: Position) -> None:
        with read_only(self._arrays):
            self.callback.after_step(copy.copy(at))

    def next_step(self, number: int) -> int:
        return self.callback.next_step(number)

    def next_time(self) -> float:
        return self.callback.next_time()

    def after_epoch(self, at: Position) -> None:
        with read_only(self._arrays):
            self.callback.after_epoch(copy.copy(at))

    def on_epoch(self, event: EpochEnded) -> None:
        with read_only(self._arrays):
            self.callback.on_epoch(replace(event, metrics=dict(event.metrics)))

    def on_end(self, event: RunEnded) -> None:
        with read_only(self._arrays):
            self.callback.on_end(event)


def _state(self: _Guarded) -> State:
    return self.callback.state()


def _load_state(self: _Guarded, state: State) -> None:
    self.callback.load_state(state)


@contextmanager
def read_only(arrays: Sequence[Array]) -> Iterator[None]:
    """Make arrays read-only within the block; views come after what they are views of."""
    for array in arrays:
        array.flags.writeable = False
    try:
        yield
    finally:
        for array in arrays:
            array.flags.writeable = True


def _seen(array: Array) -> Array:
    """A view that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view
