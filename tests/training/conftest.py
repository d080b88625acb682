"""Small trainings: made-up data, a small network, and everything else with a default that a test can replace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bpexp.data.batches import Batches
from bpexp.data.dataset import Part
from bpexp.gradients import gradient_methods
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.initializers import initializers
from bpexp.nn.network import Network
from bpexp.nn.optimizers import optimizers
from bpexp.nn.schedules import schedules
from bpexp.training.trainer import Trainer

MakeTrainer = Callable[..., Trainer]


def part(N: int, *, classes: int = 3, dtype: str = "float32", seed: int = 0) -> Part:
    """N samples of `classes` clouds of points in four dimensions, with one-hot targets."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, N)
    centres = np.random.default_rng(99).normal(0, 2, (classes, 4))
    X = (centres[labels] + rng.normal(size=(N, 4))).astype(dtype)
    return Part(X=X, Y=np.eye(classes, dtype=dtype)[labels], rows=rng.permutation(N), labels=labels)


@pytest.fixture
def make_trainer() -> MakeTrainer:
    """A function from the parts of a training that a test cares about to the whole of it."""

    def make(
        *,
        N: int = 20,
        batch_size: int = 6,
        loss: str = "cross_entropy",
        output: str = "softmax",
        batch: str = "mean",
        hidden: str = "tanh",
        optimizer: str = "sgd",
        schedule: str = "constant",
        method: str = "backprop",
        dtype: str = "float32",
        lr: float = 0.1,
        epochs: int = 3,
        seed: int = 0,
        **others: Any,
    ) -> Trainer:
        head = build_head({"name": output}, {"name": loss}, batch=batch)  # type: ignore[arg-type]
        network = Network([4, 5, 3], [activations.build(hidden)], head.output, dtype)
        network.initialize(initializers.build("xavier_uniform"), np.random.default_rng(seed))
        train = part(N, dtype=dtype)
        return Trainer(
            network=network,
            head=head,
            method=gradient_methods.build(method),
            optimizer=optimizers.build(optimizer),
            schedule=schedules.build(schedule),
            batches=Batches(train, batch_size, np.random.default_rng(seed + 1)),
            parts={"train": train, "validation": part(9, dtype=dtype, seed=1)},
            lr=lr,
            epochs=epochs,
            **others,
        )

    return make
