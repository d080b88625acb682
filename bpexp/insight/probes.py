"""Probes: named measurements of single steps. Each is a function of a `View`, and declares what it needs and of whom.

What a probe says of the samples of a batch it declares as a sum over them, in `samples`: see `bpexp.insight.pieces`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from bpexp.errors import ConfigError, nearest
from bpexp.gradients.comparison import angle
from bpexp.insight.pieces import Piece, Reduction, Total
from bpexp.nn.arrays import Array
from bpexp.nn.network import Network
from bpexp.registry import redefined


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The state of one step after the gradient and before the update; read-only, the arrays belong to the run.

    Nothing here is of a part of the batch: gradient and update are of the whole batch of the step, and `samples` holds
    the sums over all its samples that the probe declares.

    Args:
        network: the network, before the update.
        gradient: (P,) result of the gradient method.
        update: (P,) what will be subtracted from theta.
        true: (P,) gradient by back-propagation, if the probe needs it.
        previous: (P,) gradient of the step before; None at the first step.
        samples: what the `samples` of the probe gave, a Total or a Spread by name, over the whole batch.
        weight: of one sample in the cost of the batch; delta / weight is dC_k/dz of sample k.
    """

    network: Network
    gradient: Array
    update: Array
    true: Array | None = None
    previous: Array | None = None
    samples: Mapping[str, Any] = field(default_factory=dict)
    weight: float = 1.0

    def arrays(self, vector: Array) -> Iterator[tuple[str, Array]]:
        """(name, array) of W1, b1, W2, ..., as views into a vector (P,)."""
        parts = (array for pair in self.network.parameters(vector) for array in pair)
        return zip(self.network.names(), parts, strict=True)


Measures = dict[str, float]
Need = Literal["update", "true_gradient", "previous_gradient", "training_batch", "first_step"]
"""What a probe may require in addition to network, gradient and samples; `first_step`: it is measured there alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """A named measurement of one step.

    Args:
        name: its name in a config, and the prefix of the metrics that it returns.
        measure: computes the metrics, by name, from a View.
        population: which units and samples the metrics speak of, and what is averaged over what.
        needs: what the View must hold; a probe with needs is not measured on the fixed samples.
        samples: what is taken of each piece of the batch; combined, it is `samples` of the View.
        over_steps: more metrics, by the part of their name after the slash; each is computed from the means, over the
            probed steps so far, of what `measure` returned, and its last value is in the summary of the run.
        by_transpose: whether it has a meaning only if the method propagates delta by W^T.
        if_inexact: also measured, without being named in the config, if the gradient method is not exact.
    """

    name: str
    measure: Callable[[View], Measures]
    population: str
    needs: frozenset[Need] = frozenset()
    samples: Reduction | None = None
    over_steps: Mapping[str, Callable[[Measures], float]] = field(default_factory=dict)
    by_transpose: bool = False
    if_inexact: bool = False

    def __call__(self, view: View) -> Measures:
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
        if found.name in self and not redefined(self[found.name].measure, found.measure):
            raise ConfigError(f"probe {found.name!r} is registered already; choose another name")
        self._probes[found.name] = found

    def require(self, name: str) -> Probe:
        """The probe called `name`; raises ConfigError, which lists the choices, for an unknown name."""
        if name not in self._probes:
            raise ConfigError(f"unknown probe {name!r}; {nearest(name, self)}choose from: {', '.join(sorted(self))}")
        return self._probes[name]


probes = Probes()


def probe(
    name: str,
    *needs: Need,
    population: str,
    samples: Reduction | None = None,
    over_steps: Mapping[str, Callable[[Measures], float]] | None = None,
    by_transpose: bool = False,
    if_inexact: bool = False,
) -> Callable[[Callable[[View], Measures]], Callable[[View], Measures]]:
    """Register the decorated function as a probe; see `Probe` for the arguments.

    Raises ConfigError for a name that is taken, and for a probe that does not state its population.
    """
    if not population.strip():
        raise ConfigError(f"probe {name!r} must state its population: which units and samples its numbers speak of")

    def add(measure: Callable[[View], Measures]) -> Callable[[View], Measures]:
        averaged = dict(over_steps or {})
        probes.add(Probe(name, measure, population, frozenset(needs), samples, averaged, by_transpose, if_inexact))
        return measure

    return add


@probe("grad_norm", population="all entries of one W or b, of the gradient of the whole batch")
def grad_norm(view: View) -> Measures:
    """||dC/dW^l|| and ||dC/db^l||: the Euclidean norm of each parameter's gradient."""
    return {f"grad_norm/{name}": norm(g) for name, g in view.arrays(view.gradient)}


