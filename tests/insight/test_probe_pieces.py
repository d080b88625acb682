"""A batch in pieces is measured as in one piece: every probe, any size, at bounded memory; and no other way is open."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from looks import Look, in_pieces, measured

from bpexp.data.batches import Batches
from bpexp.data.dataset import Part
from bpexp.errors import ConfigError
from bpexp.gradients import gradient_methods
from bpexp.gradients.backprop import backprop
from bpexp.gradients.method import Gradient, GradientMethod
from bpexp.insight.histograms import Histograms
from bpexp.insight.pieces import Piece, reduce
from bpexp.insight.probes import Probe, probe, probes
from bpexp.insight.probing import Probing
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.network import Network
from bpexp.nn.optimizers import optimizers
from bpexp.nn.schedules import schedules
from bpexp.training.trainer import Trainer, train

B = 23
HEADS = [("softmax", "cross_entropy"), ("sigmoid", "mse"), ("identity", "huber"), ("relu", "mse")]


def look(hidden="tanh", output="softmax", loss="cross_entropy", batch="mean", dtype="float64", seed=0, shift=0.0):
    """A step of a 4-6-5-3 network over B samples."""
    rng = np.random.default_rng(seed)
    head = build_head(output, loss, batch=batch)
    network = Network([4, 6, 5, 3], [activations.build(hidden)] * 2, head.output, dtype)
    network.theta[...] = rng.normal(size=network.theta.size)
    network.layers[0].b[...] += shift
    x, y = rng.normal(size=(4, B)).astype(dtype), np.eye(3, dtype=dtype)[:, rng.integers(0, 3, B)]
    _, vector, work = backprop(B)(network, head, x, y)
    vector = vector.copy()
    return Look(network, work, vector, 0.1 * vector, vector.copy(), vector[::-1].copy(), head, y)


@pytest.mark.parametrize("name", probes)
@given(
    piece=st.sampled_from([1, 2, 5, B // 2, B - 1, B]),
    head=st.sampled_from(HEADS),
    hidden=st.sampled_from(list(activations)),
    batch=st.sampled_from(["mean", "sum"]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
def test_a_batch_in_pieces_is_measured_as_in_one(name, piece, head, hidden, batch, seed):
    seen = look(hidden, *head, batch=batch, seed=seed)
    whole = measured(name, seen)
    parts = measured(name, seen, in_pieces(seen, piece))
    assert list(parts) == list(whole)
    for key, value in whole.items():
        assert parts[key] == pytest.approx(value, rel=1e-9, abs=1e-12, nan_ok=True), key


@pytest.mark.parametrize("name", probes)
def test_every_probe_in_pieces_in_float32(name):
    seen = look("relu", dtype="float32", seed=3)
    whole = measured(name, seen)
    for piece in (1, 7, B - 1):
        assert measured(name, seen, in_pieces(seen, piece)) == pytest.approx(whole, rel=1e-4, abs=1e-6)


def test_a_spread_does_not_cancel():
    """Activations of 1e6 with a spread of 1: E a^2 - (E a)^2 has no correct digit in float32, and 4 in float64."""
    seen = look("identity", seed=1, shift=1e6)
    (a, *_), expected = seen.workspace.a, []
    expected = float(np.std(a - a.mean(), dtype=np.longdouble))
    parts = measured("activation", seen, in_pieces(seen, 4))
    assert parts["activation/spread_layer_1"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", probes)
def test_every_probe_states_its_population(name):
    """Words about units, entries or samples, which the help prints with the probe."""
    said = probes[name].population
    assert any(word in said for word in ("unit", "entries", "sample"))
    assert ("sample" in said or "units" in said) or probes[name].samples is None, "it takes samples, and must say which"
    assert probes[name].measure.__doc__


def test_a_probe_without_a_population_is_refused():
    with pytest.raises(ConfigError, match="probe 'mute' must state its population"):
        probe("mute", population=" ")
    with pytest.raises(TypeError, match="population"):
        probe("mute")


# What a new probe cannot get wrong in silence


def test_a_number_of_one_piece_is_refused():
    def careless(piece):
        return {"layer_1": float((piece.work.slope[0] == 0).mean())}

    with pytest.raises(TypeError, match=r"careless returns float as 'layer_1', which speaks of one piece"):
        reduce([careless], in_pieces(look(), 5))


@pytest.mark.parametrize("sum_of", ["total", "spread", "squares", "products"])
def test_a_sum_over_anything_but_the_samples_is_refused(sum_of):
    seen = look()
    (piece,) = in_pieces(seen, B)
    for array in (piece.work.a[0].mean(axis=1), piece.work.a[0].T, np.float64(0.5)):
        arguments = (array, array) if sum_of == "products" else (array,)
        with pytest.raises(ValueError, match=f"the last axis must be the {B} samples"):
            getattr(piece, sum_of)(*arguments)


def test_other_names_for_another_piece_are_refused():
    def moody(piece):
        return {f"of {piece.samples}": piece.total(piece.work.a[0])}

    with pytest.raises(TypeError, match="moody returns"):
        reduce([moody], in_pieces(look(), 20))


def test_a_view_holds_nothing_of_a_part_of_the_batch():
    assert not {"workspace", "x", "y", "z", "a"} & set(look().view().__slots__)


class LastPiece(GradientMethod):
    """Breaks the contract of `Gradient`: its workspace is that of the last piece."""

    def __call__(self, network, head, x, y):
        made = backprop()(network, head, x, y)
        return made._replace(workspace=backprop()(network, head, x[:, -1:], y[:, -1:]).workspace)


def test_a_method_that_hands_out_a_part_of_its_pass_is_refused():
    with pytest.raises(ValueError, match="a workspace of 1 samples for a batch of 40"):
        train(trainer(LastPiece(), 40), [Probing(["dead"], 1, lambda *_: None)])


@pytest.mark.parametrize("name", gradient_methods)
def test_every_method_keeps_the_pass_of_the_whole_batch_or_none(name):
    method, training = gradient_methods.build(name), trainer(backprop(), 600, hidden="tanh", sizes=(3, 2, 2))
    method.prepare(training.network, training.head, np.random.default_rng(0))
    x, y = training.parts["train"].batch(np.arange(600))
    gradient: Gradient = method(training.network, training.head, x, y)
    assert gradient.workspace is None or gradient.workspace.z[0].shape[1] == 600
    if gradient.workspace is not None:
        np.testing.assert_array_equal(gradient.workspace.x, x)


# In a run


def trainer(method, samples, hidden="relu", sizes=(6, 8, 3), epochs=1, dtype="float64"):
    """A training with one step an epoch, of all samples; for the last sample alone the first layer is dead."""
    rng = np.random.default_rng(2)
    labels = rng.integers(0, sizes[-1], samples)
    X = rng.normal(size=(samples, sizes[0])).astype(dtype)
    X[-1] = -50 * np.abs(X[-1])
    part = Part(X=X, Y=np.eye(sizes[-1], dtype=dtype)[labels], rows=np.arange(samples), labels=labels)
    head = build_head("softmax", "cross_entropy")
    network = Network(sizes, [activations.build(hidden)] * (len(sizes) - 2), head.output, dtype)
    network.theta[...] = np.abs(np.random.default_rng(3).normal(0, 0.5, network.theta.size))
    kind = optimizers.build("sgd"), schedules.build("constant")
    batches = Batches(part, samples, np.random.default_rng(5))
    return Trainer(network, head, method, *kind, batches, {"train": part}, lr=0.01, epochs=epochs)


def run(method, samples, **options):
    """What two probed steps leave behind, the histograms and theta."""
    kept, histograms = {}, Histograms()
    training = trainer(method, samples, epochs=2)
    train(training, [Probing(list(probes), 1, kept.__setitem__, histograms=histograms, **options)])
    return kept, histograms._counts, training.network.theta


@pytest.mark.parametrize("method", ["backprop", "jacobian"])
def test_a_batch_beyond_the_piece_is_seen_whole(method):
    """Before: with 513 samples the probes saw the last one alone, in which half of the units are dead."""
    whole, counts, _ = run(backprop(piece=1000), 513)
    seen, seen_counts, _ = run(gradient_methods.build(method), 513)
    assert list(seen) == list(whole) == [0, 1]
    for step, measures in whole.items():
        assert seen[step] == pytest.approx(measures, rel=1e-9, abs=1e-9)
        assert measures["dead/layer_1"] == 0.0
    for name, steps in counts.items():
        if name.startswith("activation"):  # an entry of the gradient may be rounded over the edge of a bin
            np.testing.assert_array_equal(seen_counts[name], steps)
            assert steps[0].sum() == 513 * {"1": 8, "2": 3}[name[-1]]


def test_a_probed_run_in_pieces_has_the_weights_of_one_without_probes():
    plain = trainer(backprop(), 1100, epochs=2)
    train(plain, [])
    np.testing.assert_array_equal(run(backprop(), 1100)[2], plain.network.theta)


def test_unprobed_steps_make_no_pass_of_their_own():
    class Counting(type(backprop())):
        made = 0

        def _pass(self, *args):
            type(self).made += 1
            return super()._pass(*args)

    training = trainer(backprop(), 1100, epochs=5)
    train(training, [Probing(["dead", "ledger"], 3, lambda *_: None, passes=Counting(512))])
    assert Counting.made == 2 * 3  # three pieces at the steps 0 and 3


def test_memory_does_not_grow_with_the_batch():
    """Of 20 times the samples the probes allocate no more; the batch itself is the caller's."""

    def peak(samples):
        training = trainer(backprop(), samples, sizes=(6, 64, 32, 3), dtype="float32")
        x, y = training.parts["train"].batch(np.arange(samples))
        step = training.step(1, 0, x, y)
        probing = Probing(list(probes), 1, lambda *_: None, histograms=Histograms(), fixed=None)
        probing.on_start(Started(training))
        probing.on_step(step)  # buffers of the pieces, made once
        tracemalloc.start()
        probing.on_step(step)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(20 * 1024) < 1.1 * peak(1024)


class Started:
    """The event that begins a run of one step."""

    def __init__(self, training):
        self.network, self.head, self.method = training.network, training.head, training.method
        self.epochs = self.steps_per_epoch = 1


def test_a_probe_is_a_function_of_a_view():
    assert all(isinstance(found, Probe) and callable(found) for found in probes.values())
    assert all(isinstance(piece, Piece) for piece in in_pieces(look(), 9))
