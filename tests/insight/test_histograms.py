"""Histograms: nothing is lost but NaN, the ends take what lies outside, and the file is plain arrays."""

from __future__ import annotations

import numpy as np
import pytest
from looks import Look, in_pieces

from bpexp.gradients.backprop import backprop
from bpexp.insight.histograms import ACTIVATION_EDGES, FILE, GRADIENT_EDGES, Histograms
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.network import Network


def view(dtype="float64", seed=0, gradient=None):
    """A step of a 3-6-2 network."""
    rng = np.random.default_rng(seed)
    head = build_head({"name": "sigmoid"}, {"name": "mse"})
    network = Network([3, 6, 2], [activations.build("tanh")], head.output, dtype)
    network.theta[...] = rng.normal(size=network.theta.size)
    x, y = rng.normal(size=(3, 5)).astype(dtype), rng.uniform(size=(2, 5)).astype(dtype)
    _, vector, work = backprop()(network, head, x, y)
    return Look(network, work, vector if gradient is None else gradient.astype(dtype), vector, head=head, y=y)


def counted(seen, name):
    """The counts of one step under one name."""
    histograms = Histograms()
    histograms.add(0, seen.view(Histograms.samples))
    return histograms._counts[name][0]


def of_gradients(values, dtype="float64"):
    """The counts of W1 where its gradient is made of these values, repeated."""
    return counted(view(dtype, gradient=np.resize(np.array(values), 38)), "gradient_W1")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_counts_sum_to_the_sizes(dtype, tmp_path):
    histograms = Histograms()
    for number in (0, 7, 20):
        histograms.add(number, view(dtype, seed=number).view(Histograms.samples))
    path = histograms.save(tmp_path)
    assert path == tmp_path / FILE
    with np.load(path, allow_pickle=False) as kept:
        assert kept["steps"].tolist() == [0, 7, 20]
        sizes = {"gradient_W1": 18, "gradient_W2": 12, "activation_layer_1": 30, "activation_layer_2": 10}
        assert set(kept.files) == {"steps", "gradient_edges", "activation_edges", *sizes}
        for name, size in sizes.items():
            edges = kept["gradient_edges" if name.startswith("g") else "activation_edges"]
            assert kept[name].shape == (3, len(edges) - 1)
            assert kept[name].sum(axis=1).tolist() == [size] * 3
        assert all(kept[name].dtype.kind in "iuf" for name in kept.files)


@pytest.mark.parametrize("seed", range(5))
def test_counts_are_those_of_numpy(seed):
    seen = view(seed=seed)
    (W, _), *_ = seen.network.parameters(seen.gradient)
    expected, _ = np.histogram(np.log10(np.abs(W)), GRADIENT_EDGES)
    np.testing.assert_array_equal(counted(seen, "gradient_W1"), expected)
    expected, _ = np.histogram(seen.workspace.a[0], ACTIVATION_EDGES)
    np.testing.assert_array_equal(counted(seen, "activation_layer_1"), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ends_take_what_lies_outside(dtype):
    """0, whose logarithm is -inf, and 1e-20 in the first bin; 1e5 and infinity in the last."""
    counts = of_gradients([0.0, -1e-20, 1e5, np.inf, -np.inf, 1.1], dtype)
    assert (counts[0], counts[-1]) == (6, 9)
    assert counts[48] == 3  # log10 1.1, in the bin from 0 to 0.25
    assert counts.sum() == 18


def test_not_a_number_is_left_out():
    counts = of_gradients([np.nan, 1.1, 0.0])
    assert counts.sum() == 12
    assert (counts[0], counts[48]) == (6, 6)
    assert of_gradients([np.nan]).sum() == 0


def test_activations_beyond_the_edges_and_on_them():
    seen = view()
    seen.workspace.a[0][...] = np.resize([-6.0, -600.0, -np.inf, 6.0, 1e30, np.nan], (6, 5))
    counts = counted(seen, "activation_layer_1")
    assert (counts[0], counts[-1], counts.sum()) == (15, 10, 25)


def test_counting_reads_only():
    seen = view()
    arrays = [seen.gradient, seen.network.theta, *seen.workspace.a]
    before = [array.copy() for array in arrays]
    Histograms().add(0, seen.view(Histograms.samples))
    for array, old in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, old)


def test_nothing_counted_is_nothing_saved(tmp_path):
    assert Histograms().save(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("piece", [1, 2, 4])
def test_a_batch_in_pieces_is_counted_as_in_one(piece):
    seen, whole, parts = view(), Histograms(), Histograms()
    whole.add(0, seen.view(Histograms.samples))
    parts.add(0, seen.view(Histograms.samples, in_pieces(seen, piece)))
    assert whole._counts.keys() == parts._counts.keys()
    for name, (counts,) in whole._counts.items():
        np.testing.assert_array_equal(parts._counts[name][0], counts)
        assert parts._counts[name][0].dtype == counts.dtype
