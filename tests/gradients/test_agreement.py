"""The exact methods held to each other on networks of random shape, and to the formulas written out by hand."""

from __future__ import annotations

import inspect
from functools import lru_cache
from math import prod

import numpy as np
import pytest
from gradient_cases import HIDDEN, Case, loss_kinks, make_ready, multiplications, near, pairings, targets, walked
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from plans import planned

from bpexp.config.plugins import load_plugins
from bpexp.errors import ConfigError
from bpexp.gradients import complex_step, gradient_methods
from bpexp.gradients.backprop import backprop
from bpexp.gradients.central_difference import central_difference
from bpexp.gradients.comparison import compare
from bpexp.gradients.path_sum import PathSum, count_multiplications, count_paths, path_sum, paths_from
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.losses import losses
from bpexp.nn.network import Network
from bpexp.running.build import build
from bpexp.training.trainer import train

LIMIT = 2_000
ROUNDING, DIFFERENCES = 1e-12, 1e-6
SETTINGS = {"max_examples": 60, "deadline": None, "derandomize": True, "database": None}
EXACT = [name for name in gradient_methods if gradient_methods.build(name).exact]
SMOOTH = [name for name in HIDDEN if not activations.build(name).kinks]
ANALYTIC = [name for name in HIDDEN if activations.build(name).analytic]


@st.composite
def loss_nodes(draw, name):
    """A loss with random parameters of those that it has."""
    node = {"name": name}
    known = inspect.signature(losses.require(name)).parameters
    if "reduction" in known:
        node |= {"reduction": draw(st.sampled_from(["sum", "mean"])), "factor": draw(st.sampled_from([0.5, 1.0, 2.0]))}
    if "threshold" in known:
        node["threshold"] = draw(st.sampled_from([0.4, 1.0]))
    return node


@st.composite
def cases(draw, hidden=tuple(HIDDEN), most=LIMIT):
    """A network of 0 to 4 hidden layers, of 1 to 5 units each, with parameters and data where every slope is told."""
    output, loss = draw(st.sampled_from(list(pairings())))
    depth = draw(st.integers(0, 4))
    sizes = draw(st.lists(st.integers(1, 5), min_size=depth + 2, max_size=depth + 2))
    if output == "softmax":
        sizes[-1] = max(2, sizes[-1])  # of one unit it is constant
    assume(count_paths(sizes) <= most)
    functions = draw(st.lists(st.sampled_from(hidden), min_size=depth, max_size=depth))
    node = draw(loss_nodes(loss))
    shortcut, batch = draw(st.booleans()), draw(st.sampled_from(["mean", "sum"]))
    head = build_head({"name": output}, node, batch=batch, shortcut=shortcut)
    network = Network(sizes, [activations.build(name) for name in functions], head.output, "float64")
    found = settle(network, head, node, draw(st.integers(0, 2**32 - 1)), draw(st.integers(1, 4)))
    assume(found is not None)
    return found


def settle(network, head, node, seed, B):
    """Draw until the case is clear of kinks, z^L is moderate, and no W or b has a slope that cancels; or give up."""
    rng = np.random.default_rng(seed)
    for _ in range(200):
        for layer in network.layers:
            layer.W[...] = rng.normal(0, 1.5 / np.sqrt(layer.W.shape[1]), layer.W.shape)
            layer.b[...] = rng.uniform(-0.3, 0.8, layer.b.shape)
        x = rng.normal(size=(network.sizes[0], B))
        y = targets(rng, head, losses.build(node["name"]).classes, network.sizes[-1], B)
        case = Case(network, head, x, y)
        if tame(case, loss_kinks(node)):
            return case
    return None


def tame(case, kinks):
    """No z within CLEAR of a kink and |z^L| below 3; no parameter whose slope drowns in the rounding of the others."""
    network, _, x, y = case
    a = x
    for layer in network.layers:
        z = layer.W @ a + layer.b
        if near(z, layer.f.kinks):
            return False
        a = layer.f.f(z)
    if near(np.abs(a - y), kinks) or np.abs(z).max() > 3:
        return False
    gradient = backprop()(*case)
    largest = [np.abs(part).max() for pair in network.parameters(gradient.vector) for part in pair]
    return min(largest) > 1e-2 * max(largest) and max(largest) > 1e-2 * abs(gradient.cost)


def hold(case, method, tolerance):
    """Assert that a method agrees with backprop on cost and on every W and b."""
    ours, theirs = method(*case), backprop()(*case)
    assert ours.cost == pytest.approx(theirs.cost, rel=1e-12, abs=1e-13)
    comparison = compare(case.network, ours.vector, theirs.vector)
    assert comparison.error < tolerance, comparison


# Agreement


@given(cases())
@settings(**SETTINGS)
def test_jacobian_is_backprop_to_rounding(case):
    hold(case, gradient_methods.build("jacobian"), ROUNDING)


