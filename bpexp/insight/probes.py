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
    """The state of one step after the gradient and before the update; read-only, the arrays belong to the run.

    Args:
        network: the network, before the update.
        workspace: a pass of back-propagation over the batch, with its deltas.
        gradient: (P,) result of the gradient method.
        update: (P,) what will be subtracted from theta.
        true: (P,) gradient by back-propagation, if a probe needs it.
        previous: (P,) gradient of the step before; None at the first step.
        head: output and loss.
        y: (n_L, B) targets.
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
        """(name, array) of W1, b1, W2, ..., as views into a vector (P,)."""
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
"""What a probe may require in addition to network, workspace, gradient, head and targets."""


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """A named measurement of one step.

    Args:
        name: its name in a config, and the prefix of the metrics that it returns.
        measure: computes the metrics, by name, from a View.
        needs: what the View must hold; a probe with needs is not measured on the fixed samples.
        if_inexact: also measured, without being named in the config, if the gradient method is not exact.
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
    """||dC/dW^l|| and ||dC/db^l||: the Euclidean norm of each parameter's gradient."""
    return {f"grad_norm/{name}": norm(g) for name, g in view.arrays(view.gradient)}


@probe("delta_norm")
def delta_norm(view: View) -> dict[str, float]:
    """sqrt(mean_k ||delta_k^l||^2) with delta_k^l = dC_k/dz^l of sample k: how much error reaches layer l."""
    B = view.workspace.delta[0].shape[1]
    scale = 1 / (view.workspace.weight * B**0.5)
    return {f"delta_norm/layer_{l}": norm(d) * scale for l, d in enumerate(view.workspace.delta, start=1)}


@probe("saturation")
def saturation(view: View) -> dict[str, float]:
    """Share of (unit, sample) pairs of layer l whose |f'(z)| is below 1 % of its maximum over the real line."""
    return {f"saturation/layer_{l}": float(np.mean(np.abs(slope) < 0.01 * f.steepest)) for l, f, slope in view.slopes()}


@probe("dead")
def dead(view: View) -> dict[str, float]:
    """Share of units of layer l with f'(z) = 0 for every sample of the batch: the gradient of their weights is 0."""
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
    """Angle in degrees between the method's result and the true gradient, for theta and for each W."""
    assert view.true is not None
    pairs = zip(view.arrays(view.gradient), view.arrays(view.true), strict=True)
    angles = {f"gradient_angle/{name}": angle(g, r) for (name, g), (_, r) in pairs if name.startswith("W")}
    return {"gradient_angle/theta": angle(view.gradient, view.true), **angles}


def norm(array: Array) -> float:
    """Euclidean norm over all entries, in float64: the square of a small float32 number would underflow to 0."""
    flat = array.ravel().astype(np.float64, copy=False)
    return float(np.sqrt(np.dot(flat, flat)))
