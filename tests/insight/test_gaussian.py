"""Expectations over normal z, held to closed forms and to scipy's adaptive quadrature, at small and at large scales."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss
from scipy.integrate import quad

from bpexp.insight.gaussian import moments, sample_variance
from bpexp.nn.activations import activations

SCALES = [0.5, 10.0, 300.0]


def adaptive(g, scale):
    """E g(z)^2 over N(0, scale^2), by scipy, in intervals that end at 0 and where a slope of scale 1 has decayed."""

    def density(z):
        return g(np.array([[z]])).item() ** 2 * math.exp(-0.5 * (z / scale) ** 2) / (scale * math.sqrt(2 * math.pi))

    inner = [p for p in (1.0, 5.0, 20.0, scale, 4 * scale) if p < 12 * scale]
    ends = sorted({0.0, 12 * scale, *inner})
    ends = [-end for end in reversed(ends[1:])] + ends
    return sum(quad(density, a, b, epsabs=1e-15, epsrel=1e-12)[0] for a, b in pairwise(ends))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", activations)
def test_moments_of_every_activation(name, scale):
    f = activations.build(name)
    expected = adaptive(f.f, scale), adaptive(f.df, scale)
    assert moments(f, scale**2) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("q", [1e-20, 0.3, 1e9])
def test_moments_in_closed_form(q):
    """Of max(z, a z): E f^2 = q (1 + a^2) / 2 and E f'^2 = (1 + a^2) / 2; elu's slopes are exp(2 z) below 0."""
    assert moments(activations.build("identity"), q) == pytest.approx((q, 1), rel=1e-12)
    assert moments(activations.build("relu"), q) == pytest.approx((q / 2, 0.5), rel=1e-12)
    leaky = moments(activations.build("leaky_relu", slope=0.3), q)
    assert leaky == pytest.approx((q * 1.09 / 2, 1.09 / 2), rel=1e-12)


def test_elu_in_closed_form():
    """E exp(2 z) over z < 0 is exp(2 q) Phi(-2 s), with s^2 = q."""
    for s in (0.1, 1.0, 2.5):
        below = math.exp(2 * s * s) * 0.5 * math.erfc(2 * s / math.sqrt(2))
        assert moments(activations.build("elu"), s * s)[1] == pytest.approx(0.5 + below, rel=1e-12)


def test_a_z_that_is_always_zero():
    assert moments(activations.build("sigmoid"), 0.0) == (0.25, 0.0625)
    assert moments(activations.build("relu"), 0.0) == (0, 0)
    assert sample_variance(activations.build("sigmoid"), 0.0, 0.0) == 0


def test_why_it_is_not_gauss_hermite_quadrature():
    """300 nodes of it miss E tanh'(z)^2 at a standard deviation of 10 by a third, and elu's at 1 in the third digit."""
    u, weight = hermegauss(300)

    def hermite(f, scale):
        return float(weight @ np.square(f.df(scale * u))) / math.sqrt(2 * math.pi)

    tanh, elu = activations.build("tanh"), activations.build("elu")
    assert abs(hermite(tanh, 10.0) / adaptive(tanh.df, 10.0) - 1) > 0.3
    assert abs(hermite(elu, 1.0) / adaptive(elu.df, 1.0) - 1) > 1e-3
    assert moments(tanh, 100.0)[1] == pytest.approx(adaptive(tanh.df, 10.0), rel=1e-9)


@pytest.mark.parametrize("q", [1e-6, 2.3, 400.0])
@pytest.mark.parametrize("angle", [0.0, 1e-6, 0.3, math.pi / 2, 2.5, math.pi])
def test_relu_pairs_in_closed_form(q, angle):
    """E f f' = q (sin t + (pi - t) cos t) / 2 pi for the angle t between samples (Cho, Saul 2009)."""
    variance = 2 * q * math.sin(angle / 2) ** 2
    product = (math.sin(angle) + (math.pi - angle) * math.cos(angle)) / (2 * math.pi)
    found = sample_variance(activations.build("relu"), q, variance)
    assert found == pytest.approx(q * (0.5 - product), rel=1e-9, abs=1e-15 * q)
    if angle == 1e-6:
        assert found == pytest.approx(q * angle**2 / 4, rel=1e-5)  # where E f^2 - E f f' has no digit left


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "gelu", "silu", "softplus"])
@pytest.mark.parametrize("correlation", [-0.7, 0.0, 0.6, 0.99])
def test_pairs_of_smooth_activations(name, correlation):
    """By Gauss-Hermite quadrature in two dimensions, which is good where z is as wide as f."""
    f, (u, weight) = activations.build(name).f, hermegauss(90)
    first, second = u[:, None], correlation * u[:, None] + math.sqrt(1 - correlation**2) * u
    half = np.square(f(np.broadcast_to(first, second.shape)) - f(second)) / 2
    expected = weight @ half @ weight / (2 * math.pi)
    assert sample_variance(activations.build(name), 1.0, 1 - correlation) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("name", activations)
@pytest.mark.parametrize("q", [0.01, 1.0, 100.0])
def test_pairs_at_the_ends(name, q):
    """Samples that are almost equal differ by f' times their difference; at correlation 0 they are independent."""
    f = activations.build(name)
    assert sample_variance(f, q, 0.0) == 0
    close = 1e-10 * min(q, 1.0)
    assert sample_variance(f, q, close) == pytest.approx(close * moments(f, q)[1], rel=1e-4)
    mean = quad(lambda u: f.f(np.array([[math.sqrt(q) * u]])).item() * math.exp(-u * u / 2), -12, 12, points=[0])[0]
    expected = moments(f, q)[0] - mean**2 / (2 * math.pi)
    assert sample_variance(f, q, q) == pytest.approx(expected, rel=1e-6)
