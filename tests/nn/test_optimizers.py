"""Optimizers held, step by step, to plain transcriptions of their papers, and to PyTorch where it is installed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bpexp.errors import ConfigError
from bpexp.nn.optimizers import optimizers

STEPS, P = 50, 12


def gradients(seed: int = 0) -> np.ndarray:
    """A gradient a step, of sizes from 1e-3 to 1e3."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(STEPS, P)) * 10.0 ** rng.uniform(-3, 3, P)


def rates() -> list[float]:
    """A learning rate that changes from step to step."""
    return [0.1 * 0.98**t for t in range(STEPS)]


def walk(optimizer, theta: np.ndarray, dtype=np.float64) -> np.ndarray:
    """theta after every step, (STEPS, P)."""
    theta, path = theta.astype(dtype), []
    for grad, lr in zip(gradients().astype(dtype), rates(), strict=True):
        before = theta.copy(), grad.copy()
        step = optimizer.step(theta, grad, lr)
        np.testing.assert_array_equal((theta, grad), before)
        assert step.dtype == theta.dtype
        theta -= step
        path.append(theta.copy())
    return np.array(path)


def sgd(theta, decay=0.0):
    """theta <- theta - lr g."""
    for g, lr in zip(gradients(), rates(), strict=True):
        theta = theta - lr * g - lr * decay * theta
        yield theta


def momentum(theta, mu=0.9, decay=0.0):
    """Polyak: v <- mu v + g, theta <- theta - lr v."""
    v = np.zeros(P)
    for g, lr in zip(gradients(), rates(), strict=True):
        v = mu * v + g
        theta = theta - lr * v - lr * decay * theta
        yield theta


def nesterov(theta, mu=0.9, decay=0.0):
    """Sutskever: the gradient is looked at one step of the velocity ahead, theta <- theta - lr (g + mu v)."""
    v = np.zeros(P)
    for g, lr in zip(gradients(), rates(), strict=True):
        v = mu * v + g
        theta = theta - lr * (g + mu * v) - lr * decay * theta
        yield theta


def rmsprop(theta, rho=0.9, eps=1e-7, decay=0.0):
    """Hinton: divide by a running average of the magnitude."""
    s = np.zeros(P)
    for g, lr in zip(gradients(), rates(), strict=True):
        s = rho * s + (1 - rho) * g**2
        theta = theta - lr * g / (np.sqrt(s) + eps) - lr * decay * theta
        yield theta


