"""Expectations of an activation over normal z, by Gauss-Legendre quadrature on panels that end at its kinks.

Gauss-Hermite quadrature, the usual choice, converges slowly at a kink and where f' is narrow beside z: with 300 nodes
E f'^2 is wrong by 0.2 % for elu at a standard deviation of 1, and by 37 % for tanh at 10. The widths of these panels
follow both scales, that of z and that of f, which is taken to be 1.
"""

from __future__ import annotations

import numpy as np

from bpexp.nn.activations import Activation
from bpexp.nn.arrays import Array

REACH = 9.0
"""Standard deviations from 0 to the outermost panel's end: the normal density has 2e-19 beyond them."""

POINTS, WEIGHTS = np.polynomial.legendre.leggauss(8)
"""Nodes and weights on [-1, 1]."""


def moments(f: Activation, q: float) -> tuple[float, float]:
    """E f(z)^2 and E f'(z)^2 over z ~ N(0, q), for a finite q >= 0."""
    z, weight = _rule(q, np.array(f.kinks))
    return float(weight @ np.square(f.f(z))), float(weight @ np.square(f.df(z)))


def sample_variance(f: Activation, q: float, variance: float) -> float:
    """Variance of f(z) between samples, E (f(z) - f(z'))^2 / 2, where z, z' ~ N(0, q) have this of z, E (z - z')^2 / 2.

    Their correlation is 1 - variance / q, and E f(z) f(z') = E f(z)^2 - the result. Half their sum m and half their
    difference d are independent; from these it is computed, so that it keeps its digits where variance / q is 1e-12.
    """
    d, outer = _rule(variance / 2, np.array([]))
    m, inner = _rule(max(q - variance / 2, 0.0), np.array([k + side for k in {0.0, *f.kinks} for side in (d, -d)]))
    square = np.square(f.f(m + d[:, None]) - f.f(m - d[:, None]))
    return float(outer @ (inner * square).sum(axis=-1)) / 2


def _rule(variance: float, centres: Array) -> tuple[Array, Array]:
    """Nodes and weights, which contain the density of N(0, variance).

    Panels are narrow at 0 and at the `centres` (C,), or (C, D) for D rules, one a row.
    """
    rows, scale = centres.shape[1:], float(np.sqrt(variance))
    if scale == 0:
        return np.zeros((*rows, 1)), np.ones((*rows, 1))
    offsets = _panels(scale)
    ends = np.concatenate([np.zeros((1, *rows)), centres])[..., None] + offsets
    ends = np.sort(np.moveaxis(ends.clip(offsets[0], offsets[-1]), 0, -1).reshape(*rows, -1))
    half, middle = np.diff(ends) / 2, (ends[..., 1:] + ends[..., :-1]) / 2
    z = (middle[..., None] + half[..., None] * POINTS).reshape(*rows, -1)
    weight = (half[..., None] * WEIGHTS).reshape(*rows, -1)
    return z, weight * np.exp(-0.5 * np.square(z / scale)) / (scale * np.sqrt(2 * np.pi))


def _panels(scale: float) -> Array:
    """Ends of the panels around 0: there as wide as the smaller of `scale` and 1, then doubling up to `scale`."""
    ends = [min(scale, 1.0)]
    while ends[-1] < REACH * scale:
        ends.append(ends[-1] + min(scale, ends[-1]))
    return np.array([*(-end for end in reversed(ends)), 0.0, *ends])
