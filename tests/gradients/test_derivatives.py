"""Back-propagation held to central differences, for everything that the registries hold.

A new activation, loss or gradient method is tested here by being registered.
"""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from gradient_cases import HIDDEN, accepted, draw, make_ready, pairings, refusal

from bpexp.errors import ConfigError
from bpexp.gradients import gradient_methods
from bpexp.gradients.backprop import backprop
from bpexp.gradients.central_difference import central_difference
from bpexp.gradients.comparison import angle, compare
from bpexp.nn.activations import activations
from bpexp.nn.heads import Head, chain
from bpexp.nn.losses import losses
from bpexp.nn.network import Network
from bpexp.nn.outputs import JointOutput, outputs

TOLERANCE = 1e-6
PAIRINGS = list(pairings())
REFUSED = [(output, loss) for output in outputs for loss in losses if not accepted(output, loss)]


def hold(case, method=None, reference=None, tolerance=TOLERANCE):
    """Assert that a method agrees with the reference on cost and gradient."""
    ours = (method or backprop())(case.network, case.head, case.x, case.y)
    theirs = (reference or central_difference())(case.network, case.head, case.x, case.y)
    comparison = compare(case.network, ours.vector, theirs.vector)
    assert comparison.error < tolerance, comparison
    assert ours.cost == pytest.approx(theirs.cost, rel=1e-12)


@pytest.mark.parametrize("batch", ["mean", "sum"])
@pytest.mark.parametrize(("output", "loss"), PAIRINGS)
def test_without_a_hidden_layer(output, loss, batch):
    hold(draw(np.random.default_rng(0), hidden=[], output=output, loss=loss, batch=batch))


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize(("output", "loss"), PAIRINGS)
def test_one_and_three_hidden_layers(hidden, output, loss):
    rng = np.random.default_rng(1)
    for depth in (1, 3):
        for batch in ("mean", "sum"):
            hold(draw(rng, hidden=[hidden] * depth, output=output, loss=loss, batch=batch))


@pytest.mark.parametrize("loss", losses)
def test_layers_of_different_activations_and_widths(loss):
    output = next(output for output in ("sigmoid", *outputs) if accepted(output, loss))
    rng = np.random.default_rng(2)
    for seed in range(4):
        hidden = list(np.random.default_rng(seed).permutation(HIDDEN)[:3])
        hold(draw(rng, hidden=hidden, output=output, loss=loss, sizes=[2, 5, 3, 4, 3]))
        hold(draw(rng, hidden=hidden[:1], output=output, loss=loss, sizes=[1, 6, 2], B=1))


LOSS_PARAMETERS = [
    (name, parameters)
    for name in losses
    for parameters in ({"reduction": "mean"}, {"reduction": "sum", "factor": 0.5}, {"threshold": 0.4})
    if set(parameters) <= set(inspect.signature(losses[name]).parameters)
]


@pytest.mark.parametrize(("name", "parameters"), LOSS_PARAMETERS)
@pytest.mark.parametrize("shortcut", [True, False])
def test_parameters_of_a_loss(name, parameters, shortcut):
    rng = np.random.default_rng(3)
    for output in (output for output, loss in PAIRINGS if loss == name):
        loss = {"name": name, **parameters}
        hold(draw(rng, hidden=["tanh"], output=output, loss=loss, shortcut=shortcut))


@pytest.mark.parametrize(
    ("name", "parameters"), [("leaky_relu", {"slope": 0.3}), ("leaky_relu", {"slope": 0}), ("elu", {"alpha": 0.5})]
)
def test_parameters_of_an_activation(name, parameters):
    case = draw(np.random.default_rng(4), hidden=[name, "tanh"], output="identity", loss="mse")
    network = case.network  # other parameters move z only behind this layer, and tanh has no kinks
    hidden = [activations.build(name, **parameters), network.layers[1].f]
    other = Network(network.sizes, hidden, case.head.output, "float64")
    other.theta[...] = network.theta
    hold(case._replace(network=other))


def refused(method, case):
    """The line with which a method says that a case is not for it; empty where it is."""
    try:
        make_ready(gradient_methods.build(method), case.network, case.head, np.random.default_rng(0))
    except ConfigError as error:
        return str(error)
    return ""


def prepared(method, case):
    """A method that is ready for a case, or None where it is refused."""
    if line := refused(method, case):
        assert f"gradient {method!r}" in line
        assert "\n" not in line
        return None
    algorithm = gradient_methods.build(method)
    make_ready(algorithm, case.network, case.head, np.random.default_rng(0))
    return algorithm


