"""Snapshots of a training: when they are taken, and that they tell of each layer what the probes tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from plans import built

from bpexp.insight.probing import Probing
from bpexp.insight.snapshots import Snapshots, changes, layer_states, moments
from bpexp.running.observers import fixed_batch
from bpexp.training.events import Callback, StopTraining
from bpexp.training.trainer import train


@pytest.mark.parametrize(("total", "count"), [(1, 2), (1, 12), (3, 12), (7, 3), (1000, 12), (5, 100)])
def test_moments_begin_and_end_with_the_training(total: int, count: int) -> None:
    found = moments(total, count)
    assert found[0] == 0
    assert found[-1] == total
    assert len(found) <= count
    assert found == sorted(set(found))
    gaps = np.diff(found)
    assert (np.diff(gaps) >= -1).all()  # rounding apart, they grow


def taken(*overrides: str, count: int = 4, more: tuple[Callback, ...] = ()) -> tuple[Any, Snapshots, Any]:
    """A trained experiment, its snapshots, and how it ended."""
    experiment = built("data=xor", "data.n=60", "model.hidden=[4]", "tracking=none", *overrides)
    snapshots = Snapshots(count)
    end = train(experiment.trainer, [*experiment.callbacks, *more, snapshots])
    return experiment, snapshots, end


def test_the_first_holds_the_initial_weights_and_the_last_those_of_the_end() -> None:
    overrides = ("epochs=3", "batch_size=8")
    start = built("data=xor", "data.n=60", "model.hidden=[4]", "tracking=none", *overrides).trainer
    experiment, snapshots, _ = taken(*overrides)
    total = 3 * len(experiment.trainer.batches)
    assert [one.step for one in snapshots.kept] == moments(total, 4)
    np.testing.assert_array_equal(snapshots.kept[0].theta, start.network.theta)
    np.testing.assert_array_equal(snapshots.kept[-1].theta, experiment.trainer.network.theta)
    assert [one.label for one in snapshots.kept] == ["the start", "", "", "the end"]


def test_one_in_between_holds_the_weights_of_a_shorter_training() -> None:
    _, snapshots, _ = taken("epochs=4", "batch_size=full", count=3)
    shorter, _, _ = taken("epochs=1", "batch_size=full")
    assert [one.step for one in snapshots.kept] == [0, 1, 4]
    np.testing.assert_array_equal(snapshots.kept[1].theta, shorter.trainer.network.theta)


def test_a_training_that_diverges_or_stops_ends_with_its_last_weights() -> None:
    class Stop(Callback):
        def after_step(self, at: Any) -> None:
            if at.step == 3:
                raise StopTraining("enough", restore_best=True)

    experiment, snapshots, end = taken("epochs=30", "batch_size=full", more=(Stop(),))
    assert end.restored is not None
    assert snapshots.kept[-1].label == f"the end, with the weights of epoch {end.restored} put back"
    np.testing.assert_array_equal(snapshots.kept[-1].theta, experiment.trainer.network.theta)
    experiment, snapshots, end = taken("epochs=30", "batch_size=full", "lr=1e30")
    assert end.status == "diverged"
    assert snapshots.kept[-1].step == end.step
    np.testing.assert_array_equal(snapshots.kept[-1].theta, experiment.trainer.network.theta)


@pytest.mark.parametrize("functions", ["pairing=softmax_cross_entropy", "pairing=sigmoid_mse"])
def test_layers_are_told_as_the_probes_tell_them(functions: str) -> None:
    """The fixed/ series of a run are the reference; a unit is dead, or saturated, by its own f'."""
    told: dict[str, float] = {}
    experiment = built("data=xor", "data.n=60", "model.hidden=[6,5]", "epochs=2", functions, "tracking=none")
    batch = fixed_batch(experiment.data.train, 50)
    probing = Probing(["delta_norm", "saturation", "dead"], 1, lambda _, found: told.update(found), fixed=batch)
    train(experiment.trainer, [probing])
    network, head = experiment.trainer.network, experiment.trainer.head
    states = layer_states(network, head, *batch)
    found = {f"fixed/{name}/layer_{l}": v for l, one in enumerate(states, 1) for name, v in one.measures.items()}
    assert found
    assert found == {name: value for name, value in told.items() if name in found}
    assert {name for name in told if name.startswith("fixed/")} == found.keys()
    a = batch[0]
    for layer, state in zip(network.layers[:-1], states[:-1], strict=True):
        z = layer.W @ a + layer.b
        np.testing.assert_array_equal(state.dead, (z <= 0).all(axis=1))
        np.testing.assert_allclose(state.saturated, (z <= 0).mean(axis=1))
        a = np.maximum(z, 0)
    assert states[-1].saturated.shape == (2,)


def test_a_change_is_relative_to_the_start_and_a_start_of_zero_has_none() -> None:
    network = built("data=xor", "model.hidden=[4]", "tracking=none").trainer.network
    start = network.theta.copy()
    for (W, _), (W_0, _) in zip(network.parameters(network.theta), network.parameters(start), strict=True):
        W[...] = 3 * W_0
    assert changes(network, network.theta, start) == pytest.approx([2.0, 2.0])
    assert changes(network, network.theta, np.zeros_like(start)) == [None, None]
