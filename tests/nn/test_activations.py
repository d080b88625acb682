"""Activations: derivatives held to differences, digits kept in saturation, types and codomains as declared."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bpexp.errors import ConfigError
from bpexp.gradients.comparison import derivative_error
from bpexp.nn.activations import Activation, activations
from bpexp.nn.outputs import outputs

ELEMENTWISE = list(activations)
GRID = np.concatenate([np.linspace(-6, 6, 601), [-700.0, -100.0, -40.0, -15.0, 15.0, 40.0, 100.0, 700.0]])
DTYPES = ["float32", "float64"]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_derivative_is_the_slope(name):
    assert derivative_error(activations.build(name), GRID) < 1e-6


@pytest.mark.parametrize(
    ("name", "parameters"), [("leaky_relu", {"slope": 0.2}), ("leaky_relu", {"slope": 0.0}), ("elu", {"alpha": 2.0})]
)
def test_derivative_with_parameters(name, parameters):
    assert derivative_error(activations.build(name, **parameters), GRID) < 1e-5


@pytest.mark.parametrize(
    ("name", "parameters", "slope"),
    [("relu", {}, 0.0), ("leaky_relu", {"slope": 0.2}, 0.2), ("elu", {}, 1.0), ("elu", {"alpha": 0.5}, 0.5)],
)
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_slope_at_a_kink_is_the_one_from_the_left(name, parameters, slope, zero):
    f = activations.build(name, **parameters)
    assert f.kinks == (0.0,)
    assert f.df(np.array([zero])).tolist() == [slope]
    assert f.f(np.array([zero])).tolist() == [0.0]


VALUES = [
    ("identity", 2.5, 2.5, 1.0),
    ("sigmoid", 0.0, 0.5, 0.25),
    ("sigmoid", 2.0, 0.8807970779778823, 0.1049935854035065),
    ("tanh", 0.5, 0.46211715726000973, 0.7864477329659274),
    ("relu", 1.5, 1.5, 1.0),
    ("relu", -1.5, 0.0, 0.0),
    ("leaky_relu", -2.0, -0.02, 0.01),
    ("elu", -1.0, -0.6321205588285577, 0.36787944117144233),
    ("gelu", 1.0, 0.8413447460685429, 1.0833154705876864),
    ("silu", 1.0, 0.7310585786300049, 0.9276705118714867),
    ("softplus", 0.0, 0.6931471805599453, 0.5),
]


@pytest.mark.parametrize(("name", "z", "value", "slope"), VALUES)
def test_values_written_out(name, z, value, slope):
    f = activations.build(name)
    np.testing.assert_allclose(f.f(np.array([z])), [value], rtol=1e-14)
    np.testing.assert_allclose(f.df(np.array([z])), [slope], rtol=1e-14)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("z", [-80.0, -40.0, -17.0, 17.0, 40.0, 80.0])
def test_saturated_sigmoid_and_tanh_keep_their_digits(z, dtype):
    """sigma'(z) = t / (1 + t)^2 with t = exp(-|z|) and tanh'(z) = 1 / cosh^2 z; a (1 - a) would be 0 at 40."""
    precision = 20 * float(np.finfo(dtype).eps)
    t = math.exp(-abs(z))
    slope = activations.build("sigmoid").df(np.array([z], dtype))
    np.testing.assert_allclose(slope, [t / (1 + t) ** 2], rtol=precision)
    half = activations.build("tanh").df(np.array([z / 2], dtype))
    np.testing.assert_allclose(half, [math.cosh(z / 2) ** -2], rtol=precision)
    assert slope[0] > 0
    assert half[0] > 0


@pytest.mark.parametrize("z", [-700.0, -40.0, -10.0])
def test_left_tails_keep_their_digits(z):
    """exp(z) to the second order, which is what sigmoid, softplus and silu / z are far on the left."""
    tail = math.exp(z) * (1 - math.exp(z))
    for name, scale in (("sigmoid", 1.0), ("softplus", 1.0), ("silu", z)):
        np.testing.assert_allclose(activations.build(name).f(np.array([z])), [scale * tail], rtol=1e-4)
    assert activations.build("gelu").f(np.array([-10.0]))[0] == pytest.approx(-7.619853024160593e-23, rel=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", activations)
def test_type_and_shape_are_kept(name, dtype):
    activation = activations.build(name)
    z = np.random.default_rng(0).normal(0, 3, (4, 5)).astype(dtype)
    for function in [activation.f, *([activation.df] if isinstance(activation, Activation) else [])]:
        expected = function(z)
        answer = function(z, np.full_like(z, np.nan))
        assert expected.dtype == answer.dtype == z.dtype
        assert expected.shape == answer.shape == z.shape
        np.testing.assert_array_equal(answer, expected)
    g = np.ones_like(z)
    assert activation.vjp(z, g).dtype == z.dtype
    assert activation.vjp(z, g).shape == z.shape


@pytest.mark.parametrize("name", activations)
def test_the_input_is_left_alone(name):
    activation = activations.build(name)
    z = np.random.default_rng(1).normal(0, 3, (4, 5))
    before = z.copy()
    for function in [activation.f, *([activation.df] if isinstance(activation, Activation) else [])]:
        function(z)
        function(z, np.empty_like(z))
    activation.vjp(z, np.ones_like(z))
    np.testing.assert_array_equal(z, before)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", activations)
def test_extreme_z_raises_nothing_and_stays_finite(name, dtype):
    activation = activations.build(name)
    z = np.array([[-1e4, -700.0, -90.0, 0.0, 90.0, 700.0, 1e4]], dtype).T @ np.ones((1, 2), dtype)
    assert np.isfinite(activation.f(z)).all()
    assert np.isfinite(activation.vjp(z, np.ones_like(z))).all()


@pytest.mark.parametrize("name", activations)
def test_codomain_is_true(name):
    activation = activations.build(name)
    z = np.random.default_rng(2).normal(0, 10, (7, 200))
    a = activation.f(z)
    if activation.codomain in ("unit", "simplex"):
        assert a.min() >= 0
        assert a.max() <= 1
    if activation.codomain == "simplex":
        np.testing.assert_allclose(a.sum(axis=0), 1, rtol=1e-14)
    if activation.codomain == "real":
        assert a.max() > 1 or a.min() < 0


@pytest.mark.parametrize("name", activations)
def test_vjp_is_the_transposed_jacobian(name):
    """dC/dz_i = sum_j g_j da_j/dz_i, with da_j/dz_i from differences."""
    activation = activations.build(name)
    rng = np.random.default_rng(3)
    z, g, h = rng.normal(0.3, 1, (4, 1)), rng.normal(size=(4, 1)), 1e-6
    columns = [activation.f(z + h * e) - activation.f(z - h * e) for e in np.eye(4)[:, :, None]]
    J = np.hstack(columns) / (2 * h)
    np.testing.assert_allclose(activation.vjp(z, g), J.T @ g, atol=1e-8)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_steepest_is_the_largest_slope(name):
    activation = activations.build(name)
    slopes = np.abs(activation.df(np.linspace(-30, 30, 60_001)))
    assert activation.steepest == pytest.approx(slopes.max(), rel=1e-4)


def test_steepest_values():
    assert activations.build("sigmoid").steepest == 0.25
    assert activations.build("tanh").steepest == 1.0


class TestSoftmax:
    """a_j = exp(z_j) / sum_k exp(z_k). Source: 002, 003."""

    f = staticmethod(outputs.build("softmax").f)

    def test_value_written_out(self):
        a = self.f(np.log([[1.0], [2.0], [5.0]]))
        np.testing.assert_allclose(a, [[0.125], [0.25], [0.625]], rtol=1e-15)

    def test_shift_changes_nothing(self):
        z = np.random.default_rng(4).normal(0, 3, (5, 8))
        for shift in (-1e3, 2.0, 1e3, np.arange(8) * 100.0):
            np.testing.assert_allclose(self.f(z + shift), self.f(z), rtol=1e-11)

    def test_extreme_columns(self):
        z = np.array([[0.0, 1e4, -1e4], [-1e4, 1e4, 0.0]])
        np.testing.assert_array_equal(self.f(z), [[1, 0.5, 0], [0, 0.5, 1]])

    def test_jacobian_of_002(self):
        """A_j (1 - A_j) where i = j, else -A_j A_i."""
        z = np.random.default_rng(5).normal(size=(4, 1))
        a = self.f(z)
        J = np.where(np.eye(4) == 1, a * (1 - a), -a * a.T)
        g = np.random.default_rng(6).normal(size=(4, 1))
        np.testing.assert_allclose(outputs.build("softmax").vjp(z, g), J.T @ g, rtol=1e-12)

    def test_an_output_only(self):
        assert "softmax" not in activations
        assert not isinstance(outputs.build("softmax"), Activation)


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("leaky_relu", {"slope": 1.0}, r"slope must be a number in \[0, 1\), not 1.0"),
        ("leaky_relu", {"slope": -0.1}, r"slope must be a number in \[0, 1\), not -0.1"),
        ("leaky_relu", {"slope": math.nan}, "not nan"),
        ("elu", {"alpha": 0.0}, "alpha must be a number greater than 0, not 0.0"),
        ("elu", {"alpha": math.nan}, "not nan"),
    ],
)
def test_parameters_out_of_range(name, parameters, says):
    with pytest.raises(ConfigError, match=says):
        activations.build(name, **parameters)
