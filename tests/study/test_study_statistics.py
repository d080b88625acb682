"""The statistics of a study, held to closed forms, to statsmodels and to simulated studies whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from bpexp.study.statistics import (
    Interval,
    coarse,
    holm,
    holm_steps,
    mean_interval,
    outlier,
    p_value,
    seeds_for_signs,
    sign_flip_p,
    student_p,
)

NAN, INF = math.nan, math.inf


def test_student_by_hand() -> None:
    """3 -+ t(0.975; 4) s / sqrt(5) with s^2 = 2.5."""
    interval = mean_interval([1, 2, 3, 4, 5])
    half = 2.7764451052 * math.sqrt(2.5 / 5)
    assert (interval.mean, interval.low, interval.high) == pytest.approx((3, 3 - half, 3 + half))
    assert interval.n == 5


def test_student_is_scipys() -> None:
    x = np.random.default_rng(1).normal(3, 2, 12)
    wanted = stats.ttest_1samp(x, 0).confidence_interval(0.95)
    interval = mean_interval(x)
    assert (interval.low, interval.high) == pytest.approx((wanted.low, wanted.high))


DEGENERATE = {
    "none": ([], (NAN, NAN, NAN, 0), NAN, "no runs"),
    "one": ([2.5], (2.5, NAN, NAN, 1), NAN, "2.5"),
    "equal": ([2.5] * 4, (2.5, 2.5, 2.5, 4), 2 / 2**4, "2.5 [2.5, 2.5]"),
    "nought": ([0.0] * 3, (0.0, 0.0, 0.0, 3), 1.0, "0 [0, 0]"),
    "no numbers": ([NAN, INF, -INF], (NAN, NAN, NAN, 0), NAN, "no runs"),
    "one number": ([NAN, 4.0, INF], (4.0, NAN, NAN, 1), NAN, "4"),
}


@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate(case: str) -> None:
    values, wanted, p, text = DEGENERATE[case]
    interval = mean_interval(values)
    found = (interval.mean, interval.low, interval.high, interval.n)
    assert found == pytest.approx(wanted, nan_ok=True)
    assert str(interval) == text
    assert p_value(values) == pytest.approx(p, nan_ok=True)


def test_what_is_no_number_is_dropped() -> None:
    clean, dirty = [1.0, 2.0, 4.0], [NAN, 1.0, INF, 2.0, 4.0, -INF]
    assert mean_interval(clean) == mean_interval(dirty)
    assert p_value(clean) == p_value(dirty)


def test_equal_but_for_rounding() -> None:
    """0.1 + 0.2 is not 0.3, and no warning is due."""
    values = [0.1 + 0.2, 0.3, 0.3, 0.3, 0.3]
    assert student_p(values) == 0.0
    assert p_value(values) == 2 / 2**5
    assert p_value(values, 0.3) == 1.0
    interval = mean_interval(values)
    assert interval.low <= interval.mean <= interval.high
    assert interval.low == pytest.approx(0.3)


def test_p_is_that_of_the_paired_t_test() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(1, 1, 8), rng.normal(0, 1, 8)
    assert p_value(a - b) == pytest.approx(float(stats.ttest_rel(a, b).pvalue))


def test_p_and_the_interval_agree() -> None:
    """Student's interval leaves nought out exactly where p < 0.05."""
    for x in np.random.default_rng(4).normal(0.9, 1, (200, 5)):
        interval = mean_interval(x)
        assert (not interval.low <= 0 <= interval.high) == (p_value(x) < 0.05)


# Holm


def test_holm_is_statsmodels() -> None:
    p = np.random.default_rng(5).uniform(size=20) ** 3
    assert holm(list(p)) == pytest.approx(list(multipletests(p, method="holm")[1]))


def test_holm_by_hand() -> None:
    """Sorted, 4 x 0.01, 3 x 0.02, 2 x 0.03 -> 0.06, 1 x 0.04 -> at least 0.06."""
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])


