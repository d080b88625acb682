"""Schedules: their formulas at the first, a middle and the last step, and the rise before them."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from bpexp.errors import ConfigError
from bpexp.nn.schedules import schedules

T = 1000
VALUES = [
    ("constant", {}, {0: 1, 500: 1, 999: 1}),
    ("step", {"every": 100, "factor": 0.5}, {0: 1, 99: 1, 100: 0.5, 199: 0.5, 200: 0.25, 999: 0.5**9}),
    ("exponential", {"final": 0.01}, {0: 1, 500: 0.1, 1000: 0.01}),
    ("cosine", {}, {0: 1, 500: 0.5, 1000: 0}),
    ("cosine", {"final": 0.2}, {0: 1, 250: 0.2 + 0.8 * (0.5 + math.sqrt(2) / 4), 500: 0.6, 1000: 0.2}),
    ("warm_up", {"warmup": 4}, {0: 0.25, 1: 0.5, 2: 0.75, 3: 1, 4: 1, 999: 1}),
    ("warm_up", {}, {0: 0.01, 99: 1, 100: 1}),
]


@pytest.mark.parametrize(("name", "parameters", "values"), VALUES)
def test_values_written_out(name, parameters, values):
    schedule = schedules.build(name, **parameters)
    for t, value in values.items():
        assert schedule(t, T) == pytest.approx(value, abs=1e-12), t


@pytest.mark.parametrize("name", schedules)
def test_warmup_rises_to_1_and_the_schedule_starts_after_it(name):
    plain, warm = schedules.build(name, warmup=0), schedules.build(name, warmup=10)
    assert [warm(t, T) for t in range(10)] == pytest.approx([(t + 1) / 10 for t in range(10)])
    assert [warm(t, T) for t in range(10, T)] == pytest.approx([plain(t - 10, T - 10) for t in range(10, T)])


@pytest.mark.parametrize("name", schedules)
def test_factors_are_plain_floats_between_0_and_1(name):
    """A NumPy scalar of double precision would turn float32 training into float64."""
    schedule = schedules.build(name)
    for total in (1, 2, 7, T):
        factors = [schedule(t, total) for t in range(total)]
        assert all(type(factor) is float for factor in factors)
        assert all(0 < factor <= 1 for factor in factors)


@pytest.mark.parametrize("name", ["constant", "step", "exponential", "cosine"])
def test_without_warmup_it_starts_at_1_and_never_rises(name):
    factors = [schedules.build(name)(t, T) for t in range(T)]
    assert factors[0] == 1
    assert all(b <= a for a, b in pairwise(factors))


@pytest.mark.parametrize("name", schedules)
def test_a_warmup_longer_than_the_run_only_rises(name):
    schedule = schedules.build(name, warmup=50)
    assert [schedule(t, 20) for t in range(20)] == pytest.approx([(t + 1) / 50 for t in range(20)])


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        *[(name, {"warmup": -1}, "warmup must be a whole number of at least 0, not -1") for name in schedules],
        ("step", {"every": 0}, "every must be a whole number of at least 1, not 0"),
        ("step", {"factor": 0.0}, "factor must be a number in"),
        ("step", {"factor": 1.5}, "factor must be a number in"),
        ("exponential", {"final": 0.0}, "final must be a number in"),
        ("cosine", {"final": -0.1}, "final must be a number in"),
    ],
)
def test_parameters_out_of_range(name, parameters, says):
    with pytest.raises(ConfigError, match=says):
        schedules.build(name, **parameters)
