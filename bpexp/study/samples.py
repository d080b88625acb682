"""What a claim is tested on: one value for each seed, of an arm or of the paired difference of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bpexp.study.claims import Claim
from bpexp.study.design import Study, spelt
from bpexp.study.scoring import DIVERGED, ENDED
from bpexp.study.statistics import Values
from bpexp.study.tuning import Chosen, at_best, edge


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The values of a claim by seed; `reasons` forbid a verdict, `remarks` qualify it."""

    claim: Claim
    values: Values
    seeds: Sequence[int]
    reasons: Sequence[str] = ()
    remarks: Sequence[str] = ()


def sample(
    study: Study, claim: Claim, frame: pd.DataFrame, runs: pd.DataFrame, chosen: pd.DataFrame, levels: Chosen
) -> Sample:
    """The sample of a claim: `runs` are those that count, `chosen` those of them at the best levels of their arms."""
    used, name = chosen if claim.at == "best" else runs, claim.measure.text
    if claim.against is None:
        by_seed = _finite(select(used, claim.of), name).groupby("seed")[name].mean()
    else:
        by_seed = paired(study, used, claim.of, claim.against, name)
    mine = _of_arms(used, claim)
    everything = _of_arms(at_best(study, frame, levels) if claim.at == "best" else frame, claim)
    reasons = _blank(study, mine, name)
    values = np.asarray(by_seed, dtype=np.float64)
    edges = _edges(study, claim, mine, levels) if claim.at == "best" and len(values) else []
    remarks = [*_lost(study, everything), *edges, *(_untested(study, claim) if not len(values) else [])]
    return Sample(claim, values, [int(seed) for seed in by_seed.index], reasons, remarks)


def paired(
    study: Study, runs: pd.DataFrame, of: Mapping[str, Any], against: Mapping[str, Any], name: str
) -> pd.Series[float]:
    """Paired per-seed differences of the measure `name`: arm `of` - arm `against`, by seed.

    Both arms may leave factors open. The difference is then taken level by level, and averaged.
    """
    return differences_by_level(study, runs, of, against, name).groupby(level="seed").mean()


def differences_by_level(
    study: Study, runs: pd.DataFrame, of: Mapping[str, Any], against: Mapping[str, Any], name: str
) -> pd.Series[float]:
    """The differences of two arms by seed and by the levels of the factors that both leave open."""
    rest = [factor for factor in study.factors if factor not in of and factor not in against]
    if study.tuned in rest and not _crossed(study, runs):
        rest.remove(str(study.tuned))
    keys = ["seed", *rest]
    first, second = (_finite(select(runs, arm), name).set_index(keys)[name] for arm in (of, against))
    return first.groupby(level=keys).mean().sub(second.groupby(level=keys).mean()).dropna()


def select(runs: pd.DataFrame, arm: Mapping[str, Any]) -> pd.DataFrame:
    """The runs of an arm; a factor that `arm` does not name may have any level."""
    return runs[_belongs(runs, arm)]


def _belongs(runs: pd.DataFrame, arm: Mapping[str, Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    mask = np.ones(len(runs), dtype=bool)
    for factor, level in arm.items():
        mask &= runs[factor].to_numpy() == spelt(level)
    return mask


def _crossed(study: Study, runs: pd.DataFrame) -> bool:
    """Whether an arm has runs at several levels of the tuned factor."""
    return bool((runs.groupby([*study.arm_factors, "seed"])[str(study.tuned)].nunique() > 1).any())


def _finite(runs: pd.DataFrame, name: str) -> pd.DataFrame:
    return runs[np.isfinite(runs[name].astype(float))]


def _of_arms(runs: pd.DataFrame, claim: Claim) -> pd.DataFrame:
    """The runs of both arms of a claim."""
    mask = _belongs(runs, claim.of)
    return runs[mask if claim.against is None else mask | _belongs(runs, claim.against)]


def _blank(study: Study, mine: pd.DataFrame, name: str) -> list[str]:
    """Runs that count and have no value: what is left of them is no fair sample, unless survivors are declared."""
    blank = mine[~np.isfinite(mine[name].astype(float))]
    if blank.empty or study.diverged == "survivors":
        return []
    if diverged := int((blank["status"] == DIVERGED).sum()):
        return [
            f"{diverged} of {len(mine)} runs diverged, and {name} has no chance level; declare one in study.chance, or "
            "study.diverged=survivors"
        ]
    return [f"{name} has no finite value in {len(blank)} of {len(mine)} runs, and the others are no fair sample"]


def _untested(study: Study, claim: Claim) -> list[str]:
    """That no run has a level of the claim: the command line left it out."""
    named = dict.fromkeys((key, spelt(level)) for arm in (claim.of, claim.against or {}) for key, level in arm.items())
    lacking = [f"{key}={level}" for key, level in named if level not in map(spelt, study.factors[key])]
    return [f"not tested, because these runs have no {', '.join(lacking)}"] if lacking else []


def _lost(study: Study, everything: pd.DataFrame) -> list[str]:
    """What became of the runs of the claim's arms that did not end well."""
    total, told = len(everything), []
    diverged = int((everything["status"] == DIVERGED).sum())
    lost = total - diverged - int(everything["status"].isin(ENDED).sum())
    if diverged and study.diverged == "survivors":
        told.append(f"of the runs that survived: {diverged} of {total} diverged")
    elif diverged:
        told.append(f"{diverged} of {total} runs diverged and count as chance")
    if lost:
        told.append(f"{lost} of {total} runs failed or were killed and are left out")
    return told


def _edges(study: Study, claim: Claim, mine: pd.DataFrame, levels: Chosen) -> list[str]:
    """A best level that is the last that was tried: a better one may lie beyond."""
    if study.tuned is None or study.tuned in {**claim.of, **(claim.against or {})}:
        return []
    arms = dict.fromkeys(tuple(row) for row in mine[study.arm_factors].itertuples(index=False))
    at_edge: dict[str, list[str]] = {}
    for arm in arms:
        if side := edge(study, levels.get(arm)):
            at_edge.setdefault(side, []).append(", ".join(arm))
    return [
        f"the best {study.tuned} of {names[0] if len(names) == 1 else f'{len(names)} of {len(arms)} arms'} "
        f"is the {side} that was tried"
        for side, names in at_edge.items()
    ]
