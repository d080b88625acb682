"""The state of a training between two steps: what a checkpoint holds, and how a training in another process takes it.

Together with the config and the data it determines every later step, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bpexp.errors import CheckpointError
from bpexp.training.events import Callback, State

if TYPE_CHECKING:
    from bpexp.training.trainer import Trainer


def snapshot(trainer: Trainer, callbacks: Sequence[Callback]) -> State:
    """The state of a training; its arrays are those of the training itself, not copies.

    `steps` is the number of all steps, from which a schedule computes its factor.
    """
    at, batches, rng = trainer.at, trainer.batches, trainer.method_rng
    return {
        "at": at.state(),
        "theta": trainer.network.theta,
        "optimizer": trainer.optimizer.saved_state(),
        "batches": batches.state(at.step - max(at.epoch - 1, 0) * len(batches)),
        "method": trainer.method.state(),
        "method_rng": None if rng is None else rng.bit_generator.state,
        "best": trainer.best.state(),
        "steps": trainer.epochs * len(batches),
        "callbacks": {name: callback.state() for name, callback in _named(callbacks).items()},
    }


def load_trainer(trainer: Trainer, state: State) -> None:
    """Put network, optimizer, batches, gradient method and position into a state.

    Raises CheckpointError for weights of another shape or type.
    """
    theta, found = trainer.network.theta, state["theta"]
    if (found.shape, found.dtype) != (theta.shape, theta.dtype):
        raise CheckpointError(
            f"the checkpoint holds {found.size} parameters of {found.dtype}, but the network has {theta.size} of "
            f"{theta.dtype}; it is of another network"
        )
    theta[...] = found
    trainer.optimizer.load_state(state["optimizer"])
    trainer.batches.load_state(state["batches"])
    trainer.method.load_state(state["method"])
    if trainer.method_rng is not None:
        trainer.method_rng.bit_generator.state = state["method_rng"]
    trainer.best.load_state(state["best"])
    trainer.at.load_state(state["at"])


def load_callbacks(callbacks: Sequence[Callback], state: State) -> None:
    """Give every callback what it remembered; raises CheckpointError where one of them is new or is missing."""
    named, saved = _named(callbacks), state["callbacks"]
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
