"""Fixed points and critical sigma_w, held to closed forms, to published values and to iterated maps."""

from __future__ import annotations

import math

import pytest

from bpexp.insight.fixed_points import critical_sigma_w, fixed_correlation, fixed_square, gradient_factor
from bpexp.insight.gaussian import moments, sample_variance
from bpexp.nn.activations import activations


def build(name):
    return activations.build(name)


def test_critical_sigma_w():
    """1 for tanh and the square root of 2 for ReLU; a sigmoid needs weights ten times as large as tanh."""
    assert critical_sigma_w(build("relu")) == pytest.approx(math.sqrt(2), rel=1e-9)
    assert critical_sigma_w(build("tanh")) == pytest.approx(1.0, rel=1e-6)
    assert critical_sigma_w(build("identity")) == pytest.approx(1.0, rel=1e-9)
    assert critical_sigma_w(build("sigmoid")) == pytest.approx(10.149, abs=1e-3)
    with pytest.raises(ValueError, match="different signs"):
        critical_sigma_w(build("sigmoid"), most=5.0)


def test_biases_move_tanh_into_order():
    """Schoenholz et al. (2017): with sigma_b^2 = 0.05 tanh is critical at sigma_w^2 = 1.76."""
    assert critical_sigma_w(build("tanh"), sigma_b=math.sqrt(0.05)) ** 2 == pytest.approx(1.76, abs=0.01)


@pytest.mark.parametrize(("name", "sigma_w"), [("sigmoid", 1.0), ("sigmoid", 4.0), ("tanh", 1.0), ("tanh", 2.0)])
def test_a_fixed_point_is_where_the_map_arrives(name, sigma_w):
    f, q, v = build(name), 1.0, 0.5
    for _ in range(80):
        v = sigma_w**2 * sample_variance(f, q, v)
        q = sigma_w**2 * moments(f, q)[0] + 0.25**2
    found = fixed_square(f, sigma_w, 0.25)
    assert found == pytest.approx(q, rel=1e-9)
    assert fixed_correlation(f, sigma_w, found) == pytest.approx(1 - v / q, abs=1e-5)
    assert (gradient_factor(f, sigma_w, found) > 1) == (v / q > 1e-5)


def test_the_two_phases_of_tanh():
    tanh = build("tanh")
    assert fixed_square(tanh, 0.9) == fixed_square(tanh, 1.0) == 0
    assert gradient_factor(tanh, 0.9, 0.0) == pytest.approx(0.81)
    chaotic = fixed_square(tanh, 2.0)
    assert gradient_factor(tanh, 2.0, chaotic) > 1.3
    assert fixed_correlation(tanh, 2.0, chaotic) == 0  # an odd function without biases


def test_relu_has_one_square_or_every_one():
    relu = build("relu")
    assert fixed_square(relu, 1.0) == 0
    assert fixed_square(relu, 1.5) == math.inf
    assert fixed_square(relu, math.sqrt(2)) == 1
    for sigma_w, q in ((1.0, 0.0), (1.5, math.inf)):
        assert gradient_factor(relu, sigma_w, q) == pytest.approx(sigma_w**2 / 2)
        assert math.isnan(fixed_correlation(relu, sigma_w, q))
    assert fixed_correlation(relu, math.sqrt(2), 1.0) == 1
