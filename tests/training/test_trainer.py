"""The loop: its events in their order, its arithmetic, its three endings, and that watching changes nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bpexp.gradients.backprop import backprop
from bpexp.insight.probes import probes
from bpexp.insight.probing import Probing
from bpexp.nn.optimizers import optimizers
from bpexp.nn.penalties import Clip, Penalty
from bpexp.training.evaluation import evaluate
from bpexp.training.events import Callback, EpochEnded, RunEnded, RunStarted, Step, StopTraining
from bpexp.training.trainer import train


class Watcher(Callback):
    """Writes down what it is told."""

    def __init__(self, *, stop_at_step: int | None = None, stop_at_epoch: int | None = None) -> None:
        self.names: list[str] = []
        self.losses: list[float] = []
        self.sizes: list[int] = []
        self.rates: list[float] = []
        self.epochs: list[EpochEnded] = []
        self.ended: RunEnded | None = None
        self.stop_at_step, self.stop_at_epoch = stop_at_step, stop_at_epoch

    def on_start(self, event: RunStarted) -> None:
        self.names.append("start")
        self.started = event

    def on_step(self, event: Step) -> None:
        self.names.append(f"step {event.number}")
        self.losses.append(event.loss)
        self.sizes.append(event.x.shape[1])
        self.rates.append(event.lr)
        if event.number == self.stop_at_step:
            raise StopTraining("enough steps")

    def on_epoch(self, event: EpochEnded) -> None:
        self.names.append(f"epoch {event.epoch}")
        self.epochs.append(event)
        if event.epoch == self.stop_at_epoch:
            raise StopTraining("enough epochs")

    def on_end(self, event: RunEnded) -> None:
        self.names.append("end")
        self.ended = event


def watched(trainer, **stops):
    """A run and what its watcher saw."""
    watcher = Watcher(**stops)
    assert train(trainer, [watcher]) is watcher.ended
    return watcher


def test_events_in_order(make_trainer):
    watcher = watched(make_trainer(N=7, batch_size=3, epochs=2))
    steps = ["step 0", "step 1", "step 2", "epoch 1", "step 3", "step 4", "step 5", "epoch 2"]
    assert watcher.names == ["start", "epoch 0", *steps, "end"]
    assert watcher.started.steps_per_epoch == 3
    assert watcher.started.epochs == 2
    assert (watcher.ended.status, watcher.ended.epoch, watcher.ended.step) == ("finished", 2, 6)
    assert [event.step for event in watcher.epochs] == [0, 3, 6]


def test_events_are_frozen(make_trainer):
    seen = []

    class Keeper(Callback):
        on_start = on_step = on_epoch = on_end = lambda self, event: seen.append(event)

    train(make_trainer(epochs=1), [Keeper()])
    assert {type(event) for event in seen} == {RunStarted, Step, EpochEnded, RunEnded}
    for event in seen:
        name = "epochs" if isinstance(event, RunStarted) else "epoch"
        with pytest.raises((dataclasses.FrozenInstanceError, AttributeError)):
            setattr(event, name, 7)


def test_epochs_that_are_not_evaluated_are_not_told(make_trainer):
    watcher = watched(make_trainer(epochs=5, evaluate_every=2))
    assert [event.epoch for event in watcher.epochs] == [0, 2, 4, 5]


def test_the_short_last_batch_is_used(make_trainer):
    assert watched(make_trainer(N=20, batch_size=6, epochs=2)).sizes == [6, 6, 6, 2] * 2


def test_epoch_0_is_the_untrained_network(make_trainer):
    trainer = make_trainer()
    expected = {f"{key}/train": v for key, v in evaluate(trainer.network, trainer.head, trainer.parts["train"]).items()}
    first = watched(trainer).epochs[0]
    assert first.step == 0
    assert expected.items() <= first.metrics.items()
    assert {"loss/validation", "accuracy/validation"} <= set(first.metrics)


def test_theta_follows_plain_gradient_descent(make_trainer):
    """theta <- theta - lr dC/dtheta over the same batches, written as one line; schedule and loss as well."""
    watcher = watched(trainer := make_trainer(dtype="float64", schedule="cosine", epochs=4))
    plain = make_trainer(dtype="float64")
    method, t, losses = backprop(), 0, []
    for _ in range(4):
        for x, y in plain.batches.epoch():
            cost, gradient, _ = method(plain.network, plain.head, x, y)
            plain.network.theta -= 0.1 * 0.5 * (1 + np.cos(np.pi * t / 16)) * gradient
            losses.append(cost)
            t += 1
    np.testing.assert_allclose(trainer.network.theta, plain.network.theta, rtol=1e-12, atol=1e-14)
    assert watcher.losses == pytest.approx(losses)
    assert watcher.rates[0] == 0.1
    assert watcher.rates[8] == pytest.approx(0.05)


def test_penalty_and_clip_come_before_the_optimizer(make_trainer):
    penalty, clip = Penalty(l1=0.01, l2=0.1), Clip(norm=0.5)
    train(trainer := make_trainer(dtype="float64", penalty=penalty, clip=clip), [])
    plain = make_trainer(dtype="float64")
    for _ in range(3):
        for x, y in plain.batches.epoch():
            gradient = backprop()(plain.network, plain.head, x, y).vector
            penalty.add_slope(plain.network, gradient)
            clip.apply(gradient)
            plain.network.theta -= 0.1 * gradient
    np.testing.assert_allclose(trainer.network.theta, plain.network.theta, rtol=1e-12, atol=1e-14)


def test_penalty_is_a_metric_and_not_part_of_the_loss(make_trainer):
    with_penalty = watched(make_trainer(penalty=Penalty(l2=0.1), epochs=1)).epochs[0].metrics
    without = watched(make_trainer(epochs=1)).epochs[0].metrics
    assert with_penalty["loss/train"] == without["loss/train"]
    assert with_penalty["penalty/weights"] > 0
    assert "penalty/weights" not in without


def test_a_sum_is_told_per_sample(make_trainer):
    """The loss of a step is the mean C_k under batch=sum too, with a rate that makes both runs the same."""
    mean = watched(make_trainer(N=18, dtype="float64"))
    total = watched(make_trainer(N=18, dtype="float64", batch="sum", lr=0.1 / 6))
    assert total.losses == pytest.approx(mean.losses, rel=1e-10)
    assert total.epochs[-1].metrics["loss/train"] == pytest.approx(mean.epochs[-1].metrics["loss/train"], rel=1e-10)


def test_training_learns(make_trainer):
    metrics = watched(make_trainer(N=200, batch_size=10, epochs=15)).epochs[-1].metrics
    assert metrics["accuracy/train"] > 0.85
    assert metrics["loss/train"] < 0.5


@pytest.mark.parametrize("optimizer", optimizers)
def test_two_runs_of_one_seed_are_equal_bit_for_bit(make_trainer, optimizer):
    first, second = make_trainer(optimizer=optimizer), make_trainer(optimizer=optimizer)
    one, two = watched(first), watched(second)
    np.testing.assert_array_equal(first.network.theta, second.network.theta)
    assert one.losses == two.losses
    assert [event.metrics for event in one.epochs] == [event.metrics for event in two.epochs]
    train(other := make_trainer(optimizer=optimizer, seed=5), [])
    assert not np.array_equal(first.network.theta, other.network.theta)


@pytest.mark.parametrize("method", ["backprop", "central_difference"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_watching_and_probing_change_nothing(make_trainer, method, optimizer):
    """theta with callbacks and every probe at every step is that of a run without, bit for bit."""
    others = {"method": method, "optimizer": optimizer, "penalty": Penalty(l2=0.01), "clip": Clip(norm=1.0)}
    train(alone := make_trainer(**others), [])
    kept = []
    probing = Probing(list(probes), 1, lambda step, measures: kept.append(step))
    train(probed := make_trainer(**others), [Watcher(), probing])
    assert kept == list(range(12))
    np.testing.assert_array_equal(alone.network.theta, probed.network.theta)


def test_a_step_is_told_between_gradient_and_update(make_trainer):
    trainer = make_trainer(dtype="float64")
    thetas, updates, gradients = [], [], []

    class Keeper(Callback):
        def on_step(self, event: Step) -> None:
            thetas.append(trainer.network.theta.copy())
            updates.append(event.update.copy())
            gradients.append(
                (event.gradient.vector.copy(), backprop()(trainer.network, trainer.head, event.x, event.y))
            )

    train(trainer, [Keeper()])
    for before, update, after in zip(thetas, updates, [*thetas[1:], trainer.network.theta], strict=True):
        np.testing.assert_array_equal(before - update, after)
    for told, again in gradients:
        np.testing.assert_array_equal(told, again.vector)


def test_a_gradient_that_is_told_is_the_one_of_the_cost(make_trainer):
    """Penalty and clip shape the update; the gradient that a probe sees is that of C alone."""
    seen = []

    class Keeper(Callback):
        def on_step(self, event: Step) -> None:
            truth = backprop()(trainer.network, trainer.head, event.x, event.y).vector
            seen.append(np.array_equal(truth, event.gradient.vector))

    train(trainer := make_trainer(penalty=Penalty(l2=1.0), clip=Clip(norm=1e-3)), [Keeper()])
    assert all(seen)
    assert seen


def test_stop_at_a_step(make_trainer):
    """The step that was stopped is not taken."""
    trainer = make_trainer()
    watcher = watched(trainer, stop_at_step=5)
    assert watcher.names[-2:] == ["step 5", "end"]
    assert (watcher.ended.status, watcher.ended.reason) == ("stopped", "enough steps")
    assert (watcher.ended.epoch, watcher.ended.step) == (2, 5)


def test_stop_at_an_epoch(make_trainer):
    watcher = watched(make_trainer(), stop_at_epoch=1)
    assert watcher.names[-2:] == ["epoch 1", "end"]
    assert (watcher.ended.status, watcher.ended.reason, watcher.ended.step) == ("stopped", "enough epochs", 4)


def test_stop_before_the_first_step(make_trainer):
    trainer = make_trainer()
    before = trainer.network.theta.copy()
    watcher = watched(trainer, stop_at_epoch=0)
    assert (watcher.ended.status, watcher.ended.step) == ("stopped", 0)
    np.testing.assert_array_equal(trainer.network.theta, before)


def test_only_stop_training_stops(make_trainer):
    class Broken(Callback):
        def on_step(self, event: Step) -> None:
            raise ZeroDivisionError("a callback's own mistake")

    with pytest.raises(ZeroDivisionError):
        train(make_trainer(), [Broken()])


@pytest.mark.parametrize("hidden", ["relu", "identity", "gelu", "softplus"])
@pytest.mark.parametrize(("output", "loss"), [("identity", "mse"), ("softmax", "cross_entropy")])
def test_divergence_is_a_result(make_trainer, hidden, output, loss):
    """No warning, the status, the step and the layer; and the gradient never sees theta again."""
    watcher = watched(make_trainer(hidden=hidden, output=output, loss=loss, lr=1e25, epochs=5))
    ended = watcher.ended
    assert ended.status == "diverged"
    assert f"in epoch {ended.epoch}, step {ended.step}" in ended.reason
    assert "layer 1" in ended.reason or "layer 2" in ended.reason
    assert "\n" not in ended.reason
    assert watcher.names[-1] == "end"
    assert np.isfinite(watcher.losses).all()


def test_divergence_names_the_first_broken_layer(make_trainer):
    trainer = make_trainer()
    trainer.network.layers[1].W[0, 0] = np.inf
    watcher = watched(trainer)
    assert (watcher.ended.status, watcher.ended.step) == ("diverged", 0)
    assert "the parameters of layer 2 are not finite" in watcher.ended.reason
    trainer = make_trainer(hidden="identity")
    trainer.network.layers[0].W[...] = 3e38
    assert "z of layer 1 is not finite" in watched(trainer).ended.reason


def test_divergence_in_the_last_step_of_the_last_epoch(make_trainer):
    """One step an epoch: what it broke shows in the evaluation."""
    watcher = watched(make_trainer(batch_size=20, epochs=1, hidden="identity", output="identity", loss="mse", lr=1e30))
    assert watcher.ended.status == "diverged"
    assert "after the epoch" in watcher.ended.reason
    assert watcher.ended.step == 1
    assert not np.isfinite(watcher.epochs[-1].metrics["loss/train"])


def test_nothing_is_kept_between_two_runs_of_a_callback(make_trainer):
    watcher = Watcher()
    train(make_trainer(), [watcher])
    names = list(watcher.names)
    train(make_trainer(), [watcher])
    assert watcher.names == names * 2


def test_the_no_op_of_a_step_is_never_called(make_trainer, monkeypatch):
    """Steps that nobody watches cost no call; an overridden hook is called all the same."""
    monkeypatch.setattr(Callback, "on_step", lambda self, event: pytest.fail("called a no-op"))

    class Deaf(Callback):
        pass

    watcher = Watcher()
    assert train(make_trainer(), [Deaf(), watcher]).status == "finished"
    assert len(watcher.losses) == 12


def test_a_stop_ends_the_event_for_the_callbacks_behind(make_trainer):
    """Callbacks are called in their order; those behind the one that stops do not see that event, but see the end."""
    first, second = Watcher(stop_at_epoch=1), Watcher()
    ended = train(make_trainer(), [first, second])
    assert first.names == [*second.names[:-1], "epoch 1", "end"]
    assert second.names[-1] == "end"
    assert first.ended is second.ended is ended


def test_a_stop_at_the_start(make_trainer):
    class Unwilling(Watcher):
        def on_start(self, event: RunStarted) -> None:
            raise StopTraining("not today")

    watcher = Unwilling()
    ended = train(make_trainer(), [watcher])
    assert (ended.status, ended.reason, ended.epoch, ended.step) == ("stopped", "not today", 0, 0)
    assert watcher.names == ["end"]
