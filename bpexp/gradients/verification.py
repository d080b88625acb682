"""Verification: compares a method's gradient with differences of the cost, coordinate by coordinate.

The method is called once more, in float64 on at most `SAMPLES` samples drawn from the batch, so that the algorithm is
verified and not the rounding of float32; `whole_batch` verifies the sum over a larger batch. Coordinates are drawn from
every W and b: half of them uniformly, half in proportion to |g|, the sum over the method and back-propagation. Most
pixels of an image are constant, and their derivatives are 0 by any formula.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bpexp.gradients.backprop import backprop
from bpexp.gradients.central_difference import STEP, batch_cost
from bpexp.gradients.complex_step import imaginary_slopes, obstacle
from bpexp.gradients.method import GradientMethod
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network

SAMPLES = 256
ROUNDING = {"complex step": 1e-13, "central differences": 1e-9}
"""Rounding error of a measured derivative, per unit of cost."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The coordinate with the largest error.

    Args:
        parameter: the array that holds it, such as W1.
        error: its relative error.
        claimed: dC/dtheta_i by the method.
        measured: dC/dtheta_i by the reference.
        reference: complex step or central differences.
        compared: number of coordinates compared.
    """

    parameter: str
    error: float
    claimed: float
    measured: float
    reference: str
    compared: int

    def __str__(self) -> str:
        return (
            f"the gradient is wrong in {self.parameter}: the method gives {self.claimed:.6g}, {self.reference} "
            f"{self.measured:.6g} (relative error {self.error:.1e}, {self.compared} coordinates compared)"
        )


def verify(
    method: GradientMethod,
    network: Network,
    head: Head,
    x: Array,
    y: Array,
    *,
    rng: np.random.Generator,
    coordinates: int,
    tolerance: float,
) -> Verification:
    """The largest |g - r| / (max(|g|, |r|) + rounding / tolerance) over `coordinates` entries of every W and b.

    g is the method's gradient, r the complex step, or central differences if the complex step does not apply. Rounding
    alone cannot exceed the tolerance. Coordinates whose step would cross a kink of an activation or a loss are left
    out.

    Args:
        method: computes g.
        network: the network, at its theta.
        head: output and loss.
        x: (n_0, B).
        y: (n_L, B).
        rng: draws the samples and the coordinates.
        coordinates: number of entries of each array.
        tolerance: largest relative error that will be accepted.
    """
    if x.shape[1] > SAMPLES:
        drawn = np.sort(rng.choice(x.shape[1], SAMPLES, replace=False))
        x, y = x[:, drawn], y[:, drawn]
    x, y = x.astype(np.float64), y.astype(np.float64)
    twin = network.at(network.theta.astype(np.float64))
    vector = method(twin, head, x, y).vector.copy()
    size = np.abs(vector) + np.abs(backprop()(twin, head, x, y).vector)
    reference = _reference(network, head, x, y)
    slack = ROUNDING[reference] * max(1.0, abs(batch_cost(twin, head, x, y))) / tolerance
    worst = Verification("nothing", 0.0, 0.0, 0.0, reference, 0)
    compared = 0
    for name, chosen in _chosen(network, size, rng, coordinates):
        kept, measured = _measure(network, head, x, y, chosen, reference)
        compared += len(kept)
        claimed = vector[kept]
        with np.errstate(invalid="ignore"):  # an entry that is not finite has an infinite error
            errors = np.abs(claimed - measured) / (np.maximum(np.abs(claimed), np.abs(measured)) + slack)
        errors = np.where(np.isfinite(errors), errors, np.inf)
        if errors.size and errors.max() >= worst.error:
            k = int(errors.argmax())
            worst = Verification(name, float(errors[k]), float(claimed[k]), float(measured[k]), reference, 0)
    return Verification(worst.parameter, worst.error, worst.claimed, worst.measured, reference, compared)


def _reference(network: Network, head: Head, x: Array, y: Array) -> str:
    """The complex step if the cost is analytic and finite (exp of a complex z > 709 overflows), else differences."""
    if obstacle(network, head):
        return "central differences"
    with np.errstate(over="ignore", invalid="ignore"):
        cost = batch_cost(network.at(network.theta.astype(np.complex128) + 1e-30j), head, x, y)
    return "complex step" if np.isfinite(cost) else "central differences"


def _chosen(network: Network, sizes: Array, rng: np.random.Generator, count: int) -> list[tuple[str, Array]]:
    """Indices into theta for every W and b: half drawn uniformly, half in proportion to `sizes` (P,)."""
    places = np.arange(sizes.size)
    parts = [part for pair in network.parameters(places) for part in pair]
    chosen = []
    for name, part in zip(network.names(), parts, strict=True):
        indices = part.ravel()
        size = sizes[indices]
        steep = indices[size > 0]
        evenly = rng.choice(indices, min(indices.size, -(-count // 2)), replace=False)
        weights = size[size > 0] / size.sum() if steep.size and np.isfinite(size.sum()) else None
        by_size = rng.choice(steep, min(steep.size, count // 2), replace=False, p=weights) if steep.size else steep
        chosen.append((name, np.unique(np.concatenate([evenly, by_size]))))
    return chosen


def _measure(network: Network, head: Head, x: Array, y: Array, chosen: Array, reference: str) -> tuple[Array, Array]:
    """The chosen coordinates without those beside a kink, and the derivatives of the cost there."""
    if reference == "complex step":
        twin = network.at(network.theta.astype(np.complex128))
        return chosen, imaginary_slopes(lambda: complex(batch_cost(twin, head, x, y)), twin.theta, chosen)
    twin = network.at(network.theta.astype(np.float64))
    slopes, kept = [], []
    for i in chosen:
        slope = _difference(twin, head, x, y, int(i))
        if slope is not None:
            kept.append(i)
            slopes.append(slope)
    return np.array(kept, dtype=np.intp), np.array(slopes)


def _difference(twin: Network, head: Head, x: Array, y: Array, i: int) -> float | None:
    """(4 D(h/2) - D(h)) / 3 of central differences D, with error O(h^4); None if a kink lies between the ends.

    The relative error of D(h) alone reaches 1e-4 for inputs in the hundreds, such as unscaled pixels.
    """
    here = twin.theta[i]
    h = STEP * max(1.0, abs(here))
    differences = []
    for step in (h, h / 2):
        ends = []
        for place in (here + step, here - step):
            twin.theta[i] = place
            ends.append((place, *_cost_and_sides(twin, head, x, y)))
        twin.theta[i] = here
        (up, above, right), (down, below, left) = ends
        if any(not np.array_equal(r, l) for r, l in zip(right, left, strict=True)):
            return None
        differences.append((above - below) / (up - down))
    return float((4 * differences[1] - differences[0]) / 3)


def _cost_and_sides(twin: Network, head: Head, x: Array, y: Array) -> tuple[float, list[Array]]:
    """The cost of the batch, and, for each kink of an activation or loss, which arguments are above it."""
    sides: list[Array] = []
    a = x
    for layer in twin.layers[:-1]:
        z = layer.W @ a + layer.b
        sides += [z > kink for kink in layer.f.kinks]
        a = layer.f.f(z)
    z = twin.layers[-1].W @ a + twin.layers[-1].b
    sides += [z > kink for kink in head.output.kinks]
    if head.loss.kinks:
        error = head.output.f(z) - y
        sides += [error > kink for kink in head.loss.kinks]
    return float(head.cost(z, y).sum()) * head.weight(x.shape[1]), sides