def adam(theta, beta1=0.9, beta2=0.999, eps=1e-8, decay=0.0):
    """Kingma and Ba, algorithm 1; with decay, Loshchilov and Hutter's algorithm 2."""
    m, v = np.zeros(P), np.zeros(P)
    for t, (g, lr) in enumerate(zip(gradients(), rates(), strict=True), start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        theta = theta - lr * m_hat / (np.sqrt(v_hat) + eps) - lr * decay * theta
        yield theta


CASES = [
    ("sgd", {}, sgd, {}),
    ("sgd", {"weight_decay": 0.1}, sgd, {"decay": 0.1}),
    ("momentum", {}, momentum, {}),
    ("momentum", {"momentum": 0.5, "weight_decay": 0.1}, momentum, {"mu": 0.5, "decay": 0.1}),
    ("momentum", {"momentum": 0.0}, sgd, {}),
    ("nesterov", {}, nesterov, {}),
    ("nesterov", {"momentum": 0.7, "weight_decay": 0.2}, nesterov, {"mu": 0.7, "decay": 0.2}),
    ("rmsprop", {}, rmsprop, {}),
    ("rmsprop", {"rho": 0.5, "eps": 1e-3, "weight_decay": 0.1}, rmsprop, {"rho": 0.5, "eps": 1e-3, "decay": 0.1}),
    ("adam", {}, adam, {}),
    ("adam", {"beta1": 0.5, "beta2": 0.9, "eps": 1e-3}, adam, {"beta1": 0.5, "beta2": 0.9, "eps": 1e-3}),
    ("adam", {"weight_decay": 0.1}, adam, {"decay": 0.1}),
    ("adamw", {}, adam, {"decay": 0.01}),
    ("adamw", {"weight_decay": 0.3}, adam, {"decay": 0.3}),
]
THETA = np.random.default_rng(1).normal(size=P)


@pytest.mark.parametrize(("name", "parameters", "paper", "own"), CASES)
def test_fifty_steps_as_in_the_paper(name, parameters, paper, own):
    path = walk(optimizers.build(name, **parameters), THETA)
    np.testing.assert_allclose(path, list(paper(THETA, **own)), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", optimizers)
def test_single_precision_follows_double(name):
    double = walk(optimizers.build(name), THETA)
    single = walk(optimizers.build(name), THETA, np.float32)
    np.testing.assert_allclose(single, double, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", optimizers)
def test_a_first_step_goes_downhill_and_zero_gradients_go_nowhere(name):
    grad = np.random.default_rng(2).normal(size=P)
    optimizer = optimizers.build(name, weight_decay=0.0)
    assert (optimizer.step(np.zeros(P), grad, 0.1) * grad > 0).all()
    still = optimizers.build(name, weight_decay=0.0)
    np.testing.assert_array_equal(still.step(np.ones(P), np.zeros(P), 0.1), 0)


@pytest.mark.parametrize("name", optimizers)
def test_state_is_what_a_checkpoint_needs(name):
    """`state` carries the declared vectors, `t` counts the steps."""
    optimizer = optimizers.build(name)
    assert optimizer.t == 0
    walk(optimizer, THETA)
    assert optimizer.t == STEPS
    assert tuple(optimizer.state) == optimizer.memory
    assert all(vector.shape == (P,) and vector.any() for vector in optimizer.state.values())


def test_names_of_the_state():
    memory = {name: optimizers.build(name).memory for name in ("sgd", "momentum", "nesterov", "rmsprop", "adam")}
    assert memory == {
        "sgd": (),
        "momentum": ("velocity",),
        "nesterov": ("velocity",),
        "rmsprop": ("square",),
        "adam": ("mean", "square"),
    }


@pytest.mark.parametrize("name", optimizers)
def test_two_of_a_kind_share_nothing(name):
    one, other = optimizers.build(name), optimizers.build(name)
    walk(one, THETA)
    np.testing.assert_array_equal(walk(other, THETA), walk(optimizers.build(name), THETA))


def test_a_first_step_of_adam_has_the_length_of_the_rate():
    """m^ = g and v^ = g^2 after one step, so each entry moves by lr g / (|g| + eps)."""
    step = optimizers.build("adam").step(np.zeros(3), np.array([1e-3, -5.0, 2e4]), 0.01)
    np.testing.assert_allclose(step, [0.01, -0.01, 0.01], rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "torch_name", "options"),
    [
        ("sgd", "SGD", {}),
        ("momentum", "SGD", {"momentum": 0.9}),
        ("nesterov", "SGD", {"momentum": 0.9, "nesterov": True}),
        ("rmsprop", "RMSprop", {"alpha": 0.9, "eps": 1e-7}),
        ("adam", "Adam", {}),
        ("adamw", "AdamW", {"weight_decay": 0.01}),
    ],
)
def test_as_pytorch_does(name, torch_name, options):
    torch = pytest.importorskip("torch")
    theta = torch.tensor(THETA, requires_grad=True)
    theirs, path = getattr(torch.optim, torch_name)([theta], lr=0.1, **options), []
    for g, lr in zip(gradients(), rates(), strict=True):
        theirs.param_groups[0]["lr"] = lr
        theta.grad = torch.tensor(g)
        theirs.step()
        path.append(theta.detach().numpy().copy())
    np.testing.assert_allclose(walk(optimizers.build(name), THETA), path, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        *[
            (name, {"weight_decay": -0.1}, "weight_decay must be a number of at least 0, not -0.1")
            for name in optimizers
        ],
        ("sgd", {"weight_decay": math.nan}, "not nan"),
        ("momentum", {"momentum": 1.0}, r"momentum must be a number in \[0, 1\), not 1.0"),
        ("rmsprop", {"rho": -0.1}, "rho must be a number in"),
        ("rmsprop", {"eps": 0.0}, "eps must be a number greater than 0"),
        ("adam", {"beta1": 1.0}, "beta1 must be a number in"),
        ("adam", {"beta2": 1.5}, "beta2 must be a number in"),
        ("adamw", {"eps": -1e-8}, "eps must be a number greater than 0"),
    ],
)
def test_parameters_out_of_range(name, parameters, says):
    with pytest.raises(ConfigError, match=says):
        optimizers.build(name, **parameters)