def squared_deltas(piece: Piece) -> dict[str, Total]:
    """The sum over the samples of (weight delta_ik)^2 for each unit i of each layer, (n_l,)."""
    return {f"layer_{l}": piece.squares(d) for l, d in enumerate(piece.work.delta, start=1)}


@probe(
    "delta_norm",
    samples=squared_deltas,
    population="the root of the mean over all samples of the batch; of a sample, the sum over all units of a layer",
)
def delta_norm(view: View) -> Measures:
    """sqrt(mean_k ||delta_k^l||^2) with delta_k^l = dC_k/dz^l of sample k: how much error reaches layer l.

    Of a method with deltas of its own, such as feedback alignment, they are these.
    """
    return {f"delta_norm/{l}": d.root / view.weight for l, d in view.samples.items()}


def _saturated(piece: Piece) -> dict[str, Total]:
    return {f"layer_{l}": piece.total(np.abs(slope) < 0.01 * f.steepest) for l, f, slope in piece.slopes()}


@probe("saturation", samples=_saturated, population="all pairs of a unit of a layer and a sample of the batch")
def saturation(view: View) -> Measures:
    """Share of (unit, sample) pairs of layer l whose |f'(z)| is below 1 % of its maximum over the real line."""
    return {f"saturation/{l}": float(saturated.mean.mean()) for l, saturated in view.samples.items()}


def _alive(piece: Piece) -> dict[str, Total]:
    return {f"layer_{l}": piece.total(slope != 0) for l, _, slope in piece.slopes()}


@probe("dead", samples=_alive, population="all units of a layer; a unit is dead if it is for all samples of the batch")
def dead(view: View) -> Measures:
    """Share of units of layer l with f'(z) = 0 for every sample of the batch: the gradient of their weights is 0."""
    return {f"dead/{l}": float(np.mean(alive.value == 0)) for l, alive in view.samples.items()}


@probe("update_ratio", "update", population="all entries of one W, of the update by the whole batch")
def update_ratio(view: View) -> Measures:
    """||update of W^l|| / ||W^l||; infinite where W is 0, NaN where the update is 0 as well."""
    sizes = dict(view.arrays(view.network.theta))
    steps = [(name, u) for name, u in view.arrays(view.update) if name.startswith("W")]
    with np.errstate(divide="ignore", invalid="ignore"):
        return {f"update_ratio/{name}": float(np.divide(norm(u), norm(sizes[name]))) for name, u in steps}


@probe(
    "gradient_angle",
    "true_gradient",
    if_inexact=True,
    population="all entries of theta, or of one W, of the gradient of the whole batch",
)
def gradient_angle(view: View) -> Measures:
    """Angle in degrees between the method's result and the true gradient, for theta and for each W."""
    assert view.true is not None
    pairs = zip(view.arrays(view.gradient), view.arrays(view.true), strict=True)
    angles = {f"gradient_angle/{name}": angle(g, r) for (name, g), (_, r) in pairs if name.startswith("W")}
    return {"gradient_angle/theta": angle(view.gradient, view.true), **angles}


def norm(array: Array) -> float:
    """Euclidean norm over all entries, in float64: the square of a small float32 number would underflow to 0."""
    flat = array.ravel().astype(np.float64, copy=False)
    return float(np.sqrt(np.dot(flat, flat)))
