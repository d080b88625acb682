"""Initializers: shapes, variances as their formulas say, and the same weights from the same generator."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bpexp.errors import ConfigError
from bpexp.nn.initializers import initializers

N_OUT, N_IN = 300, 200
VARIANCES = [
    ("uniform", {}, 1 / 12),
    ("uniform", {"low": -0.1, "high": 0.1}, 0.04 / 12),
    ("normal", {}, 1e-4),
    ("normal", {"std": 2.0}, 4.0),
    ("xavier_uniform", {}, 2 / (N_IN + N_OUT)),
    ("xavier_normal", {}, 2 / (N_IN + N_OUT)),
    ("he_uniform", {}, 2 / N_IN),
    ("he_normal", {}, 2 / N_IN),
    ("lecun_uniform", {}, 1 / N_IN),
    ("lecun_normal", {}, 1 / N_IN),
    ("xavier_uniform", {"gain": 2.0}, 4 * 2 / (N_IN + N_OUT)),
    ("xavier_normal", {"gain": 2.0}, 4 * 2 / (N_IN + N_OUT)),
    ("he_uniform", {"gain": 0.5}, 0.25 * 2 / N_IN),
    ("he_normal", {"gain": 0.5}, 0.25 * 2 / N_IN),
    ("lecun_uniform", {"gain": 4.0}, 16 / N_IN),
    ("lecun_normal", {"gain": 4.0}, 16 / N_IN),
    ("orthogonal", {}, 1 / N_OUT),  # the columns are the fewer: each has length 1 over N_OUT entries
]


def draw(name, shape=(N_OUT, N_IN), seed=0, **parameters):
    """W of an initializer."""
    return initializers.build(name, **parameters)(shape, np.random.default_rng(seed))


@pytest.mark.parametrize("name", initializers)
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (5, 3), (1, 7), (7, 1)])
def test_shape_and_determinism(name, shape):
    W = draw(name, shape)
    assert W.shape == shape
    assert np.isfinite(W).all()
    np.testing.assert_array_equal(W, draw(name, shape))


@pytest.mark.parametrize(("name", "parameters", "variance"), VARIANCES)
def test_mean_and_variance(name, parameters, variance):
    """Of n = 60 000 draws the mean errs by sqrt(variance / n), the variance by less than variance sqrt(2 / n)."""
    W = draw(name, **parameters)
    assert abs(W.mean()) < 5 * math.sqrt(variance / W.size)
    assert W.var() == pytest.approx(variance, rel=5 * math.sqrt(2 / W.size))
    assert not np.array_equal(W, draw(name, seed=1, **parameters))


@pytest.mark.parametrize(
    ("name", "parameters", "variance"), [case for case in VARIANCES if "uniform" in case[0] and "low" not in case[1]]
)
def test_uniform_draws_fill_their_interval(name, parameters, variance):
    W = draw(name, **parameters)
    r = math.sqrt(3 * variance)
    assert np.abs(W).max() <= r
    assert np.abs(W).max() > 0.999 * r


GAINED = [name for name in initializers if "gain" in initializers.parameters(name)]


def test_every_scaled_initializer_has_a_gain():
    scaled = ("xavier", "he", "lecun", "orthogonal")
    assert set(GAINED) == {name for name in initializers if name.split("_")[0] in scaled}


@pytest.mark.parametrize("name", GAINED)
def test_gain_is_a_factor_of_the_same_draw(name):
    """So that runs which differ in the gain are paired: the same directions, longer; and 1 changes no bit."""
    W = draw(name)
    np.testing.assert_array_equal(draw(name, gain=1.0), W)
    np.testing.assert_allclose(draw(name, gain=4.0), 4 * W, rtol=1e-14)


@pytest.mark.parametrize("name", [name for name, *_ in VARIANCES if "normal" in name])
def test_normal_draws_have_tails(name):
    W = draw(name)
    share = np.mean(np.abs(W) > 2 * W.std())
    assert share == pytest.approx(0.0455, abs=0.005)


@pytest.mark.parametrize("shape", [(20, 12), (12, 20), (9, 9)])
@pytest.mark.parametrize("gain", [1.0, 1.7])
def test_orthogonal(shape, gain):
    W = draw("orthogonal", shape, gain=gain)
    product = W.T @ W if shape[0] >= shape[1] else W @ W.T
    np.testing.assert_allclose(product, gain**2 * np.eye(min(shape)), atol=1e-12)


def test_orthogonal_prefers_no_direction():
    """Of uniformly drawn orthogonal 1 x 1 matrices half are -1; QR alone would give one sign."""
    signs = [draw("orthogonal", (1, 1), seed=seed)[0, 0] for seed in range(100)]
    assert set(signs) == {-1.0, 1.0}
    assert 25 < signs.count(1.0) < 75


def test_constants():
    np.testing.assert_array_equal(draw("zeros", (2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(draw("constant", (2, 3)), np.full((2, 3), 0.1))
    np.testing.assert_array_equal(draw("constant", (2, 3), value=-2), np.full((2, 3), -2.0))
    assert draw("normal", mean=3.0).mean() == pytest.approx(3.0, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("uniform", {"low": 1.0, "high": 1.0}, "low must be below high, not 1.0 and 1.0"),
        ("normal", {"std": 0.0}, "std must be a number greater than 0, not 0.0"),
        ("normal", {"std": -1.0}, "std must be a number greater than 0"),
        ("orthogonal", {"gain": 0.0}, "gain must be a number greater than 0"),
        ("lecun_normal", {"gain": -4.0}, "gain must be a number greater than 0, not -4.0"),
    ],
)
def test_parameters_out_of_range(name, parameters, says):
    with pytest.raises(ConfigError, match=says):
        initializers.build(name, **parameters)
