"""Verdicts of a study that is looked at several times: after each of its stages, until every claim is decided.

Each of K looks spends alpha / K. At a look Holm's method tests the claims that no earlier look has decided; a verdict
that was taken is kept. Any verdict is false in at most alpha of all studies, whatever the tests and however the looks
depend on one another: before the first false verdict, at some look, all m0 claims whose bound is the true mean are
undecided, so that the p of one of them is at most alpha / (K m0) there, and these K m0 events together have a
probability of at most alpha. The level of the tuned factor is chosen again at each look, from the seeds that there are:
a look is then a study of its own with fewer seeds, and this bound needs nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from bpexp.study.claims import Claim
from bpexp.study.design import Study
from bpexp.study.scoring import RunRecord, frame_of
from bpexp.study.verdicts import ALPHA, Verdict, verdicts


def final_verdicts(study: Study, frame: pd.DataFrame, alpha: float = ALPHA) -> list[Verdict]:
    """A verdict on each claim, in their order: of one look, or of all looks at the complete stages of a study."""
    if not study.stages:
        return verdicts(study, frame, alpha)
    count = len(study.stages)

    def look(place: int, settled: Sequence[Claim]) -> list[Verdict]:
        seeds = study.seeds[: study.stages[place]]
        return verdicts(study, frame[frame["seed"].isin(seeds)], alpha / count, settled)

    done = complete(study, frame)
    if not done:
        return [replace(v, look=0, looks=count) for v in verdicts(study, frame.iloc[:0], alpha / count)]
    return [*_with_theorems(study, frame, over_looks(look, done, count))]


def over_looks(look: Callable[[int, Sequence[Claim]], list[Verdict]], done: int, count: int) -> list[Verdict]:
    """The verdicts after the first `done` of `count` looks.

    `look` gives those of one look by itself, from its place and the claims that earlier ones have decided.
    """
    taken = [_at(verdict, 1, count) for verdict in look(0, [])]
    for place in range(1, done):
        settled = [verdict.claim for verdict in taken if decided(verdict)]
        found = look(place, settled)
        taken = [
            old if old.claim in settled else _at(new, place + 1, count) for old, new in zip(taken, found, strict=True)
        ]
    return taken


def _at(verdict: Verdict, look: int, count: int) -> Verdict:
    return replace(verdict, look=look, looks=count, p_family=float(np.minimum(1.0, count * verdict.p_family)))


def _with_theorems(study: Study, frame: pd.DataFrame, taken: Sequence[Verdict]) -> Iterator[Verdict]:
    """The verdicts, with those on theorems taken from all runs that there are."""
    theorems = [claim for claim in study.claims if claim.theorem is not None]
    checked = iter(verdicts(replace(study, claims=theorems), frame) if theorems else ())
    for verdict in taken:
        yield verdict if verdict.checked is None else next(checked)


def decided(verdict: Verdict) -> bool:
    """Whether a claim has a verdict, which later looks leave as it is."""
    return verdict.answer in ("supported", "refuted")


def complete(study: Study, frame: pd.DataFrame) -> int:
    """How many of the first stages have all their runs, whatever became of those: only then is a stage looked at."""
    each = math.prod(len(levels) for levels in study.swept.values())
    for done, seeds in enumerate(study.stages):
        if frame["seed"].isin(study.seeds[:seeds]).sum() < each * seeds:
            return done
    return len(study.stages)


def begun(study: Study, frame: pd.DataFrame) -> Study:
    """The study with the seeds of those stages of which any run is there."""
    ran = [place for place, seed in enumerate(study.seeds) if (frame["seed"] == seed).any()]
    last = max(ran, default=0)
    return replace(study, seeds=study.seeds[: next((n for n in study.stages if n > last), len(study.seeds))])


def undecided(study: Study, runs: Sequence[RunRecord]) -> int | None:
    """The number of claims without a verdict after the last stage that was begun; None if a run of it is missing."""
    frame = frame_of(study, runs).drop_duplicates([*study.factors, "seed"], keep="last")
    done = complete(study, frame)
    if len(begun(study, frame).seeds) != (study.stages[done - 1] if done else 0):
        return None
    return sum(not decided(v) for v in final_verdicts(study, frame) if v.checked is None)


def looks_line(study: Study, frame: pd.DataFrame, taken: Sequence[Verdict]) -> str:
    """What was looked at, and why the study ended there."""
    done = complete(study, frame)
    at = " and ".join(str(n) for n in study.stages[:done]) or "no"
    left = sum(not decided(v) for v in taken if v.checked is None)
    told = f"Declared stages: {', '.join(map(str, study.stages))} seeds. Looked at after {at} seeds"
    if len(begun(study, frame).seeds) > (study.stages[done - 1] if done else 0):
        return f"{told}; the next stage is not complete, and was not looked at."
    if left == 0:
        return f"{told}, when every claim was decided."
    if done == len(study.stages):
        return f"{told}, the last stage, with {left} {'claim' if left == 1 else 'claims'} undecided."
    return f"{told}; ended before the next stage."
