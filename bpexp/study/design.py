"""What a study declares: its question, factors, repeats, measures and claims; checked before anything runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any

from bpexp.errors import ConfigError, nearest
from bpexp.study.measures import Measure, parse


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence that the study supports or refutes.

    The statistic is the mean over seeds of `measure` in the arm `of`, or with `against` of the paired per-seed
    difference `of` - `against`. The claim is that it is `above` or `below` a number; the 95 % interval decides. `at` is
    the level of the tuned factor: `best`, each arm at its own best level, or `equal`, both arms at every level.
    """

    text: str
    measure: Measure
    of: Mapping[str, Any]
    against: Mapping[str, Any] | None = None
    above: float | None = None
    below: float | None = None
    at: str = "best"


@dataclass(frozen=True, slots=True)
class Study:
    """A declared study.

    `factors` maps an override's key to its levels, `tuned` names the factor whose level each arm chooses for itself by
    `tuned_by`, on the validation part. `repeats` is the number of seeds, `seeds` are the seeds themselves. The first
    of `measures` ranks the arms.
    """

    name: str
    title: str
    question: str
    factors: Mapping[str, Sequence[Any]]
    repeats: int
    measures: Sequence[Measure]
    tuned: str | None = None
    tuned_by: Measure = field(default_factory=lambda: parse("final accuracy/validation"))
    claims: Sequence[Claim] = ()
    curves: Sequence[str] = ("accuracy/test", "loss/test")
    by_depth: Sequence[str] = ()
    heat_map: Sequence[str] = ()
    seeds: Sequence[int] = ()

    @property
    def arm_factors(self) -> list[str]:
        """The factors that make an arm: all but the tuned one."""
        return [name for name in self.factors if name != self.tuned]

    def grid(self) -> dict[str, Sequence[Any]]:
        """The sweep that this study is: the levels of every factor, and the seeds."""
        return {**self.factors, "seed": self.seeds}


def narrowed(study: Study, said: Mapping[str, Sequence[str]]) -> Study:
    """The study with the levels and seeds of the command line in place of its own; raises ConfigError."""
    factors = {key: list(said.get(key, levels)) for key, levels in study.factors.items()}
    if "seed" not in said:
        return replace(study, factors=factors)
    if not all(seed.isdigit() for seed in said["seed"]):
        raise ConfigError(f"the seeds of a study are whole numbers of at least 0, not {', '.join(said['seed'])}")
    seeds = tuple(int(seed) for seed in said["seed"])
    return replace(study, factors=factors, repeats=len(seeds), seeds=seeds)


def declared(name: str, node: Mapping[str, Any]) -> Study:
    """Read a `study` node; raises ConfigError for an unknown key or a wrong value."""
    given = dict(node)
    _known("study", given, Study, {"name", "seeds"})
    factors = _factors(given.get("factors"))
    for key in ("measures", "claims", "curves", "by_depth", "heat_map"):
        if not isinstance(given.get(key) or [], list | tuple):
            raise ConfigError(f"study.{key} must be a list, not {given[key]!r}")
    repeats = given.get("repeats", 1)
    if not isinstance(repeats, int) or isinstance(repeats, bool) or repeats < 1:
        raise ConfigError(f"study.repeats must be a number of seeds of at least 1, not {repeats!r}")
    tuned = given.get("tuned")
    if tuned is not None and tuned not in list(factors):
        raise ConfigError(f"study.tuned must be one of the factors {', '.join(factors)}, not {tuned!r}")
    if list(factors) == [tuned]:
        raise ConfigError(f"study.tuned={tuned!r} leaves no factor to compare; add one, or leave tuned out")
    return Study(
        name=name,
        title=str(given.get("title", name)),
        question=str(given.get("question", "")),
        factors=factors,
        repeats=repeats,
        measures=[parse(text) for text in given.get("measures") or ["final accuracy/test"]],
        tuned=tuned,
        tuned_by=parse(given.get("tuned_by", "final accuracy/validation")),
        claims=[_claim(claim, factors) for claim in given.get("claims") or []],
        curves=tuple(given.get("curves") or ("accuracy/test", "loss/test")),
        by_depth=tuple(given.get("by_depth") or ()),
        heat_map=_axes(given.get("heat_map") or (), factors),
        seeds=tuple(range(repeats)),
    )


def _factors(node: Any) -> dict[str, list[Any]]:
    if not isinstance(node, Mapping) or not node or not all(isinstance(some, list) and some for some in node.values()):
        raise ConfigError(f"study.factors must name factors with their levels, not {node!r}")
    for name, levels in node.items():
        if name == "seed":
            raise ConfigError("study.factors has 'seed'; use study.repeats, the number of seeds")
        if len({spelt(level) for level in levels}) < len(levels):
            raise ConfigError(f"study.factors.{name} has a level twice: {levels!r}")
    return {str(name): list(levels) for name, levels in node.items()}


def _axes(named: Sequence[str], factors: Mapping[str, Sequence[Any]]) -> tuple[str, ...]:
    if named and (len(named) != 2 or any(name not in factors for name in named)):
        raise ConfigError(f"study.heat_map must be two of the factors {', '.join(factors)}, not {list(named)!r}")
    return tuple(named)


def _claim(node: Mapping[str, Any], factors: Mapping[str, Sequence[Any]]) -> Claim:
    if not isinstance(node, Mapping):
        raise ConfigError(f"a claim must have text, measure, of and above or below, not {node!r}")
    given = dict(node)
    _known("claim", given, Claim, set())
    for key in ("of", "against"):
        if not isinstance(given.get(key) or {}, Mapping):
            raise ConfigError(f"claim {given['text']!r}: {key} must give factors their levels, not {given[key]!r}")
    given |= {"text": str(given["text"]), "of": given["of"] or {}}
    for arm in (given["of"], given.get("against") or {}):
        for factor, level in arm.items():
            if factor not in factors:
                raise ConfigError(
                    f"claim {given['text']!r}: {factor!r} is no factor; choose from: {', '.join(factors)}"
                )
            if level not in factors[factor]:
                raise ConfigError(f"claim {given['text']!r}: {level!r} is no level of {factor}: {factors[factor]!r}")
    if (given.get("above") is None) == (given.get("below") is None):
        raise ConfigError(f"claim {given['text']!r} needs one of above and below")
    bound = given["below"] if given.get("above") is None else given["above"]
    if not isinstance(bound, int | float) or isinstance(bound, bool) or not math.isfinite(bound):
        raise ConfigError(f"claim {given['text']!r}: above and below are numbers, not {bound!r}")
    if given.get("at", "best") not in ("best", "equal"):
        raise ConfigError(f"claim {given['text']!r}: at must be best or equal, not {given['at']!r}")
    return Claim(**{**given, "measure": parse(given["measure"])})


def _known(what: str, given: Mapping[str, Any], schema: type, derived: set[str]) -> None:
    known = [f.name for f in fields(schema) if f.name not in derived]
    for key in given:
        if key not in known:
            raise ConfigError(f"{what} has no {key!r}; {nearest(key, known)}it takes: {', '.join(known)}")
    for f in fields(schema):
        required = f.default is MISSING and f.default_factory is MISSING
        if what == "claim" and required and f.name not in given:
            raise ConfigError(f"claim {given.get('text', '?')!r} needs {f.name!r}")


def spelt(level: Any) -> str:
    """A level as text, the same for every source of runs: 1, 1.0 and "1.0" give one text."""
    text = {"True": "true", "False": "false", "None": "null"}.get(str(level), str(level))
    try:
        return f"{float(text):.15g}"
    except ValueError:
        return text
