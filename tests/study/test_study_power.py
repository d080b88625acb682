"""How many seeds would decide a claim: by the noncentral t distribution, and by simulating the test that decides."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bpexp.study.claims import Claim
from bpexp.study.measures import parse
from bpexp.study.power import MOST, detectable, outlook, power
from bpexp.study.statistics import p_value, seeds_for_signs

ACCURACY, EPOCHS = parse("final accuracy/test"), parse("epochs until accuracy/test >= 0.9")
ABOVE, WITHIN = Claim("a", ACCURACY, {}, above=0.0), Claim("w", ACCURACY, {}, within=1.0)
COUNTED = Claim("e", EPOCHS, {}, below=0.0)


@pytest.mark.parametrize(("n", "mean", "alpha"), [(5, 1.2, 0.05), (20, 0.6, 0.05 / 7), (60, -0.3, 0.05 / 3)])
def test_the_power_is_that_of_the_noncentral_t(n: int, mean: float, alpha: float) -> None:
    critical = stats.t.isf(alpha / 2, n - 1)
    exact = stats.nct.sf(critical, n - 1, abs(mean) * math.sqrt(n))
    assert power(n, mean, 1.0, ABOVE, alpha) == pytest.approx(exact)


def decided(n: int, mean: float, claim: Claim, alpha: float, studies: int = 4000) -> float:
    """The share of simulated studies of n seeds, with a standard deviation of 1, in which the claim is decided."""
    x = np.random.default_rng(0).normal(mean, 1.0, (studies, n))
    half = stats.t.isf(alpha / 2, n - 1) * x.std(axis=1, ddof=1) / math.sqrt(n)
    low, high = claim.limits
    middle = x.mean(axis=1)
    passed = [abs(middle - bound) > half for bound in (low, high) if math.isfinite(bound)]
    return float(np.logical_and.reduce(passed).mean())


CASES = [(ABOVE, 0.5, 0.05), (ABOVE, -0.8, 0.05 / 7), (WITHIN, 0.0, 0.05), (WITHIN, 0.4, 0.05 / 3), (WITHIN, 1.5, 0.05)]


@pytest.mark.parametrize(("claim", "mean", "alpha"), CASES)
def test_the_seeds_that_are_named_decide_four_of_five_studies(claim: Claim, mean: float, alpha: float) -> None:
    spread = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    seen = outlook(mean + spread / spread.std(ddof=1), claim, alpha)
    assert seen is not None
    assert seen.seeds is not None
    assert decided(seen.seeds, mean, claim, alpha) == pytest.approx(0.8, abs=0.05) or seen.seeds == 6
    assert decided(seen.seeds - 2, mean, claim, alpha) < 0.8


def test_the_distance_that_is_named_is_found_in_four_of_five_studies() -> None:
    values = np.array([-1.0, 0.2, 0.4, 0.1, 1.0])
    seen = outlook(values, ABOVE, 0.05)
    assert seen is not None
    effect = seen.distance / values.std(ddof=1)
    assert effect == pytest.approx(detectable(5, 0.05))
    assert decided(5, effect, ABOVE, 0.05) == pytest.approx(0.8, abs=0.02)


def test_a_measure_that_counts_takes_as_many_seeds_as_signs_need() -> None:
    """Equal values: Student's test would take two seeds for certain; the signs of n seeds decide at 2 / 2^n."""
    seen = outlook(np.full(5, -2.0), COUNTED, 0.05 / 7)
    assert seen is not None
    assert seen.seeds == seeds_for_signs(0.05 / 7) == 9
    assert math.isinf(seen.distance)
    assert p_value(np.full(9, -2.0), 0.0, discrete=True) <= 0.05 / 7 < p_value(np.full(8, -2.0), 0.0, discrete=True)
    assert "distance" not in seen.told


def test_a_measure_that_counts_is_decided_by_the_seeds_that_are_named() -> None:
    alpha, seen = 0.05, np.array([-2.0, 0.0, -1.0, -1.0, 1.0, -2.0])
    named = outlook(seen, COUNTED, alpha)
    assert named is not None
    assert named.seeds is not None
    rng = np.random.default_rng(1)
    studies = [rng.choice(seen, named.seeds) for _ in range(60)]
    assert np.mean([p_value(x, 0.0, discrete=True) <= alpha for x in studies]) == pytest.approx(0.8, abs=0.2)


def test_nothing_to_see() -> None:
    assert outlook(np.array([0.3]), ABOVE, 0.05) is None
    hopeless = outlook(np.array([-1.0, 1.0, 0.5, -0.5, 0.0]), ABOVE, 0.05)
    assert hopeless is not None
    assert hopeless.seeds is None
    assert hopeless.told.startswith(f"more than {MOST} seeds would decide it in 4 of 5 studies if the mean and the")
    few = outlook(np.array([0.1, 0.2]), ABOVE, 0.05)
    assert few is not None
    assert math.isinf(few.distance), "two seeds decide nothing"
