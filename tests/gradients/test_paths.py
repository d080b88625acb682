"""The law of paths: what path_sum walks is what 003 counts, on every small network."""

from __future__ import annotations

from itertools import pairwise, product
from math import prod

import numpy as np
import pytest
from gradient_cases import draw

from bpexp.errors import ConfigError
from bpexp.gradients import path_sum as module
from bpexp.gradients.backprop import backprop
from bpexp.gradients.comparison import compare
from bpexp.gradients.path_sum import count_multiplications, count_paths, path_sum, paths_from
from bpexp.nn.heads import build_head
from bpexp.nn.network import Network


def case_of(sizes):
    """A random case of these sizes with one sample."""
    hidden = ["softplus"] * (len(sizes) - 2)
    return draw(np.random.default_rng(0), hidden=hidden, output="identity", loss="mse", sizes=list(sizes), B=1)


@pytest.fixture
def walked(monkeypatch):
    """Run path_sum on a case and return its gradient, and the paths that it walked, one tuple of units each."""

    def call(case):
        taken = []

        def recorded(widths, paths=module.paths):
            for path in paths(widths):
                taken.append(path)
                yield path

        with monkeypatch.context() as patch:
            patch.setattr(module, "paths", recorded)
            return path_sum(limit=10**6)(*case), taken

    return call


def multiplications(sizes, paths):
    """Two for each layer that a path crosses, a weight and a slope, and one for each weight of the network."""
    return sum(2 * len(path) for path in paths) + sum(a * b for a, b in pairwise(sizes))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_walked_paths_are_the_product_of_003_on_every_small_network(walked, depth):
    for sizes in product((1, 2, 3, 4), repeat=depth + 1):
        _, paths = walked(case_of(sizes))
        L = depth
        by_003 = sum(sizes[L - j] * prod(sizes[L - i] for i in range(j)) for j in range(L))
        assert len(paths) == by_003 == count_paths(sizes)
        assert multiplications(sizes, paths) == count_multiplications(sizes)


@pytest.mark.parametrize("sizes", [[4] * 6, [1] * 6, [1, 2, 3, 4, 3, 2], [4, 1, 4, 1, 4, 1], [3, 3, 3, 3, 3]])
def test_deeper_networks(walked, sizes):
    case = case_of(sizes)
    gradient, paths = walked(case)
    assert len(paths) == count_paths(sizes)
    assert multiplications(sizes, paths) == count_multiplications(sizes)
    assert compare(case.network, gradient.vector, backprop()(*case).vector).error < 1e-12


@pytest.mark.parametrize("sizes", [[1, 1], [2, 3, 2], [1, 2, 3, 4, 3, 2], [4] * 6])
def test_the_sum_has_one_term_for_each_path(sizes):
    """With weights, slopes and dC/dz^L of 1 every path contributes 1, so dC/db_i is the number of paths from unit i."""
    head = build_head({"name": "identity"}, {"name": "mse"})
    network = Network(sizes, [head.output] * (len(sizes) - 2), head.output, "float64")
    for layer in network.layers:
        layer.W[...] = 1
    x = np.ones((sizes[0], 1))
    gradient = path_sum(limit=10**6)(network, head, x, network.forward(x) - 0.5)
    for l, (_, db) in enumerate(network.parameters(gradient.vector), start=1):
        assert np.array_equal(db, np.full_like(db, paths_from(sizes, l)))


def test_paths_by_enumeration():
    sizes = (2, 3, 4, 2)
    for l in (1, 2, 3):
        assert paths_from(sizes, l) == len(list(product(*(range(n) for n in sizes[l + 1 :]))))


def test_a_chain_has_one_path_a_unit():
    sizes = [1] * 6
    assert count_paths(sizes) == 5
    assert count_multiplications(sizes) == sum(2 * (5 - l) + 1 for l in range(1, 6))


def test_too_many_paths_are_refused_in_one_line():
    case = case_of([2, 3, 2])
    method = path_sum(limit=count_paths([2, 3, 2]) - 1)
    with pytest.raises(ConfigError, match=r"would walk 8 paths .*through 2-3-2, .*its limit of 7") as refusal:
        method.refuse(case.network, case.head)
    assert "\n" not in str(refusal.value)
    path_sum(limit=count_paths([2, 3, 2])).refuse(case.network, case.head)
