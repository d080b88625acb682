"""A training that goes on from any of its states is the one that was never broken off, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bpexp.config.groups import GROUPS
from bpexp.config.schema import Config
from bpexp.errors import CheckpointError
from bpexp.insight.probes import probes
from bpexp.nn.architecture import Architecture
from bpexp.nn.penalties import Clip, Penalty
from bpexp.records.archive import unpacked
from bpexp.training.callbacks import callbacks
from bpexp.training.evaluation import Evaluation
from bpexp.training.events import Callback
from bpexp.training.trainer import train
from tests.support.plans import planned
from tests.support.resuming import Seen, resumes_everywhere, training_of

SMALL = ["data=xor", "data.n=40", "model.hidden=[3]", "epochs=2", "batch_size=9", "tracking=none", "probe=off"]


@cache
def base() -> Config:
    return planned(*SMALL).config


def option(group, name, **params):
    """The node of an option of a group, with some of its parameters."""
    return {**GROUPS[group].defaults(name), **params}


def declared(keep=lambda step, values: None, **changes):
    """A function that makes the same training again and again."""
    config = replace(base(), **changes)
    return lambda: training_of(config, keep)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(GROUPS["optimizer"].registry))
def test_every_optimizer(name, dtype):
    assert resumes_everywhere(declared(optimizer=option("optimizer", name, weight_decay=0.01), dtype=dtype)) == 11


@pytest.mark.parametrize("name", sorted(GROUPS["schedule"].registry))
def test_every_schedule(name):
    make = declared(schedule=option("schedule", name, warmup=3), optimizer=option("optimizer", "momentum"))
    resumes_everywhere(make, every=2)


@pytest.mark.parametrize("name", sorted(GROUPS["gradient"].registry))
def test_every_gradient_method(name):
    resumes_everywhere(
        declared(gradient=option("gradient", name), activation={"name": "tanh"}, dtype="float64"), every=3
    )


@pytest.mark.parametrize("name", sorted(callbacks))
def test_every_callback(name):
    """With its defaults, or, where these do nothing, with what makes it work."""
    params = {"early_stopping": {"patience": 2}}.get(name, {})
    resumes_everywhere(declared(callbacks={name: params}, epochs=6, batch_size="full"))


@pytest.mark.parametrize("name", sorted(probes))
def test_every_probe(name):
    """Each alone, with what it keeps from step to step, at the first and at every second step."""
    method = "feedback_alignment" if probes[name].if_inexact else "backprop"
    probe = option("probe", "full", measures=[name], every=2)
    resumes_everywhere(declared(probe=probe, gradient=option("gradient", method)), every=4)


def test_every_probe_and_the_check_at_once_write_the_same_numbers():
    kept: list[object] = []
    make = declared(
        lambda step, values: kept.append((step, repr(values))),
        probe=option("probe", "full", every=2),
        check=option("check", "every_n", every=3),
    )
    whole = Seen(training := make())
    train(training[0], [*training[1], whole])
    told = list(kept)
    for state in whole.states[:-1:3]:
        kept.clear()
        again = make()
        train(*again, unpacked(state))
        assert kept
        assert kept == told[len(told) - len(kept) :]


@pytest.mark.parametrize("changes", [
    {"batch_size": "full"}, {"batch_size": 1, "epochs": 1}, {"evaluation": Evaluation(every=2), "epochs": 5},
    {"penalty": Penalty(l2=0.1), "clip": Clip(norm=0.1)}, {"init": {"name": "zeros"}},
    {"model": Architecture(hidden=[])}, {"model": Architecture(hidden=[], depth=4, width=3)}, {"seed": 5},
])  # fmt: skip
def test_other_trainings(changes):
    resumes_everywhere(declared(**changes), every=3)


def test_a_training_that_stops_stops_at_the_same_epoch_with_the_same_weights():
    make = declared(callbacks={"early_stopping": {"patience": 1}}, lr=3.0, epochs=30)
    trainer, watching = make()
    seen = Seen((trainer, watching))
    ended = train(trainer, [*watching, seen])
    assert ended.status == "stopped"
    for state in seen.states[::7]:
        other, their = make()
        again = train(other, their, unpacked(state))
        assert (again.status, again.reason, again.epoch, again.restored) == (
            ended.status, ended.reason, ended.epoch, ended.restored,
        )  # fmt: skip
        assert other.network.theta.tobytes() == trainer.network.theta.tobytes()
        assert other.best.replaced is not None


def test_seconds_go_on(make_trainer):
    trainer = make_trainer(epochs=1)
    train(trainer, [])
    state = trainer.state()
    state["at"]["seconds"] = 1000.0
    other = make_trainer(epochs=2)
    assert 1000 <= train(other, [], state).seconds < 1100


def test_more_epochs_are_those_of_a_longer_training(make_trainer):
    short, long = make_trainer(epochs=2, optimizer="adam"), make_trainer(epochs=5, optimizer="adam")
    train(short, [])
    train(long, [])
    longer = make_trainer(epochs=5, optimizer="adam")
    train(longer, [], short.state())
    assert longer.network.theta.tobytes() == long.network.theta.tobytes()
    assert longer.at.step == long.at.step


def test_a_state_of_another_network_is_refused(make_trainer):
    state = make_trainer().state()
    with pytest.raises(CheckpointError, match="43 parameters of float32, but the network has 43 of float64"):
        make_trainer(dtype="float64").load_state(state)


class Counting(Callback):
    """Remembers how many steps it saw."""

    steps = 0

    def after_step(self, at):
        self.steps += 1

    def state(self):
        return {"steps": self.steps}

    def load_state(self, state):
        self.steps = state["steps"]


def test_a_callback_that_is_missing_is_named(make_trainer):
    trainer, counting = make_trainer(epochs=1), Counting()
    train(trainer, [counting, Counting()])
    state = trainer.state([counting, Counting()])
    with pytest.raises(CheckpointError, match="holds the callbacks Counting, Counting 1, but the run has Counting;"):
        train(make_trainer(epochs=2), [Counting()], state)
    twice = [Counting(), Counting()]
    train(make_trainer(epochs=2), twice, state)
    assert twice[0].steps == 2 * trainer.at.step
    assert twice[1].steps == trainer.at.step


def test_only_a_training_between_two_steps_is_settled(make_trainer):
    seen: list[bool] = []

    class Looking(Callback):
        on_step = on_epoch = lambda self, event: seen.append(trainer.at.settled)

        def after_step(self, at):
            seen.append(not at.settled)

        after_epoch = after_step

    trainer = make_trainer(epochs=2)
    train(trainer, [Looking()])
    assert seen
    assert not any(seen)
    assert trainer.at.settled

    class Stopping(Callback):
        def on_step(self, event):
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        train(trainer, [Stopping()])
    assert not trainer.at.settled


def test_batches_of_another_kind_of_generator_are_refused(make_trainer):
    state = make_trainer().state()
    state["batches"]["rng"] = np.random.Generator(np.random.Philox(0)).bit_generator.state
    with pytest.raises(ValueError, match="state must be for a"):
        make_trainer().load_state(state)
