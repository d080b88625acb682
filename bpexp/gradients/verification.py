"""Verification: a method's gradient is held to differences of the cost, coordinate by coordinate.

The method is called once more, in float64 on at most `SAMPLES` samples of the batch, so that what is judged is the
algorithm and not the rounding of float32. Coordinates are drawn from every W and b: half of them evenly, half by the
size of their slope, as claimed and by back-propagation, since most pixels of an image never change and their slopes are
0 whatever the formula.
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
"""What rounding leaves of a slope, per unit of cost."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The worst of the coordinates that were compared: in which parameter, how far, and what was compared with what."""

    parameter: str
    error: float
    claimed: float
    measured: float
    reference: str
    compared: int

    def __str__(self) -> str:
        return (
            f"the gradient is wrong in {self.parameter}: the method says {self.claimed:.6g}, {self.reference} say "
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
    """Compare `coordinates` slopes of every W and b, at theta, for x (n_0, B) and y (n_L, B).

    The error of a slope is |g - r| / (max(|g|, |r|) + rounding / tolerance), so that noise alone cannot pass
    `tolerance`. Coordinates whose step would cross a kink of an activation or a loss have no derivative to compare with
    and are left out.
    """
    x, y = (np.asarray(part[:, :SAMPLES], dtype=np.float64) for part in (x, y))
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
        with np.errstate(invalid="ignore"):  # a claim that is not finite is an error of infinity
            errors = np.abs(claimed - measured) / (np.maximum(np.abs(claimed), np.abs(measured)) + slack)
        errors = np.where(np.isfinite(errors), errors, np.inf)
        if errors.size and errors.max() >= worst.error:
            k = int(errors.argmax())
            worst = Verification(name, float(errors[k]), float(claimed[k]), float(measured[k]), reference, 0)
    return Verification(worst.parameter, worst.error, worst.claimed, worst.measured, reference, compared)


def _reference(network: Network, head: Head, x: Array, y: Array) -> str:
    """The complex step where the cost is analytic and does not overflow, as exp of a complex z > 709 does."""
    if obstacle(network, head):
        return "central differences"
    with np.errstate(over="ignore", invalid="ignore"):
        cost = batch_cost(network.at(network.theta.astype(np.complex128) + 1e-30j), head, x, y)
    return "complex step" if np.isfinite(cost) else "central differences"


def _chosen(network: Network, sizes: Array, rng: np.random.Generator, count: int) -> list[tuple[str, Array]]:
    """Indices into theta, for every W and b: half of them drawn evenly, half by the sizes (P,) of the slopes."""
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
    """The slopes of the cost at the chosen coordinates, without those beside a kink."""
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
    """(4 D(h/2) - D(h)) / 3 of central differences D, whose error is of h^4; None where a kink lies between the ends.

    D(h) alone is off by 1e-4 where inputs are in the hundreds, as the pixels of an unscaled image.
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
    """The cost of the batch, and for everything that has kinks the side of them that it is on."""
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
