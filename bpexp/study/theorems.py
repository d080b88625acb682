"""The check of a claim that follows from mathematics: whether it holds in each single run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bpexp.study.claims import Claim
from bpexp.study.design import Study
from bpexp.study.samples import differences_by_level, select
from bpexp.study.scoring import DIVERGED, ENDED
from bpexp.study.statistics import Values


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """In how many runs, or pairs of runs, a theorem holds; `values` are those of its measure, `told` says it all."""

    answer: str
    holds: int
    values: Values
    told: str


def check(study: Study, claim: Claim, frame: pd.DataFrame) -> Check:
    """Check a theorem in every run, at every level of the tuned factor.

    A run that diverged takes part in what was measured before its first step. A run that has no value is counted as
    not checked.
    """
    statuses = [*ENDED, DIVERGED] if claim.measure.how == "first" else ENDED
    runs, name = frame[frame["status"].isin(statuses)], claim.measure.text
    mine = select(runs, claim.of)
    if claim.against is None:
        values = np.asarray(mine[name], dtype=np.float64)
        values = values[np.isfinite(values)]
    else:
        values = np.asarray(differences_by_level(study, runs, claim.of, claim.against, name), dtype=np.float64)
    low, high = claim.limits
    right = (values >= low - claim.tolerance) & (values <= high + claim.tolerance)
    answer = "unchecked" if not len(values) else "holds" if right.all() else "violated"
    return Check(answer, int(right.sum()), values, _told(claim, values, int(right.sum()), len(mine)))


def _told(claim: Claim, values: Values, holds: int, expected: int) -> str:
    what = "runs" if claim.against is None else "pairs of runs"
    if not len(values):
        return f"no run has a value; it must hold, because {claim.theorem}"
    told = f"{claim.said} in {holds} of {len(values)} {what}, from {values.min():.4g} to {values.max():.4g}"
    if claim.tolerance:
        told += f", tolerance {claim.tolerance:g}"
    if expected > len(values) and claim.against is None:
        told += f"; {expected - len(values)} runs have no value"
    return f"{told}; it must hold, because {claim.theorem}"
