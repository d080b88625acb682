"""Images that stay bytes: whoever reads a part sees the numbers of the scaled array, bit for bit."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import bpexp
from bpexp.data import Batches, DataSet, Raw, prepare
from bpexp.figures.data_view import extent, parts_of
from bpexp.gradients import gradient_methods
from bpexp.insight.samples import collect_samples
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.initializers import initializers
from bpexp.nn.network import Network
from bpexp.nn.optimizers import optimizers
from bpexp.nn.schedules import schedules
from bpexp.running.observers import fixed_batch
from bpexp.training.events import RunEnded
from bpexp.training.trainer import Trainer, train


def twins() -> tuple[DataSet, DataSet]:
    """The same data as bytes that are divided when they are read, and as numbers that were divided before."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (900, 12), dtype=np.uint8), np.arange(900) % 4
    bytes_ = Raw(X, y, "classification", "made up", "d", test=(X[:200], y[:200]))
    scaled = X / np.float32(255)
    numbers = Raw(scaled, y, "classification", "made up", "d", test=(scaled[:200], y[:200]))
    made = (
        prepare(bytes_, name="a", rng=np.random.default_rng(1)),
        prepare(numbers, name="a", rng=np.random.default_rng(1)),
    )
    assert [data.train.divisor for data in made] == [255.0, None]
    return made


def trained(data: DataSet, batch_size: int, lr: float = 0.1) -> tuple[Trainer, RunEnded]:
    """A training of two epochs."""
    head = build_head("softmax", "cross_entropy")
    network = Network([12, 6, 4], [activations.build("relu")], head.output, "float32")
    network.initialize(initializers.build("he_normal"), np.random.default_rng(2))
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    trainer = Trainer(
        network=network,
        head=head,
        method=gradient_methods.build("backprop"),
        optimizer=optimizers.build("sgd"),
        schedule=schedules.build("constant"),
        batches=Batches(data.train, batch_size, np.random.default_rng(3)),
        parts={name: part for name, part in parts.items() if part is not None},
        lr=lr,
        epochs=2,
    )
    return trainer, train(trainer, [])


@pytest.mark.parametrize("batch_size", [1, 32, 100, 810])
def test_training_evaluation_and_samples_are_the_same(batch_size: int) -> None:
    results = []
    for data in twins():
        trainer, _ = trained(data, batch_size)
        samples = collect_samples(trainer.network, trainer.head, data.test, name="test")
        arrays = samples.X, samples.outputs, samples.costs, samples.worst, *fixed_batch(data.train, 7), extent(data)
        inputs = [part.batch()[0] for part in parts_of(data).values()]
        results.append((trainer.evaluate(), [a.tobytes() for a in (trainer.network.theta, *arrays, *inputs)]))
    assert results[0] == results[1]


def test_a_training_that_diverges_says_the_same() -> None:
    ends = [trained(data, 32, lr=1e30)[1] for data in twins()]
    assert [end.status for end in ends] == ["diverged", "diverged"]
    assert ends[0].reason == ends[1].reason


def test_nobody_but_the_data_reads_the_inputs_of_a_part_without_scaling_them() -> None:
    package = Path(bpexp.__file__).parent
    direct = re.compile(r"\.X(\[|\.(take|T|astype|copy|reshape|view)\b)")
    for path in package.rglob("*.py"):
        if path.parent.name != "data" and "tables" not in path.parts:
            assert not direct.search(path.read_text(encoding="utf-8")), f"{path}: use Part.inputs or Part.batch"