@given(cases())
@settings(**SETTINGS)
def test_path_sum_is_backprop_to_rounding_and_walks_what_is_counted(case):
    method = path_sum(LIMIT)
    method.refuse(case.network, case.head)
    hold(case, method, ROUNDING)
    n, L = case.network.sizes, len(case.network.sizes) - 1
    by_003 = sum(n[L - j] * prod(n[L - i] for i in range(j)) for j in range(L))
    with walked() as walk:
        method(case.network, case.head, case.x, case.y)
    assert len(walk) == by_003 == count_paths(n)
    assert multiplications(walk, n) == count_multiplications(n)
    assert [paths_from(n, L - j) for j in range(L)] == [prod(n[L - i] for i in range(j)) for j in range(L)]


@given(cases(hidden=tuple(ANALYTIC)))
@settings(**SETTINGS)
def test_complex_step_is_backprop_to_rounding(case):
    assume(case.head.output.analytic and case.head.loss.analytic)
    method = complex_step.complex_step()
    make_ready(method, case.network, case.head, np.random.default_rng(0))
    hold(case, method, ROUNDING)


@given(cases())
@settings(**SETTINGS)
def test_central_differences_are_backprop_to_their_error(case):
    hold(case, central_difference(), DIFFERENCES)


@pytest.mark.parametrize("name", [name for name in EXACT if name != "backprop"])
def test_every_exact_method_is_backprop(name):
    """Whatever is registered as exact, on networks of random shape; a method may refuse some, and not all."""

    @given(cases(most=300))
    @settings(**SETTINGS | {"max_examples": 20})
    def held(case):
        if (method := prepared(name, case)) is not None:
            hold(case, method, DIFFERENCES if name == "central_difference" else ROUNDING)
            served.append(name)

    served: list[str] = []
    held()
    assert served


@given(cases(most=300))
@settings(**SETTINGS | {"max_examples": 40})
def test_the_gradient_of_a_batch_is_the_mean_or_sum_of_those_of_its_samples(case):
    network, head, x, y = case
    for name in EXACT:
        if (method := prepared(name, case)) is None:
            continue
        whole = method(*case).vector.copy()
        singles = [method(network, head, x[:, [k]], y[:, [k]]).vector.copy() for k in range(x.shape[1])]
        together = np.sum(singles, axis=0) * head.weight(x.shape[1])
        tolerance = DIFFERENCES if name == "central_difference" else ROUNDING
        assert compare(network, whole, together).error < tolerance, name


def prepared(name, case):
    """A method that is ready for a case, or None where it is refused."""
    method = gradient_methods.build(name)
    try:
        make_ready(method, case.network, case.head, np.random.default_rng(0))
    except ConfigError:
        return None
    return method


# Chains of single neurons

MU = {
    "identity": (lambda z: z, lambda z: 1.0),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "relu": (lambda z: max(z, 0.0), lambda z: 1.0 if z > 0 else 0.0),
    "softplus": (lambda z: np.log(1 + np.exp(z)), lambda z: 1 / (1 + np.exp(-z))),
}


def by_003(mu, w, b, x, y):
    """dC/dw^(L-j) and dC/db^(L-j) of the chain of 003, with C = (a^(L) - y)^2; all lists are indexed from layer 1."""
    L = len(w) - 1
    a, z = [x], [np.nan]
    for l in range(1, L + 1):
        z.append(w[l] * a[l - 1] + b[l])
        a.append(MU[mu[l]][0](z[l]))
    slope = [np.nan, *(MU[mu[l]][1](z[l]) for l in range(1, L + 1))]
    dw, db = {}, {}
    for j in range(L):
        product = prod(slope[L - i + 1] * w[L - i + 1] for i in range(1, j + 1))
        db[L - j] = 2 * (a[L] - y) * product * slope[L - j]
        dw[L - j] = db[L - j] * a[L - j - 1]
    return np.array([part for l in range(1, L + 1) for part in (dw[l], db[l])])


