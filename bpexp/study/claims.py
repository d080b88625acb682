"""Claims: what a study says before its runs, as an inequality about the mean of a measure over the seeds.

above: 0.05                  the statistic is above 0.05
below: 0                     it is below 0
within: 0.01                 it lies between -0.01 and 0.01 (equivalence, by two one-sided tests)
theorem: why it must hold    it follows from mathematics: checked in every run, no part of the tests
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any

from bpexp.errors import ConfigError, nearest
from bpexp.study.measures import Measure, difference_bounds, parse
from bpexp.training.metrics import Bounds

BOUNDS = ("above", "below", "within")


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence that the study supports or refutes.

    The statistic is the mean over seeds of `measure` in the arm `of`, or with `against` of the paired per-seed
    difference `of` - `against`. The claim is that it is `above` or `below` a number, or `within` a distance of 0. `at`
    is the level of the tuned factor: `best`, each arm at its own best level, or `equal`, both arms at every level.

    `theorem` holds the reason of a statement that follows from mathematics. It must hold in each single run, up to
    `tolerance`, and equality counts as holding.
    """

    text: str
    measure: Measure
    of: Mapping[str, Any]
    against: Mapping[str, Any] | None = None
    above: float | None = None
    below: float | None = None
    within: float | None = None
    theorem: str | None = None
    tolerance: float = 0.0
    at: str = "best"

    @property
    def limits(self) -> tuple[float, float]:
        """The open interval in which the statistic lies if the claim is true."""
        if self.within is not None:
            return -self.within, self.within
        return (
            -math.inf if self.above is None else self.above,
            math.inf if self.below is None else self.below,
        )

    @property
    def bounds(self) -> Bounds:
        """The smallest and largest value that the statistic can take: of a difference, those of the measure apart."""
        bounds = self.measure.bounds
        return bounds if self.against is None else difference_bounds(bounds)

    @property
    def said(self) -> str:
        """The inequality in words: above 0.05, within 0.01 of 0."""
        if self.within is not None:
            return f"within {self.within:g} of 0"
        return f"above {self.above:g}" if self.above is not None else f"below {self.below:g}"


def read_claim(node: Any, factors: Mapping[str, Sequence[Any]]) -> Claim:
    """Read one entry of `study.claims`; raises ConfigError."""
    if not isinstance(node, Mapping):
        raise ConfigError(f"a claim must have text, measure, of and one of {', '.join(BOUNDS)}, not {node!r}")
    given = dict(node)
    known_keys("claim", given, [f.name for f in fields(Claim)])
    for f in fields(Claim):
        if f.default is MISSING and f.name not in given:
            raise ConfigError(f"claim {given.get('text', '?')!r} needs {f.name!r}")
    what = f"claim {given['text']!r}"
    given |= {"text": str(given["text"]), "of": levels(what, "of", given["of"], factors)}
    if given.get("against") is not None:
        given["against"] = levels(what, "against", given["against"], factors)
        if given["against"] == given["of"]:
            raise ConfigError(f"{what} compares an arm with itself: of and against are both {given['of']!r}")
    _bound(what, given)
    _theorem(what, given)
    if given.get("at", "best") not in ("best", "equal"):
        raise ConfigError(f"{what}: at must be best or equal, not {given['at']!r}")
    return Claim(**{**given, "measure": parse(given["measure"])})


def known_keys(what: str, given: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raises ConfigError for a key that is not known, with the nearest one that is."""
    for key in given:
        if key not in known:
            raise ConfigError(f"{what} has no {key!r}; {nearest(key, known)}it takes: {', '.join(known)}")


def levels(what: str, key: str, given: Any, factors: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """An arm, as factors with their levels; raises ConfigError for a factor or a level that the study lacks."""
    if not isinstance(given or {}, Mapping):
        raise ConfigError(f"{what}: {key} must give factors their levels, not {given!r}")
    arm = dict(given or {})
    for factor, level in arm.items():
        if factor not in factors:
            raise ConfigError(f"{what}: {factor!r} is no factor; choose from: {', '.join(factors)}")
        if level not in factors[factor]:
            raise ConfigError(f"{what}: {level!r} is no level of {factor}: {factors[factor]!r}")
    return arm


def number(value: Any) -> bool:
    """Whether a value of YAML is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _bound(what: str, given: Mapping[str, Any]) -> None:
    stated = [key for key in BOUNDS if given.get(key) is not None]
    if len(stated) != 1:
        raise ConfigError(f"{what} needs one of {', '.join(BOUNDS)}, not {' and '.join(stated) or 'none'}")
    bound = given[stated[0]]
    if not number(bound):
        raise ConfigError(f"{what}: {stated[0]} is a number, not {bound!r}")
    if stated == ["within"] and not (bound > 0 or (bound == 0 and given.get("theorem"))):
        raise ConfigError(f"{what}: within is a distance above 0, not {bound!r}")


def _theorem(what: str, given: Mapping[str, Any]) -> None:
    reason, tolerance = given.get("theorem"), given.get("tolerance", 0.0)
    if reason is not None and not (isinstance(reason, str) and reason.strip()):
        raise ConfigError(f"{what}: theorem is the reason why it must hold, in words, not {reason!r}")
    if not number(tolerance) or tolerance < 0:
        raise ConfigError(f"{what}: tolerance is a number of at least 0, not {tolerance!r}")
    for key in ("at",) if reason is not None else ("tolerance",):
        if key in given:
            told = "a theorem is checked in every run" if reason is not None else "only a theorem has a tolerance"
            raise ConfigError(f"{what}: {told}; leave {key!r} out")
