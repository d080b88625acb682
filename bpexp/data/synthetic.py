"""Data sets made from the seed: small problems whose answer is known."""

from __future__ import annotations

import numpy as np

from bpexp.data.dataset import Array, Loader, Raw, datasets, digest_of
from bpexp.errors import ConfigError

Coefficients = list[float] | tuple[float, ...]


@datasets.register("polynomial")
def polynomial(
    n: int = 200,
    coefficients: Coefficients = (1.0, -2.0, 0.5, 3.0),
    noise: float = 0.1,
    powers: int = 1,
    low: float = -1.0,
    high: float = 1.0,
) -> Loader:
    """y = p(x) + noise * N(0, 1) with p(x) = k_0 + k_1 x + ... + k_d x^d, the polynomial regression of 003.

    x is uniform in [low, high]; the input columns are x^1 .. x^powers, so `powers` = d makes a linear model exact.
    """
    _at_least("n", n, 1)
    _at_least("powers", powers, 1)
    _at_least("noise", noise, 0)
    k = _numbers("coefficients", coefficients)
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
def xor(n: int = 400, noise: float = 0.1) -> Loader:
    """The corners of the unit square, class x_1 XOR x_2, blurred by `noise` (a standard deviation)."""
    _at_least("n", n, 4)
    _at_least("noise", noise, 0)

    def load(rng: np.random.Generator) -> Raw:
        corner = rng.permutation(np.arange(n) % 4)
        X = np.stack([corner // 2, corner % 2], axis=1) + noise * rng.standard_normal((n, 2))
        return _made(X, corner // 2 ^ corner % 2, "xor")

    return Loader(load, seeded=True)


@datasets.register("two_moons")
def two_moons(n: int = 400, noise: float = 0.1) -> Loader:
    """Two half circles that reach into each other, blurred by `noise` (a standard deviation)."""
    _at_least("n", n, 2)
    _at_least("noise", noise, 0)

    def load(rng: np.random.Generator) -> Raw:
        moon = rng.permutation(np.arange(n) % 2)
        angle = rng.uniform(0, np.pi, n)
        upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
        X = np.where(moon[:, None] == 0, upper, lower) + noise * rng.standard_normal((n, 2))
        return _made(X, moon, "two_moons")

    return Loader(load, seeded=True)


@datasets.register("spirals")
def spirals(n: int = 400, noise: float = 0.02, arms: int = 2, turns: float = 1.5) -> Loader:
    """`arms` spirals of radius 0..1 that wind `turns` times round the origin, blurred by `noise`; one class an arm."""
    _at_least("arms", arms, 2)
    _at_least("n", n, arms)
    _at_least("noise", noise, 0)

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


def _at_least(key: str, value: float, least: float) -> None:
    if not least <= value < np.inf:
        raise ConfigError(f"{key} must be a finite number of at least {least}, not {value!r}")


def _numbers(key: str, values: Coefficients) -> Array:
    good = all(isinstance(v, int | float) and not isinstance(v, bool) and np.isfinite(v) for v in values)
    if not values or not good:
        raise ConfigError(f"{key} must be a list of one or more finite numbers, not {values!r}")
    return np.array(values, dtype=np.float64)
