"""The lines of progress state a speed that the run had."""

from __future__ import annotations

import io

import pytest

from bpexp.gradients.backprop import backprop
from bpexp.nn.heads import build_head
from bpexp.nn.network import Network
from bpexp.running.progress import PlainProgress
from bpexp.training.events import EpochEnded, RunStarted


@pytest.mark.parametrize(
    ("steps", "seconds", "told"),
    [(1, 3.0, "0.33 steps/s"), (3, 2.0, "1.5 steps/s"), (1, 4e3, "0.00025 steps/s"), (2345, 1.0, "2,345 steps/s")],
)
def test_slow_steps_are_not_rounded_to_none(steps, seconds, told):
    head = build_head({"name": "softmax"}, {"name": "cross_entropy"})
    stream = io.StringIO()
    line = PlainProgress(stream)
    line.on_start(RunStarted(Network([2, 2], [], head.output, "float64"), head, backprop(), 1, steps))
    line.on_epoch(EpochEnded(epoch=1, step=steps, metrics={"loss/train": 1.0}, seconds=seconds))
    assert stream.getvalue().endswith(f"  {told}\n")
