"""Probes: what one step's gradient tells, as named numbers. Each is a function of a `View` and a few lines long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from bpexp.gradients.comparison import angle
from bpexp.nn.activations import Activation
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network, Workspace
from bpexp.registry import Registry


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One step seen from between gradient and update; the arrays belong to the run and are only read.

    gradient, what the method made, and update are vectors (P,); work is a pass of back-propagation with its deltas.
    true is the gradient of that pass where a probe asked for it; previous the gradient of the step before, where there
    was one; head and y (n_L, B) say what was asked of the output.
    """

    network: Network
    workspace: Workspace
    gradient: Array
    update: Array
    true: Array | None = None
    previous: Array | None = None
    head: Head | None = None
    y: Array | None = None

    def arrays(self, vector: Array) -> Iterator[tuple[str, Array]]:
        """W1, b1, W2, ... and their parts of a vector (P,)."""
        parts = (array for pair in self.network.parameters(vector) for array in pair)
        return zip(self.network.names(), parts, strict=True)

    def slopes(self) -> Iterator[tuple[int, Activation, Array]]:
        """l, activation and f'(z^l) (n_l, B) of every layer that has one: all but a softmax output."""
        for l, layer in enumerate(self.network.layers, start=1):
            if layer.f.df is None:
                continue
            hidden = l <= len(self.workspace.slope)
            yield l, layer.f, self.workspace.slope[l - 1] if hidden else layer.f.df(self.workspace.z[l - 1])


Probe = Callable[[View], dict[str, float]]

probes: Registry[dict[str, float]] = Registry("probe")


@probes.register("grad_norm")
def grad_norm(view: View) -> dict[str, float]:
    """||dC/dW^l|| and ||dC/db^l||: Euclidean norms of the gradient, parameter by parameter."""
    return {f"grad_norm/{name}": norm(g) for name, g in view.arrays(view.gradient)}


@probes.register("delta_norm")
def delta_norm(view: View) -> dict[str, float]:
    """Root mean square over the batch of ||delta^l|| of a sample, delta = dC_k/dz^l: how much error reaches layer l."""
    B = view.workspace.delta[0].shape[1]
    scale = 1 / (view.workspace.weight * B**0.5)
    return {f"delta_norm/layer_{l}": norm(d) * scale for l, d in enumerate(view.workspace.delta, start=1)}


@probes.register("saturation")
def saturation(view: View) -> dict[str, float]:
    """Share of (unit, sample) pairs of layer l whose |f'(z)| is below 1 % of its maximum over the real line."""
    return {f"saturation/layer_{l}": float(np.mean(np.abs(slope) < 0.01 * f.steepest)) for l, f, slope in view.slopes()}


@probes.register("dead")
def dead(view: View) -> dict[str, float]:
    """Share of units of layer l with f'(z) = 0 for every sample of the batch: nothing reaches their weights."""
    return {f"dead/layer_{l}": float(np.mean(~slope.any(axis=1))) for l, _, slope in view.slopes()}


@probes.register("update_ratio")
def update_ratio(view: View) -> dict[str, float]:
    """||update of W^l|| / ||W^l||; infinite where W is 0, NaN where the update is 0 as well."""
    sizes = dict(view.arrays(view.network.theta))
    steps = [(name, u) for name, u in view.arrays(view.update) if name.startswith("W")]
    with np.errstate(divide="ignore", invalid="ignore"):
        return {f"update_ratio/{name}": float(np.divide(norm(u), norm(sizes[name]))) for name, u in steps}


@probes.register("gradient_angle")
def gradient_angle(view: View) -> dict[str, float]:
    """Angle in degrees between what the method made and the true gradient, over theta and over each W."""
    assert view.true is not None
    pairs = zip(view.arrays(view.gradient), view.arrays(view.true), strict=True)
    angles = {f"gradient_angle/{name}": angle(g, r) for (name, g), (_, r) in pairs if name.startswith("W")}
    return {"gradient_angle/theta": angle(view.gradient, view.true), **angles}


def norm(array: Array) -> float:
    """Euclidean norm over all entries; in double precision, where the square of a vanishing float32 is not 0."""
    flat = array.ravel().astype(np.float64, copy=False)
    return float(np.sqrt(np.dot(flat, flat)))
