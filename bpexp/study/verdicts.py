"""Verdicts on the claims of a study, so that any false one stands in at most 5 % of studies.

Every claim is tested on both sides: the p of an inequality is the two-sided p of its bound; the p of an equivalence is
the larger of those of its two bounds, which is the test of two one-sided tests at half the level (Schuirmann, Journal
of Pharmacokinetics and Biopharmaceutics 15, 1987) that can also refute. Holm's method corrects over all claims of the
study but theorems. A claim is decided if its corrected p is at most alpha: supported if the mean lies where the claim
says, else refuted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bpexp.study.claims import Claim
from bpexp.study.design import Study
from bpexp.study.power import Outlook, outlook
from bpexp.study.samples import Sample, sample
from bpexp.study.scoring import counted
from bpexp.study.statistics import (
    LEVEL,
    MINIMUM,
    Interval,
    Values,
    coarse,
    holm,
    holm_steps,
    mean_interval,
    outlier,
    p_value,
    seeds_for_signs,
)
from bpexp.study.theorems import Check, check
from bpexp.study.tuning import at_best, tuned_levels

ALPHA = 1 - LEVEL
"""Largest share of studies in which any verdict is false."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a claim: `supported`, `refuted` or `inconclusive`; of a theorem `holds`, `violated` or `unchecked`.

    `interval` is the one that decides: at the level at which Holm's method tests this claim. `alone` is the 95 %
    interval, `p` the p-value and `answer_alone` the answer as if the study had no other claim; `p_family` is corrected
    for all `family` claims. `deviation` is the standard deviation over the seeds. `warnings` say what makes the
    verdict doubtful, or impossible. `by_signs` says that the p is of the test of signs, while the interval is Student's
    as ever. In a study with several `looks`, `look` is the one at which the verdict was taken,
    and `p_family` accounts for all. `values` are those by seed, unless something forbids a verdict.
    """

    claim: Claim
    answer: str
    interval: Interval
    alone: Interval
    answer_alone: str = "inconclusive"
    p: float = math.nan
    p_family: float = math.nan
    family: int = 0
    deviation: float = math.nan
    warnings: tuple[str, ...] = ()
    checked: Check | None = None
    by_signs: bool = False
    look: int = 1
    looks: int = 1
    values: Values | None = field(default=None, repr=False, compare=False)

    @property
    def outlook(self) -> Outlook | None:
        """What would decide a claim that is undecided, at the level at which it was tested; None of any other."""
        if self.answer != "inconclusive" or self.values is None:
            return None
        return outlook(self.values, self.claim, 1 - self.interval.level)

    @property
    def note(self) -> str:
        """What the verdict rests on, in words."""
        if self.checked is not None:
            return "; ".join([self.checked.told, *self.warnings])
        n = self.interval.n
        told = [f"{n} {'seed' if n == 1 else 'seeds'}, {self.claim.said}"] if n else []
        if not math.isnan(self.p):
            counted = [f"{n} {what}" for n, what in ((self.family, "claims"), (self.looks, "looks")) if n > 1]
            together = f", over the {' and '.join(counted)} {self.p_family:.2g}" if counted else ""
            told.append(f"p = {self.p:.2g}{together}{' (of signs, since values repeat)' if self.by_signs else ''}")
        if self.looks > 1:
            told.append(f"look {self.look} of {self.looks}")
        if self.answer_alone != self.answer:
            told.append(f"{self.answer_alone} if it were the only claim")
        return "; ".join([*told, *self.warnings])


def verdicts(study: Study, frame: pd.DataFrame, alpha: float = ALPHA, settled: Sequence[Claim] = ()) -> list[Verdict]:
    """A verdict on each claim, in their order; `frame` has one row for each run, as `frame_of` gives it.

    `alpha` is the largest probability that any of them is false: at one look, where a study is looked at repeatedly.
    Claims that were `settled` at an earlier look are no longer counted by Holm's method.
    """
    runs = counted(study, frame)
    levels = tuned_levels(study, runs)
    chosen = at_best(study, runs, levels)
    tested = [claim for claim in study.claims if claim.theorem is None]
    samples = [sample(study, claim, frame, runs, chosen, levels) for claim in tested]
    found = iter(judged(samples, alpha, settled))
    return [next(found) if claim.theorem is None else _theorem(study, claim, frame) for claim in study.claims]


def judged(samples: Sequence[Sample], alpha: float = ALPHA, settled: Sequence[Claim] = ()) -> list[Verdict]:
    """The verdicts on the samples of all tested claims together, without counting those that are settled."""
    ps = [0.0 if one.claim in settled else _p(one) for one in samples]
    return [
        _verdict(one, p, corrected, step, len(ps), alpha)
        for one, p, corrected, step in zip(samples, ps, holm(ps), holm_steps(ps, alpha), strict=True)
    ]


def _verdict(one: Sample, p: float, corrected: float, step: int, family: int, alpha: float) -> Verdict:
    return Verdict(
        claim=one.claim,
        answer=_answer(one, math.nan if math.isnan(p) else corrected, alpha),
        interval=mean_interval(one.values, 1 - alpha / step),
        alone=mean_interval(one.values),
        answer_alone=_answer(one, p, alpha),
        p=p,
        p_family=math.nan if math.isnan(p) else corrected,
        family=family,
        deviation=float(np.std(one.values, ddof=1)) if len(one.values) > 1 else math.nan,
        warnings=(*one.reasons, *_doubts(one, step, alpha)),
        by_signs=not math.isnan(p) and _repeats(one),
        values=None if one.reasons else one.values,
    )


def _p(one: Sample) -> float:
    """The p-value of a claim; NaN where nothing may be decided."""
    if one.reasons or len(one.values) < MINIMUM:
        return math.nan
    bounds = [bound for bound in one.claim.limits if math.isfinite(bound)]
    return max(p_value(one.values, bound, discrete=one.claim.measure.discrete) for bound in bounds)


def _answer(one: Sample, p: float, alpha: float) -> str:
    if math.isnan(p) or p > alpha:
        return "inconclusive"
    low, high = one.claim.limits
    return "supported" if low < one.values.mean() < high else "refuted"


def _doubts(one: Sample, step: int, alpha: float) -> list[str]:
    """What a reader must know of the values: too few, repeated, or one far from the others."""
    n, told = len(one.values), list(one.remarks)
    signs = seeds_for_signs(alpha / step)
    if n == 0:
        return told if told or one.reasons else ["no seed has a value"]
    if n < MINIMUM:
        told.append(f"a verdict needs at least {MINIMUM} seeds")
    elif n < signs and _repeats(one):
        told.append(f"values repeat, so signs are tested, which can decide from {signs} seeds on")
    if (place := outlier(one.values)) is not None:
        told.append(
            f"seed {one.seeds[place]} lies far from the others ({one.values[place]:.4g}), which Student's interval "
            "does not expect"
        )
    return told


def _repeats(one: Sample) -> bool:
    """Whether the values repeat, so that the test of signs counts too."""
    return one.claim.measure.discrete or coarse(one.values)


def _theorem(study: Study, claim: Claim, frame: pd.DataFrame) -> Verdict:
    found = check(study, claim, frame)
    interval = mean_interval(found.values)
    return Verdict(claim, found.answer, interval, interval, answer_alone=found.answer, checked=found)
