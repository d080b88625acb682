"""Cost and delta of every pairing against arithmetic of many digits, and the findings that were failures of it.

A new activation, output or loss is tested here by being registered.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from gradient_cases import draw

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bpexp.errors import ConfigError  # noqa: E402
from bpexp.gradients import gradient_methods  # noqa: E402
from bpexp.gradients.backprop import backprop  # noqa: E402
from bpexp.nn.activations import Activation, activations  # noqa: E402
from bpexp.nn.closed_forms import SHORTCUTS  # noqa: E402
from bpexp.nn.heads import build_head  # noqa: E402
from bpexp.nn.losses import losses  # noqa: E402
from bpexp.nn.network import Network  # noqa: E402
from bpexp.nn.outputs import outputs  # noqa: E402
from experiments.trust.exact import cost_and_delta  # noqa: E402
from experiments.trust.pairings import TOLERANCE, errors, pairings, variants, worst  # noqa: E402

PAIRINGS = list(pairings())


def ask(head, z, y):
    """Costs, a and delta of a head."""
    a, delta = np.full_like(z, np.nan), np.full_like(z, np.nan)
    return head.cost_and_delta(z, y, a, delta), a, delta


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("output", "loss"), PAIRINGS)
def test_cost_and_every_entry_of_delta_keep_their_digits(output, loss, dtype):
    for variant in variants(loss):
        cost, delta, z, y = errors((output, {}), (loss, variant), dtype)
        for name, error in (("cost", cost[None]), ("delta", delta)):
            k = error.max(axis=0).argmax()
            assert error.max() <= TOLERANCE[dtype], (name, variant, z[:, k], y[:, k])


@pytest.mark.parametrize(("output", "parameters"), [("leaky_relu", {"slope": 0.25}), ("elu", {"alpha": 0.5})])
def test_parameters_of_an_output(output, parameters):
    for loss in ("mse", "mae", "huber"):
        cost, delta, _, _ = errors((output, parameters), (loss, {}), "float64")
        assert max(cost.max(), delta.max()) <= TOLERANCE["float64"]


@pytest.mark.parametrize(("output", "loss"), PAIRINGS)
def test_the_samples_reach_the_ends_of_the_scale(output, loss):
    """Logits of 10 000 of both signs, ties, and outputs that are confident and right, and confident and wrong."""
    _, _, z, y = errors((output, {}), (loss, {}), "float64")
    assert z.max() == -z.min() == 1e4
    right = (y == np.eye(4)[:, z.argmax(axis=0)]).all(axis=0)
    wrong = (y == np.eye(4)[:, z.argmin(axis=0)]).all(axis=0)
    spread = np.ptp(z, axis=0)
    assert spread[wrong].max() == 2e4
    if output in OWN:  # another's limit is not known, and a target of 1 may be beside its a
        assert spread[right & (spread > 0)].max() == 2e4
    assert (np.sort(z, axis=0)[-1] == np.sort(z, axis=0)[-2]).any()


def test_every_loss_with_logarithms_has_a_closed_form_and_the_others_take_the_error():
    """What is left to the chain rule through a belongs to plug-ins."""
    for output, loss in PAIRINGS:
        form = build_head(output, loss).form
        assert form == ("closed" if (output, loss) in SHORTCUTS else "error" if losses[loss]().of_error else "chain")
        assert form != "chain" or not {output, loss} <= OWN
        assert build_head(output, loss, shortcut=False).form == "chain"


OWN = {
    *("identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "softmax"),
    *("mse", "mae", "huber", "cross_entropy", "binary_cross_entropy"),
}
"""The outputs and losses of bpexp itself."""


@pytest.mark.parametrize(
    ("output", "loss"),
    [("sigmoid", "mse"), ("tanh", "mae"), ("elu", "huber"), ("softmax", "mse"), *SHORTCUTS],
)
def test_the_chain_rule_through_a_is_found_to_lose_its_digits(output, loss):
    """The chain of 002 loses every digit where an output saturates; were the table blind, it would pass."""
    found = worst(output, loss, "float64", shortcut=False)
    assert max(found.values()) > 0.5


def test_the_reference_is_not_that_of_the_code():
    """Values that can be calculated by hand: a = 1/8, 1/4, 5/8 and the class 1/4."""
    z, y = np.log([1.0, 2.0, 5.0]).tolist(), [0.0, 1.0, 0.0]
    cost, delta, _ = cost_and_delta(("softmax", {}), ("cross_entropy", {}), z, y)
    assert float(cost) == pytest.approx(np.log(4), rel=1e-15)
    assert [float(value) for value in delta] == pytest.approx([0.125, -0.75, 0.625], rel=1e-15)
    cost, delta, _ = cost_and_delta(("sigmoid", {}), ("mse", {"reduction": "mean"}), [0.0, 0.0], [1.0, 0.0])
    assert (float(cost), [float(value) for value in delta]) == (0.25, [-0.125, 0.125])


def test_a_component_without_a_definition_here_is_evaluated_by_its_own_functions(monkeypatch):
    """As that of a plug-in is. tanh and mse by their own functions, in 60 digits, are tanh and mse by definition."""
    case = ("tanh", {}), ("mse", {"factor": 2.5}), [0.5, -2.0, 0.25], [1.0, 0.0, -0.5]
    truth = cost_and_delta(*case)
    monkeypatch.setitem(activations._factories, "plugged", lambda: Activation(np.tanh, lambda z: 1 - np.tanh(z) ** 2))
    monkeypatch.setitem(losses._factories, "own", lambda: losses.build("mse", factor=2.5))
    ours = cost_and_delta(("plugged", {}), ("own", {}), *case[2:])
    for found, wanted in zip((ours[0], *ours[1]), (truth[0], *truth[1]), strict=True):
        assert abs(found - wanted) < 1e-50


@pytest.mark.parametrize("output", outputs)
def test_a_minus_y_is_the_difference(output):
    """Also for values of y between the limits, for a whole batch, and for complex z."""
    f, rng = outputs.build(output), np.random.default_rng(0)
    z, y = rng.normal(0, 2, (4, 50)), rng.normal(0, 1, (4, 50))
    if f.error is None:
        return
    np.testing.assert_allclose(f.error(z, y), f.f(z) - y, rtol=1e-12, atol=1e-14)
    assert f.error(z.astype("float32"), y.astype("float32")).dtype == np.float32
    if f.analytic:
        step = 1e-30j * rng.normal(size=z.shape)
        np.testing.assert_allclose(f.error(z + step, y).imag, f.f(z + step).imag, rtol=1e-10)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("output", ["sigmoid", "tanh"])
def test_a_target_beside_a_loses_no_more_than_the_last_digit_of_a(output, dtype):
    """Where a and y have digits in common, a - y has the others: its error is a rounding error of a."""
    z = np.linspace(-3, 3, 61, dtype=dtype)[:, None]
    f, eps = outputs.build(output), np.finfo(dtype).eps
    y = (f.f(z) * (1 + 64 * eps)).astype(dtype)
    exact = f.f(z.astype("longdouble")) - y
    assert (np.abs(f.error(z, y) - exact) <= 4 * eps * np.maximum(np.abs(y), eps)).all()


@pytest.mark.parametrize("z", [15.0, 17.5, 40.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_float32_sigmoid_that_is_right_still_has_a_cost(z, sign):
    """N11: log(1 + exp(z)) - z is 0 in float32 from z = 17 on, and so was a - 1."""
    z32, y = np.array([[sign * z]], "float32"), np.array([[sign > 0]], "float32")
    cost, _, delta = ask(build_head("sigmoid", "binary_cross_entropy"), z32, y)
    assert cost[0] == pytest.approx(np.log1p(np.exp(-z)), rel=1e-6)
    assert delta[0, 0] == pytest.approx(-sign * np.exp(-z) / (1 + np.exp(-z)), rel=1e-6)


@pytest.mark.parametrize(("gap", "dtype"), [(20, "float32"), (40, "float64"), (2000, "float64"), (2e4, "float32")])
def test_softmax_with_binary_cross_entropy_has_a_cost_where_a_rounds_to_1(gap, dtype):
    """N1: a wrong class with a = 1 cost infinity. It costs the gap to the other classes, twice for two classes."""
    z, y = np.array([[gap / 2], [-gap / 2]], dtype), np.array([[0], [1]], dtype)
    cost, _, delta = ask(build_head("softmax", "binary_cross_entropy"), z, y)
    assert cost[0] == pytest.approx(2 * gap, rel=1e-6)
    np.testing.assert_allclose(delta[:, 0], [2, -2], rtol=1e-6)


METHODS = [name for name in gradient_methods if gradient_methods.build(name).exact and name != "as_printed"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("output", "loss"), PAIRINGS)
def test_every_exact_method_is_finite_where_the_output_is_saturated(method, output, loss):
    """N5: dC/da = -y/a was infinite and da/dz was 0. Weights of a thousand saturate every output that can be."""
    case = draw(np.random.default_rng(0), hidden=["tanh"], output=output, loss=loss, sizes=[2, 3, 3], B=5)
    case.network.layers[-1].W[...] *= 1000
    algorithm = gradient_methods.build(method)
    try:
        algorithm.refuse(case.network, case.head)
    except ConfigError:  # a cost that is not analytic
        return
    ours, truth = (
        algorithm(case.network, case.head, case.x, case.y),
        backprop()(case.network, case.head, case.x, case.y),
    )
    assert np.isfinite(ours.vector).all()
    assert ours.cost == pytest.approx(truth.cost, rel=1e-12)
    if method in ("jacobian", "path_sum"):
        scale = np.abs(truth.vector).max()
        np.testing.assert_allclose(ours.vector, truth.vector, rtol=1e-10, atol=1e-13 * scale)


@pytest.mark.parametrize("method", ["jacobian", "path_sum"])
def test_methods_of_the_papers_have_a_gradient_where_softmax_underflows(method):
    """The same in float32 at a gap of 200, where exp(-200) is 0."""
    head = build_head("softmax", "cross_entropy")
    network = Network([1, 2], [], head.output, "float32")
    network.theta[...] = [100, -100, 0, 0]
    x, y = np.ones((1, 1), "float32"), np.array([[0], [1]], "float32")
    found = gradient_methods.build(method)(network, head, x, y)
    assert found.cost == 200
    np.testing.assert_array_equal(found.vector, [1, -1, 1, -1])


@pytest.mark.parametrize(("output", "loss"), PAIRINGS)
def test_the_cost_alone_is_the_cost_beside_delta(output, loss):
    rng = np.random.default_rng(0)
    z, y = rng.normal(0, 20, (3, 40)).astype("float32"), np.eye(3, dtype="float32")[:, rng.integers(0, 3, 40)]
    for shortcut in (True, False):
        head = build_head(output, loss, shortcut=shortcut)
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(head.cost(z, y), ask(head, z, y)[0])
