"""Data sets made from the seed: small problems whose answer is known."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from bpexp.data.dataset import Loader, Raw, datasets, digest_of
from bpexp.errors import ConfigError
from bpexp.nn.arrays import Array
from bpexp.registry import Count, NonNegative, Range

TwoOrMore = Annotated[int, Range(least=2)]


@datasets.register("polynomial")
def polynomial(
    n: Count = 200,
    coefficients: list[float] = [1.0, -2.0, 0.5, 3.0],  # noqa: B006, read only
    noise: NonNegative = 0.1,
    powers: Count = 1,
    low: float = -1.0,
    high: float = 1.0,
) -> Loader:
    """y = p(x) + noise * N(0, 1) with p(x) = k_0 + k_1 x + ... + k_d x^d, the polynomial regression of 003.

    Args:
        n: samples.
        coefficients: k_0, ..., k_d.
        noise: standard deviation of the noise.
        powers: the inputs are x^1, ..., x^powers; with d of them a linear model is exact.
        low: lower end of the interval that x is drawn from.
        high: upper end of the interval that x is drawn from.
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

    return Loader(load, seeded=True)


@datasets.register("xor")
def xor(n: Annotated[int, Range(least=4)] = 400, noise: NonNegative = 0.1) -> Loader:
    """The corners of the unit square, class x_1 XOR x_2, with noise.

    Args:
        n: samples.
        noise: standard deviation of the noise on both inputs.
    """

    def load(rng: np.random.Generator) -> Raw:
        corner = rng.permutation(np.arange(n) % 4)
        X = np.stack([corner // 2, corner % 2], axis=1) + noise * rng.standard_normal((n, 2))
        return _made(X, corner // 2 ^ corner % 2, "xor")

    return Loader(load, seeded=True)


@datasets.register("two_moons")
def two_moons(n: TwoOrMore = 400, noise: NonNegative = 0.1) -> Loader:
    """Two interleaving half circles, one class each, with noise.

    Args:
        n: samples.
        noise: standard deviation of the noise on both inputs.
    """

    def load(rng: np.random.Generator) -> Raw:
        moon = rng.permutation(np.arange(n) % 2)
        angle = rng.uniform(0, np.pi, n)
        upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
        X = np.where(moon[:, None] == 0, upper, lower) + noise * rng.standard_normal((n, 2))
        return _made(X, moon, "two_moons")

    return Loader(load, seeded=True)


@datasets.register("spirals")
def spirals(n: Count = 400, noise: NonNegative = 0.02, arms: TwoOrMore = 2, turns: float = 1.5) -> Loader:
    """Spirals of radius 0 to 1 round the origin, one class an arm, with noise.

    Args:
        n: samples.
        noise: standard deviation of the noise on both inputs.
        arms: spirals.
        turns: how often an arm winds round the origin.
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

    return Loader(load, seeded=True)


def _made(X: Array, y: Array, name: str) -> Raw:
    y = y.astype(np.int64)
    classes = tuple(str(c) for c in range(int(y.max()) + 1))
    source = f"made from the seed: {name}"
    return Raw(X=X, y=y, task="classification", source=source, digest=digest_of(X, y), classes=classes)
