"""Initializers: how the weights W of a layer are drawn. Biases are set by `Network.initialize`.

Each factory returns `init(shape, rng)` for W of shape (n_l, n_{l-1}); n_in = n_{l-1} and n_out = n_l.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bpexp.errors import ConfigError
from bpexp.nn.arrays import Array
from bpexp.registry import Positive, Registry

Initializer = Callable[[tuple[int, int], np.random.Generator], Array]

initializers: Registry[Initializer] = Registry("init")


@initializers.register("zeros")
def zeros() -> Initializer:
    """W = 0: the units of a layer stay equal during training."""
    return constant(0.0)


@initializers.register("constant")
def constant(value: float = 0.1) -> Initializer:
    """W = value.

    Args:
        value: of every weight.
    """
    return lambda shape, rng: np.full(shape, float(value))


@initializers.register("uniform")
def uniform(low: float = -0.5, high: float = 0.5) -> Initializer:
    """W ~ U(low, high).

    Args:
        low: lower bound of the weights.
        high: upper bound of the weights.
    """
    if not low < high:
        raise ConfigError(f"low must be below high, not {low!r} and {high!r}")
    return lambda shape, rng: rng.uniform(low, high, shape)


@initializers.register("normal")
def normal(std: Positive = 0.01, mean: float = 0.0) -> Initializer:
    """W ~ N(mean, std^2).

    Args:
        std: standard deviation of the weights.
        mean: mean of the weights.
    """
    return lambda shape, rng: rng.normal(mean, std, shape)


def _uniform_of_variance(variance: Callable[[int, int], float], gain: float) -> Initializer:
    def init(shape: tuple[int, int], rng: np.random.Generator) -> Array:
        limit = gain * np.sqrt(3.0 * variance(shape[1], shape[0]))  # U(-r, r) has variance r^2 / 3
        return rng.uniform(-limit, limit, shape)

    return init


def _normal_of_variance(variance: Callable[[int, int], float], gain: float) -> Initializer:
    def init(shape: tuple[int, int], rng: np.random.Generator) -> Array:
        return rng.normal(0.0, gain * np.sqrt(variance(shape[1], shape[0])), shape)

    return init


def _xavier(n_in: int, n_out: int) -> float:
    return 2.0 / (n_in + n_out)


def _he(n_in: int, n_out: int) -> float:
    return 2.0 / n_in


def _lecun(n_in: int, n_out: int) -> float:
    return 1.0 / n_in


@initializers.register("xavier_uniform")
def xavier_uniform(gain: Positive = 1.0) -> Initializer:
    """W ~ gain U(-r, r), r^2 = 6 / (n_in + n_out). Source: Glorot, Bengio (2010).

    Args:
        gain: factor of every weight.
    """
    return _uniform_of_variance(_xavier, gain)


@initializers.register("xavier_normal")
def xavier_normal(gain: Positive = 1.0) -> Initializer:
    """W ~ N(0, gain^2 2 / (n_in + n_out)). Source: Glorot, Bengio (2010).

    Args:
        gain: factor of every weight.
    """
    return _normal_of_variance(_xavier, gain)


@initializers.register("he_uniform")
def he_uniform(gain: Positive = 1.0) -> Initializer:
    """W ~ gain U(-r, r), r^2 = 6 / n_in. Source: He et al. (2015).

    Args:
        gain: factor of every weight.
    """
    return _uniform_of_variance(_he, gain)


@initializers.register("he_normal")
def he_normal(gain: Positive = 1.0) -> Initializer:
    """W ~ N(0, gain^2 2 / n_in). Source: He et al. (2015).

    Args:
        gain: factor of every weight.
    """
    return _normal_of_variance(_he, gain)


@initializers.register("lecun_uniform")
def lecun_uniform(gain: Positive = 1.0) -> Initializer:
    """W ~ gain U(-r, r), r^2 = 3 / n_in. Source: LeCun et al. (1998).

    Args:
        gain: factor of every weight: sigma_w of mean-field theory, where W has the variance sigma_w^2 / n_in.
    """
    return _uniform_of_variance(_lecun, gain)


@initializers.register("lecun_normal")
def lecun_normal(gain: Positive = 1.0) -> Initializer:
    """W ~ N(0, gain^2 / n_in). Source: LeCun et al. (1998).

    Args:
        gain: factor of every weight: sigma_w of mean-field theory, where W has the variance sigma_w^2 / n_in.
    """
    return _normal_of_variance(_lecun, gain)


@initializers.register("orthogonal")
def orthogonal(gain: Positive = 1.0) -> Initializer:
    """W = gain Q, the rows or columns of Q orthonormal, whichever are fewer. Source: Saxe et al. (2014).

    Args:
        gain: Euclidean norm of these rows or columns.
    """

    def init(shape: tuple[int, int], rng: np.random.Generator) -> Array:
        rows, columns = shape
        q, r = np.linalg.qr(rng.normal(size=(max(shape), min(shape))))
        q *= np.sign(np.diag(r))  # without the signs, Q is not uniform over the orthogonal matrices
        return gain * (q if rows >= columns else q.T)

    return init
