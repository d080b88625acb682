"""Probes: named measurements of single steps. Each is a function of a `View` and declares what it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bpexp.errors import ConfigError, nearest
from bpexp.gradients.comparison import angle
from bpexp.nn.activations import Activation
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network, Workspace


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One step seen from between gradient and update; the arrays belong to the run and are only read.

    gradient, which the method computed, and update are vectors (P,); workspace holds a pass of back-propagation with
    its deltas. true is the gradient of that pass where a probe needs it; previous is the gradient of the step before,
    where there was one; head and y (n_L, B) are loss and targets.
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
        for l, f in enumerate(self.network.hidden, start=1):
            yield l, f, self.workspace.slope[l - 1]
        output, L = self.network.output, len(self.network.layers)
        if isinstance(output, Activation):
            yield L, output, output.df(self.workspace.z[-1])


Need = Literal["update", "true_gradient", "previous_gradient", "training_batch"]
"""What a probe may need beside network, workspace, gradient, head and targets of any batch."""


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """A named measurement of one step.

    Args:
        name: what a config calls it; the names of its numbers begin with it.
        measure: takes a View, returns named numbers.
        needs: what the View must hold; one that needs anything is not measured on the fixed samples.
        if_inexact: it is measured without being asked for where the method is not the gradient.
    """

    name: str
    measure: Callable[[View], dict[str, float]]
    needs: frozenset[Need] = frozenset()
    if_inexact: bool = False

    def __call__(self, view: View) -> dict[str, float]:
        """The numbers of one step."""
        return self.measure(view)


class Probes(Mapping[str, Probe]):
    """The probes by name."""

    def __init__(self) -> None:
        self._probes: dict[str, Probe] = {}

    def __getitem__(self, name: str) -> Probe:
        return self._probes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._probes)

    def __len__(self) -> int:
        return len(self._probes)

    def add(self, found: Probe) -> None:
        """Add one; raises ConfigError for a name that is taken."""
        if found.name in self._probes:
            raise ConfigError(f"probe {found.name!r} is registered already; choose another name")
        self._probes[found.name] = found

    def require(self, name: str) -> Probe:
        """The probe called `name`; raises ConfigError, which lists the choices, for an unknown name."""
        if name not in self._probes:
            raise ConfigError(f"unknown probe {name!r}; {nearest(name, self)}choose from: {', '.join(sorted(self))}")
        return self._probes[name]


probes = Probes()


def probe(
    name: str, *needs: Need, if_inexact: bool = False
) -> Callable[[Callable[[View], dict[str, float]]], Callable[[View], dict[str, float]]]:
    """Register the decorated function as a probe; see `Probe` for the arguments."""

    def add(measure: Callable[[View], dict[str, float]]) -> Callable[[View], dict[str, float]]:
        probes.add(Probe(name, measure, frozenset(needs), if_inexact))
        return measure

    return add


@probe("grad_norm")
def grad_norm(view: View) -> dict[str, float]:
    """||dC/dW^l|| and ||dC/db^l||: Euclidean norms of the gradient, parameter by parameter."""
    return {f"grad_norm/{name}": norm(g) for name, g in view.arrays(view.gradient)}


@probe("delta_norm")
def delta_norm(view: View) -> dict[str, float]:
    """Root mean square over the batch of ||delta^l|| of a sample, delta = dC_k/dz^l: how much error reaches layer l."""
    B = view.workspace.delta[0].shape[1]
    scale = 1 / (view.workspace.weight * B**0.5)
    return {f"delta_norm/layer_{l}": norm(d) * scale for l, d in enumerate(view.workspace.delta, start=1)}


@probe("saturation")
def saturation(view: View) -> dict[str, float]:
    """Share of (unit, sample) pairs of layer l whose |f'(z)| is below 1 % of its maximum over the real line."""
    return {f"saturation/layer_{l}": float(np.mean(np.abs(slope) < 0.01 * f.steepest)) for l, f, slope in view.slopes()}


@probe("dead")
def dead(view: View) -> dict[str, float]:
    """Share of units of layer l with f'(z) = 0 for every sample of the batch: nothing reaches their weights."""
    return {f"dead/layer_{l}": float(np.mean(~slope.any(axis=1))) for l, _, slope in view.slopes()}


@probe("update_ratio", "update")
def update_ratio(view: View) -> dict[str, float]:
    """||update of W^l|| / ||W^l||; infinite where W is 0, NaN where the update is 0 as well."""
    sizes = dict(view.arrays(view.network.theta))
    steps = [(name, u) for name, u in view.arrays(view.update) if name.startswith("W")]
    with np.errstate(divide="ignore", invalid="ignore"):
        return {f"update_ratio/{name}": float(np.divide(norm(u), norm(sizes[name]))) for name, u in steps}


@probe("gradient_angle", "true_gradient", if_inexact=True)
def gradient_angle(view: View) -> dict[str, float]:
    """Angle in degrees between what the method computed and the true gradient, over theta and over each W."""
    assert view.true is not None
    pairs = zip(view.arrays(view.gradient), view.arrays(view.true), strict=True)
    angles = {f"gradient_angle/{name}": angle(g, r) for (name, g), (_, r) in pairs if name.startswith("W")}
    return {"gradient_angle/theta": angle(view.gradient, view.true), **angles}


def norm(array: Array) -> float:
    """Euclidean norm over all entries; in double precision, where the square of a vanishing float32 is not 0."""
    flat = array.ravel().astype(np.float64, copy=False)
    return float(np.sqrt(np.dot(flat, flat)))