def test_an_unknown_p_counts_as_a_test() -> None:
    """The claim was declared, so it would have been tested."""
    assert holm([]) == []
    assert holm([NAN, NAN]) == [1.0, 1.0]
    assert holm([NAN, 0.01, NAN, 0.02]) == pytest.approx([1, 0.04, 1, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_the_step_of_each_test() -> None:
    """0.01 is held to alpha / 4, 0.015 to alpha / 3, 0.03 to alpha / 2, which it misses: there the method stops."""
    assert holm_steps([0.03, 0.01, 0.04, 0.015], 0.05) == [2, 4, 2, 3]
    assert holm_steps([0.5, NAN, 0.3], 0.05) == [3, 3, 3]
    assert holm_steps([0.001, 0.002, 0.003], 0.05) == [3, 2, 1]
    assert holm_steps([], 0.05) == []


def test_a_test_is_rejected_at_its_step() -> None:
    """The corrected p and the interval at the level of the step say the same."""
    rng = np.random.default_rng(6)
    for _ in range(200):
        p = list(rng.uniform(size=6) ** 3)
        for raw, corrected, step in zip(p, holm(p), holm_steps(p, 0.05), strict=True):
            assert (corrected <= 0.05) == (raw <= 0.05 / step)


# Repeated values


def test_the_sign_flip_test_by_hand() -> None:
    """Of the 16 assignments of signs to 1, 2, 3, 4 those of 1 + 2 + 3 + 4, -1 + 2 + 3 + 4 and their opposites."""
    assert sign_flip_p([1, 2, 3, 4]) == 2 / 16
    assert sign_flip_p([-1, 2, 3, 4]) == 4 / 16
    assert sign_flip_p([3, 4, 5, 6], bound=2) == 2 / 16
    assert sign_flip_p([0, 0, 0]) == 1
    assert math.isnan(sign_flip_p([1]))


def test_many_signs_are_sampled_and_repeatable() -> None:
    x = np.random.default_rng(1).normal(0.5, 1, 30)
    assert sign_flip_p(x) == sign_flip_p(x)
    assert sign_flip_p(x) == pytest.approx(student_p(x), abs=0.01)


def test_equal_differences_are_no_certainty() -> None:
    """Student's p is 0, whatever the number of seeds: each of two coins fell on the same side."""
    for n in (2, 5, 8):
        assert student_p([1.0] * n) == 0
        assert p_value([1.0] * n) == 2 / 2**n
        assert p_value([1.0] * n, 1.0) == 1


def test_which_values_repeat() -> None:
    assert not coarse([])
    assert not coarse([1])
    assert coarse([1, 1])
    assert not coarse([1, 2])
    assert coarse([3, 3, 3, 2, 3])
    assert not coarse([3, 2, 3, 2, 1])
    assert coarse([0.3, 0.1 + 0.2, 0.3])
    assert not coarse([0.95, 0.9501, 0.9502, 0.9502, 0.953])


def test_a_measure_that_counts_is_tested_by_signs() -> None:
    x = [1, 2, 3, 4, 5]
    assert p_value(x) == student_p(x) < 0.05
    assert p_value(x, discrete=True) == sign_flip_p(x) > 0.05


def test_how_many_seeds_signs_need() -> None:
    assert [seeds_for_signs(alpha) for alpha in (0.5, 0.05, 0.05 / 7, 2**-9)] == [2, 6, 9, 10]
    for alpha in (0.05, 0.01, 0.05 / 7):
        n = seeds_for_signs(alpha)
        assert 2 / 2**n <= alpha < 2 / 2 ** (n - 1)


def test_one_value_far_from_the_others() -> None:
    assert outlier([0.95, 0.951, 0.949, 0.1, 0.952]) == 3
    assert outlier([1, 1, 1, 1, 2]) == 4
    assert outlier([0.95, 0.951, 0.949, 0.948, 0.952]) is None
    assert outlier([1, 1, 1, 1]) is None
    assert outlier([1, 2, 99]) is None
    assert outlier([1, 2, 3, 4, NAN]) is None


def test_normal_values_are_rarely_called_far() -> None:
    """In 1 % of samples; 2 000 samples, five standard errors."""
    found = [outlier(x) is not None for x in np.random.default_rng(2).normal(size=(2_000, 5))]
    assert np.mean(found) == pytest.approx(0.01, abs=0.011)


# Coverage, simulated


SEEDS, STUDIES, EFFECT = 5, 2_000, 0.3


def gaps() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Paired differences of 2 000 studies with 5 seeds: both arms share the seed's effect, which cancels."""
    rng = np.random.default_rng(6)
    seed = rng.normal(0, 5, (STUDIES, SEEDS))
    first = EFFECT + seed + rng.normal(0, 1, (STUDIES, SEEDS))
    second = seed + rng.normal(0, 1, (STUDIES, SEEDS))
    return first - second


def test_students_interval_covers_what_it_says() -> None:
    hits = 0
    for gap in gaps():
        interval = mean_interval(gap)
        hits += interval.low <= EFFECT <= interval.high
    assert 0.93 <= hits / STUDIES <= 0.97


def test_the_interval_in_words() -> None:
    assert str(Interval(0.123456, 0.1, 0.2, 5)) == "0.1235 [0.1, 0.2]"
