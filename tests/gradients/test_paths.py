"""The law of paths: what path_sum walks is what 003 counts, on every small network."""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np
import pytest
from gradient_cases import draw, multiplications, walked

from bpexp.errors import ConfigError
from bpexp.gradients.backprop import backprop
from bpexp.gradients.comparison import compare
from bpexp.gradients.path_sum import count_multiplications, count_paths, path_sum, paths_from


def walk(sizes):
    """A gradient by path_sum of a network of these sizes, and the method with its tally."""
    case = draw(
        np.random.default_rng(0),
        hidden=["softplus"] * (len(sizes) - 2),
        output="identity",
        loss="mse",
        sizes=sizes,
        B=1,
    )
    with walked() as walk:
        gradient = path_sum(limit=10**6)(*case)
    return case, walk, gradient


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_walked_paths_are_the_product_of_003_on_every_small_network(depth):
    for sizes in product((1, 2, 3, 4), repeat=depth + 1):
        _, paths, _ = walk(list(sizes))
        L = depth
        by_003 = sum(sizes[L - j] * prod(sizes[L - i] for i in range(j)) for j in range(L))
        assert len(paths) == by_003 == count_paths(sizes)
        assert multiplications(paths, sizes) == count_multiplications(sizes)


@pytest.mark.parametrize("sizes", [[4] * 6, [1] * 6, [1, 2, 3, 4, 3, 2], [4, 1, 4, 1, 4, 1], [3, 3, 3, 3, 3]])
def test_deeper_networks(sizes):
    case, paths, gradient = walk(sizes)
    assert len(paths) == count_paths(sizes)
    assert multiplications(paths, sizes) == count_multiplications(sizes)
    assert compare(case.network, gradient.vector, backprop()(*case).vector).error < 1e-12


def test_paths_by_enumeration():
    sizes = (2, 3, 4, 2)
    for l in (1, 2, 3):
        assert paths_from(sizes, l) == len(list(product(*(range(n) for n in sizes[l + 1 :]))))


def test_a_chain_has_one_path_a_unit_and_the_product_of_003():
    sizes = [1] * 6
    _, paths, _ = walk(sizes)
    assert len(paths) == 5
    assert multiplications(paths, sizes) == sum(2 * (5 - l) + 1 for l in range(1, 6))


def test_too_many_paths_are_refused_in_one_line():
    case, _, _ = walk([2, 3, 2])
    method = path_sum(limit=count_paths([2, 3, 2]) - 1)
    with pytest.raises(ConfigError, match=r"would walk 8 paths .*through 2-3-2, .*its limit of 7") as refusal:
        method.refuse(case.network, case.head)
    assert "\n" not in str(refusal.value)
    path_sum(limit=count_paths([2, 3, 2])).refuse(case.network, case.head)
