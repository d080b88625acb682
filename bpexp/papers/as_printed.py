"""The formulas of the four papers as printed, and a gradient method that trains with any of them, right or wrong."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from bpexp.errors import ConfigError, nearest
from bpexp.gradients.backprop import backprop
from bpexp.gradients.comparison import compare
from bpexp.gradients.method import Gradient, GradientMethod, gradient_methods
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network
from bpexp.papers import errata_000, errata_001, errata_002_table, errata_003_digits
from bpexp.papers.formula import Formula
from bpexp.papers.literal_pass import Steps, walk

BOOKS = (errata_000.book, errata_001.book, errata_002_table.book, errata_003_digits.book)
FORMULAS: Mapping[str, Formula] = MappingProxyType({name: book[name] for book in BOOKS for name in book})
"""Every formula by its id, in the order of the papers."""

WHOLE = tuple(name for name, formula in FORMULAS.items() if formula.whole)
"""The ids of those that give a whole gradient."""

EQUAL = 1e-3
"""How far a correct formula may be from back-propagation in float32."""


class AsPrinted(GradientMethod):
    """Back-propagation with one line replaced by what a paper prints; exact where that is correct."""

    def __init__(self, formula: Formula, steps: Steps) -> None:
        self.formula, self._steps = formula, steps
        self.exact = formula.correctness == "correct"

    def refuse(self, network: Network, head: Head) -> None:
        """Raise ConfigError for a formula whose shapes do not fit this network, or a correct one of another head.

        It is tried on random parameters: where theta is 0 many a wrong formula is right.
        """
        rng = np.random.default_rng(0)
        network = network.at(rng.normal(0, 0.3, network.theta.size).astype(network.theta.dtype))
        x, y = sample(network, rng)
        try:
            _, slots = walk(network, head, x, y, self._steps)
        except (ValueError, IndexError) as error:
            reason = str(error).splitlines()[0].strip()
            raise self._refusal(network, f"cannot run on {_shape(network)}: {reason}") from None
        if self.exact:
            truth = backprop()(network, head, x, y).vector
            if compare(network, flat(network, slots), truth).error > EQUAL:
                raise self._refusal(network, f"is not the gradient of {head.name}: it holds {self.formula.right}")

    def _refusal(self, network: Network, what: str) -> ConfigError:
        formula = self.formula
        mend = f"right is: {formula.right}; " if formula.correctness != "correct" else ""
        others = [
            name for name in WHOLE if name.startswith(formula.paper) and FORMULAS[name].correctness != "shape error"
        ]
        others = [name for name in others if name not in (formula.id, "002-final")]
        return ConfigError(
            f"gradient 'as_printed': formula {formula.id!r} ({formula.correctness}) {what}; "
            f"{mend}try gradient.formula=002-final, or of the same paper {', '.join(others)}"
        )

    def __call__(self, network: Network, head: Head, x: Array, y: Array) -> Gradient:
        """Cost of the printed forward pass, and the printed gradient, for x (n_0, B) and y (n_L, B)."""
        s, slots = walk(network, head, x, y, self._steps)
        return Gradient(float(head.cost(s.z[s.L], y).sum()) * s.share, flat(network, slots))

    @property
    def checkable(self) -> bool:
        """True of a misprint as well: it claims to be the gradient, and a gradient check must find it."""
        return True


def flat(network: Network, slots: list[tuple[Array, Array]]) -> Array:
    """dC/dW^l and dC/db^l as one vector (P,)."""
    vector = np.empty_like(network.theta)
    for (W_slot, b_slot), (dW, db) in zip(network.parameters(vector), slots, strict=True):
        W_slot[...], b_slot[...] = dW, db
    return vector


def sample(network: Network, rng: np.random.Generator) -> tuple[Array, Array]:
    """A random batch of as many one-hot columns as no layer has units, so that no shape fits by accident."""
    n, dtype = network.sizes, network.theta.dtype
    N = next(N for N in range(5, 10 + len(n)) if N not in n)
    return rng.normal(size=(n[0], N)).astype(dtype), np.eye(n[-1], dtype=dtype)[:, rng.integers(0, n[-1], N)]


def _shape(network: Network) -> str:
    return "-".join(map(str, network.sizes))


@gradient_methods.register("as_printed")
def as_printed(formula: str = "002-final") -> AsPrinted:
    """A gradient as one of the four papers prints it, right or wrong.

    Args:
        formula: id of the formula in the errata.
    """
    entry = FORMULAS.get(formula)
    if entry is None or not isinstance(entry.code, Steps):
        what = "is no formula of the errata" if entry is None else "gives a part, not a whole gradient"
        hint = nearest(formula, WHOLE)
        raise ConfigError(f"{formula!r} {what}; {hint}choose from: {', '.join(WHOLE)}")
    return AsPrinted(entry, entry.code)
