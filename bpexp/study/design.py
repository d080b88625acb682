"""What a study declares: its question, factors, repeats, measures and claims; checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from bpexp.errors import ConfigError
from bpexp.study.claims import Claim, known_keys, number, read_claim
from bpexp.study.gap import Gap, read_gap
from bpexp.study.measures import Measure, parse
from bpexp.study.split import Split, levels_of, read_split, told_apart
from bpexp.study.stages import read_repeats, refuse_seeds

DIVERGED = ("chance", "survivors")
"""What a study may say of runs that diverged."""


CURVES = ("accuracy/test", "loss/test")
"""The curves of a study that declares none; `curves: []` draws none."""


@dataclass(frozen=True, slots=True)
class Study:
    """A declared study.

    `factors` maps an override's key to its levels, `tuned` names the factor whose level each arm chooses for itself by
    `tuned_by`, on the validation part. `repeats` is the number of seeds, `seeds` are the seeds themselves. A study
    with `stages` is looked at after so many seeds, and ends when its claims are decided. The first of `measures` ranks
    the arms.

    `diverged` says what a run that diverged counts as: `chance`, what the same network scored before its first step, or
    the number that `chance` gives for the metric; or `survivors`, left out, and every statement says so. `gap` asks
    for the shares of the factors in the difference of two arms.

    `swept` are the keys and levels of the sweep where they are not the factors: `split` tells a swept factor apart as
    several. `across` maps an ordered factor, the horizontal axis of a chart, to the measures that are drawn over it;
    `across: {}` draws none.
    """

    name: str
    title: str
    question: str
    factors: Mapping[str, Sequence[Any]]
    repeats: int
    measures: Sequence[Measure]
    stages: Sequence[int] = ()
    tuned: str | None = None
    tuned_by: Measure = field(default_factory=lambda: parse("final accuracy/validation"))
    claims: Sequence[Claim] = ()
    diverged: str = "chance"
    chance: Mapping[str, float] = field(default_factory=dict)
    gap: Gap | None = None
    curves: Sequence[str] = CURVES
    by_depth: Sequence[str] = ()
    heat_map: Sequence[str] = ()
    across: Mapping[str, Sequence[Measure]] = field(default_factory=dict)
    seeds: Sequence[int] = ()
    split: Split = field(default_factory=dict)
    swept: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @property
    def arm_factors(self) -> list[str]:
        """The factors that make an arm: all but the tuned one."""
        return [name for name in self.factors if name != self.tuned]

    @property
    def every_measure(self) -> list[Measure]:
        """The measures that a table, the tuning, a claim or the gap reads, each once."""
        named = [*self.measures, self.tuned_by, *(claim.measure for claim in self.claims)]
        named += [self.gap.measure] if self.gap else []
        return list({measure.text: measure for measure in named}.values())

    def grid(self) -> dict[str, Sequence[Any]]:
        """The sweep that this study is: the levels of every factor, and the seeds."""
        return {**self.swept, "seed": self.seeds}

    def levels(self, params: Mapping[str, Any]) -> dict[str, str]:
        """The levels of a run, as text, from its recorded parameters."""
        return levels_of({key: spelt(params.get(key)) for key in self.swept}, self.split)


def narrowed(study: Study, said: Mapping[str, Sequence[str]]) -> Study:
    """The study with the levels and seeds of the command line in place of its own; raises ConfigError."""
    swept = {key: list(said.get(key, levels)) for key, levels in study.swept.items()}
    for key, table in study.split.items():
        if lost := [level for level in map(spelt, swept[key]) if level not in table]:
            raise ConfigError(f"{key}={lost[0]} is not in study.split.{key}; choose from: {', '.join(table)}")
    factors = told_apart(swept, study.split)
    if "seed" not in said:
        return replace(study, factors=factors, swept=swept)
    if not all(seed.isdigit() for seed in said["seed"]):
        raise ConfigError(f"the seeds of a study are whole numbers of at least 0, not {', '.join(said['seed'])}")
    seeds = tuple(int(seed) for seed in said["seed"])
    refuse_seeds(study.stages, seeds)
    return replace(study, factors=factors, swept=swept, repeats=len(seeds), seeds=seeds)


def declared(name: str, node: Mapping[str, Any]) -> Study:
    """Read a `study` node; raises ConfigError for an unknown key or a wrong value."""
    given = dict(node)
    known_keys("study", given, [f.name for f in fields(Study) if f.name not in ("name", "seeds", "swept")])
    swept = _factors(given.get("factors"))
    for key in ("measures", "claims", "curves", "by_depth", "heat_map"):
        if not isinstance(given.get(key) or [], list | tuple):
            raise ConfigError(f"study.{key} must be a list, not {given[key]!r}")
    tuned = given.get("tuned")
    if tuned is not None and tuned not in list(swept):
        raise ConfigError(f"study.tuned must be one of the factors {', '.join(swept)}, not {tuned!r}")
    texts = {key: [spelt(level) for level in levels] for key, levels in swept.items()}
    split = read_split(given.get("split"), texts, tuned)
    factors = told_apart(swept, split)
    if list(factors) == [tuned]:
        raise ConfigError(f"study.tuned={tuned!r} leaves no factor to compare; add one, or leave tuned out")
    if given.get("measures") == []:
        raise ConfigError("study.measures is empty; name one, or leave it out for 'final accuracy/test'")
    measures = [parse(text) for text in given.get("measures") or ["final accuracy/test"]]
    claims = [read_claim(claim, factors) for claim in given.get("claims") or []]
    repeats, stages = read_repeats(given, claims)
    heat_map = _axes(given.get("heat_map") or (), factors)
    return Study(
        name=name,
        title=str(given.get("title", name)),
        question=str(given.get("question", "")),
        factors=factors,
        repeats=repeats,
        stages=stages,
        measures=measures,
        tuned=tuned,
        tuned_by=parse(given.get("tuned_by", "final accuracy/validation")),
        claims=claims,
        diverged=_diverged(given.get("diverged", "chance")),
        chance=_chance(given.get("chance")),
        gap=read_gap(given.get("gap"), factors, tuned, measures[0]),
        curves=CURVES if given.get("curves") is None else tuple(given["curves"]),
        by_depth=tuple(given.get("by_depth") or ()),
        heat_map=heat_map,
        across=_across(given.get("across"), factors, measures, heat_map),
        seeds=tuple(range(repeats)),
        split=split,
        swept=swept,
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


def _diverged(said: Any) -> str:
    if said not in DIVERGED:
        raise ConfigError(f"study.diverged must be {' or '.join(DIVERGED)}, not {said!r}")
    return str(said)


def _chance(node: Any) -> dict[str, float]:
    if not isinstance(node or {}, Mapping) or not all(number(value) for value in (node or {}).values()):
        raise ConfigError(f"study.chance must give metrics a number, as in {{accuracy: 0.1}}, not {node!r}")
    for name in node or {}:
        if "/" in str(name) or " " in str(name):
            raise ConfigError(f"study.chance names metrics, such as accuracy, not {name!r}")
    return {str(name): float(value) for name, value in (node or {}).items()}


def _axes(named: Sequence[str], factors: Mapping[str, Sequence[Any]]) -> tuple[str, ...]:
    if named and (len(named) != 2 or any(name not in factors for name in named)):
        raise ConfigError(f"study.heat_map must be two of the factors {', '.join(factors)}, not {list(named)!r}")
    return tuple(named)


def _across(
    node: Any, factors: Mapping[str, Sequence[Any]], measures: Sequence[Measure], mapped: Sequence[str]
) -> dict[str, Sequence[Measure]]:
    """The charts over an ordered factor: its levels are numbers, and the measures are those of the study.

    Where none are declared, the first measure is drawn over each factor with three numbers or more that is not mapped.
    """
    if not isinstance(node or {}, Mapping):
        raise ConfigError(f"study.across must give factors their measures, not {node!r}")
    if node is None:
        numbers = [f for f, levels in factors.items() if len(levels) > 2 and all(map(number, levels))]
        return dict.fromkeys([factor for factor in numbers if factor not in mapped], measures[:1])
    known = {measure.text: measure for measure in measures}
    found: dict[str, Sequence[Measure]] = {}
    for factor, texts in (node or {}).items():
        if factor not in factors or not all(number(level) for level in factors[factor]):
            ordered = ", ".join(name for name, levels in factors.items() if all(map(number, levels)))
            raise ConfigError(f"study.across: {factor!r} is no factor whose levels are numbers; those are: {ordered}")
        for text in texts if isinstance(texts, list) else [texts]:
            if text not in known:
                raise ConfigError(f"study.across.{factor}: {text!r} is none of study.measures: {', '.join(known)}")
        found[str(factor)] = [known[text] for text in texts]
    return found


def spelt(level: Any) -> str:
    """A level as text, the same for every source of runs: 1, 1.0 and "1.0" give one text."""
    text = {"True": "true", "False": "false", "None": "null"}.get(str(level), str(level))
    try:
        return f"{float(text):.15g}"
    except ValueError:
        return text
