"""Activation functions with their derivatives, which stay accurate for saturated units.

Shapes: every function takes z (n_l, B) and returns an array of the same shape. `out` is a buffer of that shape that a
function may fill and return; callers use the returned array. Symbols: sigma in 000, 001 and 002, mu in 003.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from bpexp.nn.arrays import Array
from bpexp.nn.compiled import Compiled
from bpexp.registry import Fraction, Positive, Registry

Codomain = Literal["real", "unit", "simplex"]


class Elementwise(Protocol):
    """A function of z that may use `out` for its result; `out` shares no memory with z."""

    def __call__(self, z: Array, out: Array | None = None) -> Array: ...


@dataclass(frozen=True, slots=True, eq=False)
class Activation:
    """An elementwise f with f': unit j of a = f(z) depends on unit j of z only. It may be used in any layer.

    Args:
        f: the function.
        df: its derivative. At a kink it is the slope from the left, as ReLU'(0) = 0 in 002 and 003.
        codomain: the set of values f(z), which determines the losses that are defined on it.
        kinks: the z at which f' jumps.
        analytic: f accepts complex z and is analytic there, so that the complex step gives its derivative.
        error: a - y from z and y. It is needed where f approaches a value other than 0 that may be a target: there
            f(z) - y loses its digits, as 1 / (1 + exp(-z)) - 1 does. None for f(z) - y.
        compiled: its form for engine=numba; None for none. Those of bpexp are in `bpexp.training.compiled.activations`.
    """

    f: Elementwise
    df: Elementwise
    codomain: Codomain = "real"
    kinks: tuple[float, ...] = ()
    analytic: bool = False
    error: Callable[[Array, Array], Array] | None = None
    compiled: Compiled | None = None

    @property
    def steepest(self) -> float:
        """max |f'| over 2001 points in [-10, 10]: the supremum, to 1e-4, for every activation of this module."""
        return float(np.abs(self.df(np.linspace(-10, 10, 2001))).max())

    def vjp(self, z: Array, g: Array) -> Array:
        """dC/dz = dC/da * f'(z), from g = dC/da (n_l, B)."""
        return np.asarray(g * self.df(z))

    def jacobian(self, z: Array) -> Array:
        """da_j/dz_i of every sample, (B, n_l, n_l): diagonal. Source: 001."""
        n, B = z.shape
        jacobian = np.zeros((B, n, n), z.dtype)
        jacobian[:, range(n), range(n)] = self.df(z).T
        return jacobian


activations: Registry[Activation] = Registry("activation")


def decay(z: Array, out: Array | None = None) -> Array:
    """exp(-|z|), the analytic continuation of each half for complex z; it does not overflow."""
    if np.iscomplexobj(z):
        return np.asarray(np.exp(np.where(z.real > 0, -z, z)))
    t = np.exp(np.negative(np.abs(z, out=out), out=out), out=out)
    return np.asarray(t)


def _sigmoid(z: Array, out: Array | None = None) -> Array:
    if np.iscomplexobj(z):
        return _sigmoid_to_the_end(z)
    with np.errstate(over="ignore"):  # exp(-z) = inf gives the right limit, 0
        t = np.exp(np.negative(z, out=out), out=out)
    t = np.add(t, 1, out=out)
    a: Array = np.reciprocal(t, out=out)
    return a


def _sigmoid_to_the_end(z: Array, out: Array | None = None) -> Array:
    # 1 / (1 + exp(-z)) is 0 where exp(-z) overflows, a little before exp(z) does; a factor of 100 shows the difference
    t = decay(z)
    return np.asarray(np.where(z.real > 0, 1, t) / (1 + t))


def _sigmoid_slope(z: Array, out: Array | None = None) -> Array:
    # f(z) f(-z) = t / (1 + t)^2 with t = exp(-|z|) neither overflows nor cancels; a (1 - a) is 0 from z = 37 on
    t = decay(z, out)
    return np.asarray(np.divide(t, np.square(1 + t), out=out))


def _sigmoid_error(z: Array, y: Array) -> Array:
    # with s = f(-|z|) = t / (1 + t), a - y is (1 - y) - s for z > 0, else s - y
    t, positive = decay(z), z.real > 0
    s = np.divide(t, 1 + t, out=t)
    np.negative(s, out=s, where=positive)
    return np.asarray(np.add(s, positive - y, out=s))


def _tanh_error(z: Array, y: Array) -> Array:
    # tanh z = 1 - 2 / (1 + exp(2z)); near 0 that would cancel
    t = decay(2 * z)
    s = 2 * t / (1 + t)
    far = np.where(z.real > 0, (1 - y) - s, s - (1 + y))
    return np.asarray(np.where(np.abs(z.real) > 0.5, far, np.tanh(z) - y))


@activations.register("identity")
def identity() -> Activation:
    """f(z) = z, f'(z) = 1."""

    def f(z: Array, out: Array | None = None) -> Array:
        return np.positive(z, out=out)

    def df(z: Array, out: Array | None = None) -> Array:
        return np.ones_like(z)

    return Activation(f, df, analytic=True)


