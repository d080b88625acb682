"""What the callbacks of a training remember between two steps, for checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

from bpexp.errors import CheckpointError
from bpexp.training.events import Callback, State


def state_of(callbacks: Sequence[Callback]) -> State:
    """What each callback that remembers something remembers, by name."""
    return {name: callback.state() for name, callback in _named(callbacks).items()}


def load_callbacks(callbacks: Sequence[Callback], state: State) -> None:
    """Give every callback what it remembered; raises CheckpointError where one of them is new or is missing."""
    named, saved = _named(callbacks), state
    if named.keys() != saved.keys():
        raise CheckpointError(
            f"the checkpoint holds the callbacks {', '.join(saved) or 'none'}, but the run has "
            f"{', '.join(named) or 'none'}; is a plug-in missing?"
        )
    for name, callback in named.items():
        callback.load_state(saved[name])


def _named(callbacks: Sequence[Callback]) -> dict[str, Callback]:
    """The callbacks that remember something, by the name of their class, numbered where there are several of one."""
    named: dict[str, Callback] = {}
    for callback in callbacks:
        if type(callback).state is Callback.state:
            continue
        name = type(callback).__qualname__
        named[name if name not in named else f"{name} {len(named)}"] = callback
    return named
