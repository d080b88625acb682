"""Data sets drawn from the seed: small problems with known solutions."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from bpexp.data.dataset import Loader, Raw, datasets, digest_of
from bpexp.errors import ConfigError
from bpexp.nn.arrays import Array
from bpexp.registry import Count, NonNegative, Range

TwoOrMore = Annotated[int, Range(least=2)]

MOST = 14
"""Numbers of a sample that exist at once while points of the plane are made."""


@datasets.register("polynomial")
def polynomial(
    n: Count = 200,
    coefficients: list[float] = [1.0, -2.0, 0.5, 3.0],  # noqa: B006, read only
    noise: NonNegative = 0.1,
    powers: Count = 1,
    low: float = -1.0,
    high: float = 1.0,
) -> Loader:
    """y = p(x) + noise * N(0, 1) with p(x) = k_0 + k_1 x + ... + k_d x^d and x uniform: the regression of 003.

    Args:
        n: number of samples.
        coefficients: k_0, ..., k_d.
        noise: standard deviation of the noise, in units of y.
        powers: number of input columns x, x^2, ..., x^powers; powers = d makes a linear model exact.
        low: lower end of the interval of x.
        high: upper end of the interval of x.
    """
    if not coefficients or not np.isfinite(coefficients).all():
        raise ConfigError(f"coefficients must be a list of one or more finite numbers, not {coefficients!r}")
    k = np.array(coefficients, dtype=np.float64)
    if not low < high:
        raise ConfigError(f"low must be below high, not low={low!r} and high={high!r}")

    def load(rng: np.random.Generator) -> Raw:
        x = rng.uniform(low, high, n)
        y = np.polynomial.polynomial.polyval(x, k) + noise * rng.standard_normal(n)
        X, Y = x[:, None] ** np.arange(1, powers + 1), y[:, None]
        source = f"made from the seed: polynomial with coefficients {list(coefficients)}, noise {noise}"
        return Raw(X=X, y=Y, task="regression", source=source, digest=digest_of(X, Y))

    return Loader(load, seeded=True, values=n * (2 * powers + 4))


@datasets.register("xor")
def xor(n: Annotated[int, Range(least=4)] = 400, noise: NonNegative = 0.1) -> Loader:
    """x = corner of the unit square + noise * N(0, 1), class = corner_1 XOR corner_2: no line separates them.

    Args:
        n: number of samples; the corners have equal shares.
        noise: standard deviation of the noise; the sides of the square are 1.
    """

    def load(rng: np.random.Generator) -> Raw:
        corner = rng.permutation(np.arange(n) % 4)
        X = np.stack([corner // 2, corner % 2], axis=1) + noise * rng.standard_normal((n, 2))
        return _made(X, corner // 2 ^ corner % 2, "xor")

    return Loader(load, seeded=True, values=MOST * n)


@datasets.register("two_moons")
def two_moons(n: TwoOrMore = 400, noise: NonNegative = 0.1) -> Loader:
    """(cos t, sin t) and (1 - cos t, 1/2 - sin t) + noise * N(0, 1), t in [0, pi]: two interleaved half circles.

    Args:
        n: number of samples; the classes have equal shares.
        noise: standard deviation of the noise; the half circles have radius 1.
    """

    def load(rng: np.random.Generator) -> Raw:
        moon = rng.permutation(np.arange(n) % 2)
        angle = rng.uniform(0, np.pi, n)
        upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
        X = np.where(moon[:, None] == 0, upper, lower) + noise * rng.standard_normal((n, 2))
        return _made(X, moon, "two_moons")

    return Loader(load, seeded=True, values=MOST * n)


@datasets.register("spirals")
def spirals(n: Count = 400, noise: NonNegative = 0.02, arms: TwoOrMore = 2, turns: float = 1.5) -> Loader:
    """r (cos t, sin t) + noise * N(0, 1), t = 2 pi (turns r + k / arms), r in [0, 1]: interleaved spirals k.

    Args:
        n: number of samples, at least one per arm.
        noise: standard deviation of the noise; the spirals have radius 1.
        arms: number of spirals, each of which is a class.
        turns: revolutions of each spiral round the origin.
    """
    if n < arms:
        raise ConfigError(f"n must be at least {arms}, one sample an arm, not {n!r}")

    def load(rng: np.random.Generator) -> Raw:
        arm = rng.permutation(np.arange(n) % arms)
        # The square root spreads the points evenly over the arm's length, which grows with the radius.
        radius = np.sqrt(rng.uniform(0, 1, n))
        angle = 2 * np.pi * (turns * radius + arm / arms)
        X = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return _made(X + noise * rng.standard_normal((n, 2)), arm, "spirals")

    return Loader(load, seeded=True, values=MOST * n)


def _made(X: Array, y: Array, name: str) -> Raw:
    y = y.astype(np.int64)
    classes = tuple(str(c) for c in range(int(y.max()) + 1))
    source = f"made from the seed: {name}"
    return Raw(X=X, y=y, task="classification", source=source, digest=digest_of(X, y), classes=classes)
