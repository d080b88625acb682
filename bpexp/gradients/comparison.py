"""Comparison of two gradients, and of an activation's derivative with differences of the activation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bpexp.nn.activations import Activation
from bpexp.nn.arrays import Array
from bpexp.nn.network import Network


@dataclass(frozen=True, slots=True)
class Comparison:
    """The parameter array with the largest relative error, that error, and the angle of the gradients in degrees."""

    parameter: str
    error: float
    angle: float


def compare(network: Network, vector: Array, reference: Array) -> Comparison:
    """max |g - r| / max(max |r|, floor) for each parameter array, W or b of a layer; the largest is returned.

    `vector` and `reference` are (P,); g and r are their parts; floor is 1e-6 of the largest |reference|, so that
    rounding in an array of tiny entries is not an error. NaN and infinity give an infinite error.
    """
    if not (np.isfinite(vector).all() and np.isfinite(reference).all()):
        return Comparison("theta", float("inf"), 90.0)
    floor = 1e-6 * float(np.abs(reference).max(initial=0.0)) or 1e-12
    worst, worst_name = -1.0, ""
    pairs = zip(network.parameters(vector), network.parameters(reference), strict=True)
    arrays = [(g, r) for ours, theirs in pairs for g, r in zip(ours, theirs, strict=True)]
    for name, (g, r) in zip(network.names(), arrays, strict=True):
        error = float(np.abs(g - r).max() / max(np.abs(r).max(), floor))
        if error > worst:
            worst, worst_name = error, name
    return Comparison(worst_name, worst, angle(vector, reference))


def angle(vector: Array, reference: Array) -> float:
    """The angle between two gradients in degrees; 90 where one of them is 0 and the other is not."""
    u, v = vector.astype(np.float64), reference.astype(np.float64)
    u_norm, v_norm = np.linalg.norm(u), np.linalg.norm(v)
    if u_norm == 0 or v_norm == 0:
        return 0.0 if u_norm == v_norm else 90.0
    u, v = u / u_norm, v / v_norm
    return float(np.degrees(2 * np.arctan2(np.linalg.norm(u - v), np.linalg.norm(u + v))))


def derivative_error(activation: Activation, z: Array, h: float = 1e-6) -> float:
    """max |f'(z) - (f(z + h) - f(z - h)) / 2h| over z (float64), without those within 2h of a kink.

    At a kink k the difference is (f(k) - f(k - h)) / h, because f' is defined there as the slope from the left.
    """
    kinks = np.array(activation.kinks, dtype=np.float64)
    clear = z[np.all(np.abs(z[..., None] - kinks) > 2 * h, axis=-1)]
    smooth = activation.df(clear) - (activation.f(clear + h) - activation.f(clear - h)) / (2 * h)
    left = activation.df(kinks) - (activation.f(kinks) - activation.f(kinks - h)) / h
    return float(max(np.abs(smooth).max(initial=0.0), np.abs(left).max(initial=0.0)))
