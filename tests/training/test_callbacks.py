"""Early stopping: patience counted in epochs, what is better, and that a diverging run is not called stopped."""

from __future__ import annotations

import math

import pytest

from bpexp.errors import ConfigError
from bpexp.training.callbacks import callbacks
from bpexp.training.events import EpochEnded, StopTraining
from bpexp.training.metrics import better
from bpexp.training.trainer import train


def stops_after(values, metric="loss/validation", first_epoch=0, **parameters):
    """The epoch at which early stopping ends a run with these values of its metric, and what it says."""
    callback = callbacks.build("early_stopping", metric=metric, **parameters)
    callback.on_start(None)
    for epoch, value in enumerate(values, start=first_epoch):
        try:
            callback.on_epoch(EpochEnded(epoch, 10 * epoch, {"loss/train": 1.0, metric: value}, 0.0))
        except StopTraining as stop:
            return epoch, str(stop)
    return None, ""


@pytest.mark.parametrize(
    ("values", "parameters", "epoch"),
    [
        ([3, 2, 1, 1, 1], {"patience": 2}, 4),
        ([3, 2, 1, 2, 0.5, 1], {"patience": 2}, None),
        ([3, 4], {"patience": 1}, 1),
        ([3, 2, 1], {"patience": 1}, None),
        ([3, 2.95, 2.9, 2.85], {"patience": 2, "min_delta": 0.2}, 2),
        ([3, 2.9, 2.75, 2.74], {"patience": 2, "min_delta": 0.2}, None),
        ([3, math.nan, math.nan], {"patience": 2}, 2),
        ([1, 2, 3, 4], {"patience": None}, None),
        ([1, 2, 3, 4], {}, None),
    ],
)
def test_patience_is_counted_from_the_best_epoch(values, parameters, epoch):
    assert stops_after(values, **parameters)[0] == epoch


def test_more_is_better_for_an_accuracy():
    assert stops_after([0.5, 0.6, 0.7], metric="accuracy/test", patience=1)[0] is None
    assert stops_after([0.5, 0.6, 0.6], metric="accuracy/test", patience=1)[0] == 2


def test_the_reason_is_a_sentence():
    _, reason = stops_after([3, 2.5, 2.6, 2.7], patience=2)
    assert reason == "loss/validation has not improved on 2.5 of epoch 1 for 2 epochs"


@pytest.mark.parametrize(
    ("metric", "direction"),
    [
        ("loss/test", "lower"),
        ("rmse/train", "lower"),
        ("penalty/weights", "lower"),
        ("accuracy/test", "higher"),
        ("r2/x", "higher"),
    ],
)
def test_better(metric, direction):
    assert better(metric) == direction


def test_a_metric_that_is_not_measured_lists_those_that_are(make_trainer):
    callback = callbacks.build("early_stopping", patience=1, metric="loss/nowhere")
    with pytest.raises(ConfigError, match=r"'loss/nowhere' is not measured; choose from: loss/train, accuracy/train"):
        train(make_trainer(), [callback])


def test_it_ends_a_run(make_trainer):
    ended = train(make_trainer(epochs=50, lr=1e-7), [callbacks.build("early_stopping", patience=3, min_delta=0.1)])
    assert (ended.status, ended.epoch) == ("stopped", 3)
    assert "loss/validation has not improved" in ended.reason


def test_it_can_watch_a_second_run(make_trainer):
    callback = callbacks.build("early_stopping", patience=3, min_delta=0.1)
    ends = [train(make_trainer(epochs=50, lr=1e-7), [callback]) for _ in range(2)]
    assert ends[0].epoch == ends[1].epoch == 3


def test_a_run_that_diverges_is_not_called_stopped(make_trainer):
    """The evaluation that shows the divergence is also the first that is no better."""
    trainer = make_trainer(batch_size=20, hidden="identity", output="identity", loss="mse", lr=1e30)
    ended = train(trainer, [callbacks.build("early_stopping", patience=1)])
    assert ended.status == "diverged"


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"patience": 0}, "patience must be a whole number of at least 1 or null, not 0"),
        ({"patience": 1, "min_delta": -0.1}, "min_delta must be a number of at least 0, not -0.1"),
        ({"patience": 1.5}, "patience must be a whole number of at least 1 or null, not 1.5"),
    ],
)
def test_parameters_out_of_range(parameters, says):
    with pytest.raises(ConfigError, match=says):
        callbacks.build("early_stopping", **parameters)
