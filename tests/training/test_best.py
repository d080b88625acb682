"""The best epoch's weights: kept by the rule that the summary has, for the price of a copy, restored where declared."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from bpexp.errors import ConfigError
from bpexp.training.best import Best
from bpexp.training.callbacks import callbacks
from bpexp.training.events import Callback, StopTraining
from bpexp.training.trainer import train


class Watch(Callback):
    """Keeps the weights and the metrics of every evaluated epoch, and may stop the run after one."""

    def __init__(self, trainer, stop_after=None, *, restore_best=True, error=StopTraining):
        self.theta, self.epochs, self.steps = trainer.network.theta, [], 0
        self.stop_after, self.restore_best, self.error = stop_after, restore_best, error

    def on_epoch(self, event):
        self.epochs.append((event.epoch, event.step, event.metrics["accuracy/validation"], self.theta.copy()))
        if event.epoch == self.stop_after:
            raise self.error("enough", restore_best=self.restore_best) if self.error is StopTraining else self.error

    def best(self):
        """The first epoch with the highest accuracy."""
        return max(self.epochs, key=lambda e: (e[2], -e[0]))


def theta_after(trainer, *watching):
    train(trainer, watching)
    return trainer.network.theta.copy()


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("lr", [0.02, 0.5, 3.0])
def test_it_is_the_epoch_that_the_summary_names(every, lr, make_trainer):
    trainer = make_trainer(epochs=10, lr=lr, evaluate_every=every)
    watch = Watch(trainer)
    train(trainer, [watch])
    epoch, step, value, theta = watch.best()
    best = trainer.best
    assert (best.epoch, best.step, best.value, best.metric) == (epoch, step, value, "accuracy/validation")
    assert_array_equal(best.theta, theta)


def test_keeping_it_changes_no_bit_of_the_training(make_trainer, monkeypatch):
    kept = theta_after(make_trainer(epochs=8, lr=1.0))
    monkeypatch.setattr(Best, "consider", lambda *args, **kwargs: None)
    assert theta_after(make_trainer(epochs=8, lr=1.0)).tobytes() == kept.tobytes()


def test_weights_that_name_no_class_are_not_the_best(make_trainer):
    """Outputs of NaN are right for no sample, also where all of them are of the class that argmax finds there."""
    trainer = make_trainer(batch_size=20, epochs=1, lr=1e30, hidden="relu")
    held_out = trainer.parts["validation"]
    trainer.parts["validation"] = replace(held_out, rows=np.flatnonzero(held_out.labels == 0))
    assert train(trainer, []).status == "diverged"
    with np.errstate(over="ignore", invalid="ignore"):
        assert not np.isfinite(trainer.network.forward(held_out.batch()[0])).any()
        assert trainer.evaluate()["accuracy/validation"] == 0
    assert trainer.best.epoch == 0


def test_a_copy_is_made_only_where_an_epoch_improves(make_trainer, monkeypatch):
    best, copies = Best(), []
    theta = np.zeros(3)
    for epoch, value in enumerate([math.nan, 0.5, 0.5, 0.4, 0.6, math.nan, math.inf]):
        theta += 1
        before = None if best.theta is None else best.theta.copy()
        best.consider({"accuracy/validation": value, "accuracy/test": 1.0}, theta, epoch=epoch, step=10 * epoch)
        if best.theta is not None and (before is None or (before != best.theta).any()):
            copies.append(epoch)
    assert copies == [1, 4]
    assert (best.epoch, best.step, best.value, best.theta[0]) == (4, 40, 0.6, 5.0)


@pytest.mark.parametrize(
    ("metrics", "chosen"),
    [
        ({"accuracy/train": 0.9, "accuracy/test": 0.1, "accuracy/validation": 0.2}, "accuracy/validation"),
        ({"accuracy/train": 0.9, "accuracy/test": 0.1}, "accuracy/test"),
        ({"r2/train": -3.0}, "r2/train"),
        ({"loss/validation": 0.1}, ""),
    ],
)
def test_the_part_that_chooses(metrics, chosen):
    best = Best()
    best.consider(metrics, np.ones(2), epoch=1, step=1)
    assert (best.metric, best.theta is None) == (chosen, not chosen)


def test_it_is_restored_where_a_callback_says_so(make_trainer):
    trainer = make_trainer(epochs=10, lr=3.0)
    watch = Watch(trainer, stop_after=9)
    ended = train(trainer, [watch])
    epoch, _, _, theta = watch.best()
    assert epoch < 9
    assert (ended.status, ended.restored, ended.epoch) == ("stopped", epoch, 9)
    assert_array_equal(trainer.network.theta, theta)
    assert_array_equal(trainer.best.replaced, watch.epochs[-1][3])
    assert trainer.evaluate()["accuracy/validation"] == watch.best()[2]


@pytest.mark.parametrize("case", ["declined", "finished", "interrupted", "best is last"])
def test_it_is_not_restored_elsewhere(case, make_trainer):
    trainer = make_trainer(epochs=6, lr=0.02 if case == "best is last" else 3.0)
    error = {"interrupted": KeyboardInterrupt}.get(case, StopTraining)
    watch = Watch(trainer, {"finished": None}.get(case, 5), restore_best=case != "declined", error=error)
    if case == "best is last":
        watch.stop_after = max(Watch(trainer).epochs, default=(0,))[0]  # the untrained network
    if case == "interrupted":
        with pytest.raises(KeyboardInterrupt):
            train(trainer, [watch])
    else:
        assert train(trainer, [watch]).restored is None
    assert_array_equal(trainer.network.theta, watch.epochs[-1][3])
    assert_array_equal(trainer.best.theta, watch.best()[3])


def test_a_run_that_diverges_keeps_the_best_epoch_before(make_trainer):
    trainer = make_trainer(epochs=50, batch_size=20, hidden="identity", output="identity", loss="mse", lr=0.9)
    watch = Watch(trainer)
    ended = train(trainer, [watch, callbacks.build("early_stopping", patience=40)])
    assert (ended.status, ended.restored) == ("diverged", None)
    assert_array_equal(trainer.best.theta, watch.best()[3])
    assert np.isfinite(trainer.best.theta).all()


def test_a_second_training_starts_from_nothing(make_trainer):
    trainer = make_trainer(epochs=6, lr=3.0)
    train(trainer, [Watch(trainer, stop_after=5)])
    first = Watch(trainer)
    train(trainer, [first])
    assert trainer.best.replaced is None
    assert_array_equal(trainer.best.theta, first.best()[3])


@pytest.mark.parametrize("restore", [True, False])
def test_early_stopping_restores_by_declared_choice(restore, make_trainer):
    stopping = callbacks.build("early_stopping", patience=9, min_delta=10.0, restore_best=restore)
    trainer = make_trainer(epochs=80, lr=3.0)
    watch = Watch(trainer)
    ended = train(trainer, [watch, stopping])
    assert ended.status == "stopped"
    assert watch.best()[0] < ended.epoch
    assert_array_equal(trainer.network.theta, watch.best()[3] if restore else watch.epochs[-1][3])
    assert ended.restored == (watch.best()[0] if restore else None)


def test_restoring_is_the_default_of_early_stopping():
    assert callbacks.build("early_stopping", patience=2).restore_best is True


def test_the_choice_is_yes_or_no():
    with pytest.raises(ConfigError, match="restore_best must be true or false"):
        callbacks.build("early_stopping", patience=2, restore_best="yes")
