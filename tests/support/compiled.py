"""Trainings in NumPy and in compiled steps, to be held to each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bpexp.data.batches import Batches
from bpexp.data.dataset import Part
from bpexp.gradients.backprop import backprop
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.initializers import initializers
from bpexp.nn.network import Network
from bpexp.nn.optimizers import optimizers
from bpexp.nn.penalties import Clip, Penalty
from bpexp.nn.schedules import schedules
from bpexp.training.compiled.forms import Declared, lacking
from bpexp.training.compiled.loop import Loop
from bpexp.training.compiled.steps import CompiledSteps
from bpexp.training.events import Callback, Losses, RunEnded, State, Step
from bpexp.training.trainer import Trainer, train

SIZES = (6, 5, 4, 3)
"""Units of the layers: no two widths are equal, so that a matrix that lies transposed is seen."""


class Kept(Losses):
    """The losses and learning rates of all steps."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.rates: list[float] = []

    def on_step(self, event: Step) -> None:
        self.on_losses([event.loss], [event.lr])

    def on_losses(self, losses: Sequence[float], rates: Sequence[float]) -> None:
        self.losses += losses
        self.rates += rates


class Each(Callback):
    """Looks at every step, and at every `after_step`."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def on_step(self, event: Step) -> None:
        self.numbers.append(event.number)


def trainer_of(
    hidden: str | dict[str, Any] = "tanh",
    head: tuple[str, str | dict[str, Any]] = ("softmax", "cross_entropy"),
    optimizer: str | dict[str, Any] = "sgd",
    *,
    sizes: Sequence[int] = SIZES,
    dtype: str = "float64",
    N: int = 30,
    B: int = 8,
    piece: int = 512,
    lr: float = 0.05,
    epochs: int = 7,
    spread: float = 1.0,
    shortcut: bool = True,
    batch: Any = "mean",
    penalty: Penalty | None = None,
    clip: Clip | None = None,
    schedule: str = "cosine",
) -> tuple[Trainer, Declared]:
    """A trainer, always the same, and what it is made of; `spread` is a factor of the initial weights."""
    made = build_head(*head, batch=batch, shortcut=shortcut)
    net = Network(sizes, [activations.from_config(hidden) for _ in sizes[2:]], made.output, dtype)
    net.initialize(initializers.build("xavier_normal"), np.random.default_rng(1), bias_std=0.1)
    net.theta *= spread
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(N, sizes[0])).astype(dtype), rng.integers(sizes[-1], size=N)
    part = Part(X, np.eye(sizes[-1], dtype=dtype)[labels], np.arange(N), labels)
    trainer = Trainer(
        network=net,
        head=made,
        method=backprop(piece=piece),
        optimizer=optimizers.from_config(optimizer),
        schedule=schedules.build(schedule),
        batches=Batches(part, B, np.random.default_rng(3)),
        parts={"train": part},
        lr=lr,
        epochs=epochs,
        penalty=penalty or Penalty(),
        clip=clip or Clip(),
    )
    nodes = [_node(activations, hidden)] * len(net.hidden)
    return trainer, Declared(nodes, {"name": head[0]}, head[1] if isinstance(head[1], dict) else {"name": head[1]})


def _node(registry: Any, declared: str | dict[str, Any]) -> dict[str, Any]:
    name, parameters = registry.parse(declared)
    return {"name": name, **parameters}


def compiled(
    made: tuple[Trainer, Declared], callbacks: Sequence[Callback] = (), resumed: State | None = None
) -> RunEnded:
    """Train in compiled steps."""
    trainer, declared = made
    assert lacking(declared, trainer.network, trainer.head, trainer.method, trainer.optimizer) == []
    return Loop(CompiledSteps(trainer, declared), callbacks).train(resumed)


def by_both(make: Callable[[], tuple[Trainer, Declared]]) -> tuple[Trainer, Kept, Trainer, Kept]:
    """The same training by NumPy and compiled, with their losses; both end alike."""
    one, other, seen, told = make(), make(), Kept(), Kept()
    ends = train(one[0], [seen]), compiled(other, [told])
    assert [(e.status, e.reason, e.epoch, e.step) for e in ends[:1]] == [
        (e.status, e.reason, e.epoch, e.step) for e in ends[1:]
    ]
    return one[0], seen, other[0], told


def assert_equal(make: Callable[[], tuple[Trainer, Declared]], atol: float) -> None:
    """Theta, losses, learning rates and the vectors of the optimizer are equal to rounding after all steps."""
    one, seen, other, told = by_both(make)
    assert len(seen.losses) >= 20 or len(one.batches) * one.epochs < 20
    np.testing.assert_allclose(other.network.theta, one.network.theta, rtol=0, atol=atol)
    np.testing.assert_allclose(told.losses, seen.losses, rtol=atol, atol=atol)
    assert told.rates == seen.rates
    mine, theirs = other.optimizer.saved_state(), one.optimizer.saved_state()
    assert (mine["t"], list(mine["vectors"])) == (theirs["t"], list(theirs["vectors"]))
    for name, vector in theirs["vectors"].items():
        np.testing.assert_allclose(mine["vectors"][name], vector, rtol=0, atol=10 * atol)
