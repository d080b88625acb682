"""Paths and multiplications of a gradient, by walking and by formula.

Multiplications are those of one sample after the forward pass, from dC/dz^L on; for the methods that only evaluate
the cost, they are those of the evaluations. Sums over l run over the layers 1, ..., L; F = sum n_l n_{l-1} is one
forward pass and P = sum n_l (n_{l-1} + 1) the number of parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product

import numpy as np

from bpexp.gradients.path_sum import count_multiplications
from bpexp.nn.activations import activations
from bpexp.nn.heads import Head, build_head
from bpexp.nn.network import Network, count_parameters
from bpexp.papers.paper_003 import paths

HEAD = build_head({"name": "sigmoid"}, {"name": "mse"})


def network(sizes: Sequence[int], seed: int = 0) -> tuple[Network, Head]:
    """tanh layers, a sigmoid output and squared error in float64: analytic, as complex_step needs it."""
    made = Network(sizes, [activations.build("tanh")] * (len(sizes) - 2), HEAD.output, "float64")
    made.theta[...] = np.random.default_rng(seed).normal(0, 0.5, made.theta.size)
    return made, HEAD


def walked(sizes: Sequence[int]) -> tuple[int, int]:
    """Paths, and multiplications a sample, of the nested sums: walks every path of every unit behind the input.

    A path multiplies by one weight and one slope for each layer that it crosses; a unit then multiplies its delta with
    each activation that it reads.
    """
    found = multiplications = 0
    for l in range(1, len(sizes)):
        for _unit in range(sizes[l]):
            for path in product(*(range(n) for n in sizes[l + 1 :])):
                found += 1
                multiplications += 2 * len(path)
            multiplications += sizes[l - 1]
    return found, multiplications


def paths_of_003(sizes: Sequence[int]) -> int:
    """The paths of all units behind the input: the sum over layers L - j of n_{L-j} times the product of 003."""
    L = len(sizes) - 1
    return sum(sizes[L - j] * paths(sizes, j) for j in range(L))


def small_nets(depths: Sequence[int], widths: Sequence[int] = (1, 2, 3, 4)) -> list[tuple[int, ...]]:
    """Every network of these depths whose layers, the input too, have these widths."""
    return [sizes for depth in depths for sizes in product(widths, repeat=depth + 1)]


def forward(sizes: Sequence[int]) -> int:
    """F = sum n_l n_{l-1}."""
    return sum(a * b for a, b in pairwise(sizes))


def backprop(sizes: Sequence[int]) -> int:
    """sum_l n_l n_{l-1} for dC/dW^l, and sum_{l>1} n_{l-1} (n_l + 1) for delta^{l-1} = (W^l)^T delta^l * f'."""
    return forward(sizes) + sum(a * (b + 1) for a, b in list(pairwise(sizes))[1:])


def jacobian(sizes: Sequence[int]) -> int:
    """sum_{1<l<L} (n_l + n_L) n_l n_{l-1} for products of full matrices, sum_{l<L} n_l (n_L + 1) for delta^l, F."""
    last, hidden = sizes[-1], sizes[1:-1]
    products = sum((b + last) * a * b for a, b in pairwise(hidden))
    return products + sum(n * (last + 1) for n in hidden) + forward(sizes)


def central_difference(sizes: Sequence[int]) -> int:
    """2 P F: two evaluations of the cost for each parameter."""
    return 2 * count_parameters(sizes) * forward(sizes)


def complex_step(sizes: Sequence[int]) -> int:
    """4 P F: one evaluation for each parameter, of complex numbers, whose product takes four."""
    return 4 * count_parameters(sizes) * forward(sizes)


MULTIPLICATIONS = {
    "path_sum": count_multiplications,
    "jacobian": jacobian,
    "central_difference": central_difference,
    "complex_step": complex_step,
    "backprop": backprop,
}
"""The formula of each method, by name."""
