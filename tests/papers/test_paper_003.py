"""The parts of a gradient in 003, compared with what each stands for."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from gradient_cases import draw
from paper_truths import (
    Truths,
    chain_case,
    derivative,
    descent,
    layer,
    parts,
    relu_slope,
    softmax,
    softmax_jacobian,
    squared_error,
    tanh,
    true_gradient,
)

from bpexp.nn.activations import activations
from bpexp.nn.arrays import Array
from bpexp.nn.losses import losses
from bpexp.nn.network import count_parameters
from bpexp.nn.outputs import outputs
from bpexp.papers import FORMULAS

truths = Truths("003")


truths.stands_for("cost-mean")(squared_error)


@truths.stands_for("cost-sum")
def _(formula, rng):
    a, y = rng.normal(size=(2, 3, 5))
    yield formula(a, y), 5 * losses.build("mse").cost(a, y).mean()


@truths.stands_for("chain")
def _(formula, rng):
    a, y, slope, w, vector = chain_case(rng)
    for j in (0, 1, 2):
        yield formula(a, y, slope, w, j), vector[4 - 2 * j : 6 - 2 * j]


@truths.stands_for("one-unit")
def _(formula, rng):
    c = draw(rng, hidden=[], output="sigmoid", loss="mse", sizes=[1, 1], B=1)
    a = c.network.forward(c.x).item()
    yield formula(a, c.y.item(), a * (1 - a), c.x.item()), true_gradient(c)


truths.stands_for("softmax-jacobian", "softmax-jacobian-of-z")(softmax_jacobian)


@truths.stands_for("cross-entropy")
def _(formula, rng):
    a, y = softmax(rng.normal(size=(5, 1))), rng.dirichlet(np.ones(5))[:, None]
    yield formula(a, y), losses.build("cross_entropy").cost(a, y).item()


@truths.stands_for("cross-entropy-of-z")
def _(formula, rng):
    z, y = rng.normal(size=5), rng.dirichlet(np.ones(5))
    yield formula(z, y), losses.build("cross_entropy").cost(softmax(z[:, None]), y[:, None]).item()
    yield derivative(lambda z: formula(z, y), z), softmax(z[:, None])[:, 0] - y


@truths.stands_for("softmax-hadamard")
def _(formula, rng):
    z, dC_da = rng.normal(size=(2, 5, 1))
    yield formula(dC_da, z), outputs.build("softmax").vjp(z, dC_da)


truths.stands_for("relu-slope", "relu-slope-gap")(relu_slope)


truths.stands_for("update")(descent)


@truths.stands_for("first-matrix", "first-forward")
def _(formula, rng):
    W, b, x = layer(rng)
    yield formula(W.T, x, b), W @ x + b


def points(rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Coefficients of a cubic, and points x, y."""
    return rng.normal(size=4), rng.normal(size=6), rng.normal(size=6)


@truths.stands_for("polynomial-cost")
def _(formula, rng):
    k, x, y = points(rng)
    yield formula(k, x, y), ((np.polynomial.polynomial.polyval(x, k) - y) ** 2).sum()


@truths.stands_for("polynomial-slope")
def _(formula, rng):
    k, x, y = points(rng)
    cost = lambda k: (((x[:, None] ** np.arange(4)) @ k - y) ** 2).sum()  # noqa: E731
    yield formula(k, x, y), derivative(cost, k)


@truths.stands_for("unit-in-unit")
def _(formula, rng):
    W, b, x = layer(rng)
    slope = (1 - np.tanh(W @ x + b) ** 2)[:, 0]
    yield formula(slope, W), derivative(lambda x: tanh(W @ x + b[:, 0]), x[:, 0])


@truths.stands_for("paths")
def _(formula, rng):
    sizes = tuple(int(n) for n in rng.integers(1, 5, 5))
    for j in range(1, 5):
        yield formula(sizes, j), len(list(product(*(range(n) for n in sizes[5 - j :]))))


@truths.stands_for("parameters")
def _(formula, rng):
    yield formula(), 784 * 10 + 10 + 10 * 10 + 10


def test_every_part_is_compared():
    assert set(truths) == set(parts("003"))


@pytest.mark.parametrize("name", parts("003"))
def test_a_part_is_as_correct_as_its_entry_says(name):
    truths.compare(name)


def test_003_counts_its_parameters_right():
    assert 10 * 784 + 10 + 10 * 10 + 10 == count_parameters((784, 10, 10)) == FORMULAS["003-parameters"]()


def test_relu_at_its_kink():
    assert np.isnan(FORMULAS["003-relu-slope-gap"](np.zeros(1))).all()
    for name in ("003-relu-slope", "002-relu-slope"):
        assert FORMULAS[name](np.zeros(1)) == activations.build("relu").df(np.zeros(1)) == 0


def test_the_softmax_of_one_number_is_one():
    """The Jacobian of 003 as its letters stand; in the notation of its own definition, (Softmax(z))_i, it is right."""
    np.testing.assert_array_equal(FORMULAS["003-softmax-jacobian"](np.array([0.3, -2.0])), [[0, -1], [-1, 0]])