def small(rng, output, loss, batch, hidden):
    """A case of few paths."""
    sizes = [2, *[3] * len(hidden), 2]
    return draw(rng, hidden=hidden, output=output, loss=loss, batch=batch, sizes=sizes, B=3)


@pytest.mark.parametrize("method", [name for name in gradient_methods if name != "central_difference"])
@pytest.mark.parametrize(("output", "loss"), PAIRINGS)
def test_every_gradient_method(method, output, loss):
    """An exact method agrees with differences; another one has the cost right, and is not the gradient somewhere."""
    rng, angles = np.random.default_rng(6), []
    for batch in ("mean", "sum"):
        for hidden in ([], ["tanh"], ["tanh", "relu"], ["tanh", "sigmoid"]):
            case = small(rng, output, loss, batch, hidden)
            algorithm = prepared(method, case)
            if algorithm is not None and algorithm.exact:
                hold(case, algorithm)
            elif algorithm is not None:
                reference = backprop()(case.network, case.head, case.x, case.y)
                ours = algorithm(case.network, case.head, case.x, case.y)
                assert ours.cost == pytest.approx(reference.cost, rel=1e-12)
                assert ours.vector.shape == reference.vector.shape
                assert np.isfinite(ours.vector).all()
                angles.append(angle(ours.vector, reference.vector))
    assert not angles or max(angles) > 1, "a method that is the gradient must not declare exact = False"


@pytest.mark.parametrize("method", ["jacobian", "path_sum", "complex_step"])
@pytest.mark.parametrize(("output", "loss"), PAIRINGS)
def test_methods_without_differences_agree_to_rounding(method, output, loss):
    rng = np.random.default_rng(7)
    for hidden in ([], ["silu"], ["tanh", "softplus"]):
        case = small(rng, output, loss, "mean", hidden)
        if (algorithm := prepared(method, case)) is not None:
            hold(case, algorithm, backprop(), 1e-9)


@pytest.mark.parametrize("method", ["backprop", "jacobian", "path_sum"])
def test_an_output_whose_jacobian_is_not_symmetric(method):
    """That of softmax is symmetric and hides a transposition; a = M tanh z is an output with a Jacobian that is not."""
    M = np.array([[1.0, 2.0], [-0.5, 0.3]])
    output = JointOutput(f=lambda z, out=None: M @ np.tanh(z), vjp=lambda z, g: (1 - np.tanh(z) ** 2) * (M.T @ g))
    loss = losses.build("mse")
    case = small(np.random.default_rng(9), "identity", "mse", "mean", ["tanh", "sigmoid"])
    head = Head(output, loss, chain(output, loss), name="mixed+mse")
    network = Network(case.network.sizes, [layer.f for layer in case.network.layers[:-1]], output, "float64")
    network.theta[...] = case.network.theta
    hold(case._replace(network=network, head=head), prepared(method, case))


def test_what_the_complex_step_refuses():
    rng = np.random.default_rng(8)
    for hidden, loss in ((["relu"], "mse"), (["tanh"], "mae"), (["tanh"], "huber")):
        assert prepared("complex_step", draw(rng, hidden=hidden, output="identity", loss=loss)) is None
    assert prepared("complex_step", draw(rng, hidden=["tanh"], output="identity", loss="mse")) is not None


@pytest.mark.parametrize(("output", "loss"), REFUSED)
def test_a_pairing_without_meaning_is_refused_in_one_line(output, loss):
    line = refusal(output, loss)
    assert repr(output) in line
    assert repr(loss) in line
    assert "\n" not in line
    for partner in line.split("it needs ")[1].split(" or "):
        assert accepted(partner.removeprefix("output="), loss)


def test_pairings_that_must_and_must_not_be():
    assert accepted("softmax", "mse")
    assert accepted("sigmoid", "mse")
    assert accepted("softmax", "cross_entropy")
    assert accepted("sigmoid", "binary_cross_entropy")
    assert not accepted("sigmoid", "cross_entropy")
    assert not accepted("identity", "cross_entropy")
    assert not accepted("tanh", "binary_cross_entropy")


@pytest.mark.parametrize(("method", "parameters"), [("backprop", {"piece": 0}), ("central_difference", {"step": 0.0})])
def test_methods_refuse_parameters_out_of_range(method, parameters):
    with pytest.raises(ConfigError, match=f"gradient '{method}'"):
        gradient_methods.build(method, **parameters)