@given(st.lists(st.sampled_from(list(MU)), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
@settings(**SETTINGS)
def test_a_chain_is_the_product_of_003(mu, seed):
    rng = np.random.default_rng(seed)
    L = len(mu)
    w, b = rng.uniform(0.5, 2, L) * rng.choice([-1, 1], L), rng.uniform(-1, 1, L)
    x, y = rng.uniform(0.5, 1.5), rng.uniform(-1, 1)
    head = build_head({"name": mu[-1]}, {"name": "mse"})
    network = Network([1] * (L + 1), [activations.build(name) for name in mu[:-1]], head.output, "float64")
    network.theta[...] = np.stack([w, b], axis=1).ravel()
    expected = by_003([None, *mu], [np.nan, *w], [np.nan, *b], x, y)
    case = Case(network, head, np.array([[x]]), np.array([[y]]))
    for name in ("backprop", "jacobian", "path_sum", "complex_step"):
        if (method := prepared(name, case)) is not None:
            np.testing.assert_allclose(method(*case).vector, expected, rtol=1e-12, atol=0, err_msg=name)


# Refusals and preparation


def plain(sizes, hidden="tanh", loss="mse"):
    """A network and head with weights, and a batch of 3."""
    head = build_head({"name": "identity"}, {"name": loss})
    network = Network(sizes, [activations.build(hidden)] * (len(sizes) - 2), head.output, "float64")
    rng = np.random.default_rng(1)
    network.theta[...] = rng.normal(size=network.theta.size)
    return Case(network, head, rng.normal(size=(sizes[0], 3)), rng.normal(size=(sizes[-1], 3)))


def refusal(method, case):
    """The line with which a method refuses a case."""
    with pytest.raises(ConfigError) as refused:
        make_ready(method, case.network, case.head, np.random.default_rng(0))
    line = str(refused.value)
    assert "\n" not in line
    assert line.isascii()
    return line


def test_too_many_paths_are_refused_with_their_number_and_what_would_work():
    paths, limit = count_paths([3, 5, 5, 2]), count_paths([3, 5, 5, 2]) - 1
    line = refusal(path_sum(limit), plain([3, 5, 5, 2]))
    for part in ("'path_sum'", f"{paths:,} paths", f"limit of {limit:,}", "3-5-5-2", "gradient=backprop or jacobian"):
        assert part in line
    make_ready(path_sum(paths), *plain([3, 5, 5, 2])[:2], np.random.default_rng(0))
    with pytest.raises(ConfigError, match="limit must be a whole number of at least 1, not 0"):
        gradient_methods.build("path_sum", limit=0)


@pytest.mark.parametrize("hidden", [name for name in HIDDEN if name not in SMOOTH])
def test_a_kink_is_refused_with_its_place_and_what_would_work(hidden):
    line = refusal(complex_step.complex_step(), plain([2, 3, 1], hidden))
    for part in ("'complex_step'", "activation of layer 1 has a kink at 0", "gradient=backprop", "central_difference"):
        assert part in line
    named = line.split("such as ")[1].replace(" or ", ", ").split(", ")
    assert set(named) <= set(SMOOTH)


@pytest.mark.parametrize("loss", [name for name in losses if losses.build(name).kinks])
def test_a_kink_of_the_loss_is_refused(loss):
    line = refusal(complex_step.complex_step(), plain([2, 3, 1], loss=loss))
    assert "the loss has a kink" in line
    assert "gradient=backprop" in line


@pytest.mark.parametrize("name", gradient_methods)
def test_preparing_twice_is_preparing_once(name):
    """Bit for bit, from the same generator; and theta is not touched."""
    case = plain([3, 4, 2])
    theta = case.network.theta.copy()
    once, twice = gradient_methods.build(name), gradient_methods.build(name)
    make_ready(once, case.network, case.head, np.random.default_rng(5))
    for seed in (5, 5) if not twice.exact else (7, 5):
        make_ready(twice, case.network, case.head, np.random.default_rng(seed))
    np.testing.assert_array_equal(once(*case).vector, twice(*case).vector)
    np.testing.assert_array_equal(case.network.theta, theta)


def test_a_refusal_leaves_the_method_as_it_was():
    method = PathSum(100)
    refusal(method, plain([5, 5, 5, 5]))
    case = plain([2, 3, 2])
    make_ready(method, case.network, case.head, np.random.default_rng(0))
    hold(case, method, ROUNDING)


# Training


@lru_cache(maxsize=1)
def swept():
    """The trained theta of each job of a small sweep over gradient methods."""
    words = ["gradient=backprop,jacobian,path_sum,complex_step", "data=xor", "model.hidden=[4,3]"]
    words += ["activation=tanh", "dtype=float64", "epochs=2", "batch_size=20", "data.limit=200", "tracking=none"]
    experiments = [build(job.config) for job in planned(*words, multirun=True).jobs]
    return {str(e.config.gradient["name"]): trained(e) for e in experiments}


def trained(experiment):
    """Theta before and after."""
    before = experiment.trainer.network.theta.copy()
    assert train(experiment.trainer, []).status == "finished"
    return before, experiment.trainer.network.theta.copy()


@pytest.mark.parametrize("method", ["jacobian", "path_sum", "complex_step"])
def test_a_sweep_over_exact_methods_trains_to_the_same_weights(method, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    start, end = swept()["backprop"]
    begun, ended = swept()[method]
    np.testing.assert_array_equal(begun, start)
    assert np.abs(end - start).max() > 0.01
    np.testing.assert_allclose(ended, end, rtol=0, atol=1e-12)
    load_plugins.cache_clear()
