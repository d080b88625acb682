"""Families of claims whose truth is known: how often is any verdict of a study false?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pandas as pd

from bpexp.study.design import Study, declared
from bpexp.study.samples import Sample
from bpexp.study.statistics import Values
from bpexp.study.verdicts import Verdict, judged, verdicts

MEASURE = "final accuracy/test"
Noise = Callable[[np.random.Generator, tuple[int, ...]], Values]

NOISES: dict[str, Noise] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "Laplace": lambda rng, shape: rng.laplace(size=shape),
    "normal, spread 1 to 10 over the arms": lambda rng, shape: rng.normal(size=shape) * np.geomspace(1, 10, shape[-1]),
}

FAR = 200.0
"""An effect that no study misses, in standard deviations of a run."""

FRAMES = 100
"""Studies that go the whole way through the frame of runs."""


def family(seeds: int) -> Study:
    """Six differences from a control, three of them from 0, and an equivalence; every statement is false or a bound.

    As in the review of science: six claims that compare an arm with the same other one, and one that two are close.
    """
    arms = [f"arm_{number}" for number in range(8)]

    def against(number: int) -> dict[str, object]:
        arm, control = {"arm": arms[number]}, {"arm": arms[0]}
        return {"text": f"claim {number}", "measure": MEASURE, "of": arm, "against": control}

    said = [{**against(number), ("above" if number % 2 else "below"): 0} for number in range(1, 7)]
    said.append({**against(7), "within": 1})
    return declared("family", {"factors": {"arm": arms}, "repeats": seeds, "claims": said})


def blank(study: Study) -> pd.DataFrame:
    """The frame of a study in which every run has finished with 0."""
    points = list(product(*study.factors.values(), study.seeds))
    frame = pd.DataFrame(points, columns=[*study.factors, "seed"])
    return frame.assign(status="finished", run_id=None, **{MEASURE: 0.0, "final accuracy/validation": 0.0})


def null(noise: Noise, rng: np.random.Generator, seeds: int) -> Values:
    """Values (arms, seeds) at which each of the seven claims lies on its bound, so that any verdict is false."""
    means = np.array([0.0] * 7 + [1.0])
    return np.asarray((means + noise(rng, (seeds, 8)) + 3 * rng.normal(size=(seeds, 1))).T)


def mixed(noise: Noise, rng: np.random.Generator, seeds: int) -> Values:
    """The same, but the claims 1, 2 and 3 are far from their bounds, so that Holm's method decides them first."""
    values = null(noise, rng, seeds)
    values[1:4] += FAR * np.array([1, -1, 1])[:, None]
    return values


def false(found: Sequence[Verdict], means: Values, *, alone: bool = False) -> bool:
    """Whether any verdict is false: decided at its bound, or on the wrong side of it."""
    for number, verdict in enumerate(found, start=1):
        answer = verdict.answer_alone if alone else verdict.answer
        difference = means[number] - means[0]
        low, high = verdict.claim.limits
        truth = "supported" if low < difference < high else "refuted"
        at_bound = bool(np.isclose(difference, [low, high]).any())
        if answer != "inconclusive" and (at_bound or answer != truth):
            return True
    return False


def false_rates(
    made: Callable[[Noise, np.random.Generator, int], Values], noise: Noise, seeds: int, studies: int, rng_seed: int
) -> dict[str, int]:
    """In how many studies any verdict is false: as given, and as if each claim stood alone.

    The first of the studies go through the frame of runs; the others hand their numbers, seed by seed, to the same
    verdicts directly, which saves time. Both ways are held to each other.
    """
    study, rng = family(seeds), np.random.default_rng(rng_seed)
    frame, means = blank(study), made(lambda rng, shape: np.zeros(shape), np.random.default_rng(0), 2).mean(axis=1)
    means = np.round(means - means[0], 6)
    counts = {"family": 0, "alone": 0}
    for number in range(studies):
        values = made(noise, rng, seeds)
        gaps = [Sample(claim, values[i + 1] - values[0], study.seeds) for i, claim in enumerate(study.claims)]
        found = judged(gaps)
        if number < min(FRAMES, studies // 10):
            frame[MEASURE] = values.ravel()
            by_frame = verdicts(study, frame)
            assert [v.answer for v in by_frame] == [v.answer for v in found], "the frame says the same"
        counts["family"] += false(found, means)
        counts["alone"] += false(found, means, alone=True)
    return counts
