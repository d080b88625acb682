"""The gradient method `as_printed`: train with any formula of the errata that gives a whole gradient."""

from __future__ import annotations

import numpy as np

from bpexp.errors import ConfigError, nearest
from bpexp.gradients.backprop import backprop
from bpexp.gradients.comparison import compare
from bpexp.gradients.method import Gradient, GradientMethod, gradient_methods
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network
from bpexp.papers.errata import FORMULAS, WHOLE_PASSES
from bpexp.papers.formula import RIGHT, Formula
from bpexp.papers.literal_pass import Lines, run_lines

DEFAULT = "002-final"

TOLERANCE = 1e-6
"""The largest relative error, in float64, of a formula that is the gradient."""


class AsPrinted(GradientMethod):
    """Back-propagation with some lines replaced by those of a paper; exact if these are right in their own terms."""

    def __init__(self, formula: Formula, lines: Lines) -> None:
        self.formula, self._lines = formula, lines
        self.exact = formula.correctness in RIGHT

    @property
    def by_transpose(self) -> bool:
        """Whether the deltas are those of the correct lines, as where only a line for dC/dW or dC/db is misprinted."""
        correct, own = Lines(), self._lines
        return self.exact or (own.z, own.last, own.carry) == (correct.z, correct.last, correct.carry)

    def refuse(self, network: Network, head: Head) -> None:
        """Raise ConfigError for a formula that cannot run on this network, or that is correct for other heads only.

        The formula is evaluated once, in float64, at random parameters and on a random batch, because at theta = 0 a
        wrong gradient can equal the correct one.
        """
        twin, x, y = random_case(network)
        try:
            _, gradients = run_lines(twin, head, x, y, self._lines)
        except (ValueError, IndexError) as error:
            reason = str(error).splitlines()[0].strip()
            raise self._refusal(f"cannot run on {'-'.join(map(str, network.sizes))}: {reason}") from None
        if self.exact:
            truth = backprop()(twin, head, x, y).vector
            if not compare(twin, flatten(twin, gradients), truth).error <= TOLERANCE:
                raise self._refusal(f"is not the gradient of {head.name}: it holds {self.formula.right}")

    def __call__(self, network: Network, head: Head, x: Array, y: Array) -> Gradient:
        """The cost of the printed forward pass, and the printed gradient, for x (n_0, B) and y (n_L, B)."""
        p, gradients = run_lines(network, head, x, y, self._lines)
        return Gradient(float(head.cost(p.z[p.L], y).sum()) * p.share, flatten(network, gradients))

    def _refusal(self, what: str) -> ConfigError:
        formula = self.formula
        right = "" if self.exact else f"right is: {formula.right}; "
        others = [
            name
            for name in WHOLE_PASSES
            if FORMULAS[name].paper == formula.paper
            and FORMULAS[name].correctness != "shape error"
            and name not in (formula.id, DEFAULT)
        ]
        return ConfigError(
            f"gradient 'as_printed': formula {formula.id!r} ({formula.label}) {what}; "
            f"{right}try gradient.formula={DEFAULT}, or of the same paper {', '.join(others)}"
        )

    @property
    def checkable(self) -> bool:
        """True, also for a misprint: it is meant to be the gradient, and a gradient check must detect it."""
        return True


def flatten(network: Network, gradients: list[tuple[Array, Array]]) -> Array:
    """dC/dW^l and dC/db^l for l = 1, ..., L as one vector (P,) in the order of `network.theta`."""
    vector = np.empty_like(network.theta)
    for (W_slot, b_slot), (dW, db) in zip(network.parameters(vector), gradients, strict=True):
        W_slot[...], b_slot[...] = dW, db
    return vector


def random_case(network: Network) -> tuple[Network, Array, Array]:
    """The network with parameters drawn from a fixed seed, in float64, and a batch x (n_0, N), y (n_L, N) of classes.

    N differs from the width of every layer, so that no shapes match by accident.
    """
    rng, n = np.random.default_rng(0), network.sizes
    twin = network.at(np.zeros(network.theta.size))
    for layer in twin.layers:
        layer.W[...] = rng.normal(0, 1 / np.sqrt(layer.W.shape[1]), layer.W.shape)
        layer.b[...] = rng.normal(0, 0.5, layer.b.shape)
    N = next(N for N in range(5, 10 + len(n)) if N not in n)
    return twin, rng.normal(size=(n[0], N)), np.eye(n[-1])[:, rng.integers(0, n[-1], N)]


@gradient_methods.register("as_printed")
def as_printed(formula: str = DEFAULT) -> AsPrinted:
    """Back-propagation with the lines of a formula as a paper prints it, right or wrong. Source: 000 to 003, errata.

    delta^L is the head's, which is finite, unless the formula replaces it. One with dC/da^L and da^L/dz^L gives
    infinity times 0 where a^L rounds to 0 or 1 under a cross-entropy; the run then ends as diverged.

    Args:
        formula: id of a formula in the errata that gives a whole gradient, such as 003-slope-index; 002-final is
            back-propagation itself.
    """
    entry = FORMULAS.get(formula)
    if entry is None or not isinstance(entry.code, Lines):
        hint = nearest(formula, WHOLE_PASSES)
        raise ConfigError(f"{formula!r} {_why_not(entry)}; {hint}choose from: {', '.join(WHOLE_PASSES)}")
    return AsPrinted(entry, entry.code)


def _why_not(entry: Formula | None) -> str:
    """Why an entry cannot train a network."""
    if entry is None:
        return "is no formula of the errata"
    if entry.code is None:
        return f"cannot be evaluated: {entry.correctness}"
    return "gives a part of a gradient, not a whole one"