@activations.register("sigmoid")
def sigmoid() -> Activation:
    """f(z) = 1 / (1 + exp(-z)), f'(z) = f(z) f(-z). Source: 000, 002."""
    return Activation(_sigmoid, _sigmoid_slope, codomain="unit", analytic=True, error=_sigmoid_error)


@activations.register("tanh")
def tanh() -> Activation:
    """f(z) = tanh z, f'(z) = 1 - tanh^2 z = 4 t / (1 + t)^2 with t = exp(-2|z|). Source: 001."""

    def f(z: Array, out: Array | None = None) -> Array:
        return np.tanh(z, out=out)

    def df(z: Array, out: Array | None = None) -> Array:
        slope = _sigmoid_slope(np.multiply(z, 2, out=out), out)
        return np.multiply(slope, 4, out=out)

    return Activation(f, df, analytic=True, error=_tanh_error)


@activations.register("relu")
def relu() -> Activation:
    """f(z) = max(z, 0), f'(z) = 1 if z > 0 else 0, so f'(0) = 0. Source: 002, 003."""

    def f(z: Array, out: Array | None = None) -> Array:
        zero = np.zeros_like(z) if out is None else out
        zero.fill(0)  # NumPy compares two arrays two to three times as fast as an array and a number
        return np.maximum(z, zero, out=zero)

    def df(z: Array, out: Array | None = None) -> Array:
        return np.greater(z, 0, out=np.empty_like(z) if out is None else out)

    return Activation(f, df, kinks=(0.0,))


@activations.register("leaky_relu")
def leaky_relu(slope: Fraction = 0.01) -> Activation:
    """f(z) = z if z > 0 else slope z, f'(0) = slope. Source: Maas, Hannun, Ng (2013).

    Args:
        slope: f'(z) for z <= 0.
    """

    def f(z: Array, out: Array | None = None) -> Array:
        return np.where(z > 0, z, slope * z)

    def df(z: Array, out: Array | None = None) -> Array:
        return np.where(z > 0, 1, slope).astype(z.dtype)

    return Activation(f, df, kinks=(0.0,))


@activations.register("elu")
def elu(alpha: Positive = 1.0) -> Activation:
    """f(z) = z if z > 0 else alpha (exp(z) - 1), f'(z) = 1 or alpha exp(z). Source: Clevert et al. (2016).

    Args:
        alpha: f(z) tends to -alpha as z tends to -infinity.
    """

    def f(z: Array, out: Array | None = None) -> Array:
        return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))

    def df(z: Array, out: Array | None = None) -> Array:
        return np.where(z > 0, 1, alpha * np.exp(np.minimum(z, 0))).astype(z.dtype)

    def error(z: Array, y: Array) -> Array:
        low = np.minimum(z, 0)
        near_the_end = alpha * np.exp(low) - (alpha + y)  # for a target of -alpha exact, where expm1 is -1
        negative = np.where(low < -0.5, near_the_end, alpha * np.expm1(low) - y)
        return np.where(z > 0, z - y, negative)

    return Activation(f, df, kinks=(0.0,), error=error)


@activations.register("gelu")
def gelu() -> Activation:
    """f(z) = z Phi(z), f'(z) = Phi(z) + z phi(z), with the normal Phi and phi. Source: Hendrycks, Gimpel (2016)."""
    from scipy.special import erfc  # imported here: it takes longer than the rest of this module

    def cumulative(z: Array) -> Array:
        return np.asarray(0.5 * erfc(-z * np.sqrt(0.5)))

    # in float64, as erfc is: a rounding error of z changes the tail by a factor of z^2, and Phi and z phi cancel
    def f(z: Array, out: Array | None = None) -> Array:
        share = cumulative(z.astype(np.result_type(z, np.float64)))
        return np.asarray(np.multiply(z, share.astype(z.dtype), out=out))

    def df(z: Array, out: Array | None = None) -> Array:
        z64 = z.astype(np.result_type(z, np.float64))
        density = np.exp(-0.5 * np.square(z64)) * np.sqrt(0.5 / np.pi)
        return np.asarray(cumulative(z64) + z64 * density, z.dtype)

    return Activation(f, df, analytic=True)


@activations.register("silu")
def silu() -> Activation:
    """f(z) = z s(z), f'(z) = s(z) + z s'(z), with the sigmoid s. Source: Elfwing et al. (2018)."""

    def f(z: Array, out: Array | None = None) -> Array:
        return z * _sigmoid_to_the_end(z)

    def df(z: Array, out: Array | None = None) -> Array:
        return np.asarray(_sigmoid_to_the_end(z) + z * _sigmoid_slope(z))

    return Activation(f, df, analytic=True)


@activations.register("softplus")
def softplus() -> Activation:
    """f(z) = log(1 + exp(z)), f'(z) = sigmoid(z). Source: Dugas et al. (2001)."""

    def f(z: Array, out: Array | None = None) -> Array:
        if np.iscomplexobj(z):
            return np.asarray(np.where(z.real > 0, z, 0) + np.log1p(decay(z)))
        return np.asarray(np.logaddexp(z, 0, out=out))

    return Activation(f, _sigmoid_to_the_end, analytic=True)
