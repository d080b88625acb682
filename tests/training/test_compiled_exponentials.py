"""exp and what is made of it in compiled steps: errors in units in the last place, and what is not finite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba", reason="engine=numba needs numba, of the extra `fast`")

from numba import njit

from bpexp.training.compiled import exponentials as e

RANGES: dict[str, tuple[float, float, float, Callable[..., Any]]] = {
    "exp": (-750.0, 720.0, 1.2, np.exp),
    "expm1": (-750.0, 0.0, 1.2, np.expm1),
    "log1p": (0.0, 1.0, 3.0, np.log1p),
    "logistic": (-80.0, 80.0, 3.0, lambda z: 1 / (1 + np.exp(-z))),
    "to_the_end": (-80.0, 80.0, 3.0, lambda z: 1 / (1 + np.exp(-z))),
    "bell": (-80.0, 80.0, 5.0, lambda z: 0.25 * np.cosh(0.5 * z) ** -2),
    "tanh_of": (-20.0, 20.0, 3.0, np.tanh),
    "tanh_slope": (-20.0, 20.0, 5.0, lambda z: np.cosh(z) ** -2),
}
"""Of each function: where it is held to the true values, and the most units in the last place that it may be off."""


@njit(error_model="numpy")
def _every(z: Any, a: Any) -> None:
    """Every function of each number, in the order of `RANGES`; compiled once for a dtype."""
    for i in range(len(z)):
        a[0, i], a[1, i], a[2, i], a[3, i] = e.exp(z[i]), e.expm1(z[i]), e.log1p(z[i]), e.logistic(z[i])
        a[4, i], a[5, i], a[6, i], a[7, i] = e.to_the_end(z[i]), e.bell(z[i]), e.tanh_of(z[i]), e.tanh_slope(z[i])


def made_of(name: str, numbers: Any) -> Any:
    _every(numbers, found := np.empty((len(RANGES), len(numbers)), numbers.dtype))
    return found[list(RANGES).index(name)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", RANGES)
def test_every_function_keeps_its_digits(name: str, dtype: str) -> None:
    """Also near 0, and where results are smaller than the least normal number."""
    least, most, units, true = RANGES[name]
    rng, sign = np.random.default_rng(0), 1 if most else -1
    near = sign * 10 ** rng.uniform(-30, 0, 2_000)
    x = np.concatenate([rng.uniform(least, most, 10_000), near, -near if least * most < 0 else near, [0.0]])
    x = x.astype(dtype)
    with np.errstate(all="ignore"):
        found, wide = made_of(name, x), true(x.astype(np.longdouble))
        expected = wide.astype(dtype)
        error = np.abs(found - wide) / np.spacing(np.abs(expected))
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[~finite], expected[~finite])
    of_the_truth = 1 if np.finfo(np.longdouble).eps > 1e-18 else 0  # where a longdouble is no longer than a double
    assert float(error[finite].max()) < units + of_the_truth


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_not_finite(dtype: str) -> None:
    edges = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30], dtype)
    expected = {
        "exp": [np.nan, np.inf, 0, np.inf, 0],
        "logistic": [np.nan, 1, 0, 1, 0],
        "to_the_end": [np.nan, 1, 0, 1, 0],
        "bell": [np.nan, 0, 0, 0, 0],
        "tanh_of": [np.nan, 1, -1, 1, -1],
        "tanh_slope": [np.nan, 0, 0, 0, 0],
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(made_of(name, edges), values, err_msg=name)
    np.testing.assert_array_equal(made_of("expm1", -abs(edges)), [np.nan, -1, -1, -1, -1])
    assert np.isnan(made_of("log1p", edges)[0])
