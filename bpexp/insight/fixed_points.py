"""Where the forward signal of mean-field theory settles in a deep network of equal layers, and the critical sigma_w.

At the fixed point q* = sigma_w^2 E f(z)^2 + sigma_b^2, z ~ N(0, q*), the gradient has chi = sigma_w^2 E f'(z)^2. It is
the slope of the map of correlations at 1 too: below 1, delta vanishes and all samples become equal (c* = 1); above 1,
delta explodes and samples that differ a little move apart (c* < 1). Source: Poole et al. (2016), arXiv 1606.05340,
section 2; Schoenholz et al. (2017), arXiv 1611.01232.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from bpexp.insight.gaussian import moments, sample_variance
from bpexp.nn.activations import Activation

LEAST, MOST = 1e-12, 1e12
"""Values of q beyond which it counts as 0 or infinite."""

NEUTRAL = 1e-12
"""Relative change in one layer below which a value counts as a fixed point."""


def fixed_square(f: Activation, sigma_w: float, sigma_b: float = 0.0) -> float:
    """q*, the fixed point of the mean square of z that is reached from q = 1; 0 or infinity where there is no other."""

    def change(log_q: float) -> float:
        q = math.exp(log_q)
        return math.log((sigma_w**2 * moments(f, q)[0] + sigma_b**2) / q)

    at, first = 0.0, change(0.0)
    if abs(first) < NEUTRAL:
        return 1.0
    step = math.copysign(math.log(2), first)
    while change(at + step) * first > 0:
        at += step
        if not math.log(LEAST) < at < math.log(MOST):
            return 0.0 if step < 0 else math.inf
    return math.exp(_root(change, at, at + step))


def gradient_factor(f: Activation, sigma_w: float, q: float) -> float:
    """chi = sigma_w^2 E f'(z)^2 at a fixed point q; for q = 0 and infinity its limit."""
    return sigma_w**2 * moments(f, min(max(q, LEAST), MOST))[1]


def fixed_correlation(f: Activation, sigma_w: float, q: float) -> float:
    """c*, to which the correlation of z of two samples tends at the fixed point q; NaN for q = 0 and infinity."""
    if not LEAST < q < MOST:
        return math.nan

    def change(share: float) -> float:
        """Change in one layer of 1 - c, which is `share`."""
        return sigma_w**2 * sample_variance(f, q, share * q) / q - share

    near, far = 1e-6, 1.0
    if change(near) <= NEUTRAL:
        return 1.0
    return 0.0 if change(far) >= -NEUTRAL else 1 - _root(change, near, far)


def critical_sigma_w(f: Activation, sigma_b: float = 0.0, least: float = 0.1, most: float = 100.0) -> float:
    """The sigma_w at which chi is 1; raises ValueError where chi - 1 has one sign at both ends of the range."""
    return _root(lambda s: gradient_factor(f, s, fixed_square(f, s, sigma_b)) - 1, least, most)


def _root(function: Callable[[float], float], one: float, other: float) -> float:
    from scipy.optimize import brentq  # imported here: a run does not need it

    return float(brentq(function, one, other, xtol=1e-13, rtol=1e-13))
