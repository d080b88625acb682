"""Probes of the forward signal by layer, and of what mean-field theory predicts of it and of delta.

The prediction of a number is named mean_field/ and its name: mean_field/delta_norm/layer_1 for delta_norm/layer_1,
mean_field/forward/q/layer_1 for forward/q/layer_1. It is made once, at the first step, since it assumes weights that
are independent, which training ends.
"""

from __future__ import annotations

import math

import numpy as np

from bpexp.insight.mean_field import LayerLaw, chi, delta_norms, forward_signal
from bpexp.insight.pieces import Piece, Spread, Statistic
from bpexp.insight.probes import Measures, View, probe
from bpexp.nn.arrays import Array
from bpexp.nn.network import Network

ERRORS = 6
"""Standard errors from 0 beyond which the mean of the entries of a W is not that of weights drawn round 0."""


def _signal(piece: Piece) -> dict[str, Statistic]:
    """Of each layer squares of z, the sum of z / |z| and of their squares; of each hidden layer the spread of a."""
    found: dict[str, Statistic] = {}
    for l, z in enumerate(piece.work.z, start=1):
        length = np.sqrt(np.einsum("ij,ij->j", z, z, dtype=np.float64))
        directions = np.divide(z, length, out=np.zeros(z.shape), where=length > 0)
        found |= {f"squares_{l}": piece.squares(z), f"directions_{l}": piece.total(directions)}
        found[f"units_{l}"] = piece.total(length > 0)
    return found | {f"hidden_{l}": piece.spread(a) for l, a in enumerate(piece.work.a[:-1], start=1)}


@probe(
    "forward",
    samples=_signal,
    population="q: all pairs of a unit of a layer and a sample of the batch; correlation: all pairs of samples of the "
    "batch with a z other than 0; sample_spread: the root of the mean over the units of their variance over samples",
)
def forward(view: View) -> Measures:
    """Mean square q of z^l, mean correlation of z^l between samples, and spread of a^l between samples.

    q = mean of z^2. The correlation of samples j and k is z_j . z_k / |z_j| |z_k|. sample_spread is the root of the
    mean, over the units of hidden layer l, of the variance of a between samples (divisor B - 1).
    """
    measures = {}
    for l in range(1, len(view.network.layers) + 1):
        measures[f"forward/q/layer_{l}"] = float(view.samples[f"squares_{l}"].mean.mean())
        n = float(view.samples[f"units_{l}"].value)
        if n > 1:
            sum_of_pairs = float(np.square(view.samples[f"directions_{l}"].value).sum()) - n
            measures[f"forward/correlation/layer_{l}"] = sum_of_pairs / (n * (n - 1))
        if (hidden := view.samples.get(f"hidden_{l}")) is not None and hidden.count > 1:
            measures[f"forward/sample_spread/layer_{l}"] = math.sqrt(_between(hidden))
    return measures


def _between(spread: Spread) -> float:
    """Mean over units of the variance between samples, unbiased."""
    return float(spread.squares.mean()) / (spread.count - 1)


def _ends(piece: Piece) -> dict[str, Statistic]:
    """What the prediction starts from: the inputs, and delta of the last layer."""
    return {"input": piece.spread(piece.work.x), "delta": piece.squares(piece.work.delta[-1])}


@probe(
    "mean_field",
    "first_step",
    samples=_ends,
    by_transpose=True,
    population="expectations over weights, drawn with the variances that W and b have in the network, and over all "
    "samples of the batch, of which |x|^2 and the variance between samples are taken",
)
def mean_field(view: View) -> Measures:
    """Mean-field prediction at the first step, by layer: of delta_norm and of the numbers of forward; and chi.

    See `bpexp.insight.mean_field`. Variances are the mean squares of the entries of W^l and b^l as they stand, so that
    any initializer will do; delta_norm starts from the measured one of the last layer. {} for one sample, and where
    the mean of a W differs from 0 by more than 6 standard errors: such weights are not drawn round 0.
    """
    layers, inputs, L = laws(view.network), view.samples["input"], len(view.network.layers)
    if layers is None or inputs.count < 2:
        return {}
    hidden, between = view.network.hidden, _between(inputs)
    square = float(np.square(inputs.mean).mean()) + float(inputs.variance.mean())
    signals = forward_signal(hidden, layers, square, between)
    chis = chi(hidden, layers, [signal.q for signal in signals])
    deltas = delta_norms(chis, view.samples["delta"].root / view.weight)
    spreads = [math.sqrt(signal.activation_variance) for signal in signals[: L - 1]]
    named = {
        "forward/q": [signal.q for signal in signals],
        "forward/correlation": [signal.correlation for signal in signals],
        "forward/sample_spread": spreads,
        "chi": chis,
        "delta_norm": deltas,
    }
    return {
        f"mean_field/{name}/layer_{l}": value
        for name, values in named.items()
        for l, value in enumerate(values, start=1)
        if not math.isnan(value)
    }


def laws(network: Network) -> list[LayerLaw] | None:
    """How the layers of a network were drawn, from the entries of W and b; None if a W was not drawn round 0."""
    if not all(_around_zero(layer.W) for layer in network.layers):
        return None
    return [LayerLaw(layer.W.shape[1], _mean_square(layer.W), _mean_square(layer.b)) for layer in network.layers]


def _mean_square(array: Array) -> float:
    return float(np.square(array, dtype=np.float64).mean())


def _around_zero(W: Array) -> bool:
    """Whether the mean of the entries is 0 within ERRORS standard errors."""
    error = float(W.std(dtype=np.float64)) / math.sqrt(W.size)
    return abs(float(W.mean(dtype=np.float64))) <= ERRORS * error
