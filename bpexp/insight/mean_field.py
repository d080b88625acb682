"""The mean-field theory of a network with random weights: the forward signal and delta, predicted layer by layer.

W^l has independent entries of mean 0 and variance s_l^2, b^l of variance t_l^2. With sigma_w^2 = n_{l-1} s_l^2, and
with E over z ~ N(0, q^l), and z, z' of two samples:

    q^l = sigma_w^2 E f(z^{l-1})^2 + t_l^2                    mean square of z^l, from q^1 = s_1^2 |x|^2 + t_1^2
    v^l = sigma_w^2 E (f(z^{l-1}) - f(z'^{l-1}))^2 / 2        variance of z^l between samples
    chi^l = n_l s_{l+1}^2 E f'(z^l)^2                         |delta^l|^2 = chi^l |delta^{l+1}|^2

The correlation of two samples is c^l = 1 - v^l / q^l. |delta^l|^2 is a sum over n_l units; each of them adds up
n_{l+1} terms of variance s_{l+1}^2, so that the mean square of a unit has the factor n_{l+1} s_{l+1}^2 E f'^2, and
the norm, for whatever widths, n_l s_{l+1}^2, which is the sigma_w^2 of layer l + 1. A signal and a gradient that pass
on a share chi of their square in each layer have the depth scale xi = -1 / log chi.

It assumes wide layers (z is normal), weights that are independent, as before training, and independent of delta
(the backward pass sees other weights than the forward pass), and that all samples have the mean |x|^2. What a finite
width adds is not predicted: the product of L random factors scatters, and the log of its square is on average below
the log of the mean (of 12 ReLU layers of 32 units with He's weights by 0.04 decades, with a standard deviation of 0.16
between networks: `python -m experiments.trust.finite_width` in a checkout). Source: Poole et al. (2016),
arXiv 1606.05340, section 2 (q, c, chi); Schoenholz et al. (2017), arXiv 1611.01232 (depth scales, and delta).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bpexp.insight.gaussian import moments, sample_variance
from bpexp.nn.activations import Activation


@dataclass(frozen=True, slots=True)
class LayerLaw:
    """How layer l was drawn: fan-in n_{l-1}, variance s^2 of the entries of W^l and t^2 of those of b^l."""

    n_in: int
    weight_variance: float
    bias_variance: float = 0.0

    @property
    def sigma_w2(self) -> float:
        """n_{l-1} s^2: the gain of the mean square."""
        return self.n_in * self.weight_variance


@dataclass(frozen=True, slots=True)
class Signal:
    """Mean square q of z^l, its variance v between samples, and that of a^l, which is NaN for the output layer."""

    q: float
    v: float
    activation_variance: float = math.nan

    @property
    def correlation(self) -> float:
        """Of z^l of two samples; NaN where z is 0."""
        return 1 - self.v / self.q if self.q else math.nan


def forward_signal(
    hidden: Sequence[Activation], layers: Sequence[LayerLaw], square: float, variance: float
) -> list[Signal]:
    """The signal of layers 1 to L.

    Args:
        hidden: activations of layers 1 to L - 1.
        layers: layers 1 to L.
        square: mean over samples of |x|^2 / n_0.
        variance: mean over the inputs of their variance between samples.
    """
    signals = []
    for f, layer in zip(hidden, layers, strict=False):
        q, v = _drawn(layer, square, variance)
        square, variance = moments(f, q)[0], sample_variance(f, q, v)
        signals.append(Signal(q, v, variance))
    return [*signals, Signal(*_drawn(layers[-1], square, variance))]


def _drawn(layer: LayerLaw, square: float, variance: float) -> tuple[float, float]:
    """q and v of a layer, from the mean square and the variance of its inputs."""
    return layer.sigma_w2 * square + layer.bias_variance, layer.sigma_w2 * variance


def chi(hidden: Sequence[Activation], layers: Sequence[LayerLaw], q: Sequence[float]) -> list[float]:
    """chi^1, ..., chi^{L-1}, from q^1, ..., q^L."""
    return [above.sigma_w2 * moments(f, square)[1] for f, above, square in zip(hidden, layers[1:], q[:-1], strict=True)]


def delta_norms(chis: Sequence[float], last: float) -> list[float]:
    """Predicted sqrt(mean |delta^l|^2) of layers 1 to L, from chi^1, ..., chi^{L-1} and that of layer L."""
    norms = [last]
    for factor in reversed(chis):
        norms.insert(0, norms[0] * math.sqrt(factor))
    return norms


def depth_scale(chi: float) -> float:
    """xi = -1 / log chi: layers over which a square falls by a factor of e; negative if it grows, infinite at 1."""
    return math.inf if chi == 1 else -1 / math.log(chi) if chi > 0 else 0.0
