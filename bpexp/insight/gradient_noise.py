"""The noise of the gradient: how much the gradients of single samples differ, from one pass over a batch.

S is the covariance of the gradients g_k of single samples, G their mean over the population that the samples are drawn
from, g the mean over the B samples of a batch. Unbiased estimates from one batch, in which |g|^2 exceeds |G|^2 by
tr(S) / B on average:

    tr(S) = B / (B - 1) (mean_k |g_k|^2 - |g|^2)        |G|^2 = |g|^2 - tr(S) / B

Each scatters widely, that of |G|^2 may be negative, and a ratio of the two estimates of one step is biased: 1 / |G|^2
is large where the estimate is small by chance. So both are averaged over steps before they are divided. Source:
McCandlish et al. (2018), arXiv 1812.06162, appendix A.1, who take exponential moving averages; ours are the plain means
over the probed steps so far, which have no parameter.
"""

from __future__ import annotations

import math

import numpy as np

from bpexp.insight.pieces import Piece, Total
from bpexp.insight.probes import Measures, View, norm, probe
from bpexp.nn.arrays import Array


def squared_sample_norms(piece: Piece) -> Array:
    """||g_k||^2 = sum_l ||delta_k^l||^2 (||a_k^{l-1}||^2 + 1), (b,), of the gradient g_k of each sample.

    g_k consists of delta_k^l (a_k^{l-1})^T and delta_k^l for each layer, and is not formed. Source: Goodfellow (2015),
    arXiv 1510.01799.
    """
    work = piece.work
    total = np.zeros(piece.samples)
    for l, delta in enumerate(work.delta):
        squares = np.einsum("ij,ij->j", delta, delta, dtype=np.float64) / work.weight**2
        below = work.below(l)
        total += squares * (np.einsum("ij,ij->j", below, below, dtype=np.float64) + 1)
    return total


def _sums(piece: Piece) -> dict[str, Total]:
    """sum_k ||g_k||^2 as squares, and weight sum_k g_k, one array for each W and b."""
    sums = {"squares": piece.total(squared_sample_norms(piece))}
    for l, delta in enumerate(piece.work.delta, start=1):
        sums[f"W{l}"] = piece.products(delta, piece.work.below(l - 1))
        sums[f"b{l}"] = piece.total(delta)
    return sums


def scale(means: Measures) -> float:
    """tr(S) / |G|^2 of means over steps; NaN where the mean estimate of |G|^2 is not positive."""
    signal = means["gradient_noise/signal"]
    return means["gradient_noise/variance"] / signal if signal > 0 else math.nan


def signal_to_noise(means: Measures) -> float:
    """|G| / sqrt(tr(S) / B) of means over steps; NaN where the mean estimate of |G|^2 is not positive."""
    signal, noise = means["gradient_noise/signal"], means["gradient_noise/batch_variance"]
    if not signal > 0:
        return math.nan
    return math.sqrt(signal / noise) if noise > 0 else math.inf  # noise is negative by rounding only


@probe(
    "gradient_noise",
    "training_batch",
    samples=_sums,
    over_steps={"scale": scale, "signal_to_noise": signal_to_noise},
    population="all entries of theta; variance and signal of the samples of the batch of a step, scale and "
    "signal_to_noise of the means of these over the probed steps so far",
)
def gradient_noise(view: View) -> Measures:
    """tr(S), tr(S) / B and |G|^2, unbiased, of each step; over the steps, noise scale and signal-to-noise ratio.

    variance = tr(S), batch_variance = tr(S) / B, signal = |G|^2, which may be negative; scale = tr(S) / |G|^2 and
    signal_to_noise = |G| / sqrt(tr(S) / B) of their means over the probed steps so far, NaN while the mean of signal is
    not positive. {} for a batch of one sample.
    The gradients are the method's, by its own deltas if it has such.
    """
    sums = dict(view.samples)
    squares = sums.pop("squares")
    B = squares.count
    if B < 2:
        return {}
    mean_gradient = norm(np.array([norm(total.value) for total in sums.values()])) / (view.weight * B)
    variance = (float(squares.mean) - mean_gradient**2) * B / (B - 1)
    return {
        "gradient_noise/variance": variance,
        "gradient_noise/batch_variance": variance / B,
        "gradient_noise/signal": mean_gradient**2 - variance / B,
    }
